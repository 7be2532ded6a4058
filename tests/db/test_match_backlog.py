from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from db.match_backlog import MatchBacklog
from db.records import MatchEnded, MatchStarted
from tests.db.rows import ended, started


def test_records_come_out_in_order() -> None:
    backlog = MatchBacklog(10)
    for number in range(5):
        backlog.add(started(number))
    assert [r.match_id for r in backlog.take(3) if isinstance(r, MatchStarted)] == [
        "match-0",
        "match-1",
        "match-2",
    ]


def test_a_start_and_its_end_are_one_record_at_the_place_of_the_start() -> None:
    backlog = MatchBacklog(10)
    backlog.add(started(1))
    backlog.add(started(2))
    backlog.add(ended(started(1)))
    assert backlog.take(10) == (ended(started(1)), started(2))


def test_what_is_given_back_comes_first_and_its_end_wins() -> None:
    backlog = MatchBacklog(10)
    backlog.add(started(1))
    backlog.add(started(2))
    backlog.take(10)
    backlog.add(started(3))
    backlog.add(ended(started(2)))
    backlog.give_back()
    assert backlog.take(10) == (started(1), ended(started(2)), started(3))


def test_the_oldest_is_dropped_and_counted() -> None:
    backlog = MatchBacklog(2)
    for number in range(5):
        backlog.add(ended(started(number)))
    assert backlog.dropped == 3
    assert backlog.take(10) == (ended(started(3)), ended(started(4)))


def test_taking_twice_is_a_mistake() -> None:
    backlog = MatchBacklog(2)
    backlog.add(started(1))
    backlog.take(1)
    with pytest.raises(RuntimeError):
        backlog.take(1)


class Backlog(RuleBasedStateMachine):
    """In whatever order: bounded, nothing twice in one batch, nothing unaccounted for."""

    MOST = 5

    def __init__(self) -> None:
        super().__init__()
        self.backlog = MatchBacklog(self.MOST)
        self.taken: tuple[object, ...] = ()
        self.added = 0
        self.merged = 0
        self.written = 0

    @rule(number=st.integers(0, 8), is_end=st.booleans())
    def add(self, number: int, is_end: bool) -> None:
        before, dropped = len(self.backlog), self.backlog.dropped
        self.backlog.add(ended(started(number)) if is_end else started(number))
        self.added += 1
        self.merged += before + 1 - len(self.backlog) - (self.backlog.dropped - dropped)

    @rule(most=st.integers(1, 4))
    def take(self, most: int) -> None:
        if not self.taken:
            self.taken = tuple(self.backlog.take(most))
            ids = [r.match_id if isinstance(r, MatchStarted) else r.match.match_id
                   for r in self.taken if isinstance(r, MatchStarted | MatchEnded)]  # fmt: skip
            assert len(ids) == len(set(ids))

    @rule()
    def settle(self) -> None:
        self.written += len(self.taken)
        self.taken = ()
        self.backlog.settle_all()

    @rule()
    def give_back(self) -> None:
        before, dropped = len(self.backlog), self.backlog.dropped
        self.taken = ()
        self.backlog.give_back()
        self.merged += before - len(self.backlog) - (self.backlog.dropped - dropped)

    @invariant()
    def bounded(self) -> None:
        assert len(self.backlog) <= self.MOST

    @invariant()
    def accounted_for(self) -> None:
        assert self.added == self.merged + self.written + self.backlog.dropped + len(self.backlog)


TestBacklog = Backlog.TestCase
