"""Chat with receipts, typing, and what is shown, between the two of a match (docs/protocol.md 2.4)."""

from __future__ import annotations

from signaling.core.floor import Floor
from signaling.core.match import Match
from signaling.core.matches import Matches
from signaling.core.seat import Seat
from signaling.core.side import Side
from signaling.messages import (
    Chat,
    ChatAccepted,
    ChatDelivered,
    ChatReceived,
    Media,
    SendChat,
    SendTyping,
    StrangerMedia,
    Typing,
)


class Talk:
    def __init__(self, floor: Floor, matches: Matches) -> None:
        self._floor = floor
        self._matches = matches

    def on_chat(self, match: Match, side: Side, message: SendChat, now: float) -> None:
        now_ms = int((now + self._floor.unix_offset) * 1000)
        at_ms, first = match.voices[side].say(message.id, now_ms)
        self._floor.tell(self._seat(match, side), ChatAccepted(id=message.id, at_ms=at_ms))
        if first:
            self._set_typing(match, side, False, now)
            self._floor.tell(
                self._seat(match, side.other),
                Chat(match=match.id, id=message.id, text=message.text, at_ms=at_ms),
            )

    def on_received(self, match: Match, side: Side, message: ChatReceived) -> None:
        delivered = match.voices[side.other].delivered(message.id)
        if delivered is None:
            self._floor.refuse(self._seat(match, side), "unknown_chat", "chat_received", message.n)
        elif delivered:
            self._floor.tell(self._seat(match, side.other), ChatDelivered(id=message.id))

    def on_typing(self, match: Match, side: Side, message: SendTyping, now: float) -> None:
        self._set_typing(match, side, message.active, now)

    def on_media(self, seat: Seat, message: Media) -> None:
        """The newest is kept for matches to come; the stranger of this one is told what has changed."""
        before = seat.media
        seat.media = message
        here = self._matches.of(seat)
        if here is None or (before and shows(before) == shows(message)):
            return
        match, side = here
        camera, microphone = shows(message)
        stranger = self._seat(match, side.other)
        self._floor.tell(stranger, StrangerMedia(match=match.id, camera=camera, microphone=microphone))

    def typing_expired(self, match_id: str, side: Side, now: float) -> None:
        match = self._matches.find(match_id)
        if match is not None:
            self._set_typing(match, side, False, now)

    def _set_typing(self, match: Match, side: Side, active: bool, now: float) -> None:
        due = ("typing", match.id, int(side))
        if active:
            self._floor.deadlines.set(due, now + self._floor.rules.typing_seconds)
        else:
            self._floor.deadlines.clear(due)
        voice = match.voices[side]
        if voice.typing != active:
            voice.typing = active
            self._floor.tell(self._seat(match, side.other), Typing(match=match.id, active=active))

    def _seat(self, match: Match, side: Side) -> Seat:
        return self._matches.seat_at(match, side)


def shows(media: Media) -> tuple[bool, bool]:
    """Camera and microphone."""
    return media.camera, media.microphone
