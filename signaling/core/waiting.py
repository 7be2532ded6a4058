"""Users who wait: joining, leaving, the news of their position, and the pairs that come of it."""

from __future__ import annotations

from collections.abc import Callable

from signaling.core.floor import Floor
from signaling.core.legs import Legs
from signaling.core.matchmaker import SEARCH_PAUSE_SECONDS, Matchmaker, Ticket, Wish
from signaling.core.seat import Lobby, Seat, Waiting
from signaling.core.waits import Waits
from signaling.messages import Idle, Queued

NEWS_SECONDS = 1.0
"""A waiting user hears of the position at most this often."""
NEWS_PER_CALL = 256
"""Users looked at for news in one call."""
NEWS_PAUSE_SECONDS = 0.05
"""Between two calls of one round, so that a long queue is told in steps of bounded cost."""
MATCHES_PER_CALL = 64
"""Matches made in one call; the rest at the next deadline."""


class WaitingUsers:
    """``meet(a, b, wishes, now)`` starts the match of two seats that are in no queue any more.

    Positions are told in rounds. A round starts at the first place behind which something changed, goes
    through the queue in order, ``NEWS_PER_CALL`` users a call, and the next one starts a second after it
    at the earliest. So one ``join`` or ``leave`` costs the same however many wait.
    """

    def __init__(
        self,
        floor: Floor,
        legs: Legs,
        matchmaker: Matchmaker,
        meet: Callable[[Seat, Seat, tuple[Wish, Wish], float], None],
    ) -> None:
        self._floor = floor
        self._legs = legs
        self._matchmaker = matchmaker
        self._meet = meet
        self._waits = Waits()
        self._changed_from: int | None = None
        self._round_at: int | None = None
        self._round_started = float("-inf")
        self._next_news = 0.0
        self._match_again: float | None = None

    def __len__(self) -> int:
        return len(self._matchmaker)

    def join(self, seat: Seat, wish: Wish, now: float) -> None:
        """Into the queue, with a leg under way by the time of a match."""
        seat.state = Waiting(wish)
        seat.reopen_leg = True
        self._legs.open_early(seat, wish, now)
        ticket = self._matchmaker.join(seat.user, seat.blocks, wish, now)
        if seat.socket is None:
            self._matchmaker.hold(seat.user)
        self.tell_position(seat, ticket, len(self._matchmaker), now)

    def drain(self, now: float) -> None:
        """The node is to stop: who waits is told, or kept for the node that comes after."""
        if self._floor.rules.drain_queue == "tell":
            for seat in tuple(self._floor.seats.values()):
                if isinstance(seat.state, Waiting):
                    self.turn_out(seat, 0, now)

    def turn_out(self, seat: Seat, n: int, now: float) -> None:
        """No matches here any more: back to the lobby, with the reason."""
        self._floor.refuse(seat, "draining", "join", n)
        if isinstance(seat.state, Waiting):
            self.leave(seat, now)
        self._floor.tell(seat, Idle())

    def leave(self, seat: Seat, now: float) -> None:
        """Out of the queue, back to the lobby; says nothing."""
        ticket = self._matchmaker.leave(seat.user)
        if ticket is not None:
            self._note_change(ticket.place)
        seat.state = Lobby()
        self._legs.rest(seat, now)

    def hold(self, seat: Seat) -> None:
        """The seat has lost its socket: it keeps the place and is matched with nobody."""
        self._matchmaker.hold(seat.user)

    def release(self, seat: Seat) -> None:
        """The seat has a socket again."""
        self._matchmaker.release(seat.user)
        self._note_change(self._matchmaker.ticket(seat.user).place)

    def parted(self, a: str, b: str, now: float) -> None:
        self._matchmaker.parted(a, b, now)

    def tell_where(self, seat: Seat, now: float) -> None:
        """``queued`` with the position for somebody who waits, else ``idle``."""
        if isinstance(seat.state, Waiting):
            ticket = self._matchmaker.ticket(seat.user)
            self.tell_position(seat, ticket, self._matchmaker.position(seat.user), now)
        else:
            self._floor.tell(seat, Idle())

    def tell_position(self, seat: Seat, ticket: Ticket, position: int, now: float) -> None:
        ticket.told_position, ticket.told_at = position, now
        self._floor.tell(
            seat,
            Queued(
                position=position,
                waiting=len(self._matchmaker),
                online=len(self._floor.seats),
                estimate_seconds=self._waits.estimate_seconds(now - ticket.joined_at, now),
            ),
        )

    # --- time ---------------------------------------------------------------------------------

    def match(self, now: float) -> None:
        """Let all meet who can now, in bounded steps; nobody while the node drains."""
        if self._floor.draining:
            self._match_again = None
            return
        for _ in range(MATCHES_PER_CALL):
            pair = self._matchmaker.match(now)
            if pair is None:
                self._match_again = self._matchmaker.next_deadline(now)
                return
            first, second = (self._floor.seats[ticket.user] for ticket in pair)
            for ticket in pair:
                self._waits.add(now - ticket.joined_at, now)
                self._floor.tallies.wait_seconds.observe(now - ticket.joined_at)
                self._note_change(ticket.place)
            self._meet(first, second, (pair[0].wish, pair[1].wish), now)
        self._match_again = now + SEARCH_PAUSE_SECONDS

    def next_deadline(self) -> float | None:
        news = None
        if self._round_at is not None or self._changed_from is not None:
            news = self._next_news
        due = [at for at in (news, self._match_again) if at is not None]
        return min(due, default=None)

    def tick(self, now: float) -> None:
        if self._match_again is not None and now >= self._match_again:
            self.match(now)
        if now >= self._next_news:
            self._tell_news(now)

    def _tell_news(self, now: float) -> None:
        if self._round_at is None:
            if self._changed_from is None:
                return
            self._round_at, self._changed_from = self._changed_from, None
            self._round_started = now
        looked = 0
        for position, ticket in self._matchmaker.waiting(self._round_at, NEWS_PER_CALL):
            looked += 1
            self._round_at = ticket.place + 1
            if position == ticket.told_position or ticket.held:
                continue
            if now < ticket.told_at + NEWS_SECONDS:
                self._note_change(ticket.place)
            else:
                self.tell_position(self._floor.seats[ticket.user], ticket, position, now)
        if looked < NEWS_PER_CALL:
            self._round_at = None
            self._next_news = max(now, self._round_started + NEWS_SECONDS)
        else:
            self._next_news = now + NEWS_PAUSE_SECONDS

    def _note_change(self, place: int) -> None:
        if self._changed_from is None or place < self._changed_from:
            self._changed_from = place
