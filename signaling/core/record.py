"""What is kept of a match after it: one value at its start, one at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from relay.door import DirectionTotals
from signaling.core.course import CallEvent
from signaling.core.side import Side
from signaling.core.trouble import Trouble
from signaling.messages import DirectStats, EndReason, RouteName

RecordBy = Literal["a", "b", "service"]
ROUTE_CHANGES = 64
"""Kept for one match. Beyond it the later ones are left out: the first tell how the flapping began."""


@dataclass(frozen=True, slots=True)
class MatchStarted:
    """``started_at`` is Unix time in seconds."""

    match_id: str
    user_a: str
    user_b: str
    started_at: float


@dataclass(frozen=True, slots=True)
class RouteChange:
    """One ``route`` message that both were told. ``at_ms`` counts from the match; ``side`` is whose
    connection ``reason`` is about."""

    at_ms: int
    route: RouteName
    state: str
    attempt: int
    reason: str | None = None
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class MatchEnded:
    """Complete in itself. Counts are the relay's, summed over all links of the match, per direction."""

    match: MatchStarted
    ended_at: float
    reason: EndReason
    by: RecordBy
    connect_ms: int | None
    """From the match to the first ``connected``; ``None`` when it never was."""
    routes: tuple[RouteName, ...]
    """Routes that were linked, in the order of their first use."""
    a_to_b: DirectionTotals
    b_to_a: DirectionTotals
    route_changes: tuple[RouteChange, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    direct_stats: tuple[DirectStats | None, DirectStats | None] = (None, None)
    """What each side last said of the direct route. The clients' word, not the relay's counts."""
    events: tuple[CallEvent, ...] = ()
    """Steps that are neither changes of route nor troubles."""


def add_totals(x: DirectionTotals, y: DirectionTotals) -> DirectionTotals:
    """The sum of two links' counts."""
    return DirectionTotals(packets=x.packets + y.packets, bytes=x.bytes + y.bytes, lost=x.lost + y.lost)
