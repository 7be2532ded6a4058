"""docs/packet-engine.md section 7: each block mapped or dropped alone."""

from __future__ import annotations

import struct

import pytest

from tests.relay.engine.conftest import Bench, MakeBench
from tests.relay.engine.far_end import FarEnd
from tests.relay.rtp_packets import VP8_RTX, header, one_byte, rtp, transport_cc

SR, RR, SDES, BYE, APP, RTPFB, PSFB, XR = 200, 201, 202, 203, 204, 205, 206, 207


def block(count: int, kind: int, body: bytes) -> bytes:
    assert len(body) % 4 == 0
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def report(ssrc: int, highest: int, rest: bytes = b"\1\2\3\4jitrlsrrdlsr") -> bytes:
    """Loss, extended highest sequence number, jitter, LSR, DLSR."""
    return struct.pack("!I", ssrc) + rest[:4] + struct.pack("!I", highest) + rest[4:]


def rr(sender: int, *reports: bytes) -> bytes:
    return block(len(reports), RR, struct.pack("!I", sender) + b"".join(reports))


def sr(sender: int, timestamp: int, *reports: bytes) -> bytes:
    body = struct.pack("!I", sender) + b"ntp-time" + struct.pack("!I", timestamp) + b"pktsocts"
    return block(len(reports), SR, body + b"".join(reports))


def feedback(kind: int, fmt: int, sender: int, media: int, fci: bytes = b"") -> bytes:
    return block(fmt, kind, struct.pack("!II", sender, media) + fci)


def sdes(*chunks: tuple[int, bytes]) -> bytes:
    body = b""
    for ssrc, cname in chunks:
        chunk = struct.pack("!IBB", ssrc, 1, len(cname)) + cname
        body += chunk + bytes(4 - len(chunk) % 4)
    return block(len(chunks), SDES, body)


async def flowing(bench: Bench) -> tuple[FarEnd, FarEnd]:
    """A second link of two legs on which media (and RTX) flows from a to b with offsets that are not
    zero: b's video gets 11, 12 … for a's 1000, 1001 …, transport-wide 21 for 500."""
    a, b = await bench.linked()
    a.send_rtp(rtp(a.video, 10, 0, extension=one_byte(transport_cc(20))))
    a.send_rtp(rtp(a.rtx, 30, 0, b"\0\x0a", payload_type=VP8_RTX))
    for _ in range(2):
        await b.receive_rtp()
    bench.engine.unlink(a.leg)
    bench.engine.link(a.leg, b.leg)
    for far in (a, b):
        await far.receive_rtcp()
    a.send_rtp(rtp(a.video, 1000, 50_000, extension=one_byte(transport_cc(500))))
    assert header(await b.receive_rtp())[1] == 11
    a.send_rtp(rtp(a.rtx, 7, 50_000, b"\x03\xe8", payload_type=VP8_RTX))
    assert header(await b.receive_rtp())[1] == 31
    return a, b


async def test_link_asks_both_sides_for_a_keyframe(bench: Bench) -> None:
    a, b = await bench.connected(1), await bench.connected(2)
    bench.engine.link(a.leg, b.leg)
    for far in (a, b):
        assert await far.receive_rtcp() == feedback(PSFB, 1, far.out_video, far.video)
        assert bench.engine.counters(far.leg).ingress[1].keyframe_requests == 1


async def test_link_asks_at_the_first_packet_when_no_ssrc_was_declared(bench: Bench) -> None:
    a, _ = await bench.linked(declared=False)
    a.send_rtp(rtp(777, 1))
    assert await a.receive_rtcp() == feedback(PSFB, 1, a.out_video, 777)


async def test_sender_report_keeps_time_and_gets_the_streams_timestamp_offset(bench: Bench) -> None:
    a, b = await flowing(bench)
    a.send_rtp(rtp(a.video, 1001, 53_000))
    mapped_timestamp = header(await b.receive_rtp())[2]
    a.send_rtcp(sr(a.video, 53_000) + sdes((a.video, b"a-secret-name")))
    got = await b.receive_rtcp()
    assert got == sr(b.out_video, mapped_timestamp) + sdes((b.out_video, b"cname-2"))


async def test_sender_report_before_any_packet_becomes_a_receiver_report(bench: Bench) -> None:
    a, b = await flowing(bench)
    b.send_rtcp(sr(b.video, 1, report(b.out_video, 11)))
    assert await a.receive_rtcp() == rr(a.out_video, report(a.video, 1000))
    assert b.drops() == {"rtcp_unmapped": 1}


async def test_receiver_report_maps_back_and_loses_what_is_not_this_links(bench: Bench) -> None:
    a, b = await flowing(bench)
    b.send_rtcp(rr(b.audio, report(b.out_video, 12), report(b.out_audio, 5), report(b.out_rtx, 31)))
    got = await a.receive_rtcp()
    assert got == rr(a.out_audio, report(a.video, 1001), report(a.rtx, 7))
    assert b.drops() == {"rtcp_unmapped": 1}  # no audio was carried yet


async def test_extended_sequence_number_borrows_a_cycle(bench: Bench) -> None:
    a, b = await bench.linked()
    a.send_rtp(rtp(a.video, 65_000))
    await b.receive_rtp()
    bench.engine.unlink(a.leg)
    bench.engine.link(a.leg, b.leg)
    await a.receive_rtcp()
    a.send_rtp(rtp(a.video, 500))  # comes out as 65001
    assert header(await b.receive_rtp())[1] == 65_001
    b.send_rtcp(rr(1, report(b.out_video, 3 << 16 | 65_010)))
    assert await a.receive_rtcp() == rr(a.out_audio, report(a.video, 3 << 16 | 509))
    b.send_rtcp(rr(1, report(b.out_video, 3 << 16 | 20)))
    assert await a.receive_rtcp() == rr(a.out_audio, report(a.video, 2 << 16 | (20 - 64_501) & 0xFFFF))


async def test_compound_stays_compound_and_unknown_blocks_go(make_bench: MakeBench) -> None:
    bench = await make_bench(keyframe_interval_ms=0)
    a, b = await flowing(bench)
    xr = block(0, XR, struct.pack("!I", b.video) + bytes(8))
    app = block(1, APP, struct.pack("!I", b.video) + b"name")
    pli = feedback(PSFB, 1, b.video, b.out_video)
    compound = (
        rr(b.video) + sdes((b.video, b"x")) + xr + app + block(1, BYE, struct.pack("!I", b.video)) + pli
    )
    b.send_rtcp(compound)
    got = await a.receive_rtcp()
    assert got == rr(a.out_video) + sdes((a.out_video, b"cname-1")) + feedback(PSFB, 1, a.out_video, a.video)
    assert b.drops() == {"rtcp_unknown_type": 2, "rtcp_unmapped": 1}


async def test_nothing_left_sends_nothing(bench: Bench) -> None:
    a, b = await flowing(bench)
    for packet in (rr(b.video), rr(1, report(12345, 1)), block(1, BYE, struct.pack("!I", b.video))):
        b.send_rtcp(packet)
    b.send_rtcp(rr(b.video, report(b.out_video, 11)))
    assert await a.receive_rtcp() == rr(a.out_video, report(a.video, 1000))


async def test_nack_names_the_senders_own_numbers(bench: Bench) -> None:
    a, b = await flowing(bench)
    b.send_rtcp(feedback(RTPFB, 1, b.video, b.out_video, struct.pack("!HHHH", 11, 0xF, 5, 1)))
    got = await a.receive_rtcp()
    expected = struct.pack("!HHHH", 1000, 0xF, (5 - 11 + 1000) & 0xFFFF, 1)
    assert got == feedback(RTPFB, 1, a.out_video, a.video, expected)


async def test_transport_cc_base_is_mapped_back(bench: Bench) -> None:
    a, b = await flowing(bench)
    rest = struct.pack("!HI", 3, 0x01020304) + b"\x20\x03\x11\x22\x33\x44\x55\x66"
    b.send_rtcp(feedback(RTPFB, 15, 1, b.out_video, struct.pack("!H", 22) + rest))
    got = await a.receive_rtcp()
    assert got == feedback(RTPFB, 15, a.out_audio, a.video, struct.pack("!H", 501) + rest)


async def test_padding_of_odd_size_stays_with_feedback(bench: Bench) -> None:
    """Chromium pads transport-wide feedback by one to three octets."""
    a, b = await flowing(bench)
    rest = struct.pack("!HI", 3, 0x01020304) + b"\x20\x03\x11\x22\x33\x44\0\x02"
    padded = feedback(RTPFB, 15, 1, b.out_video, struct.pack("!H", 22) + rest)
    b.send_rtcp(bytes((padded[0] | 0x20,)) + padded[1:])
    expected = feedback(RTPFB, 15, a.out_audio, a.video, struct.pack("!H", 501) + rest)
    assert await a.receive_rtcp() == bytes((expected[0] | 0x20,)) + expected[1:]


async def test_remb_keeps_the_rate_and_maps_the_list(bench: Bench) -> None:
    a, b = await flowing(bench)
    rate = b"\x0b\x12\x34"
    fci = b"REMB\x02" + rate + struct.pack("!II", 4711, b.out_video)
    b.send_rtcp(feedback(PSFB, 15, b.video, 0, fci))
    got = await a.receive_rtcp()
    assert got == feedback(PSFB, 15, a.out_video, 0, b"REMB\x01" + rate + struct.pack("!I", a.video))
    b.send_rtcp(feedback(PSFB, 15, b.video, 0, b"REMB\x01" + rate + struct.pack("!I", 4711)))
    b.send_rtcp(feedback(PSFB, 15, b.video, 0, b"ELSE\x01" + rate + struct.pack("!I", b.out_video)))
    await b.settled()
    assert b.drops() == {"rtcp_unmapped": 2, "rtcp_unknown_type": 1}


async def test_fir_gets_the_egress_directions_own_numbers(make_bench: MakeBench) -> None:
    bench = await make_bench(keyframe_interval_ms=0)
    a, b = await flowing(bench)
    for expected in (1, 2):
        b.send_rtcp(feedback(PSFB, 4, b.video, 0, struct.pack("!IB3x", b.out_video, 200)))
        got = await a.receive_rtcp()
        assert got == feedback(PSFB, 4, a.out_video, 0, struct.pack("!IB3x", a.video, expected))


async def test_keyframe_requests_are_throttled_together(make_bench: MakeBench) -> None:
    bench = await make_bench(keyframe_interval_ms=30_000)
    a, b = await flowing(bench)
    b.send_rtcp(feedback(PSFB, 1, b.video, b.out_video))
    b.send_rtcp(feedback(PSFB, 4, b.video, 0, struct.pack("!IB3x", b.out_video, 1)))
    await b.settled()
    assert b.drops() == {"keyframe_throttled": 2}  # the link's own request counts
    counters = bench.engine.counters(a.leg).ingress[1], bench.engine.counters(b.leg).egress[1]
    assert [c.keyframe_requests for c in counters] == [2, 2]


async def test_keyframe_request_goes_again_after_the_interval(make_bench: MakeBench) -> None:
    bench = await make_bench(keyframe_interval_ms=50)
    a, b = await flowing(bench)
    while True:
        b.send_rtcp(feedback(PSFB, 1, b.video, b.out_video))
        await b.settled()
        if bench.engine.counters(a.leg).ingress[1].keyframe_requests > 2:
            break
    assert await a.receive_rtcp() == feedback(PSFB, 1, a.out_video, a.video)


async def test_feedback_for_what_this_link_has_not_carried_is_unmapped(bench: Bench) -> None:
    a, b = await bench.linked()
    for packet in (
        feedback(PSFB, 1, b.video, b.out_video),
        feedback(RTPFB, 1, b.video, b.out_video, b"\0\1\0\0"),
        feedback(RTPFB, 15, b.video, b.out_video, bytes(12)),
        feedback(PSFB, 1, b.video, 99),
    ):
        b.send_rtcp(packet)
    await b.settled()
    assert b.drops() == {"rtcp_unmapped": 4}
    assert a.drops() == {}


@pytest.mark.parametrize(
    "packet",
    [
        struct.pack("!BBHI", 0x80, RR, 5, 1),  # longer than the packet
        struct.pack("!BBHI", 0x81, RR, 1, 1),  # a report that is not there
        struct.pack("!BBHI", 0x80, RR, 1, 1) + struct.pack("!BBHI", 0x40, RR, 1, 1),  # version 1
        struct.pack("!BBH", 0x80, RR, 0) + bytes(4),  # shorter than its fixed part
        struct.pack("!BBHI", 0x80, SR, 1, 1),
        struct.pack("!BBHI", 0xA0, RR, 1, 0x40),  # padding beyond the block
        struct.pack("!BBHI", 0x80, RR, 1, 1) + b"\x80\xc9",  # a stump behind
        struct.pack("!BBHII", 0x8F, PSFB, 2, 1, 0),  # a REMB that ends before its name
    ],
)
async def test_malformed_rtcp_is_counted_and_the_leg_goes_on(bench: Bench, packet: bytes) -> None:
    a, b = await flowing(bench)
    b.send_rtcp(packet)
    await b.settled()
    assert sum(b.drops().values()) == 1
    assert set(b.drops()) <= {"rtcp_malformed", "rtcp_unknown_type"}
    b.send_rtcp(rr(b.video, report(b.out_video, 11)))
    assert await a.receive_rtcp() == rr(a.out_video, report(a.video, 1000))


async def test_padding_of_the_last_block_is_taken_off(bench: Bench) -> None:
    a, b = await flowing(bench)
    padded = struct.pack("!BBHI", 0xA1, RR, 8, b.video) + report(b.out_video, 11) + b"\0\0\0\x04"
    b.send_rtcp(padded)
    assert await a.receive_rtcp() == rr(a.out_video, report(a.video, 1000))


async def test_replayed_rtcp_is_dropped(bench: Bench) -> None:
    a, b = await flowing(bench)
    protected = b.up.protect_rtcp(rr(b.video, report(b.out_video, 11)))
    b.send(protected)
    b.send(protected)
    await b.settled()
    assert b.drops() == {"srtp_replayed": 1}
    assert await a.receive_rtcp() == rr(a.out_video, report(a.video, 1000))
