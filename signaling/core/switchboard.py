"""The live part as one object: every message, relay event and moment goes in here, effects come out.

The straight way of a user's message: :meth:`Switchboard.message` → the seat's count and law → the part
that handles it → matchmaker or match coordinator → requests for the relay's door among the effects.
What the relay answers comes back by :meth:`Switchboard.relay_event`.
"""

from __future__ import annotations

from collections.abc import Callable, Set

from relay import door
from signaling.core.admission import Admission
from signaling.core.dispatch import Dispatch, tag_of
from signaling.core.effects import CloseSocket, Effect, Send, SocketId, Store
from signaling.core.floor import Floor
from signaling.core.identity import Identity
from signaling.core.legs import Legs
from signaling.core.matches import Matches
from signaling.core.matchmaker import Matchmaker, Preference, first_come
from signaling.core.negotiations import Negotiations
from signaling.core.outbox import Arrival
from signaling.core.route import RoutePolicy, relay_only
from signaling.core.rules import Rules
from signaling.core.safety import Safety
from signaling.core.seat import Seat
from signaling.core.side import Side
from signaling.core.talk import Talk
from signaling.core.tallies import Tallies
from signaling.core.waiting import WaitingUsers
from signaling.core.watch import CallSteps, CallView, look_at, steps_of
from signaling.messages import ClientMessage, Closing, Hello, Ping

PROTOCOL_VIOLATION = 4000
SERVICE_STOPS = 1012
PUT_OUT = 4006
"""An operator disconnected this user."""


class Switchboard:
    """Puts strangers through to each other.

    All times are seconds of one clock that never goes back; ``unix_offset`` added to it gives Unix time
    and may be set again by whoever owns a clock. Every method returns its effects, to be carried out in
    order. ``new_id`` must give ids that nobody can guess.
    """

    def __init__(
        self,
        rules: Rules,
        new_id: Callable[[], str],
        unix_offset: float,
        *,
        policy: RoutePolicy = relay_only,
        preference: Preference = first_come,
    ) -> None:
        self._floor = floor = Floor(rules, new_id, unix_offset)
        matchmaker = Matchmaker(rules.rematch_seconds, rules.rematch_memory, preference)
        self._matches = matches = Matches(
            floor,
            policy,
            open_leg=lambda seat: self._legs.open(seat),
            rest_leg=lambda seat, now: self._legs.rest(seat, now),
            parted=matchmaker.parted,
        )
        self._legs = Legs(
            floor,
            policy,
            changed=matches.leg_changed,
            closed=matches.leg_closed,
            refused=matches.leg_refused,
            replaced=matches.leg_replaced,
        )
        self._negotiations = Negotiations(floor, matches)
        self._waiting = WaitingUsers(floor, self._legs, matchmaker, self._matches.meet)
        self._talk = Talk(floor, self._matches)
        self._safety = Safety(floor, self._matches)
        self._admission = Admission(floor, self._legs, self._matches, self._waiting, self._safety.blocks_made)
        self._dispatch = Dispatch(
            floor, self._legs, matches, self._waiting, self._negotiations, self._talk, self._safety
        )
        self._stopping = False

    # --- what may be asked --------------------------------------------------------------------------

    def has_seat(self, user: str) -> bool:
        """Whether the account has a seat, so that its blocks need not be loaded for ``connect``."""
        return user in self._floor.seats

    @property
    def counts(self) -> dict[str, int]:
        """Seats, sockets, waiting users, matches, legs, and records that wait for their counts."""
        return {
            "seats": len(self._floor.seats),
            "sockets": len(self._floor.sockets),
            "waiting": len(self._waiting),
            "matches": len(self._matches),
            "legs": len(self._legs),
            "unsettled": self._matches.unsettled,
        }

    @property
    def tallies(self) -> Tallies:
        """What has happened since the start."""
        return self._floor.tallies

    def calls(self, now: float) -> tuple[CallView, ...]:
        """Every match in progress as an operator sees it, the oldest first."""
        return tuple(look_at(match, self._matches, now) for match in self._matches.all())

    def call(self, match_id: str, now: float) -> tuple[CallView, CallSteps] | None:
        """One of them, with its steps so far."""
        match = self._matches.find(match_id)
        return None if match is None else (look_at(match, self._matches, now), steps_of(match))

    def set_unix_offset(self, unix_offset: float) -> None:
        self._floor.unix_offset = unix_offset

    # --- sockets ------------------------------------------------------------------------------------

    def connect(
        self, socket: SocketId, identity: Identity, hello: Hello, blocks: Set[str] | None, now: float
    ) -> list[Effect]:
        """An authenticated ``hello``. ``blocks``: the ids this user blocked, ``None`` if not known."""
        if self._stopping:
            self._floor.effect(Send(socket, self._closing()))
            self._floor.effect(CloseSocket(socket, SERVICE_STOPS, "service stops"))
        else:
            self._admission.connect(socket, identity, hello, blocks, now)
        return self._floor.take()

    def disconnect(self, socket: SocketId, now: float, *, done: bool = False) -> list[Effect]:
        """The socket is gone. ``done``: its client closed it with 1000, so the seat ends at once."""
        self._admission.disconnect(socket, now, done=done)
        return self._floor.take()

    def message(self, socket: SocketId, message: ClientMessage, now: float) -> list[Effect]:
        """A well-formed message of a welcomed socket. One of a socket that is gone is ignored."""
        seat = self._floor.sockets.get(socket)
        if seat is not None and self._counted(seat, message, now):
            code = seat.refusal(message)
            if code is None:
                self._floor.tallies.messages[tag_of(message)] += 1
                self._dispatch.handle(seat, message, now)
            else:
                self._floor.refuse(seat, code, tag_of(message), message.n)
        return self._floor.take()

    def refuse(
        self, socket: SocketId, code: str, n: int, about: str | None, now: float, sentence: str | None = None
    ) -> list[Effect]:
        """A message that the shell does not let through (``bad_message``, ``rate_limited``). If its
        number could be read it counts as handled."""
        seat = self._floor.sockets.get(socket)
        if seat is not None:
            arrival = Arrival.NEW if n == 0 else seat.inbox.take(n)
            if arrival is Arrival.GAP:
                self._gap(seat, n, about, now)
            elif arrival is Arrival.NEW:
                self._floor.refuse(seat, code, about, n, sentence)
        return self._floor.take()

    # --- everything else that happens -----------------------------------------------------------------

    def relay_event(self, event: door.Event, now: float) -> list[Effect]:
        """What the relay said. Late words about legs and links that are gone change nothing."""
        match event:
            case door.LinkUp() | door.LinkFlowing() | door.LinkDown():
                self._matches.on_event(event, now)
            case door.LoadChanged(level):
                self._floor.load_level = level
            case _:
                self._legs.on_event(event, now)
        return self._floor.take()

    def stored(self, store: Store, ok: bool) -> list[Effect]:
        """How storing a block or report went. The call in progress goes on either way."""
        self._safety.stored(store, ok)
        return self._floor.take()

    # --- what an operator does ------------------------------------------------------------------------

    def end_call(self, match_id: str, now: float) -> list[Effect] | None:
        """End a match; both are told why. ``None``: there is none of this id now."""
        match = self._matches.find(match_id)
        if match is None:
            return None
        self._matches.end(match, "ended_by_operator", None, now)
        return self._floor.take()

    def put_out(self, user: str, now: float) -> list[Effect] | None:
        """End a user's match and seat and close the socket (4006). ``None``: the user has no seat now."""
        seat = self._floor.seats.get(user)
        if seat is None:
            return None
        if here := self._matches.of(seat):
            self._matches.end(here[0], "ended_by_operator", None, now)
        self._floor.close(seat, PUT_OUT, "disconnected by an operator")
        self._admission.leave_seat(seat, "ended_by_operator", now)
        return self._floor.take()

    # --- time -----------------------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """When :meth:`tick` is due, ``None`` for not before something else happens."""
        due = (self._floor.deadlines.next(), self._waiting.next_deadline())
        return min((at for at in due if at is not None), default=None)

    def tick(self, now: float) -> list[Effect]:
        """Whatever is due by now."""
        while (due := self._floor.deadlines.pop_due(now)) is not None:
            kind, whose, side = due
            if kind == "seat":
                self._admission.expired(whose, now)
            elif kind == "match":
                self._matches.tick(whose, now)
            elif kind == "settle":
                self._matches.settle(whose)
            elif kind == "leg":
                self._legs.idle_time_over(whose)
            else:
                self._talk.typing_expired(whose, Side(side), now)
        self._waiting.tick(now)
        return self._floor.take()

    def drain(self, now: float) -> list[Effect]:
        """Make no new matches and seat nobody new; calls go on."""
        if not self._floor.draining:
            self._floor.draining = True
            self._waiting.drain(now)
        return self._floor.take()

    def undrain(self, now: float) -> list[Effect]:
        """Go on as if nothing had been."""
        self._floor.draining = False
        self._waiting.match(now)
        return self._floor.take()

    def stop(self, now: float) -> list[Effect]:
        """End every match, say good-bye to every socket, close every leg. The relay's last counts may
        still come in by :meth:`relay_event`; :meth:`abandon` then gives the records that lack them."""
        self._stopping = True
        for match in self._matches.all():
            self._matches.end(match, "service_stopping", None, now)
        for seat in tuple(self._floor.seats.values()):
            self._floor.tell(seat, self._closing())
            self._floor.close(seat, SERVICE_STOPS, "service stops")
            self._admission.leave_seat(seat, "service_stopping", now)
        return self._floor.take()

    def abandon(self) -> list[Effect]:
        """The records of ended matches whose counts have not come, with what has been counted."""
        self._matches.abandon()
        return self._floor.take()

    # --- inside ---------------------------------------------------------------------------------------

    def _closing(self) -> Closing:
        retry = self._floor.rules.retry_after_seconds
        return Closing(message="The service is stopping.", retry_after_seconds=retry)

    def _counted(self, seat: Seat, message: ClientMessage, now: float) -> bool:
        """Whether this message is to be handled now, by its number."""
        if isinstance(message, Hello | Ping):
            return True
        if message.n == 0:
            self._floor.refuse(
                seat, "bad_message", tag_of(message), 0, "This message needs a number n, from 1 on."
            )
            return False
        arrival = seat.inbox.take(message.n)
        if arrival is Arrival.GAP:
            self._gap(seat, message.n, tag_of(message), now)
        return arrival is Arrival.NEW

    def _gap(self, seat: Seat, n: int, about: str | None, now: float) -> None:
        self._floor.refuse(seat, "gap", about, n)
        self._floor.close(seat, PROTOCOL_VIOLATION, "gap")
        self._admission.hold(seat, now)
