"""Matches and their two seats: carries out what the match coordinator decides, and keeps the record."""

from __future__ import annotations

from collections.abc import Callable

from relay import door
from relay.door import LinkId
from signaling.core.effects import RecordEnded, RecordStarted
from signaling.core.floor import Floor
from signaling.core.leg import Leg
from signaling.core.match import Match
from signaling.core.match_states import Finish, Link, Note, OpenAfresh, Step, Tell, Unlink
from signaling.core.matchmaker import Wish
from signaling.core.record import MatchStarted
from signaling.core.route import RoutePolicy, spare_relay
from signaling.core.seat import Lobby, PastMatch, Seat, Talking
from signaling.core.sentences import end_sentence, route_sentence
from signaling.core.side import Side
from signaling.messages import (
    By,
    DirectState,
    Ended,
    EndReason,
    FailedStep,
    Idle,
    Matched,
    Quality,
    Role,
    Route,
    Stranger,
    StrangerMedia,
)

LinkEvent = door.LinkUp | door.LinkFlowing | door.LinkDown


class Matches:
    """``open_leg`` opens a seat's leg, ``rest_leg`` hears that nothing uses it now, ``parted`` of every two
    whose match is over."""

    def __init__(
        self,
        floor: Floor,
        policy: RoutePolicy,
        open_leg: Callable[[Seat], None],
        rest_leg: Callable[[Seat, float], None],
        parted: Callable[[str, str, float], None],
    ) -> None:
        self._floor = floor
        self._policy = policy
        self._open_leg = open_leg
        self._rest_leg = rest_leg
        self._parted = parted
        self._live: dict[str, Match] = {}
        self._settling: dict[str, Match] = {}
        self._match_of: dict[LinkId, Match] = {}

    def __len__(self) -> int:
        return len(self._live)

    @property
    def unsettled(self) -> int:
        """Matches that are over and whose record waits for the relay's last counts."""
        return len(self._settling)

    def of(self, seat: Seat) -> tuple[Match, Side] | None:
        return self.at(seat.state) if isinstance(seat.state, Talking) else None

    def at(self, state: Talking) -> tuple[Match, Side]:
        return self._live[state.match], state.side

    def seat_at(self, match: Match, side: Side) -> Seat:
        return self._floor.seats[match.users[side]]

    def find(self, match_id: str) -> Match | None:
        """The match of this id while it goes on."""
        return self._live.get(match_id)

    def all(self) -> tuple[Match, ...]:
        return tuple(self._live.values())

    # --- begin and end --------------------------------------------------------------------------

    def meet(self, a: Seat, b: Seat, wishes: tuple[Wish, Wish], now: float) -> None:
        record = MatchStarted(self._floor.new_id(), a.user, b.user, now + self._floor.unix_offset)
        plan = self._policy(a.outlook(wishes[0]), b.outlook(wishes[1]))
        if self._floor.spares_relay:
            plan = spare_relay(plan, self._floor.rules.spared_relay_after_seconds)
        match = Match(record, wishes, plan, self._floor.rules, now, (a.network, b.network))
        self._live[match.id] = match
        self._floor.tallies.matches += 1
        for side, seat, stranger in ((Side.A, a, b), (Side.B, b, a)):
            seat.state = Talking(match.id, side, wishes[side])
            known = Stranger(name=stranger.identity.name, interests=wishes[side.other].interests)
            self._floor.tell(seat, Matched(match=match.id, stranger=known))
            if (media := stranger.media) is not None:
                shown = StrangerMedia(match=match.id, camera=media.camera, microphone=media.microphone)
                self._floor.tell(seat, shown)
        for side, seat in ((Side.A, a), (Side.B, b)):
            match.chronicle.course.leg(side, seat.leg, now)
        steps = match.begin((a.leg, b.leg), now)
        self._floor.effect(RecordStarted(match.record))
        self._carry_out(match, steps, now)

    def end(self, match: Match, reason: EndReason, by: Side | None, now: float) -> None:
        """Both are told ``ended`` and are in the lobby after it. ``idle`` follows, except for the one who
        goes on elsewhere at once: to the queue (``next``), to another client, or away."""
        self._carry_out(match, match.end(reason, by, now), now)

    def abandon(self) -> None:
        """Hand over the records that still wait for counts, with what has been counted."""
        for match in tuple(self._settling.values()):
            self._record(match)

    # --- what happens to a match ------------------------------------------------------------------

    def leg_changed(self, seat: Seat, leg: Leg, now: float) -> None:
        if here := self.of(seat):
            here[0].chronicle.course.leg(here[1], leg, now)
            self._carry_out(here[0], here[0].leg(here[1], leg, now), now)

    def leg_closed(self, seat: Seat, reason: str, now: float) -> None:
        if here := self.of(seat):
            here[0].chronicle.course.leg_gone("leg_closed", here[1], now, reason)
            self._carry_out(here[0], here[0].leg_closed(here[1], reason, now), now)

    def leg_refused(self, seat: Seat, code: str, now: float) -> None:
        if here := self.of(seat):
            here[0].chronicle.course.leg_gone("leg_refused", here[1], now, code)
            self._carry_out(here[0], here[0].leg_refused(code, now), now)

    def leg_replaced(self, seat: Seat, now: float) -> None:
        if here := self.of(seat):
            here[0].chronicle.course.leg_gone("leg_replaced", here[1], now)
            self._carry_out(here[0], here[0].leg_replaced(here[1], now), now)

    def away(self, seat: Seat, away: bool, now: float) -> None:
        if here := self.of(seat):
            here[0].chronicle.course.note("socket_lost" if away else "socket_back", here[1], now)
            self._carry_out(here[0], here[0].away(here[1], away, now), now)

    def direct_state(self, match: Match, side: Side, message: DirectState, now: float) -> None:
        self._carry_out(match, match.direct_state(side, message, now), now)

    def media_flowing(self, match: Match, side: Side, now: float) -> None:
        self._carry_out(match, match.media_flowing(side, now), now)

    def quality(self, seat: Seat, message: Quality, now: float) -> None:
        """A word about another match is a late one, and dropped."""
        here = self.of(seat)
        if here is None or here[0].id != message.match:
            self._floor.tallies.stale += 1
            return
        here[0].chronicle.course.judged(here[1], message, now)

    def on_event(self, event: LinkEvent, now: float) -> None:
        """Words about a link of a match that is recorded already are late ones, and ignored."""
        match = self._match_of.get(event.link)
        if match is None:
            return
        match event:
            case door.LinkUp(link):
                steps = match.link_up(link, now)
            case door.LinkFlowing(link, leg):
                steps = match.link_flowing(link, leg, now)
            case door.LinkDown(link, reason, a_to_b, b_to_a):
                del self._match_of[link]
                steps = match.link_down(link, reason, a_to_b, b_to_a, now)
        self._carry_out(match, steps, now)
        if match.settled and match.id in self._settling:
            self._record(match)

    def tick(self, match_id: str, now: float) -> None:
        """A live match's deadline has passed."""
        match = self._live.get(match_id)
        if match is not None:
            self._carry_out(match, match.tick(now), now)

    def settle(self, match_id: str) -> None:
        """The relay's last counts have not come in time."""
        match = self._settling.get(match_id)
        if match is not None:
            self._record(match)

    # --- inside -----------------------------------------------------------------------------------

    def _carry_out(self, match: Match, steps: list[Step], now: float) -> None:
        for step in steps:
            match step:
                case Tell():
                    self._tell_route(match, step)
                case Link(link, a, b):
                    self._match_of[link] = match
                    self._floor.ask(door.LinkLegs(link, a, b))
                case Unlink(link):
                    self._floor.ask(door.UnlinkLegs(link))
                case OpenAfresh(side):
                    self._open_leg(self.seat_at(match, side))
                case Note(trouble):
                    self._floor.tallies.troubles[trouble.step, trouble.route] += 1
                case Finish(reason, by, failed_at):
                    self._finish(match, reason, by, failed_at, now)
        if (connected := match.chronicle.take_connect()) is not None:
            route, seconds = connected
            self._floor.tallies.connect_seconds[route].observe(seconds)
        if match.id in self._live:
            self._note_deadline(match)

    def _note_deadline(self, match: Match) -> None:
        at = match.next_deadline()
        if at is None:
            self._floor.deadlines.clear(("match", match.id, 0))
        else:
            self._floor.deadlines.set(("match", match.id, 0), at)

    def _tell_route(self, match: Match, tell: Tell) -> None:
        self._floor.tallies.routes[tell.route, tell.state, tell.reason or ""] += 1
        for side in Side:
            seat = self.seat_at(match, side)
            about: By | None = None if tell.side is None else ("you" if tell.side is side else "stranger")
            reason = tell.reason
            if reason is None and about is not None:
                reason = "your_connection" if about == "you" else "stranger_connection"
            leg = seat.leg if tell.route == "relay" else None
            role: Role | None = None
            if tell.route == "direct" and tell.state == "trying":
                role = "impolite" if side is Side.A else "polite"
            self._floor.tell(
                seat,
                Route(
                    match=match.id,
                    attempt=tell.attempt,
                    state=tell.state,
                    route=tell.route,
                    leg=None if leg is None else leg.id,
                    reason=reason,
                    message=None if reason is None else route_sentence(reason, about),
                    role=role,
                ),
            )

    def _finish(
        self, match: Match, reason: EndReason, by: Side | None, failed_at: FailedStep | None, now: float
    ) -> None:
        self._floor.tallies.over(match.carried_by, reason)
        del self._live[match.id]
        self._floor.deadlines.clear(("match", match.id, 0))
        for side in Side:
            self._floor.deadlines.clear(("typing", match.id, side))
            seat = self.seat_at(match, side)
            told: By = "service" if by is None else ("you" if by is side else "stranger")
            shown: EndReason = "left" if reason == "blocked" and told == "stranger" else reason
            self._floor.tell(
                seat,
                Ended(
                    match=match.id,
                    reason=shown,
                    by=told,
                    message=end_sentence(shown, told, failed_at),
                    step=failed_at,
                ),
            )
            seat.state = Lobby()
            self._rest_leg(seat, now)
            seat.last_match = PastMatch(match.id, match.users[side.other])
            if not (told == "you" and reason in ("next", "lost", "replaced")):
                self._floor.tell(seat, Idle())
        self._parted(match.users[0], match.users[1], now)
        self._settling[match.id] = match
        if match.settled:
            self._record(match)
        else:
            self._floor.deadlines.set(("settle", match.id, 0), now + self._floor.rules.settle_seconds)

    def _record(self, match: Match) -> None:
        del self._settling[match.id]
        self._floor.deadlines.clear(("settle", match.id, 0))
        for link in match.uncounted():
            self._match_of.pop(link, None)
        self._floor.effect(RecordEnded(match.ended_record(self._floor.unix_offset)))
