"""A picture whose frames carry their number and send time, and a tone with beeps by the same clock."""

from __future__ import annotations

import asyncio
import secrets
import time

import av
import numpy as np

from peers.media.pattern import RUN_BITS, TIME_MODULUS, Mark, Plane, draw
from peers.media.source import (
    AUDIO_RATE,
    AUDIO_SAMPLES,
    AUDIO_TIME_BASE,
    VIDEO_RATE,
    VIDEO_TIME_BASE,
    VideoCodec,
)
from peers.media.tone import tone

_LATE_SECONDS = 0.25
"""Beyond this a picture is not drawn, as a camera would: live pictures do not queue."""


def wall_us() -> int:
    """The clock of the marks: wall time in microseconds, the same for all processes of a machine."""
    return time.time_ns() // 1000


class SyntheticMedia:
    """Marked video and timed sound. ``width`` and ``height`` even and at least 160x90, ``fps`` up to 30 (what
    aiortc's H.264 encoder takes); else ``ValueError``."""

    def __init__(
        self, *, codec: VideoCodec = "VP8", width: int = 640, height: int = 360, fps: int = 30
    ) -> None:
        if width < 160 or height < 90 or width % 2 or height % 2:
            raise ValueError(f"{width}x{height} is not an even size of at least 160x90")
        if not 1 <= fps <= 30:
            raise ValueError(f"{fps} frames per second are not between 1 and 30")
        self.video_codec: VideoCodec = codec
        self._size = (width, height)
        self._fps = fps

    def start(self) -> SyntheticRun:
        return SyntheticRun(*self._size, self._fps)


class SyntheticRun:
    """One run: numbers from 1, a run number of its own so that strangers' streams are told apart."""

    def __init__(self, width: int, height: int, fps: int) -> None:
        self.number = 0
        self.run = 1 + secrets.randbelow((1 << RUN_BITS) - 1)
        self._fps = fps
        self._picture = _background(width, height)
        self._started = time.monotonic()
        self._started_us = wall_us()
        self._slot = 0
        self._audio_frames = 0

    async def video(self) -> av.VideoFrame | None:
        late = time.monotonic() - self._started - self._slot / self._fps
        if late > _LATE_SECONDS:
            self._slot += int(late * self._fps)
        await self._due(self._slot / self._fps)
        self.number += 1
        picture = self._picture.copy()
        height = len(picture) * 2 // 3
        luma = picture[:height]
        _draw_runner(luma, self._slot)
        draw(luma, Mark(run=self.run, number=self.number, time_us=wall_us() % TIME_MODULUS))
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = self._slot * VIDEO_RATE // self._fps
        frame.time_base = VIDEO_TIME_BASE
        self._slot += 1
        return frame

    async def audio(self) -> av.AudioFrame | None:
        await self._due(self._audio_frames * AUDIO_SAMPLES / AUDIO_RATE)
        first = self._audio_frames * AUDIO_SAMPLES
        time_us = (self._started_us + first * 1_000_000 // AUDIO_RATE) % TIME_MODULUS
        frame = av.AudioFrame.from_ndarray(
            tone(time_us, AUDIO_SAMPLES).reshape(1, -1), format="s16", layout="mono"
        )
        frame.sample_rate = AUDIO_RATE
        frame.pts = first
        frame.time_base = AUDIO_TIME_BASE
        self._audio_frames += 1
        return frame

    async def close(self) -> None:
        """Nothing is held."""

    async def _due(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, self._started + seconds - time.monotonic()))


def _background(width: int, height: int) -> Plane:
    """An I420 picture with soft shades, for the person who looks at it."""
    picture = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
    picture[:height] = np.linspace(90, 150, width, dtype=np.uint8)
    chroma = picture[height:].reshape(2, height // 2, width // 2)
    chroma[0] = np.linspace(118, 148, height // 2, dtype=np.uint8)[:, None]
    chroma[1] = np.linspace(118, 138, width // 2, dtype=np.uint8)[None, :]
    return picture


def _draw_runner(luma: Plane, slot: int) -> None:
    """A block that walks along the lower edge, below the mark: a still picture is seen at once."""
    height, width = luma.shape
    size = height // 12
    left = slot * 4 % (width - size)
    luma[height - size :, left : left + size] = 235
