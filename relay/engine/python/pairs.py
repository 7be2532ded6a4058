"""Candidate pairs of the reference engine (RFC 8445, lite side): checks are answered, the leg of each valid
remote address is known, and each leg's selected pair says where its packets go."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from relay.door import Transport
from relay.engine.interface import (
    Drop,
    EventSink,
    IceCredentials,
    PathInterrupted,
    PathLost,
    PathResumed,
    PathSelected,
)
from relay.engine.python.leg import EngineLeg, PairAddress, SendTo, SocketAddress, remote_address
from relay.engine.python.tcp import TcpListeners
from relay.ice import lite
from relay.ice.paths import Changes
from relay.ice.prefix_limit import PrefixLimit


@dataclass(slots=True)
class Totals:
    """What the node received and sent, and what it dropped that was no leg's."""

    packets_in: int = 0
    packets_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    drops: dict[Drop, int] = field(default_factory=dict)

    def drop(self, reason: Drop, count: int = 1) -> None:
        self.drops[reason] = self.drops.get(reason, 0) + count


class Pairs:
    """``totals`` are the node's; ``prefixes`` bounds plain Binding requests."""

    def __init__(self, totals: Totals, prefixes: PrefixLimit) -> None:
        self.sink: EventSink = lambda _event: None
        # A pair's index names its UDP socket or, after those, its TCP listener, in these three lists.
        self.senders: list[SendTo] = []
        self.tables: list[dict[SocketAddress, EngineLeg]] = []
        """The leg of each validated remote address."""
        self._transports: list[Transport] = []
        self._by_ufrag: dict[str, EngineLeg] = {}
        self._totals, self._prefixes = totals, prefixes
        self._tcp: TcpListeners | None = None

    def add_udp(self, senders: list[SendTo]) -> None:
        """The sockets, before any TCP listener."""
        self._add(senders, "udp")

    def add_tcp(self, tcp: TcpListeners) -> None:
        self._tcp = tcp
        self._add(tcp.senders(), "tcp")

    def _add(self, senders: list[SendTo], transport: Transport) -> None:
        self.senders += senders
        self._transports += [transport] * len(senders)
        self.tables += [{} for _ in senders]

    # --- legs -----------------------------------------------------------------------------------

    def open(self, leg: EngineLeg) -> None:
        self._by_ufrag[leg.ice.ufrag] = leg

    def restart(self, leg: EngineLeg, ice: IceCredentials) -> None:
        """RFC 8445 section 9: the old credentials hold until a pair is nominated with the new ones."""
        if leg.old_ice is None:
            leg.old_ice = leg.ice
        else:
            del self._by_ufrag[leg.ice.ufrag]  # of a restart that nothing answered
        leg.ice = ice
        leg.paths.restart()
        self._by_ufrag[ice.ufrag] = leg

    def close(self, leg: EngineLeg) -> None:
        self._forget(leg, leg.paths.addresses)
        for ice in (leg.ice, leg.old_ice):
            if ice is not None:
                del self._by_ufrag[ice.ufrag]

    def tick(self, leg: EngineLeg, now: float) -> None:
        """Tell what time alone has changed: a path interrupted or lost."""
        self._apply(leg, leg.paths.tick(now))

    # --- checks ---------------------------------------------------------------------------------

    def on_stun(self, index: int, datagram: bytes, remote: SocketAddress, now: float) -> None:
        outcome = lite.answer(datagram, (remote[0], remote[1]), self._password)
        if isinstance(outcome, lite.Check):
            leg = self._by_ufrag[outcome.ufrag]
            pair: PairAddress = (index, remote)
            owner = self.tables[index].get(remote)
            if owner is not leg:
                if owner is not None:
                    self._take_away(owner, pair, now)
                self.tables[index][remote] = leg
                if self._tcp is not None:
                    self._tcp.authenticated(pair, leg)
            changes = leg.paths.checked(
                pair,
                self._transports[index],
                outcome.priority,
                outcome.nominated,
                now,
                current=outcome.ufrag == leg.ice.ufrag,
            )
            self.send_to(index, outcome.response, remote)
            self._apply(leg, changes)
        elif isinstance(outcome, lite.Conflict):
            self.send_to(index, outcome.response, remote)
        elif isinstance(outcome, lite.Mapping):
            if self._prefixes.allow(remote[0], now):
                self.send_to(index, outcome.response, remote)
            else:
                self._totals.drop(Drop.STUN_RATE_LIMITED)
        elif outcome.drop is not None:
            named = self._by_ufrag.get(outcome.ufrag) if outcome.ufrag else None
            self._totals.drop(outcome.drop) if named is None else named.drop(outcome.drop)

    def _password(self, ufrag: str) -> str | None:
        leg = self._by_ufrag.get(ufrag)
        if leg is None:
            return None
        ice = leg.old_ice if leg.old_ice is not None and leg.old_ice.ufrag == ufrag else leg.ice
        return ice.password

    # --- what follows from them -----------------------------------------------------------------

    def _apply(self, leg: EngineLeg, changes: Changes[PairAddress]) -> None:
        self._forget(leg, changes.forgotten)
        if changes.selected is not None:
            self._route(leg)
            self.sink(
                PathSelected(leg.id, changes.selected.transport, remote_address(changes.selected.address))
            )
        if changes.renewed and leg.old_ice is not None:
            del self._by_ufrag[leg.old_ice.ufrag]
            leg.old_ice = None
        if changes.resumed:
            self.sink(PathResumed(leg.id))
        if changes.interrupted:
            self.sink(PathInterrupted(leg.id))
        if changes.lost:
            self._route(leg)
            leg.dtls_pair = None
            self.sink(PathLost(leg.id))

    def _route(self, leg: EngineLeg) -> None:
        selected = leg.paths.selected
        if selected is None:
            leg.send, leg.remote = None, ()
        else:
            index, leg.remote = selected.address
            leg.send = self.senders[index]

    def _forget(self, leg: EngineLeg, addresses: tuple[PairAddress, ...]) -> None:
        for index, remote in addresses:
            if self.tables[index].get(remote) is leg:
                del self.tables[index][remote]
                if self._tcp is not None:
                    self._tcp.forget((index, remote))

    def on_tcp_gone(self, pair: PairAddress) -> None:
        leg = self.tables[pair[0]].pop(pair[1], None)
        if leg is not None:
            self._take_away(leg, pair, time.monotonic())

    def _take_away(self, leg: EngineLeg, pair: PairAddress, now: float) -> None:
        """The pair is not the leg's any more: its connection ended, or it validated for another leg."""
        if leg.dtls_pair == pair:
            leg.dtls_pair = None
        changes = leg.paths.closed(pair, now)
        self._route(leg)
        self._apply(leg, changes)

    def send_to(self, index: int, datagram: bytes, remote: SocketAddress) -> None:
        try:
            self.senders[index](datagram, remote)
        except OSError:
            self._totals.drop(Drop.SEND_FAILED)
            return
        self._totals.packets_out += 1
        self._totals.bytes_out += len(datagram)
