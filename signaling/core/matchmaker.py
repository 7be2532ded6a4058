"""Who meets whom: first come, first served, among those who may.

The queue is a sorted list of places (numbers given at ``join``, never again), so that joining, leaving
and asking for a position take logarithmic time. A search never walks the whole queue at once:

- Whoever joins looks at the others from the oldest on, ``TURN_CHECKS`` of them in a turn, and is matched
  with the first who may. Finding nobody in that turn they keep their place and look further in later
  turns, one after the other with all who still look, ``CALL_CHECKS`` in one call at most.
- Nobody looks behind the place they joined at: who joined later looks at them. So each two are looked
  at once, and whoever can be matched is found in bounded steps.
- Two who may not meet *yet*, because they parted a moment ago, are looked at again when that time is
  over, directly (:class:`signaling.core.rematch.Rematch` tells), or as soon as only they are left: what
  spares people the same stranger while there are others must not keep them from the only one.
- Who is *held* (no socket at the moment) keeps the place and is out of everybody's sight, so that an outage
  that takes half the sockets does not make the others' searches long. Released, they look through all who
  wait, since others have passed their place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from itertools import islice

from sortedcontainers import SortedList

from signaling.core.rematch import Rematch

TURN_CHECKS = 64
CALL_CHECKS = 256
SEARCH_PAUSE_SECONDS = 0.01
"""Between calls while searches are unfinished: bounds what they cost to a few per cent of a core."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user said with ``join``."""

    interests: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    hide_address: bool = False


Preference = Callable[[Wish, Wish], float]
"""How well two fit, higher is better; 1 is good enough not to look further in this turn."""


def first_come(_seeker: Wish, _other: Wish) -> float:
    """Everybody fits: the oldest who may is taken."""
    return 1.0


@dataclass(slots=True, eq=False)
class Ticket:
    """One waiting user. ``blocks`` is the user's own live set of blocked user ids."""

    user: str
    blocks: Set[str]
    wish: Wish
    joined_at: float
    place: int
    look_from: int
    look_to: int
    held: bool = False
    looking: bool = False
    told_position: int = 0
    told_at: float = float("-inf")


class Matchmaker:
    """``first_come`` is the rule of this version; another :data:`Preference` changes who is taken among
    those looked at in a turn, never who may meet."""

    def __init__(
        self, rematch_seconds: float, rematch_memory: int, preference: Preference = first_come
    ) -> None:
        self._rematch = Rematch(rematch_seconds, rematch_memory)
        self._preference = preference
        self._places: SortedList[int] = SortedList()
        self._open: SortedList[int] = SortedList()
        """The places that are not held: what searches go through."""
        self._at: dict[int, Ticket] = {}
        self._of: dict[str, Ticket] = {}
        self._last_place = 0
        self._fresh: deque[Ticket] = deque()
        self._looking: deque[Ticket] = deque()

    def __len__(self) -> int:
        return len(self._of)

    def __contains__(self, user: str) -> bool:
        return user in self._of

    def ticket(self, user: str) -> Ticket:
        """Raises ``KeyError`` for somebody who does not wait."""
        return self._of[user]

    def join(self, user: str, blocks: Set[str], wish: Wish, now: float) -> Ticket:
        """Take the last place. Raises ``ValueError`` for somebody who waits already."""
        if user in self._of:
            raise ValueError(f"{user} is waiting already")
        self._last_place += 1
        place = self._last_place
        ticket = Ticket(user, blocks, wish, now, place, look_from=0, look_to=place - 1)
        self._places.add(place)
        self._open.add(place)
        self._at[place] = ticket
        self._of[user] = ticket
        self._look(ticket)
        return ticket

    def leave(self, user: str) -> Ticket | None:
        """Give the place up; ``None`` when the user had none."""
        ticket = self._of.pop(user, None)
        if ticket is not None:
            del self._at[ticket.place]
            self._places.remove(ticket.place)
            if not ticket.held:
                self._open.remove(ticket.place)
                self._look_again_if_alone()
            self._shed()
        return ticket

    def hold(self, user: str) -> None:
        """Keep the place, and be matched with nobody."""
        ticket = self._of[user]
        if not ticket.held:
            ticket.held = True
            self._open.remove(ticket.place)
            self._look_again_if_alone()

    def release(self, user: str) -> None:
        """Make a held user available again, at the old place."""
        ticket = self._of[user]
        if ticket.held:
            ticket.held = False
            self._open.add(ticket.place)
            ticket.look_from, ticket.look_to = 0, self._last_place
            self._look(ticket)

    def position(self, user: str) -> int:
        """1 for the one who waits longest."""
        return self._places.bisect_left(self._of[user].place) + 1

    def waiting(self, place: int, count: int) -> Iterator[tuple[int, Ticket]]:
        """Up to ``count`` users from ``place`` on with their positions."""
        position = self._places.bisect_left(place)
        for at in islice(self._places.irange(place), count):
            position += 1
            yield position, self._at[at]

    def parted(self, a: str, b: str, now: float) -> None:
        """These two have just been in a match."""
        self._rematch.remember(a, b, now)

    def match(self, now: float) -> tuple[Ticket, Ticket] | None:
        """Take the next two who meet, the longer waiting first; ``None`` when there are none, or none
        within the steps of one call (then :meth:`next_deadline` asks for another)."""
        for _ in range(CALL_CHECKS):
            if (pair := self._rematch.pop_free(now)) is None:
                break
            a, b = self._of.get(pair[0]), self._of.get(pair[1])
            if a and b and not a.held and not b.held and self._may_meet(a, b, now):
                return self._take(a, b)
        checks = CALL_CHECKS
        while checks > 0 and (self._fresh or self._looking):
            seeker = self._fresh.popleft() if self._fresh else self._looking.popleft()
            seeker.looking = False
            if seeker.held or self._at.get(seeker.place) is not seeker:
                checks -= 1
                continue
            found, looked, finished = self._turn(seeker, now)
            checks -= max(1, looked)
            if found is not None:
                return self._take(found, seeker)
            if not finished:
                seeker.looking = True
                self._looking.append(seeker)
        return None

    def next_deadline(self, now: float) -> float | None:
        """When :meth:`match` may find somebody without a further ``join`` or ``release``."""
        if self._fresh or self._looking:
            return now + SEARCH_PAUSE_SECONDS
        free = self._rematch.next_free() if len(self._of) > 1 else None
        return None if free is None else max(free, now + SEARCH_PAUSE_SECONDS)

    def _look(self, ticket: Ticket) -> None:
        if not ticket.looking:
            ticket.looking = True
            self._fresh.append(ticket)

    def _look_again_if_alone(self) -> None:
        """When two are left, the later one looks at the earlier one again: they may meet now."""
        if len(self._open) == 2:
            later = self._at[self._open[-1]]
            later.look_from, later.look_to = 0, later.place - 1
            self._look(later)

    def _turn(self, seeker: Ticket, now: float) -> tuple[Ticket | None, int, bool]:
        """Look at up to ``TURN_CHECKS`` others: the best of them, how many, whether that was all."""
        best: Ticket | None = None
        best_score = float("-inf")
        looked = 0
        for place in islice(self._open.irange(seeker.look_from, seeker.look_to), TURN_CHECKS):
            looked += 1
            seeker.look_from = place + 1
            other = self._at[place]
            if other is seeker or not self._may_meet(seeker, other, now):
                continue
            score = self._preference(seeker.wish, other.wish)
            if score > best_score:
                best, best_score = other, score
                if score >= 1.0:
                    break
        return best, looked, looked < TURN_CHECKS

    def _may_meet(self, a: Ticket, b: Ticket, now: float) -> bool:
        return (
            a.user != b.user
            and b.user not in a.blocks
            and a.user not in b.blocks
            and (len(self._open) == 2 or not self._rematch.met(a.user, b.user, now))
        )

    def _take(self, a: Ticket, b: Ticket) -> tuple[Ticket, Ticket]:
        self.leave(a.user)
        self.leave(b.user)
        return (a, b) if a.place < b.place else (b, a)

    def _shed(self) -> None:
        """Drop the searches of users who left once they outnumber the waiting: joining and leaving over
        and over costs no memory."""
        if len(self._fresh) + len(self._looking) > 2 * len(self._of) + 64:
            for searches in (self._fresh, self._looking):
                live = [ticket for ticket in searches if self._at.get(ticket.place) is ticket]
                searches.clear()
                searches.extend(live)
