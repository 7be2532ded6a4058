"""A headless peer's leg: its one WebRTC connection to the relay, on aiortc."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal, Protocol

import av
from aiortc import (
    MediaStreamTrack,
    RTCPeerConnection,
    RTCRtpSender,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtpPacket

from peers import aiortc_inside
from peers.errors import ProtocolViolation
from peers.media.outlet import Outlet
from peers.media.rtp import Timestamps
from peers.media.source import Run, VideoCodec
from peers.tasks import TaskOwner

Kind = Literal["audio", "video"]


class LegSink(Protocol):
    """Where a leg brings what it receives. Called on the event loop; none may block."""

    def packet(self, kind: Kind, packet: RtpPacket) -> None: ...

    def sender_report(self, kind: Kind, ntp_seconds: float, timestamp: int) -> None: ...

    def frame(self, kind: Kind, frame: av.AudioFrame | av.VideoFrame) -> None: ...


class Leg:
    """Answers the relay's offers by ``answer`` and brings what arrives to ``sink``.

    Sends nothing until :meth:`link`. ``video_codec`` is preferred for sending; ``None``: there is nothing to
    send, ever. A fault is told to ``failed``; then the leg is of no use any more.
    """

    def __init__(
        self,
        leg: str,
        *,
        video_codec: VideoCodec | None,
        sink: LegSink,
        answer: Callable[[str], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self.id = leg
        self.sending_codec: str | None = None
        self._answer = answer
        self._sink = sink
        self._tasks = TaskOwner(failed)
        # Only the newest offer waits: one that came after it replaces it, as the relay's later word.
        self._offer: str | None = None
        self._offered = asyncio.Event()
        self._floor: dict[Kind, int] = {}
        self._outlets: dict[Kind, Outlet] = {}
        self._run: Run | None = None
        self._connection = RTCPeerConnection(aiortc_inside.configuration())
        self._transceivers: dict[Kind, RTCRtpTransceiver] = {
            "audio": self._connection.addTransceiver("audio"),
            "video": self._connection.addTransceiver("video"),
        }
        self._timestamps = {kind: self._watch(kind) for kind in self._transceivers}
        if video_codec is not None:
            _prefer(self._transceivers["video"], video_codec)
            for kind, transceiver in self._transceivers.items():
                self._outlets[kind] = Outlet(kind)
                transceiver.sender.replaceTrack(self._outlets[kind])
        self._tasks.start(self._negotiate(), name=f"leg-{leg}-negotiate")

    def offer(self, sdp: str) -> None:
        """The relay's offer: the first, or one that narrows the codecs."""
        self._offer = sdp
        self._offered.set()

    def forget(self) -> None:
        """What was received up to now is a past stranger's: none of its frames is brought any more."""
        for kind, timestamps in self._timestamps.items():
            if timestamps.highest is not None:
                self._floor[kind] = timestamps.highest + 1

    def link(self, run: Run) -> None:
        """Put the tracks on: send ``run`` from its next frame on, beginning with a keyframe."""
        self._run = run
        for kind, outlet in self._outlets.items():
            outlet.put(run)
            if kind == "video":
                aiortc_inside.request_keyframe(self._transceivers[kind].sender)

    def unlink(self) -> Run | None:
        """Take the tracks off; the run that was sent, for its owner to close."""
        for outlet in self._outlets.values():
            outlet.take()
        run, self._run = self._run, None
        return run

    async def close(self) -> None:
        """Close the connection and end everything that belongs to it."""
        self.unlink()
        await self._tasks.close()
        await self._connection.close()

    def received_codec(self, payload_type: int) -> str | None:
        """The name of a video payload type of this leg (``rtx`` for retransmissions)."""
        return aiortc_inside.codec_name(self._transceivers["video"], payload_type)

    def _watch(self, kind: Kind) -> Timestamps:
        timestamps: Timestamps

        def report(ntp_seconds: float, timestamp: int) -> None:
            self._sink.sender_report(kind, ntp_seconds, timestamps.near(timestamp))

        timestamps = aiortc_inside.watch(
            self._transceivers[kind].receiver,
            on_packet=lambda packet: self._sink.packet(kind, packet),
            on_sender_report=report,
        )
        return timestamps

    async def _negotiate(self) -> None:
        first = True
        while True:
            await self._offered.wait()
            self._offered.clear()
            if self._offer is not None:
                try:
                    await self._take(self._offer, first=first)
                except Exception as error:
                    # aiortc's parser lets out whatever it stumbles over; an unusable offer is input, no bug.
                    raise ProtocolViolation(f"The relay's offer cannot be used: {error}.") from error
                first = False

    async def _take(self, sdp: str, *, first: bool) -> None:
        before = {kind: aiortc_inside.first_codec(t) for kind, t in self._transceivers.items()}
        await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        if first:
            await aiortc_inside.gather(
                self._connection, loopback=aiortc_inside.offers_loopback(self._connection)
            )
            for kind, transceiver in self._transceivers.items():
                if transceiver.receiver.track is not None:
                    self._tasks.start(
                        self._receive(kind, transceiver.receiver.track), name=f"leg-{self.id}-{kind}"
                    )
        for kind, transceiver in self._transceivers.items():
            if not first and aiortc_inside.first_codec(transceiver) != before[kind]:
                await self._renew(kind, transceiver)
        await self._connection.setLocalDescription(await self._connection.createAnswer())
        for kind, transceiver in self._transceivers.items():
            if first or aiortc_inside.first_codec(transceiver) != before[kind]:
                codec = aiortc_inside.set_encoder(transceiver)
                self.sending_codec = codec if kind == "video" else self.sending_codec
        self._answer(self._connection.localDescription.sdp)

    async def _renew(self, kind: Kind, transceiver: RTCRtpTransceiver) -> None:
        """Another codec is to be sent: a new sender, and a new outlet, since a sender ends its track."""
        sender: RTCRtpSender = await aiortc_inside.renew_sender(transceiver)
        if kind in self._outlets:
            self._outlets[kind].stop()
            self._outlets[kind] = Outlet(kind)
            sender.replaceTrack(self._outlets[kind])
            if self._run is not None:
                self._outlets[kind].put(self._run)

    async def _receive(self, kind: Kind, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if isinstance(frame, (av.AudioFrame, av.VideoFrame)) and frame.pts is not None:
                floor = self._floor.get(kind)
                if floor is None or frame.pts >= floor:
                    self._sink.frame(kind, frame)


def _prefer(transceiver: RTCRtpTransceiver, codec: VideoCodec) -> None:
    capabilities = RTCRtpSender.getCapabilities("video").codecs
    # Sorting is stable: all codecs stay acceptable, the preferred one comes first.
    transceiver.setCodecPreferences(sorted(capabilities, key=lambda c: c.mimeType != f"video/{codec}"))
