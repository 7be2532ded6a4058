"""Legs belong to seats: opened at ``leg_open``, ``join`` or a match, kept from match to match."""

from __future__ import annotations

from collections.abc import Callable

from relay import door
from relay.door import LegId
from signaling.core.floor import Floor
from signaling.core.leg import Connected, Leg, LegNews, Opening, after, answered
from signaling.core.leg import Interrupted as InterruptedLeg
from signaling.core.matchmaker import Wish
from signaling.core.openings import Openings
from signaling.core.route import RoutePolicy, leg_before_match
from signaling.core.seat import Lobby, Seat, Talking, Waiting
from signaling.messages import LegAnswer, LegOffer, LegState, OpenLeg

RESTARTS_AT_ONCE = 3
"""A device that changes its network may do so twice in a moment."""

TOO_OFTEN = "You had connections to the relay opened too often. Wait some seconds and try again."

LegEvent = LegNews | door.LegClosed | door.LegRefused


class Legs:
    """The callbacks tell the match coordinator what became of a leg in its match."""

    def __init__(
        self,
        floor: Floor,
        policy: RoutePolicy,
        changed: Callable[[Seat, Leg, float], None],
        closed: Callable[[Seat, str, float], None],
        refused: Callable[[Seat, str, float], None],
        replaced: Callable[[Seat, float], None],
    ) -> None:
        self._floor = floor
        self._policy = policy
        self._replaced = replaced
        self._changed = changed
        self._closed = closed
        self._refused = refused
        self._seat_of: dict[LegId, Seat] = {}
        self._openings = Openings(floor.rules.leg_open_seconds)

    def __len__(self) -> int:
        return len(self._seat_of)

    def open(self, seat: Seat, now: float) -> None:
        """Ask for a leg unless the seat has one. It counts, but a match that needs it gets it always."""
        if seat.leg is None:
            leg = LegId(self._floor.new_id())
            seat.leg = Opening(leg)
            self._seat_of[leg] = seat
            self._openings.opened(seat.user, now)
            goes_on = isinstance(seat.state, Talking) and seat.leg_up_in == seat.state.match
            self._floor.ask(door.OpenLeg(leg, goes_on))

    def open_early(self, seat: Seat, wish: Wish, now: float) -> None:
        """Open the leg before there is a match, where the operator's rule and the relay's load say so, for a
        user who has not had too many."""
        if self._floor.spares_relay or not self._openings.may_open(seat.user, now):
            return
        if leg_before_match(self._floor.rules.legs, self._policy, seat.outlook(wish)):
            self.open(seat, now)

    def rest(self, seat: Seat, now: float) -> None:
        """The user is in the lobby: from now on the leg's idle time runs."""
        if seat.leg is not None:
            self._floor.deadlines.set(("leg", seat.user, 0), now + self._floor.rules.leg_idle_seconds)

    def idle_time_over(self, user: str) -> None:
        """Close a leg that is used for nothing. While its user waits or talks it is kept."""
        seat = self._floor.seats.get(user)
        if seat is None or seat.leg is None or not isinstance(seat.state, Lobby):
            return
        leg = seat.leg.id
        self.close(seat)
        self._floor.tell(
            seat, LegState(leg=leg, state="closed", code="idle", message=_closed_sentence("idle"))
        )

    def close(self, seat: Seat) -> None:
        """The seat ends or starts anew: the relay's later words about this leg reach nobody."""
        if seat.leg is not None:
            leg = seat.leg.id
            self._drop(seat)
            self._floor.ask(door.CloseLeg(leg))

    # --- from the user ------------------------------------------------------------------------

    def on_open(self, seat: Seat, message: OpenLeg, now: float) -> None:
        """A leg that has been up and is dead as its user sees it is replaced; a fresh one has to come up
        before it can be, so a user cannot have legs made faster than they can be answered. One whose user has
        another network is restarted. What asks for too much gets the offer that there is, or an error where
        that would be another leg."""
        leg = seat.leg
        replaces = isinstance(leg, Connected | InterruptedLeg) and leg.id == message.replace
        if (leg is None or replaces) and not self._openings.may_open(seat.user, now):
            self._floor.refuse(seat, "rate_limited", "leg_open", message.n, TOO_OFTEN)
            return
        if isinstance(leg, Connected | InterruptedLeg):
            if replaces:
                self.close(seat)
                self._replaced(seat, now)
            elif leg.id == message.restart and self._may_restart(seat, now):
                self._floor.ask(door.RestartLeg(leg.id))
                return
        if seat.leg is None:
            self.open(seat, now)
            if isinstance(seat.state, Lobby):
                self.rest(seat, now)
        elif not isinstance(seat.leg, Opening):
            self._offer(seat, seat.leg.id, seat.leg.sdp, now)

    def _may_restart(self, seat: Seat, now: float) -> bool:
        each = self._floor.rules.leg_restart_seconds
        if seat.restarts_until > now + (RESTARTS_AT_ONCE - 1) * each:
            return False
        seat.restarts_until = max(seat.restarts_until, now) + each
        return True

    def on_answer(self, seat: Seat, message: LegAnswer, now: float) -> None:
        leg = seat.leg
        if leg is None or isinstance(leg, Opening) or leg.id != message.leg:
            self._floor.refuse(seat, "unknown_leg", "leg_answer", message.n)
            return
        self._floor.ask(door.AnswerLeg(leg.id, message.sdp))
        self._become(seat, answered(leg), now)

    # --- from the relay -----------------------------------------------------------------------

    def on_event(self, event: LegEvent, now: float) -> None:
        """Words about a leg that is nobody's any more are late ones, and ignored."""
        seat = self._seat_of.get(event.leg)
        if seat is None or seat.leg is None:
            return
        match event:
            case door.LegClosed():
                self._on_closed(seat, event, now)
            case door.LegRefused():
                self._drop(seat)
                self._floor.tell(
                    seat, LegState(leg=event.leg, state="refused", code=event.code, message=event.message)
                )
                self._refused(seat, event.code, now)
            case _:
                self._on_news(seat, seat.leg, event, now)

    def _on_news(self, seat: Seat, leg: Leg, event: LegNews, now: float) -> None:
        new = after(leg, event)
        match event:
            case door.LegOffered():
                self._offer(seat, event.leg, event.sdp, now)
            case door.AnswerRefused():
                self._floor.tell(
                    seat, LegState(leg=event.leg, state="refused", code=event.code, message=event.message)
                )
            case _ if new is leg:
                return
            case _ if isinstance(new, Connected):
                self._floor.tell(seat, LegState(leg=new.id, state="connected", transport=new.transport))
            case _ if isinstance(new, InterruptedLeg):
                self._floor.tell(seat, LegState(leg=new.id, state="interrupted", transport=new.transport))
        self._become(seat, new, now)

    def _offer(self, seat: Seat, leg: LegId, sdp: str, now: float) -> None:
        access = self._floor.rules.turn
        turn = None if access is None else access.credentials(seat.user, now + self._floor.unix_offset)
        self._floor.tell(seat, LegOffer(leg=leg, sdp=sdp, turn=turn))

    def _on_closed(self, seat: Seat, event: door.LegClosed, now: float) -> None:
        self._drop(seat)
        self._floor.tell(
            seat,
            LegState(
                leg=event.leg, state="closed", code=event.reason, message=_closed_sentence(event.reason)
            ),
        )
        if isinstance(seat.state, Talking):
            self._closed(seat, event.reason, now)
        elif isinstance(seat.state, Waiting) and seat.reopen_leg and event.reason != "relay_stopping":
            seat.reopen_leg = False
            if not self._floor.spares_relay and self._openings.may_open(seat.user, now):
                self.open(seat, now)

    def _become(self, seat: Seat, leg: Leg, now: float) -> None:
        if leg is not seat.leg:
            seat.leg = leg
            self._changed(seat, leg, now)

    def _drop(self, seat: Seat) -> None:
        if seat.leg is not None:
            if isinstance(seat.state, Talking) and isinstance(seat.leg, Connected | InterruptedLeg):
                seat.leg_up_in = seat.state.match
            self._floor.deadlines.clear(("leg", seat.user, 0))
            del self._seat_of[seat.leg.id]
            seat.leg = None


def _closed_sentence(reason: str) -> str:
    return {
        "not_answered": "The relay's offer was not answered in time.",
        "ice_failed": "No connection from your network to the relay could be made.",
        "dtls_failed": "Your browser and the relay could not agree on keys.",
        "consent_lost": "Nothing was heard from your browser for too long.",
        "closed_by_browser": "Your browser closed the connection.",
        "relay_stopping": "The relay is stopping.",
        "idle": "The connection to the relay was not used for a while.",
    }.get(reason, "The connection to the relay was closed.")
