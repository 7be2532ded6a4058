"""One seat's leg: a type per state, and what each of the relay's events makes of it."""

from __future__ import annotations

from dataclasses import dataclass

from relay.door import (
    AnswerRefused,
    LegConnected,
    LegId,
    LegInterrupted,
    LegOffered,
    LegResumed,
    Transport,
)


@dataclass(frozen=True, slots=True)
class Opening:
    """Asked for; the relay has not offered yet."""

    id: LegId


@dataclass(frozen=True, slots=True)
class Offered:
    """The user has the offer and has given no usable answer yet."""

    id: LegId
    sdp: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer is with the relay; ICE and DTLS are under way."""

    id: LegId
    sdp: str


@dataclass(frozen=True, slots=True)
class Connected:
    """Can be linked."""

    id: LegId
    sdp: str
    transport: Transport


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Was connected; nothing has been heard from the user's side for some seconds."""

    id: LegId
    sdp: str
    transport: Transport


Leg = Opening | Offered | Answered | Connected | Interrupted
LegNews = LegOffered | AnswerRefused | LegConnected | LegInterrupted | LegResumed


def answered(leg: Leg) -> Leg:
    """The user's answer went to the relay. A connected leg stays so: it answered a narrowed offer."""
    return Answered(leg.id, leg.sdp) if isinstance(leg, Offered | Answered) else leg


def after(leg: Leg, event: LegNews) -> Leg:
    """The leg after this event of its own. One that does not fit its state changes nothing."""
    match leg, event:
        case Opening(), LegOffered():
            return Offered(leg.id, event.sdp)
        case Offered() | Answered(), LegOffered():
            return Offered(leg.id, event.sdp)
        case Connected(), LegOffered():
            return Connected(leg.id, event.sdp, leg.transport)
        case Interrupted(), LegOffered():
            return Interrupted(leg.id, event.sdp, leg.transport)
        case Answered(), AnswerRefused():
            return Offered(leg.id, leg.sdp)
        case Offered() | Answered() | Connected() | Interrupted(), LegConnected():
            return Connected(leg.id, leg.sdp, event.transport)
        case Connected(), LegInterrupted():
            return Interrupted(leg.id, leg.sdp, leg.transport)
        case Interrupted(), LegResumed():
            return Connected(leg.id, leg.sdp, leg.transport)
        case _:
            return leg
