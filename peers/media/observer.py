"""What one match's media looked like from here: frames, gaps, latency, sound. No I/O, no clock."""

from __future__ import annotations

from collections import Counter

import msgspec

from peers.media.pattern import RECORDED, Mark, elapsed_us
from peers.media.rtp import SequenceCount


class VideoReport(msgspec.Struct, frozen=True):
    """``frames_lost`` and the latencies are known of marked pictures only, else ``None``. Latency is from the
    moment a frame is drawn to the moment it is decoded; aiortc adds one frame's time, because it takes a
    frame for complete when the next one begins."""

    codec: str | None
    frames_received: int
    frames_lost: int | None
    latency_ms_p50: float | None
    latency_ms_p99: float | None


class AudioReport(msgspec.Struct, frozen=True):
    packets_received: int
    packets_lost: int


class Latencies:
    """A histogram in half milliseconds, so that memory does not grow with the call. Up to 60 s."""

    _STEP_MS, _MAX_MS = 0.5, 60_000.0

    def __init__(self) -> None:
        self._bins: Counter[int] = Counter()

    def add(self, milliseconds: float) -> None:
        self._bins[round(min(max(milliseconds, 0.0), self._MAX_MS) / self._STEP_MS)] += 1

    def percentile(self, percent: float) -> float | None:
        """The nearest-rank percentile in milliseconds."""
        rank = self._bins.total() * percent / 100
        for step in sorted(self._bins):
            rank -= self._bins[step]
            if rank <= 0:
                return step * self._STEP_MS
        return None


class Observer:
    """Sums up one match. ``ignore_run`` is the run of the stranger before: the last frame of a stream comes
    out of the decoder when the next stream begins."""

    def __init__(self, *, ignore_run: int | None = None) -> None:
        self.run: int | None = None
        self.video_codec: str | None = None
        self.first_frame_at: float | None = None
        """Monotonic seconds."""
        self.duplicates = 0
        self._ignore_run = ignore_run
        self._late = False
        self._frames = 0
        self._unmarked = 0
        self._lost = 0
        self._number = 0
        self._latencies = Latencies()
        self._audio = SequenceCount()

    def frame(self, mark: Mark | None, *, now: float, now_us: int) -> None:
        """A decoded frame and the mark in it. ``now`` is monotonic, ``now_us`` the clock of the marks."""
        if mark is not None and mark.run == self._ignore_run and mark.run != RECORDED:
            return
        if self.first_frame_at is None:
            self.first_frame_at = now
        if mark is None:
            self._frames += 1
            self._unmarked += 1
            return
        if mark.run != self.run or (mark.run == RECORDED and mark.number < self._number):
            # A run counts from 1; a file is met anywhere, and begins again in a loop.
            self._number = mark.number - 1 if mark.run == RECORDED or self._late else 0
            self._late = False
            self.run = mark.run
        if mark.number <= self._number:
            self.duplicates += 1
            return
        self._frames += 1
        self._lost += mark.number - self._number - 1
        self._number = mark.number
        if mark.run != RECORDED:
            self._latencies.add(elapsed_us(now_us, mark) / 1000)

    def route_changed(self) -> None:
        """What comes now is another run, met anywhere: what was sent of it before was not for here."""
        self._late = True

    def audio_packet(self, sequence_number: int) -> None:
        self._audio.add(sequence_number)

    def video_report(self) -> VideoReport:
        # Frames whose mark could not be read among marked ones were counted as lost by their numbers.
        marked = self._frames > self._unmarked
        return VideoReport(
            codec=self.video_codec,
            frames_received=self._frames - self._unmarked if marked else self._frames,
            frames_lost=self._lost if marked else None,
            latency_ms_p50=self._latencies.percentile(50),
            latency_ms_p99=self._latencies.percentile(99),
        )

    def audio_report(self) -> AudioReport:
        return AudioReport(packets_received=self._audio.received, packets_lost=self._audio.lost)
