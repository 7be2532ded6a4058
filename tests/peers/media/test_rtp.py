from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from peers.media.rtp import SequenceCount, StreamClock, Timestamps


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(-200_000, 400_000), max_size=50))
def test_timestamps_unwrap_to_their_true_distances(first: int, steps: list[int]) -> None:
    timestamps = Timestamps()
    assert timestamps.unwrap(first) == first
    highest = true = first
    for step in steps:
        true = highest + step
        assert timestamps.near(true % 2**32) == true
        assert timestamps.unwrap(true % 2**32) == true
        highest = max(highest, true)
    assert timestamps.highest == highest


@given(
    st.integers(0, 65535),
    st.lists(st.booleans(), min_size=1, max_size=300),
    st.randoms(use_true_random=False),
)
def test_received_and_lost_are_right_over_wrap_reordering_and_duplicates(
    first: int, arrives: list[bool], random: object
) -> None:
    import random as stdlib

    assert isinstance(random, stdlib.Random)
    arrives = [True, *arrives, True]
    numbers = [first + i for i, there in enumerate(arrives) if there]
    order = numbers[:1]
    # Neighbours swap and some come twice, as networks do.
    rest = numbers[1:]
    for i in range(0, len(rest) - 1, 2):
        if random.random() < 0.3:
            rest[i], rest[i + 1] = rest[i + 1], rest[i]
    for number in rest:
        order += [number] * (2 if random.random() < 0.1 else 1)
    count = SequenceCount()
    for number in order:
        count.add(number % 65536)
    assert count.received == len(numbers)
    assert count.lost == arrives.count(False)


def test_a_new_sequence_is_no_loss() -> None:
    count = SequenceCount()
    for number in (10, 11, 40_000, 40_001):
        count.add(number)
    assert (count.received, count.lost) == (4, 0)


def test_the_least_delayed_report_is_the_truth() -> None:
    clock = StreamClock(90_000)
    assert clock.by_reports is None
    for second, delay in enumerate((0.030, 0.004, 0.060)):
        clock.report(1000 + second + delay, second * 90_000)
        clock.arrival(50 + second + delay, second * 90_000)
    assert clock.by_reports is not None
    assert abs(clock.by_reports - 1000.004) < 1e-6
    assert clock.by_arrival is not None
    assert abs(clock.by_arrival - 50.004) < 1e-6
