"""One direction of a slow or bad line: what happens to each packet, without I/O and without a clock."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conditions:
    """Of each direction. ``rate_bps`` 0: no limit. A packet that would wait longer than ``queue_ms`` for
    its turn is dropped."""

    loss: float = 0.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    rate_bps: int = 0
    queue_ms: float = 200.0


class Line:
    """Packets leave in the order they came; jitter only adds to the delay."""

    def __init__(self, conditions: Conditions, seed: int) -> None:
        self.conditions = conditions
        self._random = random.Random(seed)  # noqa: S311 - repeats a test, guards nothing
        self._free_at = 0.0
        self._last_out = 0.0
        self.passed = self.lost = self.overflowed = 0

    def take(self, size: int, now: float) -> float | None:
        """When a packet of ``size`` octets that comes at ``now`` arrives (seconds); ``None``: never."""
        c = self.conditions
        # Drawn for every packet, also those that the queue drops: the losses do not depend on the rate.
        lost, jitter = self._random.random() < c.loss, self._random.random() * c.jitter_ms
        if lost:
            self.lost += 1
            return None
        turn = max(now, self._free_at)
        if c.rate_bps:
            if turn - now > c.queue_ms / 1000:
                self.overflowed += 1
                return None
            turn += size * 8 / c.rate_bps
            self._free_at = turn
        self.passed += 1
        self._last_out = max(self._last_out, turn + (c.delay_ms + jitter) / 1000)
        return self._last_out
