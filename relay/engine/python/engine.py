"""The shell of the reference engine: sockets, clock, and the journey of each media packet in order. STUN and
ICE are in :mod:`relay.engine.python.pairs`."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator

import pylibsrtp

from relay.door import Kind, LegId
from relay.engine.interface import (
    LEG_MAX_SSRCS,
    Address,
    Drop,
    DtlsReceived,
    EngineConfig,
    EngineCounters,
    EventSink,
    FirstForwarded,
    IceCredentials,
    LegCounters,
    LegPlan,
    SrtpKeys,
)
from relay.engine.python import bind, srtp, stun_port
from relay.engine.python.leg import EngineLeg, SocketAddress
from relay.engine.python.pairs import Pairs, Totals
from relay.engine.python.tcp import TcpListeners
from relay.errors import BindError, UnknownLeg
from relay.histogram import Histogram
from relay.ice.paths import LegPaths, PathRules
from relay.ice.prefix_limit import PrefixLimit
from relay.packet.keyframe import KeyframeThrottle, picture_loss_indication
from relay.packet.link import Direction, LegStreams
from relay.packet.rewrite import rewrite
from relay.packet.rtcp import map_rtcp

BATCH = 64
"""Datagrams taken from one socket before the event loop gets its turn."""
DATAGRAM_BYTES = 2048
LATENCY_BOUNDS_US = (5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1_000, 2_000, 5_000, 10_000)
STUN_BUFFER_BYTES = 262_144
TICK_SECONDS = 0.25


class PythonEngine:
    """:class:`relay.engine.interface.PacketEngine` on asyncio and pylibsrtp."""

    name = "python"

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._rules = PathRules(
            most=config.leg_max_paths,
            stale=config.path_stale_ms / 1000,
            interrupted=config.interrupted_after_ms / 1000,
            consent=config.consent_ms / 1000,
        )
        self._stays = Histogram(LATENCY_BOUNDS_US)
        """Microseconds from where a batch could be read to where its last was sent: never too good."""
        self._prefixes = PrefixLimit(config.stun_per_second)
        self._totals = Totals()
        self._pairs = Pairs(self._totals, self._prefixes)
        self._sockets: list[socket.socket] = []
        self._stun_sockets: list[socket.socket] = []
        self._tcp: TcpListeners | None = None
        self._legs: dict[LegId, EngineLeg] = {}
        self._sink: EventSink = lambda _event: None
        self._tick: asyncio.TimerHandle | None = None

    # --- life ---------------------------------------------------------------------------------

    async def start(self, sink: EventSink) -> None:
        config = self._config
        self._sink = self._pairs.sink = sink
        try:
            await self._bind(config)
        except BindError:
            await self.close()
            raise
        loop = asyncio.get_running_loop()
        for index, sock in enumerate(self._sockets):
            loop.add_reader(sock.fileno(), self._drain, index)
        for sock in self._stun_sockets:
            loop.add_reader(sock.fileno(), self._drain_stun, sock)
        self._tick = loop.call_later(TICK_SECONDS, self._on_tick)

    async def _bind(self, config: EngineConfig) -> None:
        self._sockets = bind.bind_udp(config.addresses, config.udp_port, config.socket_buffer_bytes)
        self._pairs.add_udp([sock.sendto for sock in self._sockets])
        if config.stun_port >= 0:
            self._stun_sockets = bind.bind_udp(config.addresses, config.stun_port, STUN_BUFFER_BYTES)
        if config.tcp_port >= 0:
            first, pairs = len(self._sockets), self._pairs
            self._tcp = TcpListeners(config, first, self._on_tcp, pairs.on_tcp_gone, self._totals.drop)
            await self._tcp.start()
            pairs.add_tcp(self._tcp)

    async def close(self) -> None:
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        for leg in list(self._legs):
            self.close_leg(leg)
        loop = asyncio.get_running_loop()
        for sock in (*self._sockets, *self._stun_sockets):
            loop.remove_reader(sock.fileno())
            sock.close()
        self._sockets, self._stun_sockets = [], []
        if self._tcp is not None:
            await self._tcp.close()

    @property
    def bound(self) -> tuple[Address, ...]:
        return tuple(bind.bound_address(sock) for sock in self._sockets)

    @property
    def bound_tcp(self) -> tuple[Address, ...]:
        return self._tcp.bound if self._tcp is not None else ()

    @property
    def bound_stun(self) -> tuple[Address, ...]:
        return tuple(bind.bound_address(sock) for sock in self._stun_sockets)

    # --- legs and links -----------------------------------------------------------------------

    def open_leg(self, leg: LegId, ice: IceCredentials) -> None:
        now = time.monotonic()
        opened = EngineLeg(
            leg, ice, LegPaths(self._rules, now), tokens=self._config.leg_burst_bytes, tokens_at=now
        )
        self._legs[leg] = opened
        self._pairs.open(opened)

    def restart(self, leg: LegId, ice: IceCredentials) -> None:
        self._pairs.restart(self._leg(leg), ice)

    def set_keys(self, leg: LegId, keys: SrtpKeys) -> None:
        found = self._leg(leg)
        ingress, egress = srtp.sessions(keys)
        found.unprotect, found.unprotect_rtcp = ingress.unprotect, ingress.unprotect_rtcp
        found.protect, found.protect_rtcp = egress.protect, egress.protect_rtcp

    def set_plan(self, leg: LegId, plan: LegPlan) -> None:
        found = self._leg(leg)
        found.streams = LegStreams.from_plan(plan, found.streams)
        found.video_ssrcs = frozenset(_video_ssrcs(plan))
        if found.peer is not None:
            self._direct(found, found.peer)
            self._direct(found.peer, found)

    def link(self, a: LegId, b: LegId) -> None:
        legs = self._leg(a), self._leg(b)
        for leg in legs:
            if leg.peer is not None or leg.protect is None or leg.streams is None:
                raise ValueError(f"Leg {leg.id} is linked, or has no keys or no plan yet.")
        now = time.monotonic()
        for leg, peer in (legs, legs[::-1]):
            leg.peer = peer
            self._direct(leg, peer)
        for leg in legs:
            self._ask_keyframe(leg, now)

    def _direct(self, leg: EngineLeg, peer: EngineLeg) -> None:
        """Make the direction from ``leg`` to ``peer``, after a new plan carrying on its counts."""
        assert leg.streams is not None
        assert peer.streams is not None
        throttle = KeyframeThrottle(self._config.keyframe_interval_ms / 1000)
        before = leg.direction
        leg.direction = Direction.between(leg.streams, peer.streams, throttle)
        if before is not None:
            leg.direction.carry_on(before)

    def unlink(self, leg: LegId) -> None:
        found = self._leg(leg)
        for one in (found, found.peer):
            if one is not None and one.direction is not None:
                one.last_link = one.link_totals()
                one.direction.finish()
                one.direction = None
        if found.peer is not None:
            found.peer.peer = None
            found.peer = None

    def send_dtls(self, leg: LegId, datagram: bytes) -> None:
        found = self._leg(leg)
        if found.send is not None:
            self._send(found, datagram)
        elif found.dtls_pair is not None:
            index, remote = found.dtls_pair
            self._pairs.send_to(index, datagram, remote)
        else:
            found.drop(Drop.NO_PATH)

    def close_leg(self, leg: LegId) -> None:
        found = self._leg(leg)
        self.unlink(leg)
        self._pairs.close(found)
        for reason, count in found.drops.items():
            self._totals.drop(reason, count)
        del self._legs[leg]

    def counters(self, leg: LegId) -> LegCounters:
        return self._leg(leg).counters()

    def totals(self) -> EngineCounters:
        return EngineCounters(
            packets_in=self._totals.packets_in,
            packets_out=self._totals.packets_out,
            bytes_in=self._totals.bytes_in,
            bytes_out=self._totals.bytes_out,
            drops={reason.value: count for reason, count in self._totals.drops.items()},
        )

    def latency(self) -> list[tuple[int | None, int]]:
        return self._stays.apart()

    def _leg(self, leg: LegId) -> EngineLeg:
        found = self._legs.get(leg)
        if found is None:
            raise UnknownLeg(f"No leg {leg} is open.")
        return found

    # --- ingress: socket → demultiplex → unprotect → link → rewrite → protect → socket -----------

    def _drain(self, index: int) -> None:
        receive = self._sockets[index].recvfrom
        now = time.monotonic()
        before = self._totals.packets_in
        for _ in range(BATCH):
            try:
                datagram, remote = receive(DATAGRAM_BYTES)
            except BlockingIOError:
                break
            self._take(index, datagram, remote, now)
        if taken := self._totals.packets_in - before:
            self._stays.observe((time.monotonic() - now) * 1e6, taken)

    def _on_tcp(self, index: int, datagram: bytes, remote: SocketAddress) -> None:
        self._take(index, datagram, remote, time.monotonic())

    def _take(self, index: int, datagram: bytes, remote: SocketAddress, now: float) -> None:
        """Demultiplex (RFC 7983)."""
        self._totals.packets_in += 1
        self._totals.bytes_in += len(datagram)
        leg = self._pairs.tables[index].get(remote)
        first = datagram[0] if datagram else -1
        if 128 <= first < 192:
            if leg is None:
                self._totals.drop(Drop.UNKNOWN_SOURCE)
            elif len(datagram) > 1 and 192 <= datagram[1] < 224:
                self._on_rtcp(leg, datagram, now)
            else:
                self._on_rtp(leg, datagram, now)
        elif 0 <= first < 4:
            self._pairs.on_stun(index, datagram, remote, now)
        elif 20 <= first < 64:
            if leg is None:
                self._totals.drop(Drop.UNKNOWN_SOURCE)
            else:
                leg.dtls_pair = (index, remote)
                self._sink(DtlsReceived(leg.id, datagram))
        else:
            reason = Drop.EMPTY if first < 0 else Drop.UNKNOWN_PROTOCOL
            self._totals.drop(reason) if leg is None else leg.drop(reason)

    def _drain_stun(self, sock: socket.socket) -> None:
        done = stun_port.drain(sock, BATCH, DATAGRAM_BYTES, self._prefixes, time.monotonic())
        self._totals.packets_in += done.packets_in
        self._totals.bytes_in += done.bytes_in
        self._totals.packets_out += done.packets_out
        self._totals.bytes_out += done.bytes_out
        for reason in done.drops:
            self._totals.drop(reason)

    def _on_rtp(self, leg: EngineLeg, datagram: bytes, now: float) -> None:
        unprotect = leg.unprotect
        if unprotect is None:
            leg.drop(Drop.NO_KEYS)
            return
        if not self._within_bit_rate(leg, len(datagram), now):
            leg.drop(Drop.BIT_RATE_EXCEEDED)
            return
        ssrc, known = datagram[8:12], leg.ssrcs
        if ssrc not in known and len(known) >= LEG_MAX_SSRCS:
            leg.drop(Drop.UNKNOWN_SSRC)
            return
        try:
            packet = unprotect(datagram)
        except pylibsrtp.Error as error:
            leg.drop(srtp.why(error))
            return
        except ValueError:  # longer than libsrtp's buffer
            leg.drop(Drop.SRTP_MALFORMED)
            return
        known.add(ssrc)
        direction, peer = leg.direction, leg.peer
        if direction is None or peer is None:
            leg.drop(Drop.UNLINKED)
            return
        outcome = rewrite(direction, packet, now)
        if not isinstance(outcome, bytes):
            leg.drop(outcome)
            return
        if direction.want_keyframe:
            self._ask_keyframe(leg, now)
        send, protect = peer.send, peer.protect
        if send is None or protect is None:
            leg.drop(Drop.NO_PATH)
            return
        try:
            out = protect(outcome)
            send(out, peer.remote)
        except ValueError:
            leg.drop(Drop.TOO_LONG)
            return
        # A full buffer, a route that is gone, a number too old to protect: repaired as any loss.
        except (OSError, pylibsrtp.Error):
            leg.drop(Drop.SEND_FAILED)
            return
        if direction.first_kinds:
            self._on_first(peer, direction)
        direction.packets += 1
        direction.octets += len(packet)
        self._totals.packets_out += 1
        self._totals.bytes_out += len(out)

    def _on_rtcp(self, leg: EngineLeg, datagram: bytes, now: float) -> None:
        if leg.unprotect_rtcp is None:
            leg.drop(Drop.NO_KEYS)
            return
        if not self._within_bit_rate(leg, len(datagram), now):
            leg.drop(Drop.BIT_RATE_EXCEEDED)
            return
        ssrc, known = datagram[4:8], leg.ssrcs
        if ssrc not in known and len(known) >= LEG_MAX_SSRCS:
            leg.drop(Drop.UNKNOWN_SSRC)
            return
        try:
            packet = leg.unprotect_rtcp(datagram)
        except pylibsrtp.Error as error:
            leg.drop(srtp.why(error))
            return
        except ValueError:
            leg.drop(Drop.SRTP_MALFORMED)
            return
        known.add(ssrc)
        peer = leg.peer
        if peer is None or leg.direction is None or peer.direction is None:
            leg.drop(Drop.UNLINKED)
            return
        mapped = map_rtcp(leg.direction, peer.direction, packet, now)
        for reason in mapped.drops:
            leg.drop(reason)
        if mapped.packet:
            self._send_rtcp(peer, mapped.packet)

    def _within_bit_rate(self, leg: EngineLeg, size: int, now: float) -> bool:
        burst = self._config.leg_burst_bytes
        tokens = min(leg.tokens + (now - leg.tokens_at) * (self._config.leg_max_bps / 8), burst)
        leg.tokens_at = now
        if tokens < size:
            leg.tokens = tokens
            return False
        leg.tokens = tokens - size
        return True

    # --- what follows from it -------------------------------------------------------------------

    def _on_first(self, peer: EngineLeg, direction: Direction) -> None:
        kinds: list[Kind] = direction.first_kinds
        direction.first_kinds = []
        for kind in kinds:
            self._sink(FirstForwarded(peer.id, kind))

    def _ask_keyframe(self, leg: EngineLeg, now: float) -> None:
        """The link's own request; when no SSRC is known yet, at the first video packet."""
        direction = leg.direction
        flow = direction.media_flow("video") if direction is not None else None
        if direction is None or flow is None or leg.streams is None:
            return
        ssrc = flow.ingress.ssrc
        direction.want_keyframe = ssrc is None
        if ssrc is None or not direction.throttle.allow(now):
            return
        flow.ingress.keyframe_requests += 1
        own = next(track.egress.ssrc for track in leg.streams.tracks if track.plan.kind == "video")
        self._send_rtcp(leg, picture_loss_indication(own, ssrc))

    def _send_rtcp(self, leg: EngineLeg, packet: bytes) -> None:
        if leg.protect_rtcp is None or leg.send is None:
            leg.drop(Drop.NO_PATH)
            return
        try:
            protected = leg.protect_rtcp(packet)
        except ValueError:
            leg.drop(Drop.TOO_LONG)
            return
        self._send(leg, protected)

    def _send(self, leg: EngineLeg, datagram: bytes) -> None:
        try:
            assert leg.send is not None
            leg.send(datagram, leg.remote)
        except OSError:
            leg.drop(Drop.SEND_FAILED)
            return
        self._totals.packets_out += 1
        self._totals.bytes_out += len(datagram)

    def _on_tick(self) -> None:
        # Armed first: nothing that goes wrong for one leg may end the consent checks of all.
        self._tick = asyncio.get_running_loop().call_later(TICK_SECONDS, self._on_tick)
        now = time.monotonic()
        for leg in list(self._legs.values()):
            self._pairs.tick(leg, now)


def _video_ssrcs(plan: LegPlan) -> Iterator[bytes]:
    """The SSRCs towards the leg's browser that carry video, as a packet has them."""
    for track in plan.tracks:
        if track.kind == "video":
            for ssrc in (track.egress_ssrc, track.egress_rtx_ssrc):
                if ssrc is not None:
                    yield ssrc.to_bytes(4, "big")
