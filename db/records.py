"""What is handed to :class:`db.match_writer.MatchWriter`: plain frozen values, complete in themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Details = dict[str, str | int | float | None]
"""One entry of a list that a row keeps as JSON."""
EndedBy = Literal["a", "b", "service"]
SERVICE_RESTARTED = "service_restarted"
"""End reason of a match that was still open when the service started: it had died without a word."""


@dataclass(frozen=True, slots=True)
class Direction:
    """What one direction of a match carried: RTP packets and bytes, and packets lost on the way in."""

    packets: int = 0
    bytes: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class MatchStarted:
    """Two users were paired. ``started_at`` is aware (UTC)."""

    match_id: str
    user_a_id: str
    user_b_id: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class MatchEnded:
    """A match is over. It carries its start, so that a start lost on the way does no harm.

    ``routes`` in the order of use; ``connect_ms``: from the start to flowing media, if there was any.
    """

    match: MatchStarted
    ended_at: datetime
    reason: str
    ended_by: EndedBy
    routes: tuple[str, ...] = ()
    connect_ms: int | None = None
    a_to_b: Direction = field(default_factory=Direction)
    b_to_a: Direction = field(default_factory=Direction)
    route_changes: tuple[Details, ...] = ()
    """What both users were told of their routes, in order, with milliseconds since the start."""
    troubles: tuple[Details, ...] = ()
    """At which step it went wrong or slowly, and at whose side."""
    direct_stats: tuple[Details | None, ...] = ()
    """What each side last said of the direct route: the clients' word."""
    events: tuple[Details, ...] = ()
    """Steps that are neither: legs, sockets, quality."""


@dataclass(frozen=True, slots=True)
class BlockMade:
    """``blocker_id`` never wants to meet ``blocked_id`` again."""

    blocker_id: str
    blocked_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ReportMade:
    """A user reported the stranger of a match. ``report_id`` is the maker's, so writing twice is harmless."""

    report_id: str
    match_id: str
    reporter_id: str
    reported_id: str
    reason: str
    text: str
    created_at: datetime


CONNECT_MS = (100, 200, 300, 500, 750, 1000, 2000, 5000, 10_000)
"""Upper borders in milliseconds of the classes into which times to connect are counted."""


@dataclass(frozen=True, slots=True)
class MinutePassed:
    """What the node did in ``seconds`` from ``at`` on; :class:`db.models.Minute` explains each."""

    at: datetime
    seconds: float
    stress: float = 0.0
    stress_max: float = 0.0
    level: str = "normal"
    cpu: float = 0.0
    lag_ms: float = 0.0
    packets_in: int = 0
    packets_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    online: int = 0
    waiting: int = 0
    calls_direct: int = 0
    calls_relay: int = 0
    calls_connecting: int = 0
    legs: int = 0
    matches: int = 0
    connected: Mapping[str, int] = field(default_factory=dict)
    ends: Mapping[str, int] = field(default_factory=dict)
    troubles: Mapping[str, int] = field(default_factory=dict)
    drops: Mapping[str, int] = field(default_factory=dict)
    connect_ms: Mapping[str, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallSampled:
    """How a call that is over went: one list of numbers a sample, as whoever took them lays it out."""

    match_id: str
    ended_at: datetime
    samples: tuple[Sequence[Any], ...]


@dataclass(frozen=True, slots=True)
class ActionTaken:
    """An operator did, or tried to do, something. ``action_id`` is the maker's."""

    action_id: str
    at: datetime
    operator_id: str
    operator_name: str
    action: str
    target: str
    outcome: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


Record = MatchStarted | MatchEnded | BlockMade | ReportMade | MinutePassed | CallSampled | ActionTaken
