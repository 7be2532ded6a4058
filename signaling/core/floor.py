"""What all parts of the switchboard stand on: the seats, the effects of the current call, ids, deadlines."""

from __future__ import annotations

from collections.abc import Callable

from relay.door import LoadLevel, Request
from signaling.core.deadlines import Deadlines
from signaling.core.effects import AskRelay, CloseSocket, Effect, Send, SocketId
from signaling.core.rules import Rules
from signaling.core.seat import Seat
from signaling.core.sentences import error_sentence
from signaling.core.tallies import Tallies
from signaling.messages import Error, ServerMessage

Due = tuple[str, str, int]
"""Name of a deadline: its kind, whose it is, and the side where that matters."""


class Floor:
    """``new_id`` gives a fresh id of ``[A-Za-z0-9_-]`` that nobody can guess: seats are resumed by one."""

    def __init__(self, rules: Rules, new_id: Callable[[], str], unix_offset: float) -> None:
        self.rules = rules
        self.new_id = new_id
        self.unix_offset = unix_offset
        self.seats: dict[str, Seat] = {}
        self.sockets: dict[SocketId, Seat] = {}
        self.deadlines: Deadlines[Due] = Deadlines()
        self.tallies = Tallies()
        self.load_level: LoadLevel = "normal"
        self.draining = False
        """Whether no new matches are made, because the node is to stop."""
        self._effects: list[Effect] = []

    @property
    def spares_relay(self) -> bool:
        """Whether the relay has so much to carry that new matches do without where they can."""
        return self.load_level != "normal"

    def effect(self, effect: Effect) -> None:
        self._effects.append(effect)

    def take(self) -> list[Effect]:
        """The effects since the last time, in order."""
        effects, self._effects = self._effects, []
        return effects

    def ask(self, request: Request) -> None:
        self._effects.append(AskRelay(request))

    def tell(self, seat: Seat, message: ServerMessage) -> None:
        """Number a message; a seat without a socket gets it when it resumes."""
        numbered = seat.outbox.number(message)
        if seat.socket is not None:
            self._effects.append(Send(seat.socket, numbered))

    def answer(self, seat: Seat, message: ServerMessage) -> None:
        """Say what only matters to the socket of the moment: not numbered, never repeated."""
        if seat.socket is not None:
            self._effects.append(Send(seat.socket, message))

    def refuse(self, seat: Seat, code: str, about: str | None, n: int, sentence: str | None = None) -> None:
        self.tallies.refusals[code] += 1
        self.tell(seat, Error(code=code, message=sentence or error_sentence(code), about=about, n=n))

    def close(self, seat: Seat, code: int, reason: str) -> None:
        """Close the seat's socket and forget it; what becomes of the seat is the caller's."""
        if seat.socket is not None:
            del self.sockets[seat.socket]
            self._effects.append(CloseSocket(seat.socket, code, reason))
            seat.socket = None
