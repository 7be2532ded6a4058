"""One relay node: the shell behind the door. It owns the legs, their handshakes and the engine."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import structlog

from relay import door
from relay.addresses import own_addresses
from relay.bring_up import NotBroughtUp, Steps, bring_up
from relay.door import LegId
from relay.engine import interface as engine_interface
from relay.engine.choose import engine_config, engine_reason, make_engine
from relay.engine.interface import PacketEngine
from relay.errors import AnswerRejected
from relay.event_queue import EventQueue
from relay.fresh_leg import FreshLegs, new_credentials
from relay.leg import Leg, LegState
from relay.links import Links
from relay.node_load import NodeLoad
from relay.sdp.answer import Answer, read_answer
from relay.self_test import SelfTest
from relay.settings import RelaySettings
from relay.snapshot import BitRate, snapshot_leg
from relay.totals import Totals

TICK_SECONDS = 1.0

log = structlog.get_logger("relay")


class RelayNode:
    """:class:`relay.door.Relay` in this process."""

    def __init__(self, settings: RelaySettings, with_loopback: bool = True) -> None:
        """``with_loopback``: announce loopback too when no addresses are configured.

        Raises :class:`relay.engine.choose.EngineMissingError`.
        """
        self._settings = settings
        self._addresses = settings.addresses or own_addresses(with_loopback)
        self._engine: PacketEngine = make_engine(
            settings.engine, engine_config(settings, self._addresses), settings.native
        )
        self._events = EventQueue()
        self._legs: dict[LegId, Leg] = {}
        self._links = Links(self._engine, self._say, self._offer)
        self._fresh = FreshLegs(settings.certificate_days)
        self._handshakes: dict[LegId, asyncio.Task[None]] = {}
        self._steps: dict[LegId, Steps] = {}
        self._finishing: dict[LegId, Leg] = {}
        """Closed legs whose last DTLS record has not left yet; their ids are still the engine's."""
        self._closings: set[asyncio.Task[None]] = set()
        self._bit_rate = BitRate()
        self._load = NodeLoad(settings, self._engine.name)
        self._totals = Totals()
        self._probes: dict[LegId, Callable[[door.Event], None]] = {}
        self._self_test = SelfTest(self)
        self._told_level: door.LoadLevel = "normal"
        self._tick: asyncio.TimerHandle | None = None
        self._open = False

    # --- the door -------------------------------------------------------------------------------

    @property
    def events(self) -> EventQueue:
        return self._events

    @property
    def engine_name(self) -> str:
        return self._engine.name

    @property
    def engine_reason(self) -> str:
        """Why it is this engine, in a sentence for operators."""
        return engine_reason(self._settings.engine)

    @property
    def bound(self) -> tuple[engine_interface.Address, ...]:
        """The announced addresses with their port."""
        return self._engine.bound

    @property
    def bound_tcp(self) -> tuple[engine_interface.Address, ...]:
        """The passive TCP candidates; empty where the engine or the configuration has none."""
        engine = self._engine
        return engine.bound_tcp if isinstance(engine, engine_interface.MoreListeners) else ()

    @property
    def bound_stun(self) -> tuple[engine_interface.Address, ...]:
        """Where plain Binding requests are answered besides :attr:`bound`: two answers of two ports tell a
        client whether its NAT maps by destination (RFC 4787 section 4.1)."""
        engine = self._engine
        return engine.bound_stun if isinstance(engine, engine_interface.MoreListeners) else ()

    async def start(self) -> None:
        await self._engine.start(self._on_engine_event)
        self._open = True
        self._load.start()
        if self._settings.self_test:
            self._self_test.start()
        self._tick = asyncio.get_running_loop().call_later(TICK_SECONDS, self._on_tick)

    async def close(self) -> None:
        await self._self_test.stop()
        self._open = False
        self._load.stop()
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        for leg in list(self._legs.values()):
            self._close(leg, "relay_stopping")
        pending = {*self._handshakes.values(), *self._closings}
        if pending:
            await asyncio.wait(pending)
        await self._engine.close()

    def ask(self, request: door.Request) -> None:
        if not self._open:
            raise RuntimeError("The relay is not running.")
        match request:
            case door.OpenLeg(leg):
                self._open_leg(leg)
            case door.AnswerLeg(leg, sdp):
                self._answer(leg, sdp)
            case door.RestartLeg(leg):
                self._restart(leg)
            case door.LinkLegs(link, a, b):
                self._links.link(link, self._legs.get(a), self._legs.get(b))
            case door.UnlinkLegs(link):
                self._links.unlink(link, "asked")
            case door.CloseLeg(leg_id):
                leg_found = self._legs.get(leg_id)
                if leg_found is not None:
                    self._close(leg_found, "asked")

    def snapshot(self) -> door.RelaySnapshot:
        totals = self._engine.totals()
        legs = tuple(
            snapshot_leg(leg, self._links.peer_of(leg), self._engine)
            for leg in self._legs.values()
            if leg.id not in self._probes
        )
        return door.RelaySnapshot(
            engine=self._engine.name,
            legs=legs,
            links=len(self._links),
            packets_in=totals.packets_in,
            packets_out=totals.packets_out,
            bytes_in=totals.bytes_in,
            bytes_out=totals.bytes_out,
            egress_bps=self._bit_rate.bps,
            drops=totals.drops,
        )

    def totals(self) -> door.RelayTotals:
        legs = (*self._legs.values(), *self._finishing.values())
        live = ((self._engine.counters(leg.id), leg.dtls_dropped) for leg in legs)
        return self._totals.snapshot(live, self._engine, self._load.lag)

    def load(self) -> door.LoadReading:
        return self._load.reading(time.monotonic())

    def limits(self) -> door.NodeLimits:
        return self._load.meter.limits

    def set_limits(self, limits: door.NodeLimits) -> None:
        problem = limits.problem()
        if problem is not None:
            raise ValueError(problem)
        self._load.meter.set_limits(limits, time.monotonic())
        self._tell_level()

    def self_test(self) -> door.SelfTestReport | None:
        return self._self_test.report

    # --- the node's own legs ----------------------------------------------------------------------

    def probe(self, leg: LegId, sink: Callable[[door.Event], None]) -> None:
        """Open a leg for the self-test: it has no limit, counts nowhere, and its events go to ``sink``."""
        self._probes[leg] = sink
        self._open_leg(leg)

    def _log(self, leg: Leg, event: str, **words: object) -> None:
        """The self-test's legs come and go every minute and are nobody's."""
        level = logging.DEBUG if leg.id in self._probes else logging.INFO
        log.log(level, event, leg=leg.id, **words)

    def _say(self, event: door.Event) -> None:
        sink = self._probes.get(event.leg) if hasattr(event, "leg") else None
        if sink is None:
            self._events.put(event)
            return
        sink(event)
        if isinstance(event, door.LegClosed):
            del self._probes[event.leg]

    # --- legs -----------------------------------------------------------------------------------

    def _open_leg(self, leg_id: LegId) -> None:
        refusal = self._refusal(leg_id)
        if refusal is not None:
            self._totals.refused(refusal[0])
            log.info("leg_refused", leg=leg_id, code=refusal[0])
            self._say(door.LegRefused(leg_id, *refusal))
            return
        ice = new_credentials()
        self._engine.open_leg(leg_id, ice)
        leg = self._fresh.make(leg_id, ice, lambda datagram: self._engine.send_dtls(leg_id, datagram))
        self._legs[leg_id] = leg
        if leg_id not in self._probes:
            self._totals.opened()
            self._load.meter.opened(leg.offered_at)
            self._tell_level()
        steps = self._steps[leg_id] = Steps()
        self._handshakes[leg_id] = asyncio.create_task(self._bring_up(leg, steps), name=f"leg {leg_id}")
        self._offer(leg)

    def _offer(self, leg: Leg) -> None:
        self._say(door.LegOffered(leg.id, leg.offer(self._engine.bound, self.bound_tcp)))

    def _refusal(self, leg_id: LegId) -> tuple[str, str] | None:
        if leg_id in self._legs or leg_id in self._finishing:
            return "leg_exists", f"There is a connection {leg_id} already."
        if leg_id in self._probes:
            return None
        return self._load.refusal(self._taken, self._bit_rate.bps)

    @property
    def _taken(self) -> int:
        """Legs that are open for users."""
        return len(self._legs) - len(self._probes.keys() & self._legs.keys())

    def _answer(self, leg_id: LegId, sdp: str) -> None:
        leg = self._legs.get(leg_id)
        if leg is None:
            self._say(door.AnswerRefused(leg_id, "unknown_leg", "This connection is not open any more."))
            return
        try:
            answer = read_answer(sdp, leg.ssrcs, leg.cname)
        except AnswerRejected as error:
            log.info("answer_refused", leg=leg_id, code=error.code)
            self._say(door.AnswerRefused(leg_id, error.code, str(error)))
            return
        before = leg.answer
        refusal = _change_refused(before, answer) if before is not None else None
        if refusal is not None:
            self._say(door.AnswerRefused(leg_id, *refusal))
            return
        leg.answer = answer
        if before is None or answer.plan != before.plan:
            self._engine.set_plan(leg_id, answer.plan)
        if before is None:
            leg.capable = answer.codecs
            leg.state = LegState.CONNECTING
            self._steps[leg_id].answered.set()

    def _restart(self, leg_id: LegId) -> None:
        leg = self._legs.get(leg_id)
        if leg is None:
            return
        if leg.answer is not None:
            ice = new_credentials()
            self._engine.restart(leg_id, ice)
            leg.restart(ice)
            log.info("leg_restarted", leg=leg_id)
        self._offer(leg)

    async def _bring_up(self, leg: Leg, steps: Steps) -> None:
        """From the offer to the keys, or to the reason why not."""
        leg.dtls.on_closed(lambda: self._close(leg, "closed_by_browser"))
        try:
            keys = await bring_up(leg, steps, self._settings.connect_timeout_ms / 1000)
        except NotBroughtUp as error:
            self._close(leg, error.code)
            return
        self._engine.set_keys(leg.id, keys)
        leg.srtp_profile = keys.profile.value
        leg.state = LegState.CONNECTED
        self._handshakes.pop(leg.id, None)
        assert leg.transport is not None
        elapsed_ms = (time.monotonic() - leg.offered_at) * 1000
        self._log(leg, "leg_connected", transport=leg.transport, connect_ms=round(elapsed_ms, 1))
        if leg.id not in self._probes:
            self._totals.connected(leg.transport, elapsed_ms / 1000)
        self._say(door.LegConnected(leg.id, leg.transport, leg.srtp_profile, elapsed_ms))
        if steps.interrupted:
            leg.state = LegState.INTERRUPTED
            self._say(door.LegInterrupted(leg.id))

    def _close(self, leg: Leg, reason: str) -> None:
        """The one place where a leg ends."""
        if leg.state is LegState.CLOSED:
            return
        if leg.link is not None:
            self._links.unlink(leg.link, "leg_closed")
        leg.state = LegState.CLOSED
        del self._legs[leg.id]
        del self._steps[leg.id]
        self._fresh.gone(leg)
        handshake = self._handshakes.pop(leg.id, None)
        if handshake is not None and handshake is not asyncio.current_task():
            handshake.cancel()
        self._finishing[leg.id] = leg
        if leg.id not in self._probes:
            self._totals.ended(reason)
        closing = asyncio.create_task(self._finish(leg, handshake), name=f"closing leg {leg.id}")
        self._closings.add(closing)
        closing.add_done_callback(self._closings.discard)
        self._log(leg, "leg_closed", reason=reason, drops=self._engine.counters(leg.id).drops)
        self._say(door.LegClosed(leg.id, reason))

    async def _finish(self, leg: Leg, handshake: asyncio.Task[None] | None) -> None:
        if handshake is not None:
            await asyncio.wait([handshake])
        # close_notify goes through the engine, so its leg is closed after it.
        await leg.dtls.close()
        self._totals.gone(self._engine.counters(leg.id), leg.dtls_dropped)
        self._engine.close_leg(leg.id)
        del self._finishing[leg.id]

    # --- what the engine says ---------------------------------------------------------------------

    def _on_engine_event(self, event: engine_interface.EngineEvent) -> None:
        leg = self._legs.get(event.leg)
        if leg is None:
            return  # closed in the meantime
        match event:
            case engine_interface.DtlsReceived():
                if not leg.dtls.feed(event.datagram):
                    leg.dtls_dropped += 1
                self._steps[leg.id].reached.set()
            case engine_interface.PathSelected():
                # Later ones as debug: a client may move as often as it likes.
                first = leg.transport is None
                leg.transport = event.transport
                if first:
                    self._log(leg, "leg_path", transport=event.transport, remote=event.remote.host)
                else:
                    log.debug("leg_moved", leg=leg.id, transport=event.transport, remote=event.remote.host)
                self._steps[leg.id].reached.set()
                self._steps[leg.id].selected.set()
            case engine_interface.PathInterrupted():
                self._steps[leg.id].interrupted = True
                if leg.state is LegState.CONNECTED:
                    leg.state = LegState.INTERRUPTED
                    self._say(door.LegInterrupted(leg.id))
            case engine_interface.PathResumed():
                self._steps[leg.id].interrupted = False
                if leg.state is LegState.INTERRUPTED:
                    leg.state = LegState.CONNECTED
                    self._say(door.LegResumed(leg.id))
            case engine_interface.PathLost():
                self._close(leg, "consent_lost" if leg.srtp_profile else "ice_failed")
            case engine_interface.FirstForwarded():
                if leg.link is not None:
                    self._say(door.LinkFlowing(leg.link, leg.id, event.kind))

    def _on_tick(self) -> None:
        self._tick = asyncio.get_running_loop().call_later(TICK_SECONDS, self._on_tick)
        totals, now = self._engine.totals(), time.monotonic()
        self._bit_rate.measure(totals.bytes_out, now)
        self._load.sample(totals, self._taken, now)
        self._tell_level()

    def _tell_level(self) -> None:
        level = self._load.meter.level
        if level != self._told_level:
            log.warning("load_level", level=level, before=self._told_level, **_numbers(self.load()))
            self._told_level = level
            self._say(door.LoadChanged(level))


def _numbers(load: door.LoadReading) -> dict[str, float]:
    shares = {f"{name}_share": round(share, 2) for name, share in load.shares.items()}
    return {"stress": round(load.stress, 2), "legs": load.legs, **shares}


def _change_refused(before: Answer, answer: Answer) -> tuple[str, str] | None:
    """Why a leg's later answer cannot take the place of the one before, if it cannot."""
    if answer.fingerprints != before.fingerprints:
        return "wrong_fingerprint", "A later answer must keep the certificate."
    if [track.mid for track in answer.plan.tracks] != [track.mid for track in before.plan.tracks]:
        return "wrong_sections", "A later answer must accept the sections that the first one did."
    return None
