"""What waits to be written, without I/O: bounded, in order, a start and its end made one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from db.records import (
    ActionTaken,
    BlockMade,
    CallSampled,
    MatchEnded,
    MatchStarted,
    MinutePassed,
    Record,
    ReportMade,
)

Key = tuple[str, ...]


class MatchBacklog:
    """At most ``most`` records, those handed out by :meth:`take` included until they are settled.

    Drop policy: when full, the oldest goes and is counted in :attr:`dropped`. A start replaced by its end
    keeps its place, so a match never counts twice.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: OrderedDict[Key, Record] = OrderedDict()
        self._taken: list[Record] = []
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._taken)

    def add(self, record: Record) -> None:
        """Queue a record; an end takes the place of its start."""
        self._waiting[_key(record)] = record
        self._shrink()

    def take(self, most: int) -> Sequence[Record]:
        """Hand out the oldest records. Call :meth:`settle_all` or :meth:`give_back` before the next time."""
        if self._taken:
            raise RuntimeError("What was taken before is not settled.")
        while self._waiting and len(self._taken) < most:
            self._taken.append(self._waiting.popitem(last=False)[1])
        return tuple(self._taken)

    def settle(self, record: Record) -> None:
        """One record that was taken is in the database, or never will be."""
        self._taken.remove(record)

    def settle_all(self) -> int:
        """So is everything that was taken; answers how many that were."""
        count = len(self._taken)
        self._taken.clear()
        return count

    def give_back(self) -> None:
        """What was taken could not be written: it is first again, less starts whose end came meanwhile."""
        for record in reversed(self._taken):
            key = _key(record)
            if key not in self._waiting:
                self._waiting[key] = record
            self._waiting.move_to_end(key, last=False)
        self._taken.clear()
        self._shrink()

    def _shrink(self) -> None:
        while len(self) > self._most and self._waiting:
            self._waiting.popitem(last=False)
            self.dropped += 1


def _key(record: Record) -> Key:
    match record:
        case MatchStarted():
            return ("match", record.match_id)
        case MatchEnded():
            return ("match", record.match.match_id)
        case BlockMade():
            return ("block", record.blocker_id, record.blocked_id)
        case ReportMade():
            return ("report", record.report_id)
        case MinutePassed():
            return ("minute", record.at.isoformat())
        case CallSampled():
            return ("samples", record.match_id)
        case ActionTaken():
            return ("action", record.action_id)
