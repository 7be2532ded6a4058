"""What arrives during one match: brought to the observer and, when asked for, to the recorder."""

from __future__ import annotations

import time

import av
import msgspec
from aiortc.rtp import RtpPacket

from peers.media.observer import AudioReport, Observer, VideoReport
from peers.media.pattern import read_frame
from peers.media.recorder import Recorder
from peers.media.synthetic import wall_us
from peers.media.writer import Recorded
from peers.media_connection import Kind, MediaConnection


class MatchReport(msgspec.Struct, frozen=True):
    """What ``burrow peer`` prints of a match. Times are from ``matched`` on, in milliseconds: to the route's
    ``connected``, and to the stranger's first decoded frame; ``None`` when that was not reached."""

    match_id: str
    route: str | None
    connect_ms: float | None
    first_frame_ms: float | None
    video: VideoReport
    audio: AudioReport
    ended: str


class Measure:
    """A sink (:class:`peers.media_connection.MediaSink`) for the time of one match."""

    def __init__(
        self, source: MediaConnection | None, *, recorder: Recorder | None, ignore_run: int | None
    ) -> None:
        self.observer = Observer(ignore_run=ignore_run)
        self.started = time.monotonic()
        self.source = source
        self._recorder = recorder

    def packet(self, kind: Kind, packet: RtpPacket) -> None:
        if kind == "audio":
            self.observer.audio_packet(packet.sequence_number)
        elif self.source is not None and (codec := self.source.received_codec(packet.payload_type)) != "rtx":
            self.observer.video_codec = codec or self.observer.video_codec

    def sender_report(self, kind: Kind, ntp_seconds: float, timestamp: int) -> None:
        if self._recorder is not None:
            self._recorder.sender_report(kind, ntp_seconds, timestamp)

    def frame(self, kind: Kind, frame: av.AudioFrame | av.VideoFrame) -> None:
        now = time.monotonic()
        if isinstance(frame, av.VideoFrame):
            self.observer.frame(read_frame(frame), now=now, now_us=wall_us())
        if self._recorder is not None:
            self._recorder.frame(kind, frame, now)

    async def close(self) -> Recorded | None:
        """Finish the recording, if there is one. Raises :class:`peers.errors.MediaUnusable`."""
        return await self._recorder.close() if self._recorder is not None else None

    def first_frame_ms(self) -> float | None:
        at = self.observer.first_frame_at
        return None if at is None else round((at - self.started) * 1000, 1)
