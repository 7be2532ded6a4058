"""Which part handles a user's message, by its type and by where the user is."""

from __future__ import annotations

from signaling.core.floor import Floor
from signaling.core.legs import Legs
from signaling.core.matches import Matches
from signaling.core.matchmaker import Wish
from signaling.core.negotiations import Negotiations
from signaling.core.safety import Safety
from signaling.core.seat import Lobby, Seat, Talking, Waiting
from signaling.core.talk import Talk
from signaling.core.waiting import WaitingUsers
from signaling.messages import (
    Block,
    ChatReceived,
    ClientMessage,
    DirectState,
    Idle,
    Join,
    Leave,
    LegAnswer,
    Media,
    MediaFlowing,
    Network,
    Next,
    OpenLeg,
    Ping,
    Pong,
    Quality,
    Report,
    SendCandidate,
    SendChat,
    SendDescription,
    SendTyping,
)


class Dispatch:
    """Hands messages on. Their numbers and whether they are lawful are looked at before."""

    def __init__(
        self,
        floor: Floor,
        legs: Legs,
        matches: Matches,
        waiting: WaitingUsers,
        negotiations: Negotiations,
        talk: Talk,
        safety: Safety,
    ) -> None:
        self._floor = floor
        self._legs = legs
        self._matches = matches
        self._waiting = waiting
        self._negotiations = negotiations
        self._talk = talk
        self._safety = safety

    def handle(self, seat: Seat, message: ClientMessage, now: float) -> None:
        """One lawful message, that is to be handled now."""
        match message:
            case Ping():
                seat.outbox.acknowledge(message.received)
                self._floor.answer(seat, Pong(received=seat.inbox.last))
            case Network():
                self._on_network(seat, message, now)
            case OpenLeg():
                self._legs.on_open(seat, message, now)
            case LegAnswer():
                self._legs.on_answer(seat, message, now)
            case SendDescription() | SendCandidate() | DirectState() | MediaFlowing():
                self._negotiations.on_message(seat, message, now)
            case Media():
                self._talk.on_media(seat, message)
            case Quality():
                self._matches.quality(seat, message, now)
            case Report():
                self._safety.on_report(seat, message)
            case Join() if self._turns_out:
                self._waiting.turn_out(seat, message.n, now)
            case Join():
                wish = Wish(message.interests, message.languages, message.hide_address)
                self._waiting.join(seat, wish, now)
                self._waiting.match(now)
            case Leave() if isinstance(seat.state, Waiting):
                self._waiting.leave(seat, now)
                self._floor.tell(seat, Idle())
            case _ if isinstance(seat.state, Talking):
                self._handle_in_match(seat, seat.state, message, now)

    def _on_network(self, seat: Seat, message: Network, now: float) -> None:
        """The newest network check counts, from the next match on."""
        seat.network = message
        if isinstance(seat.state, Talking):
            return
        self._legs.open_early(seat, seat.state.wish if isinstance(seat.state, Waiting) else Wish())
        if isinstance(seat.state, Lobby):
            self._legs.rest(seat, now)

    def _handle_in_match(self, seat: Seat, state: Talking, message: ClientMessage, now: float) -> None:
        match, side = self._matches.at(state)
        if isinstance(message, SendChat):
            self._talk.on_chat(match, side, message, now)
        elif isinstance(message, ChatReceived):
            self._talk.on_received(match, side, message)
        elif isinstance(message, SendTyping):
            self._talk.on_typing(match, side, message, now)
        elif isinstance(message, Block):
            self._safety.on_block(seat, match, side, message, now)
        elif isinstance(message, Leave):
            self._matches.end(match, "left", side, now)
        elif isinstance(message, Next):
            self._matches.end(match, "next", side, now)
            if self._turns_out:
                self._waiting.turn_out(seat, message.n, now)
                return
            self._waiting.join(seat, state.wish, now)
            self._waiting.match(now)

    @property
    def _turns_out(self) -> bool:
        return self._floor.draining and self._floor.rules.drain_queue == "tell"


def tag_of(message: ClientMessage) -> str:
    """Its type's name on the wire."""
    return str(message.__struct_config__.tag)
