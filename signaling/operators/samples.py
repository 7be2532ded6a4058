"""How each call goes over time: some samples a call, however long it is. Pure; time is an argument."""

from __future__ import annotations

from signaling.operators.bodies import Sample

SAMPLE_SECONDS = 10.0
SAMPLES = 180
"""Kept for one call. Drop policy: over it every other one goes and the next ones are taken half as often, so
that a call of half an hour has one in 10 s, and one of four hours one in 80 s."""


class CallCourse:
    def __init__(self) -> None:
        self._samples: list[Sample] = []
        self._every_ms = SAMPLE_SECONDS * 1000

    @property
    def samples(self) -> tuple[Sample, ...]:
        return tuple(self._samples)

    def add(self, sample: Sample) -> None:
        """Take a sample if it is time for one."""
        # Looks are never exactly on time: one a little early is taken rather than the one after it.
        if self._samples and sample.at_ms - self._samples[-1].at_ms < self._every_ms * 0.9:
            return
        self._samples.append(sample)
        if len(self._samples) > SAMPLES:
            del self._samples[1::2]
            self._every_ms *= 2
