"""Blocking and reporting a stranger: at once here, and kept by the database."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Set

from signaling.core.effects import Store, StoreBlock, StoreReport
from signaling.core.floor import Floor
from signaling.core.match import Match
from signaling.core.matches import Matches
from signaling.core.seat import PastMatch, Seat
from signaling.core.side import Side
from signaling.messages import Block, Blocked, Report, Reported

MEMORY_USERS = 50_000
"""Users whose blocks of this process's life are remembered beyond their seats; the least recent goes."""


class BlocksMade:
    """Blocks said to this process. A seat that is made anew a moment later, or while the database is away,
    must not lose those that are not stored yet."""

    def __init__(self, users: int = MEMORY_USERS) -> None:
        self._users = users
        self._of: OrderedDict[str, set[str]] = OrderedDict()

    def add(self, user: str, blocked: str) -> None:
        self._of.setdefault(user, set()).add(blocked)
        self._of.move_to_end(user)
        if len(self._of) > self._users:
            self._of.popitem(last=False)

    def of(self, user: str) -> Set[str]:
        return self._of.get(user, frozenset())


class Safety:
    def __init__(self, floor: Floor, matches: Matches) -> None:
        self._floor = floor
        self._matches = matches
        self.blocks_made = BlocksMade()

    def on_block(self, seat: Seat, match: Match, side: Side, message: Block, now: float) -> None:
        """The two never meet again; if it cannot be stored, as long as this process remembers it."""
        stranger = match.users[side.other]
        seat.blocks.add(stranger)
        self.blocks_made.add(seat.user, stranger)
        self._matches.end(match, "blocked", side, now)
        self._floor.tallies.blocks += 1
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
            self._floor.tallies.reports += 1
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
