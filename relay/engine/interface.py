"""The packet engine's interface: the few types everything in the media path hangs on.

Two implementations pass one conformance suite (``tests/relay/engine/``): ``python`` and ``native``.
What each packet's outcome must be is written in ``docs/packet-engine.md``.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from relay.door import Kind, LegId, Transport


class SrtpProfile(enum.StrEnum):
    """SRTP protection profiles by their IANA names (RFC 5764 section 4.1.2, RFC 7714)."""

    AEAD_AES_128_GCM = "SRTP_AEAD_AES_128_GCM"
    AEAD_AES_256_GCM = "SRTP_AEAD_AES_256_GCM"
    AES128_CM_SHA1_80 = "SRTP_AES128_CM_HMAC_SHA1_80"


LEG_MAX_SSRCS = 16
"""Ingress SSRCs of one leg that are ever unprotected: each costs a cryptographic context."""


class Drop(enum.StrEnum):
    """Why a datagram, packet or RTCP block was not forwarded. The values are metric labels."""

    EMPTY = "empty"
    UNKNOWN_PROTOCOL = "unknown_protocol"
    UNKNOWN_SOURCE = "unknown_source"
    STUN_MALFORMED = "stun_malformed"
    STUN_UNSUPPORTED = "stun_unsupported"
    STUN_UNKNOWN_UFRAG = "stun_unknown_ufrag"
    STUN_BAD_INTEGRITY = "stun_bad_integrity"
    STUN_RATE_LIMITED = "stun_rate_limited"
    DTLS_QUEUE_FULL = "dtls_queue_full"
    NO_KEYS = "no_keys"
    SRTP_MALFORMED = "srtp_malformed"
    SRTP_BAD_AUTH = "srtp_bad_auth"
    SRTP_REPLAYED = "srtp_replayed"
    BIT_RATE_EXCEEDED = "bit_rate_exceeded"
    UNLINKED = "unlinked"
    UNKNOWN_PAYLOAD_TYPE = "unknown_payload_type"
    UNSHARED_PAYLOAD_TYPE = "unshared_payload_type"
    UNKNOWN_SSRC = "unknown_ssrc"
    MID_MISMATCH = "mid_mismatch"
    BEFORE_LINK = "before_link"
    TOO_LONG = "too_long"
    NO_PATH = "no_path"
    SEND_FAILED = "send_failed"
    RTCP_MALFORMED = "rtcp_malformed"
    RTCP_UNKNOWN_TYPE = "rtcp_unknown_type"
    RTCP_UNMAPPED = "rtcp_unmapped"
    KEYFRAME_THROTTLED = "keyframe_throttled"
    TCP_REFUSED = "tcp_refused"
    TCP_UNAUTHENTICATED = "tcp_unauthenticated"
    TCP_MALFORMED = "tcp_malformed"
    TCP_QUEUE_FULL = "tcp_queue_full"


@dataclass(frozen=True, slots=True)
class Address:
    """A transport address. ``host`` is a literal IPv4 or IPv6 address."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What an engine is started with; all limits in the units their names give."""

    addresses: tuple[str, ...]
    """Literal addresses to bind, one UDP socket each, all on one port."""
    udp_port: int
    """0 takes a free one."""
    max_legs: int
    leg_max_bps: int
    """Ingress bits per second of one leg above which its packets are dropped (token bucket)."""
    leg_burst_bytes: int
    leg_max_paths: int
    """Validated remote addresses remembered per leg; the least recently heard is forgotten."""
    interrupted_after_ms: int
    consent_ms: int
    """RFC 7675: without an authenticated check for this long the path is lost."""
    path_stale_ms: int
    """A selected path not nominated again for this long yields to any other nominated one."""
    keyframe_interval_ms: int
    """At most one forwarded keyframe request per stream in this time."""
    stun_per_second: int
    """Plain Binding requests answered per second and address prefix (/24 or /56)."""
    socket_buffer_bytes: int
    tcp_port: int = -1
    """Port of the passive ICE-TCP candidates (RFC 6544), one listener an address. 0 takes a free one,
    -1 listens on none."""
    stun_port: int = -1
    """Second UDP port on each address that answers plain Binding requests and nothing else; 0 and -1
    as for ``tcp_port``."""
    tcp_auth_ms: int = 5_000
    """A connection without an authenticated check for this long is closed."""
    tcp_max_strangers: int = 512
    """Connections at once that have not authenticated; more are closed as they come."""
    tcp_max_strangers_per_prefix: int = 32
    """The same for one address prefix (/24 or /56)."""
    tcp_queue_bytes: int = 131_072
    """What may wait for one connection that does not keep up; see docs/packet-engine.md section 9."""


@dataclass(frozen=True, slots=True)
class IceCredentials:
    """The relay's own ufrag and password of one leg (RFC 8445 section 5.3)."""

    ufrag: str
    password: str


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """Master key followed by master salt, per direction as the relay sees it."""

    profile: SrtpProfile
    ingress: bytes = field(repr=False)
    egress: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TrackPlan:
    """One media section of a leg after its answer: what may come in and what goes out."""

    mid: str
    kind: Kind
    clock_rates: dict[int, int]
    """Accepted payload types (without RTX) and the clock rate in Hz of each."""
    rtx: dict[int, int]
    """RTX payload type to the media payload type it repairs (RFC 4588 ``apt``)."""
    ingress_ssrc: int | None
    """As declared by the answer; ``None``: adopt what comes (see docs/packet-engine.md)."""
    ingress_rtx_ssrc: int | None
    egress_ssrc: int
    egress_rtx_ssrc: int | None


@dataclass(frozen=True, slots=True)
class LegPlan:
    """All tracks of a leg, its CNAME towards its browser, and the extension ids of the table."""

    tracks: tuple[TrackPlan, ...]
    cname: str
    mid_extension: int
    transport_cc_extension: int


# --- events: delivered to the sink on the thread of the engine's event loop ---------------------


@dataclass(frozen=True, slots=True)
class DtlsReceived:
    leg: LegId
    datagram: bytes


@dataclass(frozen=True, slots=True)
class PathSelected:
    """Also when a later nomination moves the path."""

    leg: LegId
    transport: Transport
    remote: Address


@dataclass(frozen=True, slots=True)
class PathInterrupted:
    leg: LegId


@dataclass(frozen=True, slots=True)
class PathResumed:
    leg: LegId


@dataclass(frozen=True, slots=True)
class PathLost:
    """Consent expired, or no check ever came within ``consent_ms`` of opening the leg."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class FirstForwarded:
    """First packet of this kind forwarded to ``leg`` since it was linked."""

    leg: LegId
    kind: Kind


EngineEvent = DtlsReceived | PathSelected | PathInterrupted | PathResumed | PathLost | FirstForwarded
EventSink = Callable[[EngineEvent], None]

# --- counters -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StreamCounters:
    """One stream (media and its RTX together) in one direction since the leg was opened."""

    kind: Kind
    packets: int
    bytes: int
    lost: int
    jitter_ms: float
    retransmissions: int
    keyframe_requests: int
    last_packet_at: float | None


@dataclass(frozen=True, slots=True)
class LegCounters:
    """``link_*`` count from the last link on; the rest since the leg was opened."""

    ingress: tuple[StreamCounters, ...]
    egress: tuple[StreamCounters, ...]
    link_packets: int
    link_bytes: int
    link_lost: int
    """Ingress packets of this leg forwarded over, and lost before, its current or last link."""
    drops: dict[str, int]


@dataclass(frozen=True, slots=True)
class EngineCounters:
    packets_in: int
    packets_out: int
    bytes_in: int
    bytes_out: int
    drops: dict[str, int]
    """Drops that belong to no leg, and those of closed legs."""


class PacketEngine(Protocol):
    """Everything from socket to socket. All methods are called on the event loop's thread and
    none blocks. Naming a leg that is not open raises :class:`relay.errors.UnknownLeg`."""

    name: str

    async def start(self, sink: EventSink) -> None:
        """Bind every address. Raises :class:`relay.errors.BindError` naming the one that fails."""

    async def close(self) -> None:
        """Close every leg and socket. Idempotent."""

    @property
    def bound(self) -> tuple[Address, ...]:
        """What was bound, in the order of ``EngineConfig.addresses``."""

    def open_leg(self, leg: LegId, ice: IceCredentials) -> None: ...

    def restart(self, leg: LegId, ice: IceCredentials) -> None:
        """Give new ICE credentials (RFC 8445 section 9). Those of before still answer consent checks, and
        the path of before carries media, until a pair is nominated with the new ones."""

    def set_keys(self, leg: LegId, keys: SrtpKeys) -> None: ...

    def set_plan(self, leg: LegId, plan: LegPlan) -> None:
        """Give, or after a re-offer replace, the leg's tracks. Egress SSRCs never change."""

    def link(self, a: LegId, b: LegId) -> None:
        """Forward both ways with new offsets, and ask both sides for a keyframe. Both legs need
        keys and a plan and must be unlinked, else ``ValueError``."""

    def unlink(self, leg: LegId) -> None:
        """End the leg's link, both directions; no effect when it has none."""

    def send_dtls(self, leg: LegId, datagram: bytes) -> None:
        """Send to the selected path, before there is one to the address last heard."""

    def close_leg(self, leg: LegId) -> None: ...

    def counters(self, leg: LegId) -> LegCounters: ...

    def totals(self) -> EngineCounters: ...


@runtime_checkable
class MoreListeners(Protocol):
    """What an engine has that also takes ICE-TCP and a second STUN port. Each is in the order of
    ``EngineConfig.addresses``, and empty where the configuration wants none."""

    @property
    def bound_tcp(self) -> tuple[Address, ...]: ...

    @property
    def bound_stun(self) -> tuple[Address, ...]: ...


@runtime_checkable
class MeasuresLatency(Protocol):
    """What an engine has that knows how long packets stay in it."""

    def latency(self) -> list[tuple[int | None, int]]:
        """Packets by the time from where they could first have been read to where they were sent: each
        bucket's upper bound in microseconds (``None``: the last, which has none) and its own count."""
