"""A histogram of fixed bounds: plain counts on the way in, a frozen value on the way out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HistogramSnapshot:
    """``buckets``: each upper bound (included) with the observations up to it; the last bound is infinite."""

    buckets: tuple[tuple[float, int], ...]
    sum: float

    @property
    def count(self) -> int:
        return self.buckets[-1][1]


class Histogram:
    """``bounds`` in ascending order, without the infinite one."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        self._counts[bisect_left(self._bounds, value)] += times
        self._sum += value * times

    def apart(self) -> list[tuple[int | None, int]]:
        """Each bound, rounded, with its own count; ``None`` is the infinite one."""
        return list(zip((*(round(bound) for bound in self._bounds), None), self._counts, strict=True))

    def snapshot(self) -> HistogramSnapshot:
        return cumulative(self._bounds, tuple(self._counts), self._sum)


def cumulative(bounds: tuple[float, ...], counts: tuple[int, ...], total: float) -> HistogramSnapshot:
    """From counts of each bucket on its own, one more than ``bounds``."""
    seen = 0
    buckets = []
    for bound, count in zip((*bounds, float("inf")), counts, strict=True):
        seen += count
        buckets.append((bound, seen))
    return HistogramSnapshot(tuple(buckets), total)
