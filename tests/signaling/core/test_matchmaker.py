"""Who meets whom, in which order, and in how many steps."""

from __future__ import annotations

import random
from collections.abc import Set

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.core.matchmaker import CALL_CHECKS, TURN_CHECKS, Matchmaker, Wish

NOBODY: Set[str] = frozenset()


def waiting(*users: str, rematch_seconds: float = 60.0) -> Matchmaker:
    matchmaker = Matchmaker(rematch_seconds, 1000)
    for user in users:
        matchmaker.join(user, NOBODY, Wish(), 0.0)
    return matchmaker


def pairs(matchmaker: Matchmaker, now: float = 0.0, calls: int = 1) -> list[tuple[str, str]]:
    found = []
    for _ in range(calls):
        while pair := matchmaker.match(now):
            found.append((pair[0].user, pair[1].user))
    return found


def test_first_come_first_served() -> None:
    assert pairs(waiting(*"abcde")) == [("a", "b"), ("c", "d")]


def test_the_longest_waiting_is_taken() -> None:
    matchmaker = Matchmaker(60, 1000)
    matchmaker.join("a", {"b"}, Wish(), 0.0)
    matchmaker.join("b", NOBODY, Wish(), 1.0)
    assert pairs(matchmaker) == []
    matchmaker.join("c", NOBODY, Wish(), 2.0)
    assert pairs(matchmaker) == [("a", "c")]


@pytest.mark.parametrize(("mine", "theirs"), [({"b"}, set()), (set(), {"a"}), ({"b"}, {"a"})])
def test_a_block_either_way_keeps_apart(mine: set[str], theirs: set[str]) -> None:
    matchmaker = Matchmaker(60, 1000)
    matchmaker.join("a", mine, Wish(), 0.0)
    matchmaker.join("b", theirs, Wish(), 0.0)
    assert pairs(matchmaker, 1e6) == []


def test_one_account_has_one_place() -> None:
    matchmaker = waiting("a")
    with pytest.raises(ValueError, match="waiting already"):
        matchmaker.join("a", NOBODY, Wish(), 0.0)


def test_who_just_parted_meets_others_first() -> None:
    matchmaker = waiting()
    matchmaker.parted("b", "a", 0.0)
    matchmaker.join("a", NOBODY, Wish(), 0.0)
    matchmaker.join("b", NOBODY, Wish(), 0.0)
    matchmaker.join("c", NOBODY, Wish(), 0.0)
    assert pairs(matchmaker) == [("a", "c")]


def test_two_who_wait_alone_wait_the_window_out() -> None:
    matchmaker = waiting()
    matchmaker.parted("a", "b", 0.0)
    for user in ("a", "b"):
        matchmaker.join(user, NOBODY, Wish(), 1.0)
    assert pairs(matchmaker, 59.9) == []
    due = matchmaker.next_deadline(59.9)
    assert due == 60.0
    assert pairs(matchmaker, due) == [("a", "b")]


def test_the_window_starts_at_the_last_parting() -> None:
    matchmaker = waiting("a", "b")
    matchmaker.parted("a", "b", 0.0)
    matchmaker.parted("b", "a", 50.0)
    assert pairs(matchmaker, 61.0) == []
    assert pairs(matchmaker, 110.0) == [("a", "b")]


def test_no_window_no_wait() -> None:
    matchmaker = waiting("a", "b", rematch_seconds=0)
    matchmaker.parted("a", "b", 0.0)
    assert pairs(matchmaker) == [("a", "b")]


def test_beyond_its_memory_the_oldest_parting_is_forgotten_and_looked_at_again() -> None:
    matchmaker = Matchmaker(60, 2)
    matchmaker.parted("a", "b", 0.0)
    for user in ("a", "b"):
        matchmaker.join(user, NOBODY, Wish(), 0.0)
    assert pairs(matchmaker) == []
    matchmaker.parted("x", "y", 1.0)
    assert pairs(matchmaker, 1.0) == []
    matchmaker.parted("x", "z", 1.0)
    assert pairs(matchmaker, 1.0) == [("a", "b")]


def test_a_position_is_the_number_of_those_before() -> None:
    matchmaker = waiting(*"abcd")
    assert [matchmaker.position(user) for user in "abcd"] == [1, 2, 3, 4]
    matchmaker.leave("b")
    assert [matchmaker.position(user) for user in "acd"] == [1, 2, 3]
    assert [(p, t.user) for p, t in matchmaker.waiting(matchmaker.ticket("c").place, 5)] == [
        (2, "c"),
        (3, "d"),
    ]
    assert matchmaker.leave("b") is None


def test_who_is_held_is_passed_over_and_keeps_the_place() -> None:
    matchmaker = waiting("a", "b", "c")
    matchmaker.hold("a")
    assert pairs(matchmaker) == [("b", "c")]
    matchmaker.join("d", NOBODY, Wish(), 0.0)
    assert pairs(matchmaker) == []
    assert matchmaker.position("a") == 1
    matchmaker.release("a")
    assert pairs(matchmaker) == [("a", "d")]


def test_held_users_cost_a_search_nothing() -> None:
    matchmaker = waiting(*(f"u{i}" for i in range(5_000)))
    for i in range(5_000):
        matchmaker.hold(f"u{i}")
    pairs(matchmaker, calls=5_000 // CALL_CHECKS + 1)
    matchmaker.join("a", NOBODY, Wish(), 0.0)
    matchmaker.join("b", NOBODY, Wish(), 0.0)
    pair = matchmaker.match(0.0)
    assert pair is not None
    assert (pair[0].user, pair[1].user) == ("a", "b")


class Counting(frozenset[str]):
    """Blocks everybody, and counts how often it was asked."""

    asked = 0

    def __contains__(self, user: object) -> bool:
        Counting.asked += 1
        return True


def test_a_hopeless_search_is_bounded_and_goes_on_later() -> None:
    # Two thousand whom the troll has blocked wait in front of one whom the troll may meet.
    crowd = [f"u{i}" for i in range(2_000)]
    matchmaker = Matchmaker(60, 1000)
    everybody = Counting()
    for user in crowd:
        matchmaker.join(user, everybody, Wish(), 0.0)
    pairs(matchmaker, calls=len(crowd) ** 2 // CALL_CHECKS)
    assert matchmaker.next_deadline(0.0) is None, "everybody has looked at everybody before them"
    matchmaker.join("friend", NOBODY, Wish(), 0.0)
    pairs(matchmaker, calls=50)
    matchmaker.join("troll", frozenset(crowd), Wish(), 0.0)
    Counting.asked = 0
    assert matchmaker.match(0.0) is None
    assert Counting.asked <= CALL_CHECKS + TURN_CHECKS
    assert matchmaker.next_deadline(0.0) == pytest.approx(0.01)
    for calls in range(1, 100):
        if pair := matchmaker.match(0.0):
            assert (pair[0].user, pair[1].user) == ("friend", "troll")
            assert calls <= 2_000 // CALL_CHECKS + 1
            return
    raise AssertionError("the troll's friend was never found")


def test_newcomers_do_not_wait_behind_long_searches() -> None:
    crowd = frozenset(f"u{i}" for i in range(300))
    trolls = frozenset(f"troll{i}" for i in range(50))
    matchmaker = Matchmaker(60, 1000)
    for user in sorted(crowd):
        matchmaker.join(user, crowd | trolls, Wish(), 0.0)
    pairs(matchmaker, calls=1000)
    for user in sorted(trolls):
        matchmaker.join(user, trolls, Wish(), 0.0)
    assert matchmaker.match(0.0) is None
    assert matchmaker.next_deadline(0.0) is not None, "the trolls still look"
    matchmaker.join("fresh", NOBODY, Wish(), 0.0)
    found = [matchmaker.match(0.0) for _ in range(50 * TURN_CHECKS // CALL_CHECKS + 1)]
    met = next(pair for pair in found if pair is not None)
    assert [ticket.user for ticket in met] == [min(crowd), "fresh"]


def test_a_preference_chooses_among_those_looked_at() -> None:
    def shared(a: Wish, b: Wish) -> float:
        return min(1.0, len(set(a.interests) & set(b.interests)) / 2)

    matchmaker = Matchmaker(60, 1000, shared)
    # Three who may not meet each other wait.
    matchmaker.join("old", {"tea", "both"}, Wish(), 0.0)
    matchmaker.join("tea", {"old", "both"}, Wish(interests=("tea",)), 0.0)
    matchmaker.join("both", {"old", "tea"}, Wish(interests=("tea", "chess")), 0.0)
    assert pairs(matchmaker) == []
    matchmaker.join("new", NOBODY, Wish(interests=("chess", "tea")), 0.0)
    assert pairs(matchmaker) == [("both", "new")]


def test_joining_and_leaving_over_and_over_costs_no_memory() -> None:
    matchmaker = waiting("a")
    for i in range(10_000):
        matchmaker.join(f"u{i}", {"a"}, Wish(), 0.0)
        matchmaker.leave(f"u{i}")
    assert len(matchmaker._fresh) + len(matchmaker._looking) <= 2 * len(matchmaker) + 65


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 40))
def test_nobody_is_left_who_could_have_met(seed: int, count: int) -> None:
    """Whatever happens, when the matchmaker has nothing more to do, no two who wait may meet."""
    rng = random.Random(seed)  # noqa: S311  # repeatable, no secret
    users = [f"u{i}" for i in range(count)]
    blocks = {user: {other for other in users if rng.random() < 0.4} for user in users}
    matchmaker = Matchmaker(10, 1000)
    now = 0.0
    parted: dict[frozenset[str], float] = {}
    held: set[str] = set()
    for _ in range(120):
        user = rng.choice(users)
        match rng.randrange(6):
            case 0 | 1 | 2 if user not in matchmaker:
                matchmaker.join(user, blocks[user], Wish(), now)
            case 3:
                matchmaker.leave(user)
                held.discard(user)
            case 4 if user in matchmaker:
                (matchmaker.release if user in held else matchmaker.hold)(user)
                held ^= {user}
            case 5:
                now += rng.random() * 6
        while True:
            pair = matchmaker.match(now)
            if pair is None:
                due = matchmaker.next_deadline(now)
                if due is None or due > now + 0.02:
                    break
                now = max(now, due)
                continue
            a, b = pair[0].user, pair[1].user
            assert a != b
            assert pair[0].place < pair[1].place
            assert b not in blocks[a]
            assert a not in blocks[b]
            assert not {a, b} & held
            assert parted.get(frozenset((a, b)), -100.0) + 10 <= now
            if rng.random() < 0.7:
                matchmaker.parted(a, b, now)
                parted[frozenset((a, b))] = now
        left = [ticket.user for _, ticket in matchmaker.waiting(0, count) if ticket.user not in held]
        for i, a in enumerate(left):
            for b in left[:i]:
                free = parted.get(frozenset((a, b)), -100.0) + 10 <= now
                assert not free or b in blocks[a] or a in blocks[b], (a, b)
