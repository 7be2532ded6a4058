"""The JSON of the operators' REST and feed. The OpenAPI document is made from these types."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from relay.door import Transport
from signaling.accounts.tokens import Kind, Role
from signaling.core.watch import CallState
from signaling.live.operations import NodeStatus
from signaling.messages import Id, QualityLevel, RouteName

Cursor = Annotated[str, Meta(pattern=r"^[0-9]{1,17}\.[A-Za-z0-9_-]{1,64}$")]
"""Where a list goes on: what ``next`` of the page before said."""
PageSize = Annotated[int, Meta(ge=1, le=200)]
SideName = Literal["a", "b"]
Hops = Literal["udp", "tcp", "direct"]

# --- asked ------------------------------------------------------------------------------------------


class CallsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    limit: PageSize = 50
    after: Cursor | UnsetType = UNSET
    user: Id | UnsetType = UNSET


class MatchesQuery(Struct, frozen=True, forbid_unknown_fields=True):
    limit: PageSize = 50
    after: Cursor | UnsetType = UNSET
    user: Id | UnsetType = UNSET


class AuditQuery(Struct, frozen=True, forbid_unknown_fields=True):
    limit: PageSize = 50
    after: Cursor | UnsetType = UNSET


class UsersQuery(Struct, frozen=True, forbid_unknown_fields=True):
    q: Annotated[str, Meta(min_length=1, max_length=254)]
    """An id, an address in full, or the beginning of a name."""


class MinutesQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Unix seconds; the last hour when left out."""

    since: Annotated[int, Meta(ge=0, le=253_000_000_000)] | UnsetType = UNSET
    until: Annotated[int, Meta(ge=0, le=253_000_000_000)] | UnsetType = UNSET


class Drain(Struct, frozen=True, forbid_unknown_fields=True):
    deadline_seconds: Annotated[float, Meta(ge=0, le=604_800)] | None = None
    """Calls that still go on then are ended; ``null``: as configured."""


class ChangeLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays as it is."""

    soft: Annotated[float, Meta(gt=0, le=100)] | None = None
    hard: Annotated[float, Meta(gt=0, le=100)] | None = None
    # Whole numbers; 10.0 is one in JSON, and to msgspec only a float.
    max_legs: Annotated[float, Meta(ge=0, le=1_000_000, multiple_of=1)] | None = None
    max_egress_bps: Annotated[float, Meta(ge=0, le=10**15, multiple_of=1)] | None = None


# --- answered ---------------------------------------------------------------------------------------


class ErrorBody(Struct, frozen=True):
    """``code`` is stable and for machines, ``message`` is for people."""

    code: str
    message: str
    details: dict[str, Any]


class LimitsBody(Struct, frozen=True):
    soft: float
    hard: float
    max_legs: int
    max_egress_bps: int


class EndBody(Struct, frozen=True):
    """One user's end of a call; ``null`` for what is not known. Bit rates in bits per second."""

    user: str
    name: str
    away: bool
    """Without a WebSocket at the moment."""
    transport: Hops | None
    """How this end's media travels now: to the relay by UDP or TCP, or directly to the other user."""
    sent_bps: int | None
    received_bps: int | None
    sent_loss_permille: int | None
    """Of what this user sent, as the relay counted it."""
    received_loss_permille: int | None
    """Of what should have come to this user, as the client counted it."""
    jitter_ms: float | None
    rtt_ms: float | None
    quality: QualityLevel | None
    quality_reason: str | None
    quality_age_seconds: float | None


class CallBody(Struct, frozen=True):
    """A call in progress. ``started_at``: Unix seconds."""

    match: str
    started_at: float
    age_seconds: float
    route: RouteName | None
    state: CallState
    connect_ms: int | None
    a: EndBody
    b: EndBody


class CallsBody(Struct, frozen=True):
    """The oldest first."""

    calls: tuple[CallBody, ...]
    next: str | None
    total: int


class PersonBody(Struct, frozen=True):
    id: str
    name: str


class MatchBody(Struct, frozen=True):
    """A match as it is stored. Times in Unix seconds; without ``ended_at`` it goes on."""

    match: str
    a: PersonBody
    b: PersonBody
    started_at: float
    ended_at: float | None
    end_reason: str | None
    ended_by: str | None
    routes: tuple[str, ...]
    connect_ms: int | None
    bytes_a_to_b: int
    """By the relay; the direct route's are not known here."""
    bytes_b_to_a: int


class MatchesBody(Struct, frozen=True):
    """The newest first."""

    matches: tuple[MatchBody, ...]
    next: str | None


class StepBody(Struct, frozen=True):
    """One step of a match. ``side``: whose; ``detail``: a reason, a transport, or the step that failed."""

    at_ms: int
    step: str
    side: SideName | None = None
    route: RouteName | None = None
    detail: str | None = None


class SampleEnd(Struct, frozen=True, array_like=True):
    sent_bps: int | None
    received_bps: int | None
    sent_loss_permille: int | None
    received_loss_permille: int | None
    rtt_ms: float | None
    quality: QualityLevel | None


class Sample(Struct, frozen=True, array_like=True):
    """How a call was at one moment, ``at_ms`` after the match; an array, as it is stored: there are many."""

    at_ms: int
    route: RouteName | None
    a: SampleEnd
    b: SampleEnd


class StoryBody(Struct, frozen=True):
    """Everything known of one call: ``call`` while it goes on, ``stored`` once it is in the database."""

    match: str
    call: CallBody | None
    stored: MatchBody | None
    steps: tuple[StepBody, ...]
    samples: tuple[Sample, ...]


class EndedBody(Struct, frozen=True):
    match: str


class UserOnNode(Struct, frozen=True):
    id: str
    name: str
    kind: Kind
    role: Role
    online: bool
    match: str | None
    """The call in progress."""


class UsersBody(Struct, frozen=True):
    users: tuple[UserOnNode, ...]


class DisconnectedBody(Struct, frozen=True):
    user: str


class MinuteBody(Struct, frozen=True):
    """What the node did in ``seconds`` from ``at`` (Unix seconds) on; ``docs/operator.md`` explains each."""

    at: float
    seconds: float
    stress: float
    stress_max: float
    level: str
    cpu: float
    lag_ms: float
    packets_in: int
    packets_out: int
    bytes_in: int
    bytes_out: int
    online: int
    waiting: int
    calls_direct: int
    calls_relay: int
    calls_connecting: int
    legs: int
    matches: int
    connected: dict[str, int]
    ends: dict[str, int]
    troubles: dict[str, int]
    drops: dict[str, int]
    connect_ms: dict[str, tuple[int, ...]]


class MinutesBody(Struct, frozen=True):
    """The oldest first. ``connect_ms_borders``: the upper borders of each minute's ``connect_ms`` classes."""

    minutes: tuple[MinuteBody, ...]
    connect_ms_borders: tuple[int, ...]


class ActionBody(Struct, frozen=True):
    """``outcome``: ``done``, or the code of why not. ``at``: Unix seconds."""

    id: str
    at: float
    operator: PersonBody
    action: str
    target: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    outcome: str


class AuditBody(Struct, frozen=True):
    """The newest first."""

    actions: tuple[ActionBody, ...]
    next: str | None


# --- the feed ---------------------------------------------------------------------------------------


class FeedHello(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="hello"):
    token: Annotated[str, Meta(min_length=1, max_length=4096)]


class FeedError(Struct, frozen=True, tag_field="type", tag="error"):
    code: str
    message: str


class Traffic(Struct, frozen=True):
    """Since the state before, a second."""

    packets_in_per_second: float
    packets_out_per_second: float
    in_bps: float
    out_bps: float
    drops_per_second: float


class CallCounts(Struct, frozen=True):
    direct: int
    relay: int
    connecting: int
    interrupted: int
    """Of those above that have a route, those that hear nothing at the moment."""


class RecentEnd(Struct, frozen=True):
    """A match that ended lately. ``step``: at what it failed last, if anything did."""

    match: str
    ended_at: float
    seconds: float
    reason: str
    by: str
    routes: tuple[RouteName, ...]
    connect_ms: int | None
    step: str | None


class FeedState(Struct, frozen=True, tag_field="type", tag="state"):
    """Everything a page shows live. The newest replaces all before."""

    at: float
    node: NodeStatus
    traffic: Traffic
    counts: CallCounts
    calls: tuple[CallBody, ...]
    """The worst first, then the oldest; no more than a page can show. The rest is told by REST."""
    calls_total: int
    ends: tuple[RecentEnd, ...]
    """The newest first."""


def transport_of(route: RouteName | None, leg: Transport | None) -> Hops | None:
    """How an end's media travels now."""
    return "direct" if route == "direct" else leg
