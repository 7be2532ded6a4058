"""The relay's only door: what may be asked of it and what it answers.

A request is a frozen value handed to :meth:`Relay.ask`, which never blocks and never raises for
what the request says; the outcome comes back as an event on :attr:`Relay.events`. The asker chooses
the ids, so a request needs no reply to be named again. Both directions carry plain values only:
the door can become a process boundary without a change on either side.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NewType, Protocol

from relay.histogram import Histogram as Histogram
from relay.histogram import HistogramSnapshot as HistogramSnapshot
from relay.load import LoadLevel as LoadLevel
from relay.load import LoadReading as LoadReading
from relay.load import NodeLimits as NodeLimits

LegId = NewType("LegId", str)
LinkId = NewType("LinkId", str)
Kind = Literal["audio", "video"]
Transport = Literal["udp", "tcp"]

# --- requests ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenLeg:
    """Open a leg and make its offer. Answered by :class:`LegOffered` or :class:`LegRefused`."""

    leg: LegId
    goes_on: bool = False
    """Whether it takes the place of one that carried a call that goes on: no limit of load refuses it."""


@dataclass(frozen=True, slots=True)
class AnswerLeg:
    """Hand over the browser's SDP answer. Answered by :class:`AnswerRefused` when it is unusable: what
    was answered before, if anything, then still holds. Else, once, by :class:`LegConnected`."""

    leg: LegId
    sdp: str


@dataclass(frozen=True, slots=True)
class RestartLeg:
    """Restart ICE on a leg (RFC 8445 section 9). Answered by :class:`LegOffered` with new credentials, or by
    nothing when there is no such leg. Link, SSRCs, DTLS and SRTP stay, and media goes the old way until the
    browser nominates a new one. A leg that was never answered is offered as it was."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class LinkLegs:
    """Forward each leg's packets to the other. Answered by :class:`LinkUp` or :class:`LinkDown`.
    Both legs must be connected and unlinked."""

    link: LinkId
    a: LegId
    b: LegId


@dataclass(frozen=True, slots=True)
class UnlinkLegs:
    """Stop forwarding; both legs stay up. Answered by :class:`LinkDown`."""

    link: LinkId


@dataclass(frozen=True, slots=True)
class CloseLeg:
    """Close a leg, ending its link if it has one. Answered by :class:`LegClosed`."""

    leg: LegId


Request = OpenLeg | AnswerLeg | RestartLeg | LinkLegs | UnlinkLegs | CloseLeg

# --- events -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LegOffered:
    """An offer for the leg's browser: the first, or a later one that narrows the codecs or restarts ICE."""

    leg: LegId
    sdp: str


@dataclass(frozen=True, slots=True)
class LegRefused:
    """The leg was not opened. ``code``: ``relay_full``, ``relay_bit_rate``, ``relay_overloaded``,
    ``relay_stopping``, or ``leg_exists`` (the id is in use)."""

    leg: LegId
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class AnswerRefused:
    """The answer was unusable; ``code`` is one of :mod:`relay.sdp.answer`'s."""

    leg: LegId
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class LegConnected:
    """Path selected and DTLS-SRTP keys agreed: the leg can be linked."""

    leg: LegId
    transport: Transport
    srtp_profile: str
    connect_ms: float
    """From the offer to the keys."""


@dataclass(frozen=True, slots=True)
class LegInterrupted:
    """Nothing authenticated has been heard from the leg's browser for a few seconds."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class LegResumed:
    """An interrupted leg is heard again."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class LegClosed:
    """The leg is gone. ``reason``: ``asked``, ``not_answered``, ``ice_failed``, ``dtls_failed``,
    ``consent_lost``, ``closed_by_browser``, ``relay_stopping``."""

    leg: LegId
    reason: str


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Both directions forward from now on; the browsers should send."""

    link: LinkId


@dataclass(frozen=True, slots=True)
class LinkFlowing:
    """The first packet of this kind was forwarded *to* ``leg`` over this link."""

    link: LinkId
    leg: LegId
    kind: Kind


@dataclass(frozen=True, slots=True)
class DirectionTotals:
    """What one direction of a link forwarded: packets and bytes (RTP, without transport headers)
    and packets lost on the way in (RFC 3550 appendix A.3)."""

    packets: int = 0
    bytes: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The link is gone or was never made. ``reason``: ``asked``, ``leg_closed``,
    ``no_shared_codec``, ``leg_not_ready``, ``link_exists``."""

    link: LinkId
    reason: str
    a_to_b: DirectionTotals = field(default_factory=DirectionTotals)
    b_to_a: DirectionTotals = field(default_factory=DirectionTotals)


@dataclass(frozen=True, slots=True)
class LoadChanged:
    """The node's load has reached another level, or its limits were changed so that it has."""

    level: LoadLevel


Event = (
    LegOffered
    | LegRefused
    | AnswerRefused
    | LegConnected
    | LegInterrupted
    | LegResumed
    | LegClosed
    | LinkUp
    | LinkFlowing
    | LinkDown
    | LoadChanged
)

# --- snapshots --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TrackSnapshot:
    """One direction of one track, counted since the leg was opened."""

    kind: Kind
    direction: Literal["ingress", "egress"]
    packets: int
    bytes: int
    lost: int
    jitter_ms: float
    retransmissions: int
    keyframe_requests: int
    last_packet_at: float | None
    """Monotonic seconds, ``None`` before the first packet."""


@dataclass(frozen=True, slots=True)
class LegSnapshot:
    leg: LegId
    state: str
    transport: Transport | None
    linked_to: LegId | None
    tracks: tuple[TrackSnapshot, ...]
    drops: dict[str, int]


@dataclass(frozen=True, slots=True)
class RelaySnapshot:
    """Everything countable about the node at one moment; taken on a tick, never per packet."""

    engine: str
    legs: tuple[LegSnapshot, ...]
    links: int
    packets_in: int
    packets_out: int
    bytes_in: int
    bytes_out: int
    egress_bps: float
    drops: dict[str, int]


@dataclass(frozen=True, slots=True)
class StreamTotals:
    """All tracks of a kind in one direction, those of closed legs too."""

    kind: Kind
    direction: Literal["ingress", "egress"]
    packets: int
    bytes: int
    lost: int
    retransmissions: int
    keyframe_requests: int


@dataclass(frozen=True, slots=True)
class RelayTotals:
    """What the node has counted since its start. Nothing here ever falls."""

    streams: tuple[StreamTotals, ...]
    packets_in: int
    packets_out: int
    bytes_in: int
    bytes_out: int
    drops: dict[str, int]
    """By reason, those of every leg included."""
    legs_opened: int
    legs_refused: dict[str, int]
    """By the code of :class:`LegRefused`."""
    legs_ended: dict[str, int]
    """By the reason of :class:`LegClosed`."""
    leg_connect_seconds: dict[Transport, HistogramSnapshot]
    """From a leg's offer to its keys."""
    latency_seconds: HistogramSnapshot | None
    """How long packets stayed in the relay; ``None`` where the engine does not know."""
    lag_seconds: HistogramSnapshot
    """How late the event loop ran what was due."""


SelfTestStep = Literal["ice", "dtls"]


@dataclass(frozen=True, slots=True)
class SelfTestReport:
    """What the node's test of itself through its announced addresses found the last time."""

    at: float
    """Unix seconds."""
    ok: bool
    failures: int = 0
    """In a row, this one included; 0 when it is ok."""
    step: SelfTestStep | None = None
    """The step that failed, and where: the address as it is announced."""
    address: str | None = None
    message: str | None = None
    """For an operator: what happened, why that may be, and what to do."""
    elapsed_ms: float = 0.0


class EventQueue(Protocol):
    async def get(self) -> Event: ...


class Relay(Protocol):
    """One node. ``start`` raises :class:`relay.errors.BindError`; ``ask`` after ``close`` is a
    programming error and raises ``RuntimeError``."""

    @property
    def events(self) -> EventQueue: ...

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def ask(self, request: Request) -> None: ...

    def snapshot(self) -> RelaySnapshot: ...

    def totals(self) -> RelayTotals:
        """Looks at every leg: for a tick of seconds, not for every packet."""

    def load(self) -> LoadReading:
        """As of the last tick."""

    def limits(self) -> NodeLimits: ...

    def set_limits(self, limits: NodeLimits) -> None:
        """From now on. Raises ``ValueError`` for limits that cannot be, with a sentence for people."""

    def self_test(self) -> SelfTestReport | None:
        """The last one's outcome; ``None`` before the first is done."""
