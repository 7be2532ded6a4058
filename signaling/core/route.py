"""Which routes a match tries, and when: the one place where that is decided.

In this version every match goes by relay. The direct route comes in here: a policy that returns a plan
with ``direct=True`` and ``relay_after_seconds`` of 0.6 is the design's *direct-first*, one with 0 its
*relay-first*. The match coordinator keeps to the plan and to nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from signaling.core.matchmaker import Wish


@dataclass(frozen=True, slots=True)
class RoutePlan:
    direct: bool
    """Whether the two browsers try each other."""
    relay_after_seconds: float
    """The legs are linked this long after the match, unless a direct route is up by then."""


RoutePolicy = Callable[[Wish, Wish], RoutePlan]


def relay_only(_a: Wish, _b: Wish) -> RoutePlan:
    """No direct attempt, the relay at once; no address of either user reaches the other."""
    return RoutePlan(direct=False, relay_after_seconds=0.0)
