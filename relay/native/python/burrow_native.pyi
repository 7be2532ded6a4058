"""Burrow's packet path in Rust.

One :class:`Engine` is everything from socket to socket; ``relay.engine.native`` puts the relay's
interface on it. Its methods are called from one thread, which no packet ever enters: workers are
threads of their own that hold no interpreter lock.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol, TypedDict, final

__all__ = ["Bare", "BindFailed", "Calls", "Engine", "Load", "TurnLoad", "load_leg"]

_Stream = tuple[str, int, int, int, float, int, int, float | None]

class BindFailed(Exception):
    """An address could not be bound; the sentence names it."""

class _TrackPlan(Protocol):
    @property
    def mid(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def clock_rates(self) -> Mapping[int, int]: ...
    @property
    def rtx(self) -> Mapping[int, int]: ...
    @property
    def ingress_ssrc(self) -> int | None: ...
    @property
    def ingress_rtx_ssrc(self) -> int | None: ...
    @property
    def egress_ssrc(self) -> int: ...
    @property
    def egress_rtx_ssrc(self) -> int | None: ...

@final
class Engine:
    """A node's packet path.

    Legs are named by the serial numbers that :meth:`open_leg` gives; they are never used again.
    A serial number of no open leg raises :class:`KeyError`, a closed engine :class:`RuntimeError`.
    """

    def __new__(
        cls,
        *,
        addresses: Sequence[IPv4Address | IPv6Address],
        udp_port: int,
        stun_port: int | None,
        tcp_port: int | None,
        tcp_auth_ms: int,
        tcp_max_strangers: int,
        tcp_max_strangers_per_prefix: int,
        tcp_queue_bytes: int,
        leg_max_bps: int,
        leg_burst_bytes: int,
        leg_max_paths: int,
        interrupted_after_ms: int,
        consent_ms: int,
        path_stale_ms: int,
        keyframe_interval_ms: int,
        stun_per_second: int,
        socket_buffer_bytes: int,
        workers: int,
        gso: bool,
        gro: bool,
        wait_us: int,
    ) -> Engine:
        """Bind every address and start ``workers`` threads.

        ``gso`` sends trains of packets to one address as one message (UDP_SEGMENT), ``gro`` takes them
        so (UDP_GRO), ``wait_us`` is the longest wait for more packets before a reading (0: never).
        Raises :class:`BindFailed`, :class:`ValueError` for no or too many addresses, :class:`OSError`.
        """

    def close(self) -> None:
        """Stop the workers and close the sockets. Idempotent."""

    def bound(self) -> list[tuple[str, int]]:
        """Host and port of what was bound, in the order of the addresses."""

    def bound_stun(self) -> list[tuple[str, int]]:
        """The same of the second STUN port, empty when there is none."""

    def bound_tcp(self) -> list[tuple[str, int]]:
        """The same of the ICE-TCP listeners."""

    def events_fd(self) -> int:
        """A descriptor that is readable while events wait. It is the engine's: do not close it."""

    def take_events(self) -> list[tuple[int, str, object]]:
        """All events that wait, oldest first: serial number, name, and what it carries.

        ``dtls_received`` carries the datagram, ``path_selected`` transport, host and port,
        ``first_forwarded`` the kind; ``path_interrupted``, ``path_resumed`` and ``path_lost`` nothing.
        """

    def open_leg(self, ufrag: str, password: str) -> int:
        """Open a leg with the relay's own credentials and give its serial number."""

    def restart(self, leg: int, ufrag: str, password: str) -> None:
        """Give the leg new credentials. Those of before answer consent, and the path of before carries
        media, until a pair is nominated with the new ones."""

    def close_leg(self, leg: int) -> None:
        """End the leg's link and forget the leg."""

    def set_keys(self, leg: int, profile: str, ingress: bytes, egress: bytes) -> None:
        """Give master key followed by master salt for each direction.

        Raises :class:`ValueError` for an unknown profile or a wrong length.
        """

    def set_plan(
        self,
        leg: int,
        tracks: Sequence[_TrackPlan],
        cname: str,
        mid_extension: int,
        transport_cc_extension: int,
    ) -> None:
        """Give or replace the leg's tracks. Raises :class:`ValueError` for what no plan can be."""

    def link(self, a: int, b: int) -> None:
        """Forward both ways. Raises :class:`ValueError` with why, and the serial number of the leg that
        is linked or not ready."""

    def unlink(self, leg: int) -> None:
        """End the leg's link; no effect when it has none."""

    def send_dtls(self, leg: int, datagram: bytes) -> None:
        """Send to the selected path, before there is one to where DTLS was heard from last."""

    def counters(
        self, leg: int
    ) -> tuple[list[_Stream], list[_Stream], tuple[int, int, int], dict[str, int]]:
        """Ingress and egress streams, the link's packets, bytes and losses, and drops by label.

        A stream is kind, packets, bytes, lost, jitter in milliseconds, retransmissions, keyframe
        requests, and the monotonic second of the last packet.
        """

    def totals(self) -> tuple[list[int], dict[str, int]]:
        """Packets in and out, bytes in and out; and drops that belong to no leg, or to closed ones."""

    def latency(self) -> list[tuple[int | None, int]]:
        """Packets by how long they stayed: each bucket's upper bound in microseconds (``None``: none)
        and its count. It includes the wait before the reading, so it is never too good."""

    def faults(self) -> tuple[int, int]:
        """Worker rounds that ended in a panic, and events dropped for want of a reader: both stay 0."""

class _Report(TypedDict):
    sent: int
    received: int
    refused: int
    bad: int
    seconds: float
    cpu_seconds: float
    latency_us_p50: float
    latency_us_p99: float

def load_leg(number: int, profile: str) -> tuple[str, str, bytes, bytes, int, int]:
    """What an engine must be told of a load's leg: ufrag, password, ingress and egress master key with
    salt, and the SSRCs of what it sends and gets. Payload type 96, transport-cc extension 3."""

@final
class Bare:
    """A thread that forwards between each two legs of a load without cryptography or rewriting: what the
    kernel takes of any relay. A load on it counts every sample as bad."""

    def __new__(cls) -> Bare:
        """Start it on a free port of 127.0.0.1. Raises :class:`OSError`."""

    def port(self) -> int:
        """Where it is, 0 after the close."""

    def packets(self) -> int:
        """Packets forwarded, 0 after the close."""

    def close(self) -> None:
        """Stop it. Idempotent."""

@final
class Load:
    """A generator of real SRTP legs, to measure packet engines with."""

    def __new__(
        cls,
        *,
        host: str,
        port: int,
        legs: int,
        profile: str,
        packet_bytes: int,
        train: int,
        gso: bool,
        sample: int,
    ) -> Load:
        """Make the far ends of legs 0 to ``legs`` - 1, which must be open, and connect them.

        ``train`` packets of a flow follow each other, with ``gso`` as one message; one packet of
        ``sample`` is decrypted and its latency taken. Raises :class:`RuntimeError` when a leg gets no
        answer, :class:`ValueError`, :class:`OSError`.
        """

    def run(self, seconds: float, rate: float | None = None) -> _Report:
        """Send for ``seconds`` at ``rate`` packets a second, ``None``: as many as go.

        ``refused`` packets did not fit into the socket, ``bad`` ones could not be decrypted.
        """

    def check(self) -> None:
        """Send each leg's connectivity check again, so that consent goes on."""

class _CallsReport(TypedDict):
    legs: list[tuple[int, int]]
    refused: int
    bad: int
    frames: int
    late: int
    cpu_seconds: float
    latency_us_p50: float
    latency_us_p95: float
    latency_us_p99: float

@final
class Calls:
    """Far ends of legs whose signaling, ICE and DTLS somebody else has done, driven by a thread of its own:
    each sends video frames of ``packet_bytes`` long packets at ``bit_rate`` bits a second, checks consent and
    counts what comes."""

    def __new__(cls, *, bit_rate: int, frame_rate: int, packet_bytes: int, sample: int) -> Calls:
        """Start it without any leg. One packet of ``sample`` of a leg is decrypted and its latency taken.
        Raises :class:`ValueError`, :class:`OSError`."""

    def add(
        self,
        *,
        socket: int,
        username: str,
        password: str,
        profile: str,
        outgoing: bytes,
        incoming: bytes,
        ssrc: int,
        expected_ssrc: int,
    ) -> int:
        """Take a far end over and give its number, counted from 0. ``socket`` is the descriptor of a UDP
        socket connected to the relay; it is duplicated, and its reading is this object's from now on.
        ``username`` is ``relay:own``, ``password`` the relay's. Raises :class:`ValueError` for keys that no
        such profile has, :class:`OSError`."""

    def begin(self, leg: int) -> None:
        """Let it send."""

    def stop_all(self) -> None:
        """Let nothing send any more; what is on its way is still counted."""

    def report(self) -> _CallsReport:
        """Everything since the start, as it was some milliseconds ago: packets sent and received by leg,
        packets that the kernel refused and that could not be decrypted; frames that were due, and those of
        them that left over 10 ms late or not at all, which says that the generator did not keep up."""

    def close(self) -> None:
        """End the thread and close the sockets. Idempotent; all other calls raise :class:`RuntimeError` then."""

@final
class TurnLoad:
    """The same load over the channels of a TURN server that asks for no authentication."""

    def __new__(
        cls, *, host: str, port: int, allocations: int, packet_bytes: int, train: int, gso: bool
    ) -> TurnLoad:
        """Make the allocations, each with a channel to a peer; packets go both ways in turn, each relayed
        once, as they are. Raises as :class:`Load` does."""

    def run(self, seconds: float, rate: float | None = None) -> _Report:
        """As :meth:`Load.run`; no packet is ``bad``."""
