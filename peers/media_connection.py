"""One WebRTC connection of a headless peer, on aiortc: what it sends, and where what it receives goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import av
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCRtpTransceiver
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtpPacket

from peers import aiortc_inside
from peers.media.outlet import Outlet
from peers.media.rtp import Timestamps
from peers.media.source import Run, VideoCodec
from peers.tasks import TaskOwner

Kind = Literal["audio", "video"]


class MediaSink(Protocol):
    """Where a connection brings what it receives. Called on the event loop; none may block."""

    def packet(self, kind: Kind, packet: RtpPacket) -> None: ...

    def sender_report(self, kind: Kind, ntp_seconds: float, timestamp: int) -> None: ...

    def frame(self, kind: Kind, frame: av.AudioFrame | av.VideoFrame) -> None: ...


class MediaConnection:
    """Sends nothing until :meth:`link`. ``video_codec`` is preferred for sending; ``None``: there is nothing
    to send, ever. A fault is told to ``failed``; then the connection is of no use any more."""

    def __init__(
        self,
        name: str,
        configuration: RTCConfiguration,
        *,
        video_codec: VideoCodec | None,
        sink: MediaSink,
        failed: Callable[[BaseException], None],
    ) -> None:
        self.name = name
        self.sending_codec: str | None = None
        self._sink = sink
        self._tasks = TaskOwner(failed)
        self._floor: dict[Kind, int] = {}
        self._outlets: dict[Kind, Outlet] = {}
        self._run: Run | None = None
        self._connection = RTCPeerConnection(configuration)
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
        """The name of a video payload type of this connection (``rtx`` for retransmissions)."""
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

    def _start_receiving(self) -> None:
        """Once the first remote description is there."""
        for kind, transceiver in self._transceivers.items():
            if transceiver.receiver.track is not None:
                self._tasks.start(self._receive(kind, transceiver.receiver.track), name=f"{self.name}-{kind}")

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
