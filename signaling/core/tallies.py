"""What has happened since the start, counted for the operator. Keys are words of this code: bounded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from signaling.messages import FailedStep, RouteName


@dataclass(slots=True)
class Tallies:
    """Read on a tick, never waited for."""

    routes: Counter[tuple[RouteName, str, str]] = field(default_factory=Counter)
    """Changes of route by (route, state, reason); no reason is the empty text."""
    troubles: Counter[tuple[FailedStep, RouteName]] = field(default_factory=Counter)
    """What went wrong, by the step at which it did and the route it was on."""
    ends: Counter[str] = field(default_factory=Counter)
    """Matches by the reason of their end."""
    stale: int = 0
    """Words about a direct attempt or a match that is over, or never was: dropped."""
    hidden: int = 0
    """Candidates dropped because their owner hides the address."""
