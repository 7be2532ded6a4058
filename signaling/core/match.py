"""The match coordinator: one match's life on its two routes, as a state machine that asks and tells.

It owns the decision which route carries the match (docs/protocol.md section 3.2). Both routes report to it:
the relay through its legs and links, the direct route through what the two clients say of their ends. After
everything that happens, :meth:`_settle` looks at both and does what follows, so that the order in which facts
arrive does not matter. A route is taken away only when the other one carries.
"""

from __future__ import annotations

from collections.abc import Sequence

from relay.door import DirectionTotals, LegId, LinkId
from signaling.core.chronicle import Chronicle
from signaling.core.conversation import Voice
from signaling.core.direct_route import DirectRoute
from signaling.core.leg import Leg
from signaling.core.match_states import (
    Attempting,
    Carries,
    Failed,
    Finish,
    Lost,
    Note,
    Off,
    Over,
    RelayStep,
    Silent,
    Step,
    Tell,
    Up,
)
from signaling.core.matchmaker import Wish
from signaling.core.network import UNKNOWN
from signaling.core.record import MatchEnded, MatchStarted
from signaling.core.relay_route import RelayRoute
from signaling.core.route import RoutePlan
from signaling.core.rules import Rules
from signaling.core.side import Side
from signaling.core.trouble import step_of_direct, step_of_leg
from signaling.messages import DirectState, EndReason, FailedStep, Network, RouteName


class Match:
    """Two users by side, and their routes. Times in seconds."""

    def __init__(
        self,
        record: MatchStarted,
        wishes: tuple[Wish, Wish],
        plan: RoutePlan,
        rules: Rules,
        now: float,
        networks: tuple[Network, Network] = (UNKNOWN, UNKNOWN),
    ) -> None:
        self.record = record
        self.id = record.match_id
        self.users = (record.user_a, record.user_b)
        self.wishes = wishes
        self.plan = plan
        self.voices = (Voice(), Voice())
        self.chronicle = Chronicle(record, now)
        self.over: Over | None = None
        self.active: RouteName | None = None
        """The route that carries the match; ``None`` while there is none."""
        self.carried_by: RouteName | None = None
        """The route that carries it or did last."""
        self.relay = RelayRoute(self.id, self._next_attempt, rules)
        self.direct = DirectRoute((wishes[0].hide_address, wishes[1].hide_address), rules)
        self._rules = rules
        self._networks = networks
        self._now = now
        self._hold_until = now
        self._attempts = 0
        self._direct_told: str | None = None
        """The last state of the direct attempt that both were told; ``None``: they hold no connection."""
        self._direct_noted = 0
        self._retry_at = 0.0
        self._relay_failure: tuple[EndReason, Side | None, FailedStep] | None = None

    # --- life ---------------------------------------------------------------------------------

    def begin(self, legs: tuple[Leg | None, Leg | None], now: float) -> list[Step]:
        """The first call. Legs that are missing are opened unless the plan spares the relay: it must be ready
        when it is needed."""
        self.relay.legs = list(legs)
        if not self.plan.direct:
            return self._after(self.relay.start(self.plan.reason, self.plan.side, now), now)
        self._hold_until = now + self.plan.relay_after_seconds
        attempt = self._try_direct(now)
        missing = self.relay.open_missing() if self.plan.warm else []
        return [*attempt, *self._after(missing, now)]

    def end(
        self, reason: EndReason, by: Side | None, now: float, step: FailedStep | None = None
    ) -> list[Step]:
        """Ends the match from any state; nothing when it is over already."""
        if self.over is not None:
            return []
        self.over = Over(reason, by, now)
        self.direct.stop()
        return [*self._follow(self.relay.end(), now), Finish(reason, by, step)]

    def away(self, side: Side, away: bool, now: float) -> list[Step]:
        """The side lost, or got back, its socket."""
        return self._after(self.relay.away(side, away, now), now)

    def next_deadline(self) -> float | None:
        if self.over is not None:
            return None
        direct, due = self.direct, [self.relay.next_deadline(), self.direct.over_at()]
        if isinstance(direct.phase, Up):
            # These may have passed and still wait for something else: then there is nothing to tick for.
            later = [direct.stable_at()]
            if self.active is None:
                later.append(direct.phase.since + self._rules.no_media_seconds)
            due += [at for at in later if at is not None and at > self._now]
        elif isinstance(direct.phase, Attempting):
            if self._relay_may_start():
                due.append(self._hold_until)
        elif self._may_retry():
            due.append(self._retry_at)
        return min((at for at in due if at is not None), default=None)

    def tick(self, now: float) -> list[Step]:
        """Call when :meth:`next_deadline` has passed."""
        if self.over is not None:
            return []
        steps: list[Step] = []
        over_at = self.direct.over_at()
        if over_at is not None and now >= over_at:
            steps += self._direct_over(now)
        return [*steps, *self._after(self.relay.tick(now), now)]

    # --- the direct route's facts -----------------------------------------------------------------

    def concerns(self, match: str, attempt: int) -> bool:
        """Whether a client's word about a direct attempt is about the one under way."""
        return self.over is None and match == self.id and self.direct.is_about(attempt)

    def direct_state(self, side: Side, message: DirectState, now: float) -> list[Step]:
        """An end of the attempt under way says how it is."""
        before = self.direct.phase
        self.direct.reports(side, message, now)
        steps: list[Step] = []
        if isinstance(self.direct.phase, Off):
            self._retry_at = now + self._rules.direct_retry_seconds
            if isinstance(before, Attempting):
                steps += self._note_direct(now, side if message.step == "dtls" else None, message.step)
        return [*steps, *self._after([], now)]

    def media_flowing(self, side: Side, now: float) -> list[Step]:
        """The stranger's media plays at this side, by the attempt under way."""
        self.direct.flows_to(side)
        return self._after([], now)

    # --- what becomes of the legs and the link -----------------------------------------------------

    def leg(self, side: Side, leg: Leg, now: float) -> list[Step]:
        return [] if self.over else self._after(self.relay.leg(side, leg, now), now)

    def leg_closed(self, side: Side, reason: str, now: float) -> list[Step]:
        if self.over:
            return []
        steps: list[Step] = []
        if self.relay.wanted and reason != "relay_stopping":
            steps += self._note(step_of_leg(reason, self._networks[side]), side, "relay", now)
        return [*steps, *self._after(self.relay.leg_closed(side, reason, now), now)]

    def leg_replaced(self, side: Side, now: float) -> list[Step]:
        """The user says that the leg is dead, and a fresh one is under way."""
        return [] if self.over else self._after(self.relay.leg_replaced(side, now), now)

    def leg_refused(self, code: str, now: float) -> list[Step]:
        return [] if self.over else self._after(self.relay.leg_refused(code), now)

    def link_up(self, link: LinkId, now: float) -> list[Step]:
        return [] if self.over else self._after(self.relay.link_up(link, now), now)

    def link_flowing(self, link: LinkId, leg: LegId, now: float) -> list[Step]:
        return [] if self.over else self._after(self.relay.link_flowing(link, leg, now), now)

    def link_down(
        self, link: LinkId, reason: str, a_to_b: DirectionTotals, b_to_a: DirectionTotals, now: float
    ) -> list[Step]:
        """Counts are taken after the end too."""
        steps = self.relay.link_down(link, reason, a_to_b, b_to_a, now)
        return [] if self.over else self._after(steps, now)

    # --- record -------------------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Over, and every link's counts have come."""
        return self.over is not None and not self.relay.uncounted()

    def uncounted(self) -> tuple[LinkId, ...]:
        """Links whose counts have not come."""
        return self.relay.uncounted()

    def ended_record(self, unix_offset: float) -> MatchEnded:
        """With what has been counted so far. Raises ``RuntimeError`` while the match goes on."""
        over = self.over
        if over is None:
            raise RuntimeError("the match is not over")
        return self.chronicle.ended(over, self.relay, self.direct, unix_offset)

    # --- decisions ----------------------------------------------------------------------------------

    def _after(self, relay_steps: Sequence[RelayStep], now: float) -> list[Step]:
        """What the relay's route wants, and what follows from everything known now."""
        self._now = now
        steps = self._follow(relay_steps, now)
        return steps if self.over else [*steps, *self._settle(now)]

    def _settle(self, now: float) -> list[Step]:
        steps = self._look_at_direct(now)
        if self.active is None and self.direct.may_carry(now, alone=self._relay_failure is not None):
            steps += self._go_direct(None if self.direct.flowing_somewhere else "no_media", now)
        elif self.active == "relay" and self._direct_is_better(now):
            steps += self._go_direct("direct_stable", now)
        elif self._relay_may_start() and (due := self._relay_due(now)) is not None:
            steps += due
        if self.over is None:
            steps += self._close_direct(now)
        if self.over is None and self._may_retry() and now >= self._retry_at:
            steps += self._try_direct(now)
        if self._relay_failure is not None and self.active is None and not self.direct.hopeful:
            reason, side, step = self._relay_failure
            steps += self.end(reason, side, now, step)
        return steps

    def _look_at_direct(self, now: float) -> list[Step]:
        """Tell both what has become of the direct attempt, as far as it matters to them."""
        up = isinstance(self.direct.phase, Up)
        if up and self._direct_told in ("trying", "interrupted"):
            return self._tell_direct("linked", None, now)
        if up or self.active == "relay" or self._direct_told not in ("linked", "connected"):
            return []
        self.active = None
        lost = self._note("ice_udp", None, "direct", now)
        return [*lost, *self._tell_direct("interrupted", "direct_lost", now)]

    def _direct_is_better(self, now: float) -> bool:
        """Whether to move from the relay: stable (or the relay is silent), and nobody loses a picture."""
        stable_at = self.direct.stable_at()
        if stable_at is None:
            return False
        if now < stable_at and not isinstance(self.relay.state, Silent):
            return False
        return all(self.direct.flowing(side) for side in Side if self.relay.received[side])

    def _go_direct(self, reason: str | None, now: float) -> list[Step]:
        self.active = "direct"
        self.direct.broken = False
        self._relay_failure = None
        self._connect("direct", now)
        told = self._tell_direct("connected", reason, now)
        return [*told, *self._follow(self.relay.stop("direct_connected"), now)]

    def _relay_may_start(self) -> bool:
        return self.active is None and not self.relay.wanted and self._relay_failure is None

    def _relay_due(self, now: float) -> list[Step] | None:
        """Start the relay if the direct route cannot be waited for."""
        steps: list[Step] = []
        reason: str | None
        if isinstance(self.direct.phase, Up) and not self.direct.broken:
            return None
        if self.direct.broken:
            reason = "direct_lost"
        elif isinstance(self.direct.phase, Off):
            reason = "direct_failed"
        elif now < self._hold_until:
            return None
        elif self.plan.relay_after_seconds > 0:
            reason = "direct_slow"
            steps += self._note_direct(now, None, None)
        else:
            reason = None
        return [*steps, *self._follow(self.relay.start(reason, None, now), now)]

    # --- the direct attempt ---------------------------------------------------------------------------

    def _try_direct(self, now: float) -> list[Step]:
        self.direct.start(self._next_attempt(), now)
        return self._tell_direct("trying", None, now)

    def _may_retry(self) -> bool:
        """A route that worked once may work again: from another network, or after an outage."""
        return (
            self.active == "relay"
            and isinstance(self.direct.phase, Off)
            and self.direct.was_up
            and self.direct.attempts < self._rules.direct_attempts
        )

    def _direct_over(self, now: float) -> list[Step]:
        noted = self._note_direct(now, None, None) if isinstance(self.direct.phase, Attempting) else []
        self.direct.stop()
        self._retry_at = now + self._rules.direct_retry_seconds
        return noted

    def _close_direct(self, now: float) -> list[Step]:
        """The users close an attempt that is over; one that showed a picture when another route has one."""
        if self._direct_told is None or self.direct.hopeful:
            return []
        if self._direct_told == "interrupted" and self.active is None:
            return []
        reason = "direct_lost" if self.direct.broken else "direct_failed"
        steps = self._tell_direct("unlinked", reason, now)
        self._direct_told = None
        return steps

    # --- words ------------------------------------------------------------------------------------------

    def _next_attempt(self) -> int:
        self._attempts += 1
        return self._attempts

    def _tell_direct(self, state: str, reason: str | None, now: float) -> list[Step]:
        self._direct_told = state
        # A parameter of a Tell's own type of state would make every caller repeat the list.
        tell = Tell("direct", state, self.direct.attempt, reason)  # type: ignore[arg-type]  # as above
        return self._told(tell, now)

    def _told(self, tell: Tell, now: float) -> list[Step]:
        self.chronicle.told(tell, now)
        return [tell]

    def _follow(self, relay_steps: Sequence[RelayStep], now: float) -> list[Step]:
        steps: list[Step] = []
        for step in relay_steps:
            match step:
                case Tell():
                    steps += self._told(step, now)
                case Carries(reason):
                    self.active = "relay"
                    self._connect("relay", now)
                    if reason == "no_media":
                        steps += self._note("media_silent", None, "relay", now)
                    steps += self._told(Tell("relay", "connected", self.relay.attempt, reason), now)
                case Lost():
                    self.active = None if self.active == "relay" else self.active
                case Failed(reason, side):
                    steps += self._relay_fails(reason, side, now)
                case _:
                    steps.append(step)
        return steps

    def _relay_fails(self, reason: EndReason, side: Side | None, now: float) -> list[Step]:
        """Without a direct route that is up or may come up, that ends the match."""
        step = step_of_leg(reason, UNKNOWN if side is None else self._networks[side])
        steps = self._note(step, side, "relay", now)
        if not self.direct.hopeful:
            return [*steps, *self.end(reason, side, now, step)]
        self.active = None if self.active == "relay" else self.active
        self._relay_failure = (reason, side, step)
        return [*steps, *self._follow(self.relay.stop("relay_failed"), now)]

    def _connect(self, route: RouteName, now: float) -> None:
        self.carried_by = route
        self.chronicle.connected(route, now)

    def _note(self, step: FailedStep, side: Side | None, route: RouteName, now: float) -> list[Step]:
        return [Note(self.chronicle.trouble(step, side, route, now))]

    def _note_direct(self, now: float, side: Side | None, said: str | None) -> list[Step]:
        """Once an attempt: at which step it is late or has failed, and whose network looks like it."""
        if self._direct_noted == self.direct.attempt:
            return []
        self._direct_noted = self.direct.attempt
        direct = self.direct.negotiation
        described = (direct.described(Side.A), direct.described(Side.B))
        step, whose = step_of_direct(said, side, described, self._networks)
        return self._note(step, whose, "direct", now)
