"""The queue of a TCP connection that does not keep up: its bound, and what goes first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.packet.send_queue import SendQueue


def drain(queue: SendQueue) -> list[bytes]:
    out = []
    while queue:
        out.append(queue.take())
    return out


def test_datagrams_leave_in_the_order_they_came() -> None:
    queue = SendQueue(1000)
    queue.add_control(b"c1")
    queue.add_video(b"v1", b"f1")
    queue.add_audio(b"a1")
    queue.add_video(b"v2", b"f1")
    queue.add_video(b"v3", b"f2")
    queue.add_control(b"c2")
    assert drain(queue) == [b"c1", b"v1", b"a1", b"v2", b"v3", b"c2"]
    with pytest.raises(IndexError):
        queue.take()


def test_oldest_frame_goes_whole_before_any_audio() -> None:
    queue = SendQueue(60)
    queue.add_audio(b"a" * 10)
    for _ in range(3):
        queue.add_video(b"1" * 10, b"frame 1")
    queue.add_video(b"2" * 10, b"frame 2")
    assert queue.add_audio(b"b" * 20) == 3
    assert drain(queue) == [b"a" * 10, b"2" * 10, b"b" * 20]


def test_rest_of_a_dropped_frame_is_dropped_as_it_comes() -> None:
    queue = SendQueue(30)
    queue.add_video(b"1" * 10, b"frame 1")
    queue.add_video(b"1" * 10, b"frame 1")
    assert queue.add_audio(b"a" * 20) == 2
    assert queue.add_video(b"1" * 10, b"frame 1") == 1
    assert queue.add_video(b"2" * 10, b"frame 2") == 0
    assert drain(queue) == [b"a" * 20, b"2" * 10]


def test_frame_that_does_not_fit_into_its_own_queue_goes_itself() -> None:
    queue = SendQueue(25)
    assert [queue.add_video(b"1" * 10, b"frame 1") for _ in range(4)] == [0, 0, 3, 1]
    assert not queue


def test_part_of_a_frame_that_has_left_does_not_save_the_rest() -> None:
    queue = SendQueue(30)
    for _ in range(3):
        queue.add_video(b"1" * 10, b"frame 1")
    queue.take()
    assert queue.add_audio(b"a" * 20) == 2
    assert drain(queue) == [b"a" * 20]


def test_without_video_the_oldest_audio_goes_and_control_last() -> None:
    queue = SendQueue(30)
    queue.add_control(b"c" * 10)
    queue.add_audio(b"1" * 10)
    queue.add_audio(b"2" * 10)
    assert queue.add_audio(b"3" * 10) == 1
    assert queue.add_control(b"d" * 20) == 2
    assert queue.add_control(b"e" * 10) == 1
    assert drain(queue) == [b"d" * 20, b"e" * 10]


@given(st.lists(st.tuples(st.sampled_from("cav"), st.integers(1, 40), st.integers(0, 3), st.booleans())))
def test_what_waits_is_bounded_and_what_goes_in_comes_out_or_is_counted(
    steps: list[tuple[str, int, int, bool]],
) -> None:
    queue = SendQueue(100)
    added = dropped = taken = 0
    last = -1
    for number, (kind, size, frame, take) in enumerate(steps):
        datagram = number.to_bytes(2, "big") * size
        added += 1
        if kind == "c":
            dropped += queue.add_control(datagram)
        elif kind == "a":
            dropped += queue.add_audio(datagram)
        else:
            dropped += queue.add_video(datagram, bytes((number // 8, frame)))
        assert queue.octets <= 100
        if take and queue:
            out = queue.take()
            taken += 1
            last = max(last, int.from_bytes(out[:2], "big"))
    taken += len(drain(queue))
    assert added == taken + dropped
    assert queue.octets == 0
