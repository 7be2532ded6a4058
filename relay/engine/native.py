"""The native packet engine (``relay/native``) behind the relay's engine interface.

Nothing here runs per packet: workers are threads of the wheel, and what they tell waits in a bounded
queue behind one descriptor that the event loop watches.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
from typing import cast

import burrow_native

from relay.door import Kind, LegId, Transport
from relay.engine.interface import (
    Address,
    DtlsReceived,
    EngineConfig,
    EngineCounters,
    EngineEvent,
    EventSink,
    FirstForwarded,
    IceCredentials,
    LegCounters,
    LegPlan,
    PathInterrupted,
    PathLost,
    PathResumed,
    PathSelected,
    SrtpKeys,
    StreamCounters,
)
from relay.errors import BindError, UnknownLeg
from relay.settings import NativeSettings


class NativeEngine:
    """:class:`relay.engine.interface.PacketEngine` on the wheel ``burrow_native``."""

    name = "native"

    def __init__(self, config: EngineConfig, tuning: NativeSettings | None = None) -> None:
        self._config = config
        self._tuning = tuning or NativeSettings()
        self._engine: burrow_native.Engine | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._events_fd = -1
        self._bound: tuple[Address, ...] = ()
        self._bound_tcp: tuple[Address, ...] = ()
        self._bound_stun: tuple[Address, ...] = ()
        self._sink: EventSink = lambda _event: None
        self._serials: dict[LegId, int] = {}
        self._legs: dict[int, LegId] = {}
        self._final = EngineCounters(0, 0, 0, 0, {})

    async def start(self, sink: EventSink) -> None:
        config, tuning = self._config, self._tuning
        try:
            engine = burrow_native.Engine(
                addresses=[ipaddress.ip_address(address) for address in config.addresses],
                udp_port=config.udp_port,
                stun_port=config.stun_port if config.stun_port >= 0 else None,
                tcp_port=config.tcp_port if config.tcp_port >= 0 else None,
                tcp_auth_ms=config.tcp_auth_ms,
                tcp_max_strangers=config.tcp_max_strangers,
                tcp_max_strangers_per_prefix=config.tcp_max_strangers_per_prefix,
                tcp_queue_bytes=config.tcp_queue_bytes,
                leg_max_bps=config.leg_max_bps,
                leg_burst_bytes=config.leg_burst_bytes,
                leg_max_paths=config.leg_max_paths,
                interrupted_after_ms=config.interrupted_after_ms,
                consent_ms=config.consent_ms,
                path_stale_ms=config.path_stale_ms,
                keyframe_interval_ms=config.keyframe_interval_ms,
                stun_per_second=config.stun_per_second,
                socket_buffer_bytes=config.socket_buffer_bytes,
                workers=tuning.workers or len(os.sched_getaffinity(0)),
                gso=tuning.gso,
                gro=tuning.gro,
                wait_us=tuning.wait_us,
            )
        except burrow_native.BindFailed as error:
            raise BindError(str(error)) from error
        self._engine = engine
        self._bound = tuple(Address(host, port) for host, port in engine.bound())
        self._bound_tcp = tuple(Address(host, port) for host, port in engine.bound_tcp())
        self._bound_stun = tuple(Address(host, port) for host, port in engine.bound_stun())
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self._events_fd = engine.events_fd()
        self._loop.add_reader(self._events_fd, self._on_events)

    async def close(self) -> None:
        if self._engine is None or self._loop is None:
            return
        self._loop.remove_reader(self._events_fd)
        for leg in list(self._serials):
            self.close_leg(leg)
        self._final = self.totals()
        self._engine.close()
        self._engine = None

    @property
    def bound(self) -> tuple[Address, ...]:
        return self._bound

    @property
    def bound_tcp(self) -> tuple[Address, ...]:
        return self._bound_tcp

    @property
    def bound_stun(self) -> tuple[Address, ...]:
        return self._bound_stun

    def open_leg(self, leg: LegId, ice: IceCredentials) -> None:
        serial = self._running.open_leg(ice.ufrag, ice.password)
        self._serials[leg] = serial
        self._legs[serial] = leg

    def restart(self, leg: LegId, ice: IceCredentials) -> None:
        self._running.restart(self._serial(leg), ice.ufrag, ice.password)

    def set_keys(self, leg: LegId, keys: SrtpKeys) -> None:
        self._running.set_keys(self._serial(leg), keys.profile.value, keys.ingress, keys.egress)

    def set_plan(self, leg: LegId, plan: LegPlan) -> None:
        self._running.set_plan(
            self._serial(leg), plan.tracks, plan.cname, plan.mid_extension, plan.transport_cc_extension
        )

    def link(self, a: LegId, b: LegId) -> None:
        try:
            self._running.link(self._serial(a), self._serial(b))
        except ValueError as error:
            why, serial = error.args
            raise ValueError(f"Leg {self._legs[serial]} {why}.") from None

    def unlink(self, leg: LegId) -> None:
        self._running.unlink(self._serial(leg))

    def send_dtls(self, leg: LegId, datagram: bytes) -> None:
        self._running.send_dtls(self._serial(leg), datagram)

    def close_leg(self, leg: LegId) -> None:
        serial = self._serial(leg)
        del self._serials[leg], self._legs[serial]
        self._running.close_leg(serial)

    def counters(self, leg: LegId) -> LegCounters:
        ingress, egress, (packets, octets, lost), drops = self._running.counters(self._serial(leg))
        return LegCounters(
            ingress=tuple(_stream(*stream) for stream in ingress),
            egress=tuple(_stream(*stream) for stream in egress),
            link_packets=packets,
            link_bytes=octets,
            link_lost=lost,
            drops=drops,
        )

    def totals(self) -> EngineCounters:
        if self._engine is None:
            return self._final
        (packets_in, packets_out, bytes_in, bytes_out), drops = self._engine.totals()
        return EngineCounters(packets_in, packets_out, bytes_in, bytes_out, drops)

    def latency(self) -> list[tuple[int | None, int]]:
        """Packets by the time they stayed in the relay: upper bounds in microseconds, and counts."""
        return self._running.latency()

    def faults(self) -> tuple[int, int]:
        """Rounds of workers that ended in a panic, and events dropped for want of a reader."""
        return self._running.faults()

    @property
    def _running(self) -> burrow_native.Engine:
        if self._engine is None:
            raise RuntimeError("The engine is not running.")
        return self._engine

    def _serial(self, leg: LegId) -> int:
        serial = self._serials.get(leg)
        if serial is None:
            raise UnknownLeg(f"No leg {leg} is open.")
        return serial

    def _on_events(self) -> None:
        for serial, name, detail in self._running.take_events():
            leg = self._legs.get(serial)
            # A leg that was closed meanwhile has nobody to tell.
            if leg is not None:
                self._sink(_event(leg, name, detail))
            if self._engine is None:
                return


def _event(leg: LegId, name: str, detail: object) -> EngineEvent:
    match name:
        case "dtls_received":
            return DtlsReceived(leg, cast(bytes, detail))
        case "path_selected":
            transport, host, port = cast(tuple[Transport, str, int], detail)
            return PathSelected(leg, transport, Address(host, port))
        case "first_forwarded":
            return FirstForwarded(leg, cast(Kind, detail))
        case "path_interrupted":
            return PathInterrupted(leg)
        case "path_resumed":
            return PathResumed(leg)
        case "path_lost":
            return PathLost(leg)
    raise AssertionError(f"The native engine told {name!r}, which is no event.")


def _stream(
    kind: str,
    packets: int,
    octets: int,
    lost: int,
    jitter_ms: float,
    retransmissions: int,
    keyframe_requests: int,
    last_packet_at: float | None,
) -> StreamCounters:
    return StreamCounters(
        kind=cast(Kind, kind),
        packets=packets,
        bytes=octets,
        lost=lost,
        jitter_ms=jitter_ms,
        retransmissions=retransmissions,
        keyframe_requests=keyframe_requests,
        last_packet_at=last_packet_at,
    )
