"""What is kept of a match after it: one value at its start, one at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from relay.door import DirectionTotals
from signaling.messages import EndReason, RouteName

RecordBy = Literal["a", "b", "service"]


@dataclass(frozen=True, slots=True)
class MatchStarted:
    """``started_at`` is Unix time in seconds."""

    match_id: str
    user_a: str
    user_b: str
    started_at: float


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


def add_totals(x: DirectionTotals, y: DirectionTotals) -> DirectionTotals:
    """The sum of two links' counts."""
    return DirectionTotals(packets=x.packets + y.packets, bytes=x.bytes + y.bytes, lost=x.lost + y.lost)
