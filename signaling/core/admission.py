"""Coming and going: hello, resume, take over, a lost socket, a seat whose time is up."""

from __future__ import annotations

from collections.abc import Set

from signaling.core.effects import CloseSocket, Replay, Send, SocketId
from signaling.core.floor import Floor
from signaling.core.identity import Identity
from signaling.core.legs import Legs
from signaling.core.matches import Matches
from signaling.core.safety import BlocksMade
from signaling.core.seat import Seat, Waiting
from signaling.core.sentences import error_sentence
from signaling.core.waiting import WaitingUsers
from signaling.messages import (
    CHAT_MAX_CHARS,
    PROTOCOL_VERSION,
    EndReason,
    Error,
    Hello,
    Limits,
    Replaced,
    Self,
    ServerMessage,
    Welcome,
)

REPLACED = 4001
SEAT_TAKEN = 4005
SERVICE_STOPS = 1012
TRY_LATER = 1013


class Admission:
    """Gives each account its one seat, and takes it back."""

    def __init__(
        self, floor: Floor, legs: Legs, matches: Matches, waiting: WaitingUsers, blocks_made: BlocksMade
    ) -> None:
        self._floor = floor
        self._blocks_made = blocks_made
        self._legs = legs
        self._matches = matches
        self._waiting = waiting

    def connect(
        self, socket: SocketId, identity: Identity, hello: Hello, blocks: Set[str] | None, now: float
    ) -> None:
        """``blocks`` may be ``None`` for an account that has a seat; a new seat without is refused."""
        seat = self._floor.seats.get(identity.user_id)
        if seat is None:
            if self._floor.draining:
                self._turn_away(socket, "draining", SERVICE_STOPS)
            elif blocks is None:
                self._turn_away(socket, "database_unavailable", TRY_LATER)
            elif len(self._floor.seats) >= self._floor.rules.max_seats:
                self._turn_away(socket, "busy", TRY_LATER)
            else:
                known = {*blocks, *self._blocks_made.of(identity.user_id)}
                seat = Seat(identity, self._floor.new_id(), known, socket)
                seat.direct = hello.direct
                self._floor.seats[seat.user] = seat
                self._seat_down(seat, socket)
                self._welcome(seat, resumed=False)
                self._waiting.tell_where(seat, now)
            return
        resume = hello.resume
        if resume is not None and resume.seat == seat.token:
            missed = seat.outbox.after(resume.received)
            if missed is not None:
                # The client's own word that its old socket is gone, however alive that looks from here.
                self._replace_socket(seat)
                seat.direct = hello.direct
                self._resume(seat, socket, identity, resume.received, missed, now)
                return
        if seat.socket is not None and not hello.take_over:
            self._turn_away(socket, "seat_taken", SEAT_TAKEN)
            return
        self._replace_socket(seat)
        seat.direct = hello.direct
        self._start_anew(seat, socket, identity, now)

    def disconnect(self, socket: SocketId, now: float, *, done: bool) -> None:
        """The socket is gone. ``done``: its client said good-bye, so nothing is held for it."""
        seat = self._floor.sockets.pop(socket, None)
        if seat is None:
            return
        seat.socket = None
        if done:
            self.leave_seat(seat, "left", now)
        else:
            self.hold(seat, now)

    def hold(self, seat: Seat, now: float) -> None:
        """Keep a seat that has no socket for ``resume_seconds``."""
        self._floor.deadlines.set(("seat", seat.user, 0), now + self._floor.rules.resume_seconds)
        if isinstance(seat.state, Waiting):
            self._waiting.hold(seat)
        self._matches.away(seat, True, now)

    def expired(self, user: str, now: float) -> None:
        seat = self._floor.seats.get(user)
        if seat is not None and seat.socket is None:
            self.leave_seat(seat, "lost", now)

    def leave_seat(self, seat: Seat, reason: EndReason, now: float) -> None:
        """The seat ends, and with it the match, the place in the queue and the leg."""
        if here := self._matches.of(seat):
            self._matches.end(here[0], reason, here[1], now)
        if isinstance(seat.state, Waiting):
            self._waiting.leave(seat, now)
        self._legs.close(seat)
        self._floor.deadlines.clear(("seat", seat.user, 0))
        del self._floor.seats[seat.user]

    # --- inside -----------------------------------------------------------------------------------

    def _resume(
        self,
        seat: Seat,
        socket: SocketId,
        identity: Identity,
        received: int,
        missed: tuple[ServerMessage, ...],
        now: float,
    ) -> None:
        seat.identity = identity
        seat.outbox.acknowledge(received)
        self._seat_down(seat, socket)
        self._welcome(seat, resumed=True)
        if missed:
            self._floor.effect(Replay(socket, missed))
        if isinstance(seat.state, Waiting):
            self._waiting.release(seat)
            self._waiting.match(now)
        self._matches.away(seat, False, now)

    def _start_anew(self, seat: Seat, socket: SocketId, identity: Identity, now: float) -> None:
        """Another client, or one that lost count, continues the seat: its match is over, and the leg
        goes too, for the browser's half of it is gone. A place in the queue is kept."""
        if here := self._matches.of(seat):
            self._matches.end(here[0], "replaced", here[1], now)
        self._legs.close(seat)
        seat.start_anew(self._floor.new_id(), identity)
        self._seat_down(seat, socket)
        self._welcome(seat, resumed=False)
        self._waiting.tell_where(seat, now)
        if isinstance(seat.state, Waiting):
            self._legs.open_early(seat, seat.state.wish, now)
            self._waiting.release(seat)
            self._waiting.match(now)

    def _seat_down(self, seat: Seat, socket: SocketId) -> None:
        seat.socket = socket
        self._floor.sockets[socket] = seat
        self._floor.deadlines.clear(("seat", seat.user, 0))

    def _replace_socket(self, seat: Seat) -> None:
        if seat.socket is not None:
            # Not numbered: it is for the old socket alone, and the seat's count goes on without it.
            self._floor.effect(Send(seat.socket, Replaced()))
            self._floor.close(seat, REPLACED, "replaced")

    def _turn_away(self, socket: SocketId, code: str, close_code: int) -> None:
        self._floor.tallies.refusals[code] += 1
        self._floor.effect(Send(socket, Error(code=code, message=error_sentence(code), about="hello")))
        self._floor.effect(CloseSocket(socket, close_code, code))

    def _welcome(self, seat: Seat, *, resumed: bool) -> None:
        rules, identity = self._floor.rules, seat.identity
        welcome = Welcome(
            protocol=PROTOCOL_VERSION,
            seat=seat.token,
            resumed=resumed,
            received=seat.inbox.last,
            user=Self(id=identity.user_id, name=identity.name, kind=identity.kind, role=identity.role),
            limits=Limits(
                chat_chars=CHAT_MAX_CHARS,
                message_bytes=rules.message_bytes,
                ping_seconds=rules.ping_seconds,
                resume_seconds=rules.resume_seconds,
            ),
            stun=rules.stun,
            legs="never" if self._floor.spares_relay else rules.legs,
        )
        self._floor.answer(seat, welcome)
