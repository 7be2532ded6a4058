"""RFC 4571 frames, however the stream is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.ice.framing import Deframer, frame


@given(st.lists(st.binary(max_size=60), max_size=20), st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_datagrams_come_out_whole_and_in_order_however_the_stream_is_cut(
    datagrams: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(map(frame, datagrams))
    deframer = Deframer(60)
    out: list[bytes] = []
    turn = 0
    while stream:
        cut = cuts[turn % len(cuts)]
        turn += 1
        got, goes_on = deframer.feed(stream[:cut])
        assert goes_on
        out += got
        stream = stream[cut:]
    assert out == datagrams


def test_too_long_a_frame_ends_the_stream_after_what_was_before_it() -> None:
    assert Deframer(10).feed(frame(b"good") + b"\x00\x0b" + bytes(11)) == ([b"good"], False)
    deframer = Deframer(10)
    assert deframer.feed(b"\xff") == ([], True)
    assert deframer.feed(b"\xff") == ([], False)


def test_length_is_two_octets() -> None:
    assert frame(bytes(0x1234))[:2] == b"\x12\x34"
    with pytest.raises(OverflowError):
        frame(bytes(0x10000))
