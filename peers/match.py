"""One match as its user sees it: chat, events, its end, and what it measured."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from peers.errors import Backlogged, MatchOver, Refused
from peers.measure import MatchReport, Measure
from peers.media.writer import Recorded
from peers.tasks import Pulse
from signaling import messages as wire

MatchEvent = wire.Chat | wire.Typing | wire.Route | wire.Ended
EVENTS = 256
"""Events that wait to be iterated. When all are taken the oldest is dropped and counted."""
_CHATS = 64


@dataclass(frozen=True, slots=True)
class Receipt:
    """A chat message that has arrived at the stranger. ``at_ms`` is Unix time by the service's clock."""

    id: str
    at_ms: int


@dataclass(slots=True)
class _Sent:
    n: int
    at_ms: int | None = None
    delivered: bool = False
    refused: Refused | None = None


class Match:
    """Made by :meth:`peers.Peer.meet`. Iterating it gives its events until it has ended, the end included."""

    def __init__(
        self,
        matched: wire.Matched,
        *,
        send: Callable[[wire.ClientMessage], int],
        changed: Pulse,
        failure: Callable[[], BaseException | None],
        measure: Measure,
    ) -> None:
        self.id = matched.match
        self.stranger = matched.stranger
        self.route: wire.RouteName | None = None
        self.route_state: str = "trying"
        self.ended: wire.Ended | None = None
        self.recorded: Recorded | None = None
        self.events_dropped = 0
        self._measure = measure
        self._finished = False
        self._connect_ms: float | None = None
        self._reported = False
        self._report_refused: Refused | None = None
        self._report_n = 0
        self._send = send
        self._changed = changed
        self._failure = failure
        self._events: deque[MatchEvent] = deque()
        self._chats: dict[str, _Sent] = {}

    # --- what a user does ---------------------------------------------------------------------------

    async def connected(self) -> None:
        """Wait until media flows. Raises :class:`MatchOver` when the match ends before."""
        await self._until(lambda: self._connect_ms is not None, "before it was connected")

    async def chat(self, text: str) -> Receipt:
        """Send a message and wait until the stranger has it. Raises :class:`MatchOver`, :class:`Refused` (too
        long, too many) or :class:`Backlogged`."""
        if self.ended is not None:
            raise MatchOver("The match is over; the message was not sent.")
        if not 1 <= len(text) <= wire.CHAT_MAX_CHARS:
            raise Refused(f"A message has 1 to {wire.CHAT_MAX_CHARS} characters.", about="chat")
        if len(self._chats) >= _CHATS:
            raise Backlogged(f"{_CHATS} messages wait to be delivered.")
        chat_id = secrets.token_urlsafe(9)
        sent = self._chats[chat_id] = _Sent(self._send(wire.SendChat(id=chat_id, text=text)))
        try:
            await self._until(lambda: sent.delivered or sent.refused is not None, "before it was delivered")
        finally:
            del self._chats[chat_id]
        if sent.refused is not None:
            raise sent.refused
        return Receipt(chat_id, sent.at_ms or 0)

    def typing(self, active: bool) -> None:
        """Let the stranger see that one types, or has stopped."""
        if self.ended is None:
            self._send(wire.SendTyping(active=active))

    async def next(self) -> MatchReport:
        """End the match and queue for another one, for :meth:`peers.Peer.meet` to wait for."""
        return await self._end_by(wire.Next())

    async def leave(self) -> MatchReport:
        """End the match and stay out of the queue."""
        return await self._end_by(wire.Leave())

    async def block(self) -> MatchReport:
        """End the match and never meet this stranger again."""
        return await self._end_by(wire.Block())

    async def report(self, reason: str, text: str = "") -> None:
        """Report the stranger, also just after the match. ``reason`` is one of ``wire.Report``'s. Raises
        :class:`Refused`."""
        self._reported, self._report_refused = False, None
        report = wire.Report(match=self.id, reason=reason, text=text)  # type: ignore[arg-type]  # the service checks it
        self._report_n = self._send(report)
        while not self._reported:
            if self._report_refused is not None:
                raise self._report_refused
            await self._wait()

    async def over(self) -> MatchReport:
        """Wait for the end, and until the recording is written; what the match was like."""
        while not self._finished:
            await self._wait()
        return self.summary()

    def summary(self) -> MatchReport:
        """What the match was like up to now."""
        return MatchReport(
            match_id=self.id,
            route=self.route,
            connect_ms=self._connect_ms,
            first_frame_ms=self._measure.first_frame_ms(),
            video=self._measure.observer.video_report(),
            audio=self._measure.observer.audio_report(),
            ended=self.ended.reason if self.ended is not None else "",
        )

    async def __aiter__(self) -> AsyncIterator[MatchEvent]:
        while True:
            while self._events:
                event = self._events.popleft()
                yield event
                if isinstance(event, wire.Ended):
                    return
            if self.ended is not None:
                return
            await self._wait()

    # --- what the seat tells it ---------------------------------------------------------------------

    def handle(self, message: wire.ServerMessage) -> None:
        """Take a message of the service that is about this match."""
        match message:
            case wire.Route():
                self.route_state = message.state
                if message.state == "connected":
                    self.route = message.route
                    if self._connect_ms is None:
                        self._connect_ms = round((time.monotonic() - self._measure.started) * 1000, 1)
                self._event(message)
            case wire.Chat():
                self._send(wire.ChatReceived(id=message.id))
                self._event(message)
            case wire.Typing():
                self._event(message)
            case wire.ChatAccepted() if message.id in self._chats:
                self._chats[message.id].at_ms = message.at_ms
            case wire.ChatDelivered() if message.id in self._chats:
                self._chats[message.id].delivered = True
            case wire.Reported():
                self._reported = True
            case wire.Ended():
                self.ended = message
                self._event(message)
            case _:
                pass
        self._changed.fire()

    def refuse(self, error: wire.Error) -> None:
        """One of this match's messages was refused."""
        refused = Refused(error.message, code=error.code, about=error.about)
        for sent in self._chats.values():
            if sent.n == error.n:
                sent.refused = refused
        if error.about == "report" and error.n == self._report_n:
            self._report_refused = refused
        self._changed.fire()

    async def finish(self) -> None:
        """Close what measured the match; :meth:`over` returns after that."""
        try:
            self.recorded = await self._measure.close()
        finally:
            self._finished = True
            self._changed.fire()

    # ------------------------------------------------------------------------------------------------

    async def _end_by(self, message: wire.ClientMessage) -> MatchReport:
        if self.ended is None:
            self._send(message)
        return await self.over()

    async def _until(self, done: Callable[[], bool], when: str) -> None:
        while not done():
            if self.ended is not None:
                raise MatchOver(f"The match ended {when}: {self.ended.message or self.ended.reason}")
            await self._wait()

    async def _wait(self) -> None:
        failure = self._failure()
        if failure is not None:
            raise failure
        await self._changed.wait()

    def _event(self, event: MatchEvent) -> None:
        if len(self._events) >= EVENTS:
            self._events.popleft()
            self.events_dropped += 1
        self._events.append(event)
