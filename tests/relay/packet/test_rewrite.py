"""The numbers of a link, driven by random senders."""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from relay.engine.interface import Drop
from relay.packet.keyframe import KeyframeThrottle
from relay.packet.link import Direction, LegStreams
from relay.packet.rewrite import rewrite
from tests.relay.engine.far_end import plan
from tests.relay.rtp_packets import VP8_RTX, header, one_byte, rtp, transport_cc

SOURCE_VIDEO, SOURCE_RTX, OUT_VIDEO = 12, 13, 27


def link(source: LegStreams, target: LegStreams) -> Direction:
    return Direction.between(source, target, KeyframeThrottle(0.3))


def legs(count: int) -> list[LegStreams]:
    return [LegStreams.from_plan(plan(number)) for number in range(1, count + 1)]


u16, u32 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)


@given(links=st.lists(st.tuples(u16, u32, st.integers(1, 60), st.floats(0.001, 100)), min_size=1, max_size=6))
def test_receiver_sees_one_stream_without_a_gap_over_all_links(links: list[Any]) -> None:
    """Each link is another sender, or the same one again, starting anywhere, after any pause."""
    a, b = legs(2)
    now, expected, last_timestamp = 100.0, None, None
    for start, timestamp, count, pause in links:
        now += pause
        direction = link(a, b)
        for index in range(count):
            now += 0.033
            out = rewrite(direction, rtp(SOURCE_VIDEO, start + index, timestamp + index * 3000), now)
            assert isinstance(out, bytes)
            _, sequence, mapped, ssrc = header(out)
            assert ssrc == OUT_VIDEO
            assert expected is None or sequence == expected
            if last_timestamp is not None:
                assert 0 < (mapped - last_timestamp) & 0xFFFFFFFF < 0x80000000
            expected, last_timestamp = (sequence + 1) & 0xFFFF, mapped
        assert direction.lost == 0


@given(start=u16, order=st.permutations(range(20)), kept=st.sets(st.integers(0, 19), min_size=1))
def test_distances_and_losses_survive_any_order(start: int, order: list[int], kept: set[int]) -> None:
    a, b = legs(2)
    direction = link(a, b)
    first = next(i for i in order if i in kept)
    out = {}
    for index in order:
        if index in kept:
            result = rewrite(direction, rtp(SOURCE_VIDEO, start + index, index), 1.0)
            assert (result is Drop.BEFORE_LINK) == (index < first)
            if isinstance(result, bytes):
                out[index] = header(result)[1]
    base = out[first] - first
    assert {index: (base + index) & 0xFFFF for index in out} == out
    assert direction.lost == (max(out) - first + 1) - len(out)


@given(first=u16, begin=u16, numbers=st.lists(st.integers(0, 200), min_size=1, max_size=30))
def test_transport_wide_numbers_go_on_and_keep_their_distance(
    first: int, begin: int, numbers: list[int]
) -> None:
    a, b = legs(2)
    before = rewrite(link(a, b), rtp(SOURCE_VIDEO, 1, extension=one_byte(transport_cc(first))), 1.0)
    assert isinstance(before, bytes)
    direction = link(a, b)
    for index, number in enumerate(numbers):
        packet = rtp(SOURCE_VIDEO, 100 + index, extension=one_byte(transport_cc(begin + number)))
        out = rewrite(direction, packet, 2.0)
        assert isinstance(out, bytes)
        mapped = struct.unpack_from("!H", out, 17)[0]
        assert mapped == (first + 1 + number - numbers[0]) & 0xFFFF


@given(packet=st.binary(min_size=12, max_size=80), bits=st.integers(0, 63), payload_type=st.integers(0, 127))
def test_no_packet_breaks_the_rewriter(packet: bytes, bits: int, payload_type: int) -> None:
    """Whatever an authenticated sender writes has an outcome, and a length that stays."""
    a, b = legs(2)
    direction = link(a, b)
    for ssrc in (SOURCE_VIDEO, SOURCE_RTX, 99):
        head = bytes((0x80 | bits, payload_type)) + packet[2:8] + struct.pack("!I", ssrc)
        out = rewrite(direction, head + packet[12:], 1.0)
        assert isinstance(out, Drop) or len(out) == len(packet)


def test_rtx_names_the_original_by_the_media_offset_over_a_wrap() -> None:
    a, b = legs(2)
    rewrite(link(a, b), rtp(SOURCE_VIDEO, 65_535), 1.0)
    direction = link(a, b)
    rewrite(direction, rtp(SOURCE_VIDEO, 5), 2.0)  # becomes 0
    rewrite(direction, rtp(SOURCE_VIDEO, 6), 2.0)
    repair = rtp(SOURCE_RTX, 9, 0, struct.pack("!H", 6) + b"x", payload_type=VP8_RTX)
    out = rewrite(direction, repair, 2.0)
    assert isinstance(out, bytes)
    assert out[12:14] == struct.pack("!H", 1)


def test_jitter_is_that_of_rfc_3550() -> None:
    """Packets 20 ms apart by their timestamps that come alternately 10 ms late."""
    a, b = legs(2)
    direction = link(a, b)
    expected, transit_before = 0.0, None
    for index in range(50):
        arrival = index * 0.020 + (0.010 if index % 2 else 0.0)
        rewrite(direction, rtp(SOURCE_VIDEO, index, index * 1800), arrival)
        transit = arrival - index * 0.020
        if transit_before is not None:
            expected += (abs(transit - transit_before) - expected) / 16
        transit_before = transit
    assert abs(a.tracks[1].ingress.jitter - expected) < 1e-9
    assert 0.009 < expected < 0.0101


def test_new_plan_keeps_the_egress_numbers() -> None:
    """After a re-offer the same SSRC must go on where it was."""
    a, b = legs(2)
    rewrite(link(a, b), rtp(SOURCE_VIDEO, 700), 1.0)
    replaced = LegStreams.from_plan(plan(2, codecs=(96, 102)), b)
    out = rewrite(link(a, replaced), rtp(SOURCE_VIDEO, 5), 2.0)
    assert isinstance(out, bytes)
    assert header(out)[1] == 701
