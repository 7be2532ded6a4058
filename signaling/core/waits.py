"""How long one waits, told from how long others waited."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

RECENT = 200
"""Waits remembered."""
RECENT_SECONDS = 900.0
"""A wait older than this says nothing about now."""


class Waits:
    """Recent waits and the estimate made from them.

    The estimate for somebody who has waited ``w`` seconds is the median of the recent waits that took
    longer than ``w``, less ``w``: it neither runs below zero nor promises what has already passed.
    """

    def __init__(self) -> None:
        self._recent: deque[tuple[float, float]] = deque(maxlen=RECENT)
        self._sorted: list[float] | None = []

    def add(self, waited: float, now: float) -> None:
        self._recent.append((now, max(0.0, waited)))
        self._sorted = None

    def estimate_seconds(self, waited: float, now: float) -> float | None:
        """Seconds still to wait, ``None`` when nothing recent tells."""
        while self._recent and self._recent[0][0] < now - RECENT_SECONDS:
            self._recent.popleft()
            self._sorted = None
        if self._sorted is None:
            self._sorted = sorted(wait for _, wait in self._recent)
        first = bisect_right(self._sorted, waited)
        longer = len(self._sorted) - first
        if longer == 0:
            return None
        return round(self._sorted[first + longer // 2] - waited, 1)
