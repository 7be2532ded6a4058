"""What has happened since the start, counted for the operator. Keys are words of this code: bounded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from relay.door import Histogram
from signaling.messages import FailedStep, RouteName

CONNECT_BOUNDS_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 15.0)
WAIT_BOUNDS_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)
FAILURES = frozenset(
    {
        "no_answer",
        "ice_failed",
        "dtls_failed",
        "media_lost",
        "no_shared_codec",
        "relay_full",
        "relay_stopping",
    }
)
"""Reasons of an end that are nobody's wish."""


@dataclass(slots=True)
class Tallies:
    """Read on a tick, never waited for."""

    routes: Counter[tuple[RouteName, str, str]] = field(default_factory=Counter)
    """Changes of route by (route, state, reason); no reason is the empty text."""
    troubles: Counter[tuple[FailedStep, RouteName]] = field(default_factory=Counter)
    """What went wrong, by the step at which it did and the route it was on."""
    ends: Counter[str] = field(default_factory=Counter)
    """Matches by the reason of their end."""
    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Matches that are over, by the route that carried them last (``none`` for no route), by result and by
    the reason of the end. The result is ``connected``, ``failed`` (a route was lost or never came up) or
    ``left`` (a user went before there was one)."""
    connect_seconds: dict[RouteName, Histogram] = field(
        default_factory=lambda: {
            "direct": Histogram(CONNECT_BOUNDS_SECONDS),
            "relay": Histogram(CONNECT_BOUNDS_SECONDS),
        }
    )
    """From a match to its first connected route, by that route."""
    wait_seconds: Histogram = field(default_factory=lambda: Histogram(WAIT_BOUNDS_SECONDS))
    """In the queue, of those who were matched."""
    matches: int = 0
    """Matches begun."""
    messages: Counter[str] = field(default_factory=Counter)
    """Lawful messages of clients by type."""
    refusals: Counter[str] = field(default_factory=Counter)
    """What was refused on a socket, by code."""
    hellos: Counter[str] = field(default_factory=Counter)
    """How authentication on a socket went: ``ok`` or the code of the refusal."""
    reports: int = 0
    blocks: int = 0
    stale: int = 0
    """Words about a direct attempt or a match that is over, or never was: dropped."""
    hidden: int = 0
    """Candidates dropped because their owner hides the address."""

    def over(self, route: RouteName | None, reason: str) -> None:
        """A match is over; ``route``: what carried it last, ``None`` for one that never connected."""
        self.ends[reason] += 1
        result = "failed" if reason in FAILURES else "left" if route is None else "connected"
        self.outcomes[route or "none", result, reason] += 1
