"""Two received streams into one file, in sync. Blocking; no clock: arrival times are arguments.

Each stream is encoded at once with its own RTP timestamps. How the two lie to each other is known only
after some sender reports, so the first seconds of *encoded* packets are held back; then the distance is
fixed and everything is written with it.
"""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, TypeAlias

import av
import msgspec
import numpy as np
import structlog
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from peers.errors import MediaUnusable
from peers.media.rtp import StreamClock
from peers.media.source import AUDIO_RATE, AUDIO_TIME_BASE, VIDEO_RATE, VIDEO_TIME_BASE

log = structlog.get_logger(__name__)

Kind = Literal["audio", "video"]
Packet: TypeAlias = "av.Packet[Any]"
Samples = np.ndarray[tuple[int, ...], np.dtype[np.int16]]
HOLD_SECONDS = 5.0
"""Five sender reports of aiortc, one of Chromium for each stream."""
_SILENCE_MAX_SECONDS = 60
_GAP_SAMPLES = AUDIO_RATE // 100

CODECS = {
    ".webm": ("libvpx", "libopus"),
    ".mkv": ("libx264", "libopus"),
    ".mp4": ("libx264", "aac"),
}
_VIDEO_OPTIONS = {
    "libvpx": {"deadline": "realtime", "cpu-used": "-6", "lag-in-frames": "0"},
    "libx264": {"preset": "superfast", "tune": "zerolatency", "crf": "20"},
}
_WEBM_BPS = 2_000_000


class Recorded(msgspec.Struct, frozen=True):
    """What a finished recording holds. ``sync`` says what it was lined up by."""

    path: str
    video_frames: int
    audio_seconds: float
    dropped: int
    sync: Literal["reports", "arrival", "one stream", "nothing"]


def check_recordable(path: Path) -> None:
    """Say early what :class:`Writer` would say late. Raises :class:`MediaUnusable`."""
    if path.suffix.lower() not in CODECS:
        raise MediaUnusable(f"Cannot record {path}: the name must end in {', '.join(CODECS)}.")
    if not path.parent.is_dir():
        raise MediaUnusable(f"Cannot write {path}: there is no folder {path.parent}.")


class Writer:
    """Writes one file. Frames of a kind come in order of their time, ``pts`` being unwrapped RTP timestamps.

    Raises :class:`MediaUnusable` when the file cannot be written or its suffix is not one of :data:`CODECS`.
    """

    def __init__(self, path: Path) -> None:
        check_recordable(path)
        codecs = CODECS[path.suffix.lower()]
        self._path = path
        try:
            path.open("wb").close()  # libav would find out seconds later
            self._container: OutputContainer = av.open(str(path), "w")
            self._audio = _AudioEncoder(self._container, codecs[1])
        except (OSError, av.FFmpegError) as error:
            raise MediaUnusable(f"Cannot write {path}: {error.strerror}.") from error
        self._video_codec = codecs[0]
        self._video: _VideoEncoder | None = None
        self._clocks = {"audio": StreamClock(AUDIO_RATE), "video": StreamClock(VIDEO_RATE)}
        self._held: deque[tuple[Kind, Packet]] = deque()
        self._first_arrival: float | None = None
        self._shift: dict[Kind, float] | None = None
        self._sync: Literal["reports", "arrival", "one stream", "nothing"] = "nothing"
        self.dropped = 0

    def sender_report(self, kind: Kind, ntp_seconds: float, timestamp: int) -> None:
        self._clocks[kind].report(ntp_seconds, timestamp)

    def video(self, frame: av.VideoFrame, arrival: float) -> None:
        """Encode a picture. One of another size is scaled to the first one's."""
        if frame.pts is None or (self._video is None and self._shift is not None):
            # The file's header is written: a stream that begins later than that has no place in it.
            self.dropped += 1
            return
        self._arrived("video", frame.pts, arrival)
        if self._video is None:
            self._video = _VideoEncoder(self._container, self._video_codec, frame.width, frame.height)
        self._take("video", self._video.encode(frame, frame.pts))
        self._settle(arrival)

    def audio(self, frame: av.AudioFrame, arrival: float) -> None:
        """Encode sound. Gaps become silence, what overlaps is cut, so that it stays where it belongs."""
        if frame.pts is None:
            self.dropped += 1
            return
        self._arrived("audio", frame.pts, arrival)
        self._take("audio", self._audio.encode(frame, frame.pts))
        self._settle(arrival)

    def close(self) -> Recorded:
        """Finish the file. Raises :class:`MediaUnusable`, for example on a full disk."""
        try:
            self._take("audio", self._audio.flush())
            if self._video is not None:
                self._take("video", self._video.flush())
            self._fix()
        except (OSError, av.FFmpegError) as error:
            raise MediaUnusable(f"Cannot write {self._path}: {error.strerror}.") from error
        finally:
            self._container.close()
        return Recorded(
            path=str(self._path),
            video_frames=self._video.frames if self._video else 0,
            audio_seconds=round(self._audio.samples / AUDIO_RATE, 3),
            dropped=self.dropped,
            sync=self._sync,
        )

    def _arrived(self, kind: Kind, pts: int, arrival: float) -> None:
        self._clocks[kind].arrival(arrival, pts)
        if self._first_arrival is None:
            self._first_arrival = arrival

    def _settle(self, arrival: float) -> None:
        if self._shift is None and arrival - (self._first_arrival or arrival) >= HOLD_SECONDS:
            self._fix()

    def _fix(self) -> None:
        """Choose how the streams lie to each other, and write what was held for that."""
        if self._shift is None:
            self._shift = self._shifts()
            while self._held:
                self._write(*self._held.popleft())

    def _shifts(self) -> dict[Kind, float]:
        """Seconds to add to each kind's own times; the earliest frame comes out at 0."""
        audio, video = self._clocks["audio"], self._clocks["video"]
        begun: dict[Kind, float] = {}
        if self._audio.first_pts is not None:
            begun["audio"] = self._audio.first_pts / AUDIO_RATE
        if self._video is not None and self._video.first_pts is not None:
            begun["video"] = self._video.first_pts / VIDEO_RATE
        if len(begun) < 2:
            self._sync = "one stream" if begun else "nothing"
            return {"audio": -begun.get("audio", 0.0), "video": -begun.get("video", 0.0)}
        if audio.by_reports is not None and video.by_reports is not None:
            self._sync = "reports"
            at = {"audio": audio.by_reports, "video": video.by_reports}
        else:
            self._sync = "arrival"
            at = {"audio": audio.by_arrival or 0.0, "video": video.by_arrival or 0.0}
        zero = min(at[kind] + first for kind, first in begun.items())
        return {"audio": at["audio"] - zero, "video": at["video"] - zero}

    def _take(self, kind: Kind, packets: list[Packet]) -> None:
        for packet in packets:
            if self._shift is None:
                self._held.append((kind, packet))
            else:
                self._write(kind, packet)

    def _write(self, kind: Kind, packet: Packet) -> None:
        assert self._shift is not None
        shift = round(self._shift[kind] / Fraction(packet.time_base))
        packet.pts = None if packet.pts is None else packet.pts + shift
        packet.dts = None if packet.dts is None else packet.dts + shift
        self._container.mux(packet)


class _VideoEncoder:
    def __init__(self, container: OutputContainer, codec: str, width: int, height: int) -> None:
        self.first_pts: int | None = None
        self.frames = 0
        self._last_pts = 0
        self._size = (width, height)
        stream = container.add_stream(codec, rate=30, options=_VIDEO_OPTIONS[codec])
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = VIDEO_TIME_BASE
        stream.codec_context.gop_size = 60
        if codec == "libvpx":
            stream.bit_rate = _WEBM_BPS
            # Its threads wait for each other by spinning: ten times the CPU for pictures of this size.
            stream.codec_context.thread_count = 1
        self._stream = stream

    def encode(self, frame: av.VideoFrame, pts: int) -> list[Packet]:
        if self.first_pts is None:
            self.first_pts = pts
        elif pts <= self._last_pts:
            return []
        self._last_pts = pts
        self.frames += 1
        # A copy: the observer reads the same frame, and the encoder must choose its own picture types.
        picture = frame.reformat(width=self._size[0], height=self._size[1], format="yuv420p")
        if picture is frame:
            picture = av.VideoFrame.from_ndarray(frame.to_ndarray(), format="yuv420p")
        picture.pts, picture.time_base = pts, VIDEO_TIME_BASE
        return self._stream.encode(picture)

    def flush(self) -> list[Packet]:
        return self._stream.encode(None)


class _AudioEncoder:
    def __init__(self, container: OutputContainer, codec: str) -> None:
        self.first_pts: int | None = None
        self.samples = 0
        stream = container.add_stream(codec, rate=AUDIO_RATE, layout="stereo")
        assert isinstance(stream, AudioStream)
        stream.bit_rate = 128_000
        self._stream = stream
        self._next_pts = 0
        context = stream.codec_context
        self._frame_size = 1024 if codec == "aac" else 960
        self._resampler = av.AudioResampler(
            context.format.name, "stereo", AUDIO_RATE, frame_size=self._frame_size
        )

    def encode(self, frame: av.AudioFrame, pts: int) -> list[Packet]:
        if self.first_pts is None:
            self.first_pts = self._next_pts = pts
        packets: list[Packet] = []
        # What aiortc's decoders give is packed 16-bit sound; Opus in stereo, the others in mono.
        packed = frame.to_ndarray().astype(np.int16, copy=False).reshape(-1, frame.layout.nb_channels)
        sound: Samples = packed if packed.shape[1] == 2 else packed[:, :1].repeat(2, axis=1)
        gap = pts - self._next_pts
        if gap > _GAP_SAMPLES:
            silence = min(gap, _SILENCE_MAX_SECONDS * AUDIO_RATE)
            packets += self._feed(np.zeros((silence, 2), dtype=np.int16))
        elif gap < -_GAP_SAMPLES:
            sound = sound[-gap:]
        return packets + (self._feed(sound) if len(sound) else [])

    def flush(self) -> list[Packet]:
        if self.first_pts is None:
            return []
        packets = []
        for frame in self._resampler.resample(None):
            packets += self._stream.encode(frame)
        return packets + self._stream.encode(None)

    def _feed(self, samples: Samples) -> list[Packet]:
        packets: list[Packet] = []
        for start in range(0, len(samples), AUDIO_RATE):
            piece = np.ascontiguousarray(samples[start : start + AUDIO_RATE])
            frame = av.AudioFrame.from_ndarray(piece.reshape(1, -1), format="s16", layout="stereo")
            frame.sample_rate = AUDIO_RATE
            frame.pts, frame.time_base = self._next_pts, AUDIO_TIME_BASE
            self._next_pts += len(piece)
            self.samples += len(piece)
            for even in self._resampler.resample(frame):
                packets += self._stream.encode(even)
        return packets
