"""Blocking and reporting a stranger: at once here, and kept by the database."""

from __future__ import annotations

from signaling.core.effects import Store, StoreBlock, StoreReport
from signaling.core.floor import Floor
from signaling.core.match import Match
from signaling.core.matches import Matches
from signaling.core.seat import PastMatch, Seat
from signaling.core.side import Side
from signaling.messages import Block, Blocked, Report, Reported


class Safety:
    def __init__(self, floor: Floor, matches: Matches) -> None:
        self._floor = floor
        self._matches = matches

    def on_block(self, seat: Seat, match: Match, side: Side, message: Block, now: float) -> None:
        """The two never meet again, also if it cannot be stored: then for this seat's life."""
        stranger = match.users[side.other]
        seat.blocks.add(stranger)
        self._matches.end(match, "blocked", side, now)
        self._floor.effect(StoreBlock(seat.token, message.n, match.id, seat.user, stranger))

    def on_report(self, seat: Seat, message: Report) -> None:
        """About the current match or the last one; a repeated report is not stored twice."""
        past = seat.last_match
        if here := self._matches.of(seat):
            match, side = here
            if message.match == match.id:
                past = PastMatch(match.id, match.users[side.other])
        if past is None or past.match != message.match:
            self._floor.refuse(seat, "unknown_match", "report", message.n)
        elif message.match in seat.reported:
            self._floor.tell(seat, Reported(match=message.match))
        else:
            seat.reported = (*seat.reported[-1:], message.match)
            self._floor.effect(
                StoreReport(
                    seat.token,
                    message.n,
                    message.match,
                    seat.user,
                    past.stranger,
                    message.reason,
                    message.text,
                )
            )

    def stored(self, store: Store, ok: bool) -> None:
        """Answer the user, if the same client is still there."""
        seat = self._floor.seats.get(store.user)
        if seat is None or seat.token != store.seat:
            return
        match store, ok:
            case StoreBlock(), True:
                self._floor.tell(seat, Blocked(match=store.match))
            case StoreReport(), True:
                self._floor.tell(seat, Reported(match=store.match))
            case StoreBlock(), False:
                self._floor.refuse(seat, "database_unavailable", "block", store.n)
            case StoreReport(), False:
                seat.reported = tuple(match for match in seat.reported if match != store.match)
                self._floor.refuse(seat, "database_unavailable", "report", store.n)
