"""The other end of a leg for tests: an aiortc connection that offers, as the relay does."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import av
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from peers.media.outlet import Outlet
from peers.media.pattern import Mark, read_frame
from peers.media.source import Run


class Offerer:
    """Use it as an asynchronous context manager."""

    def __init__(self) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self.outlets = [Outlet("audio"), Outlet("video")]
        for outlet in self.outlets:
            self.pc.addTrack(outlet)
        self.marks: list[Mark] = []
        self.frames: Counter[str] = Counter()
        self._changed = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        self._connected = asyncio.Event()

        @self.pc.on("track")
        def track(track: MediaStreamTrack) -> None:
            self._tasks.append(asyncio.ensure_future(self._receive(track)))

        @self.pc.on("connectionstatechange")
        def changed() -> None:
            if self.pc.connectionState == "connected":
                self._connected.set()

    async def __aenter__(self) -> Offerer:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.pc.close()
        await asyncio.gather(*self._tasks)

    async def offer(self, *, only: str | None = None) -> str:
        """An offer; ``only`` narrows it to one video codec."""
        if only is not None:
            video = next(t for t in self.pc.getTransceivers() if t.kind == "video")
            video.setCodecPreferences(
                [
                    codec
                    for codec in RTCRtpSender.getCapabilities("video").codecs
                    if codec.mimeType in (f"video/{only}", "video/rtx")
                ]
            )
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def answered(self, sdp: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def connected(self) -> None:
        await self._connected.wait()

    def put(self, run: Run) -> None:
        for outlet in self.outlets:
            outlet.put(run)

    def take(self) -> None:
        for outlet in self.outlets:
            outlet.take()

    async def marked(self, count: int) -> None:
        """Wait until so many marked pictures were received."""
        await self.until(lambda: len(self.marks) >= count)

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until what was received makes ``done`` true."""
        async with self._changed:
            await self._changed.wait_for(done)

    async def _receive(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            async with self._changed:
                self.frames[track.kind] += 1
                if isinstance(frame, av.VideoFrame) and (mark := read_frame(frame)) is not None:
                    self.marks.append(mark)
                self._changed.notify_all()
