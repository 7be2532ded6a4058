"""A match as an operator sees it: plain values, looked up and never kept. Looking changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from relay.door import LegId, Transport
from signaling.core.course import CallEvent
from signaling.core.leg import Connected, Interrupted
from signaling.core.match import Match
from signaling.core.match_states import Down, Silent
from signaling.core.matches import Matches
from signaling.core.record import RouteChange
from signaling.core.side import Side
from signaling.core.trouble import Trouble
from signaling.messages import DirectStats, Quality, RouteName

CallState = Literal["connecting", "connected", "interrupted"]


@dataclass(frozen=True, slots=True)
class EndView:
    """One user's end. ``quality`` and ``direct`` are what the client last said; nobody measured it here."""

    user: str
    name: str
    away: bool
    """Without a socket at the moment."""
    leg: LegId | None
    transport: Transport | None
    """Of the leg, while it is up."""
    quality: Quality | None
    quality_age_seconds: float | None
    direct: DirectStats | None


@dataclass(frozen=True, slots=True)
class CallView:
    """``started_at``: Unix seconds. ``route`` carries the call now; ``None``: nothing does."""

    match: str
    started_at: float
    age_seconds: float
    route: RouteName | None
    state: CallState
    connect_ms: int | None
    ends: tuple[EndView, EndView]


@dataclass(frozen=True, slots=True)
class CallSteps:
    """What happened in a match, in the three lists of its record."""

    changes: tuple[RouteChange, ...]
    troubles: tuple[Trouble, ...]
    events: tuple[CallEvent, ...]


def look_at(match: Match, matches: Matches, now: float) -> CallView:
    """One match in progress."""
    return CallView(
        match=match.id,
        started_at=match.record.started_at,
        age_seconds=match.chronicle.age_seconds(now),
        route=match.active,
        state=_state(match),
        connect_ms=match.chronicle.connect_ms,
        ends=(_end(match, Side.A, matches, now), _end(match, Side.B, matches, now)),
    )


def steps_of(match: Match) -> CallSteps:
    """What happened in it so far."""
    return CallSteps(match.chronicle.changes, match.chronicle.troubles, match.chronicle.course.events)


def _state(match: Match) -> CallState:
    if match.active is None:
        return "connecting" if match.chronicle.connect_ms is None else "interrupted"
    if match.active == "relay":
        return "interrupted" if isinstance(match.relay.state, Silent) else "connected"
    return "interrupted" if isinstance(match.direct.phase, Down) else "connected"


def _end(match: Match, side: Side, matches: Matches, now: float) -> EndView:
    seat = matches.seat_at(match, side)
    judged = match.chronicle.course.quality[side]
    leg = seat.leg
    return EndView(
        user=seat.user,
        name=seat.identity.name,
        away=seat.socket is None,
        leg=None if leg is None else leg.id,
        transport=leg.transport if isinstance(leg, Connected | Interrupted) else None,
        quality=None if judged is None else judged.said,
        quality_age_seconds=None if judged is None else now - judged.at,
        direct=match.direct.stats[side],
    )
