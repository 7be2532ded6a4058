"""A video file with sound as a medium: decoded ahead in threads, paced by one clock for both tracks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Generic, Literal, TypeVar

import av
import structlog

from peers.errors import MediaUnusable
from peers.media.source import (
    AUDIO_RATE,
    AUDIO_SAMPLES,
    AUDIO_TIME_BASE,
    VIDEO_RATE,
    VIDEO_TIME_BASE,
    VideoCodec,
)

log = structlog.get_logger(__name__)

MAX_WIDTH, MAX_HEIGHT = 1280, 720
"""Larger pictures are scaled down: aiortc's H.264 encoder is fixed to level 3.1."""
_SHORTEST_FRAME_SECONDS = 0.9 / 30
"""Frames closer than this to the one before are left out, for the same reason."""
_LATE_SECONDS = 1.0
"""A picture later than this is left out. Up to there the film catches up, so that a busy machine loses none;
beyond, it would lag behind its own sound for good."""
_LEAD_SECONDS = 0.15
"""From the start of a run to the file's time 0: opening and the first frames take that long."""

FrameT = TypeVar("FrameT", av.AudioFrame, av.VideoFrame)


class FileMedia:
    """The first video and the first audio stream of the file at ``path``; either may be missing. With
    ``loop`` the file begins again at its end, both tracks together; without, the run ends there.

    Raises :class:`MediaUnusable` when the file cannot be read, has neither, or has no known length to loop.
    """

    def __init__(self, path: Path, *, codec: VideoCodec = "VP8", loop: bool = True) -> None:
        self.video_codec: VideoCodec = codec
        self._path = path
        try:
            with av.open(str(path)) as container:
                self._kinds: set[str] = {s.type for s in container.streams if s.type in ("audio", "video")}
                length = None if container.duration is None else container.duration / av.time_base
        except (OSError, av.FFmpegError) as error:
            raise MediaUnusable(f"Cannot read {path}: {_reason(error)}.") from error
        if not self._kinds:
            raise MediaUnusable(f"{path} has neither video nor sound.")
        if loop and not length:
            raise MediaUnusable(f"{path} does not say how long it is and cannot be played in a loop.")
        self._loop_seconds = length if loop else None

    def start(self) -> FileRun:
        return FileRun(self._path, self._kinds, self._loop_seconds)


class FileRun:
    """One playing of a file. A decoding error within ends the track as the file's end would."""

    def __init__(self, path: Path, kinds: set[str], loop_seconds: float | None) -> None:
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="file-media")
        self._started = time.monotonic() + _LEAD_SECONDS
        self._audio: _Ahead[av.AudioFrame] | None = None
        self._video: _Ahead[av.VideoFrame] | None = None
        if "audio" in kinds:
            self._audio = _Ahead(self._threads, _audio_frames(path, loop_seconds))
        if "video" in kinds:
            self._video = _Ahead(self._threads, _video_frames(path, loop_seconds))

    async def audio(self) -> av.AudioFrame | None:
        frame = await self._audio.next() if self._audio else None
        if frame is not None:
            await self._due(frame)
        return frame

    async def video(self) -> av.VideoFrame | None:
        while True:
            frame = await self._video.next() if self._video else None
            if frame is None:
                return None
            if await self._due(frame) <= _LATE_SECONDS:
                return frame

    async def close(self) -> None:
        """Give the file and its threads back. What is being decoded is finished first."""
        for ahead in (self._audio, self._video):
            if ahead is not None:
                ahead.close()
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)

    async def _due(self, frame: av.AudioFrame | av.VideoFrame) -> float:
        """Wait until the frame's time; how many seconds that was missed by."""
        wait = self._started + (frame.time or 0.0) - time.monotonic()
        await asyncio.sleep(max(0.0, wait))
        return -wait


class _Ahead(Generic[FrameT]):
    """One frame of an iterator, decoded in a thread while the one before it is waited for and sent."""

    def __init__(self, threads: ThreadPoolExecutor, frames: Generator[FrameT, None, None]) -> None:
        self._threads = threads
        self._frames: Generator[FrameT, None, None] = frames
        self._coming: Future[FrameT | None] = threads.submit(self._decode)
        self._closed = False

    async def next(self) -> FrameT | None:
        # Shielded: a caller that gives up must not cancel the decoding that the next caller waits for.
        frame = await asyncio.shield(asyncio.wrap_future(self._coming))
        if frame is not None and not self._closed:
            self._coming = self._threads.submit(self._decode)
        return frame

    def close(self) -> None:
        self._closed = True
        self._threads.submit(self._frames.close)

    def _decode(self) -> FrameT | None:
        try:
            return next(self._frames, None)
        except (OSError, av.FFmpegError) as error:
            log.warning("media_file_broken", reason=_reason(error))
            return None


def _video_frames(path: Path, loop_seconds: float | None) -> Generator[av.VideoFrame, None, None]:
    last = -1.0
    for decoded, offset in _decoded(path, "video", loop_seconds):
        seconds = _seconds(decoded, offset)
        if not isinstance(decoded, av.VideoFrame) or seconds is None:
            continue
        if seconds - last < _SHORTEST_FRAME_SECONDS:
            continue
        last = seconds
        scale = min(1.0, MAX_WIDTH / decoded.width, MAX_HEIGHT / decoded.height)
        frame = decoded.reformat(
            width=max(2, int(decoded.width * scale) // 2 * 2),
            height=max(2, int(decoded.height * scale) // 2 * 2),
            format="yuv420p",
        )
        frame.pts = round(seconds * VIDEO_RATE)
        frame.time_base = VIDEO_TIME_BASE
        yield frame


def _audio_frames(path: Path, loop_seconds: float | None) -> Generator[av.AudioFrame, None, None]:
    """Frames of 20 ms. Their times are counted from the first one of each turn: files have rounded times."""
    resampler: av.AudioResampler | None = None
    turn, first, count = 0.0, 0.0, 0
    for decoded, offset in _decoded(path, "audio", loop_seconds):
        seconds = _seconds(decoded, offset)
        if not isinstance(decoded, av.AudioFrame):
            continue
        if resampler is None or offset != turn:
            if seconds is None:
                continue
            resampler = av.AudioResampler("s16", "stereo", AUDIO_RATE, frame_size=AUDIO_SAMPLES)
            turn, first, count = offset, seconds, 0
        decoded.pts = None  # the resampler would fill or cut by them
        for frame in resampler.resample(decoded):
            frame.pts = round(first * AUDIO_RATE) + count * AUDIO_SAMPLES
            frame.time_base = AUDIO_TIME_BASE
            count += 1
            yield frame


def _decoded(
    path: Path, kind: Literal["audio", "video"], loop_seconds: float | None
) -> Iterator[tuple[av.AudioFrame | av.VideoFrame, float]]:
    """Every frame of the stream with the seconds to add to its time. Each stream reads the file on its own:
    sharing one reader, a badly interleaved file would starve one track or fill memory with the other."""
    offset = 0.0
    while True:
        with av.open(str(path)) as container:
            start = 0.0 if container.start_time is None else container.start_time / av.time_base
            stream = next(s for s in container.streams if s.type == kind)
            for frame in container.decode(stream):
                if isinstance(frame, (av.AudioFrame, av.VideoFrame)):
                    yield frame, offset - start
        if loop_seconds is None:
            return
        offset += loop_seconds


def _seconds(frame: av.AudioFrame | av.VideoFrame, offset: float) -> float | None:
    return None if frame.time is None or frame.time + offset < 0 else frame.time + offset


def _reason(error: OSError | av.FFmpegError) -> str:
    return (error.strerror or str(error)).rstrip(".")
