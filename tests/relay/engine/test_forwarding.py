"""docs/packet-engine.md sections 4 to 6, from socket to socket."""

from __future__ import annotations

import struct

import pytest

from relay.engine.choose import make_engine
from relay.engine.interface import LEG_MAX_SSRCS, FirstForwarded, SrtpProfile
from relay.errors import BindError, UnknownLeg
from tests.relay.engine.conftest import Bench, MakeBench
from tests.relay.engine.far_end import Events, config, plan
from tests.relay.rtp_packets import OPUS, VP8, VP8_RTX, header, one_byte, rtp, transport_cc, two_byte


@pytest.mark.parametrize("profile", list(SrtpProfile))
async def test_packet_reaches_the_other_leg_under_its_constant_ssrc(
    bench: Bench, profile: SrtpProfile
) -> None:
    a = await bench.connected(1, profile=profile)
    b = await bench.connected(2, profile=profile)
    bench.engine.link(a.leg, b.leg)
    sent = rtp(a.video, 500, 9000, b"picture", marker=True)
    a.send_rtp(sent)
    got = await b.receive_rtp()
    assert got == rtp(b.out_video, 500, 9000, b"picture", marker=True)
    a.send_rtp(rtp(a.audio, 7, 960, b"sound", payload_type=OPUS))
    assert header(await b.receive_rtp()) == (OPUS, 7, 960, b.out_audio)
    b.send_rtp(rtp(b.video, 9, 1, b"back"))
    assert header(await a.receive_rtp()) == (VP8, 9, 1, a.out_video)


async def test_first_forwarded_is_told_once_per_kind_and_link(bench: Bench) -> None:
    a, b = await bench.linked()
    for number in range(3):
        a.send_rtp(rtp(a.video, number))
        a.send_rtp(rtp(a.audio, number, payload_type=OPUS))
    await a.settled()
    firsts = [e for e in bench.events.seen if isinstance(e, FirstForwarded)]
    assert firsts == [FirstForwarded(b.leg, "video"), FirstForwarded(b.leg, "audio")]


async def test_everything_that_is_not_rewritten_passes_unchanged(bench: Bench) -> None:
    a, b = await bench.linked()
    elements = one_byte((2, b"abc"), transport_cc(77), (1, b"1"), (5, b"\x03"))
    for number, packet in enumerate(
        (
            {"extension": elements, "csrcs": (1, 2, 3), "padding": 9},
            {"extension": two_byte((2, b"abc"), transport_cc(78), (7, b"x" * 30)), "profile": 0x1000},
            {"extension": b"\0" * 8},
            {"payload": b"", "padding": 255},
        )
    ):
        a.send_rtp(rtp(a.video, number, **packet))  # type: ignore[arg-type]  # keyword sets of one function
        assert await b.receive_rtp() == rtp(b.out_video, number, **packet)  # type: ignore[arg-type]  # as above


async def test_next_link_goes_on_without_a_gap(bench: Bench) -> None:
    """Sequence, timestamp and transport-wide numbers of the new sender continue the old one's."""
    a, b = await bench.linked()
    for number in range(3):
        a.send_rtp(rtp(a.video, 100 + number, 5000, extension=one_byte(transport_cc(40 + number))))
        last = await b.receive_rtp()
    bench.engine.unlink(a.leg)
    c = await bench.connected(3)
    bench.engine.link(c.leg, b.leg)
    c.send_rtp(rtp(c.video, 65535, 0xFFFFFFFF, extension=one_byte(transport_cc(60000))))
    got = await b.receive_rtp()
    _, sequence, timestamp, ssrc = header(got)
    assert (sequence, ssrc) == (103, b.out_video)
    assert 5000 < timestamp < 5000 + 90_000 * 10
    assert got[16:20] == struct.pack("!BHx", 0x31, 43)
    c.send_rtp(rtp(c.video, 0, 2999, extension=one_byte(transport_cc(60001))))
    after = await b.receive_rtp()
    assert header(after)[1:3] == (104, timestamp + 3000)
    assert last[16:20] == struct.pack("!BHx", 0x31, 42)


async def test_offsets_are_made_anew_when_the_same_two_meet_again(bench: Bench) -> None:
    a, b = await bench.linked()
    a.send_rtp(rtp(a.video, 10))
    assert header(await b.receive_rtp())[1] == 10
    bench.engine.unlink(b.leg)
    for number in range(11, 200):  # what is sent in between must not show as a burst of loss
        a.send_rtp(rtp(a.video, number))
    await a.settled()
    assert a.drops() == {"unlinked": 189}
    bench.engine.link(a.leg, b.leg)
    a.send_rtp(rtp(a.video, 200))
    assert header(await b.receive_rtp())[1] == 11


async def test_reordered_packets_keep_their_place_and_wraps_are_crossed(bench: Bench) -> None:
    a, b = await bench.linked()
    sequences = [65533, 65535, 65534, 1, 0, 2]
    for sequence in sequences:
        a.send_rtp(rtp(a.video, sequence, sequence * 10))
    assert [header(await b.receive_rtp())[1] for _ in sequences] == sequences
    counters = bench.engine.counters(a.leg).ingress[1]
    assert (counters.packets, counters.lost) == (6, 0)


async def test_packet_older_than_the_links_first_is_dropped(bench: Bench) -> None:
    a, b = await bench.linked()
    a.send_rtp(rtp(a.video, 50))
    await b.receive_rtp()
    a.send_rtp(rtp(a.video, 49))
    a.send_rtp(rtp(a.video, 51))
    assert header(await b.receive_rtp())[1] == 51
    assert a.drops() == {"before_link": 1}


async def test_losses_are_counted_as_expected_minus_received(bench: Bench) -> None:
    a, b = await bench.linked()
    for sequence in (10, 11, 15, 14, 20):
        a.send_rtp(rtp(a.video, sequence))
        await b.receive_rtp()
    assert bench.engine.counters(a.leg).ingress[1].lost == 6
    bench.engine.unlink(a.leg)
    counters = bench.engine.counters(a.leg)
    assert (counters.link_packets, counters.link_lost, counters.ingress[1].lost) == (5, 6, 6)


async def test_rtx_repairs_under_its_own_ssrc_and_names_the_mapped_original(bench: Bench) -> None:
    a, b = await bench.linked()
    a.send_rtp(rtp(a.video, 1))
    await b.receive_rtp()
    bench.engine.unlink(a.leg)
    bench.engine.link(a.leg, b.leg)
    a.send_rtp(rtp(a.video, 1000, 7))
    timestamp = header(await b.receive_rtp())[2]
    a.send_rtp(rtp(a.rtx, 77, 7, struct.pack("!H", 1000) + b"again", payload_type=VP8_RTX))
    got = await b.receive_rtp()
    assert header(got) == (VP8_RTX, 77, timestamp, b.out_rtx)
    assert got[12:] == struct.pack("!H", 2) + b"again"
    # Padding only: there is no original sequence number to map.
    a.send_rtp(rtp(a.rtx, 78, 7, b"", payload_type=VP8_RTX, padding=200))
    assert (await b.receive_rtp())[12:] == bytes(199) + b"\xc8"
    # An original from before this link.
    a.send_rtp(rtp(a.rtx, 79, 7, struct.pack("!H", 999) + b"old", payload_type=VP8_RTX))
    await a.settled()
    assert a.drops() == {"before_link": 1}
    assert bench.engine.counters(a.leg).ingress[1].retransmissions == 2


async def test_rtx_before_any_media_of_the_link_is_dropped(bench: Bench) -> None:
    a, _ = await bench.linked()
    a.send_rtp(rtp(a.rtx, 1, 7, b"\0\0again", payload_type=VP8_RTX))
    await a.settled()
    assert a.drops() == {"before_link": 1}


async def test_replayed_forged_and_truncated_packets_are_counted_and_the_rest_goes_on(bench: Bench) -> None:
    a, b = await bench.linked()
    protected = a.send_rtp(rtp(a.video, 1, payload=b"x" * 100))
    await b.receive_rtp()
    a.send(protected)
    unsent = a.protect(rtp(a.video, 2, payload=b"x" * 100))
    a.send(unsent[:-1] + bytes((unsent[-1] ^ 1,)))
    a.send(unsent[:60])
    for size in (1, 2, 11, 12, 20):
        a.send(unsent[:size])
    a.send_rtp(rtp(a.video, 3))
    assert header(await b.receive_rtp())[1] == 3
    assert a.drops() == {"srtp_replayed": 1, "srtp_bad_auth": 2, "srtp_malformed": 5}
    a.send(unsent)  # what was forged before did not use up its number
    assert header(await b.receive_rtp())[1] == 2
    assert bench.engine.counters(a.leg).ingress[1].lost == 0


async def test_headers_whose_lengths_lie_are_malformed(bench: Bench) -> None:
    a, b = await bench.linked()
    for sequence, padding in ((1, b"\0\0\0\x40"), (2, b"\0\0\0\0")):
        good = rtp(a.video, sequence, payload=padding)
        a.send_rtp(bytes((good[0] | 0x20,)) + good[1:])
    await a.settled()
    assert a.drops() == {"srtp_malformed": 2}
    a.send_rtp(rtp(a.video, 3))
    await b.receive_rtp()


async def test_before_keys_and_while_unlinked_nothing_is_forwarded(bench: Bench) -> None:
    far = bench.far_end(1)
    await far.check(nominate=True)
    far.send_rtp(rtp(far.video, 1))
    far.send_rtcp(struct.pack("!BBHI", 0x80, 201, 1, far.video))
    await far.settled()
    assert far.drops() == {"no_keys": 2}
    bench.engine.set_keys(far.leg, far.keys)
    bench.engine.set_plan(far.leg, plan(1))
    far.send_rtp(rtp(far.video, 2))
    far.send_rtcp(struct.pack("!BBHI", 0x80, 201, 1, far.video))
    await far.settled()
    assert far.drops() == {"no_keys": 2, "unlinked": 2}


async def test_rollover_is_followed_while_unlinked(bench: Bench) -> None:
    a = await bench.connected(1)
    b = await bench.connected(2)
    for sequence in range(64_000, 66_000, 100):
        a.send_rtp(rtp(a.video, sequence))
    await a.settled()
    bench.engine.link(a.leg, b.leg)
    a.send_rtp(rtp(a.video, 66_000, payload=b"after the wrap"))
    assert (await b.receive_rtp()).endswith(b"after the wrap")


async def test_unknown_and_unshared_payload_types(bench: Bench) -> None:
    a = await bench.connected(1, codecs=(VP8, 102))
    b = await bench.connected(2)
    bench.engine.link(a.leg, b.leg)
    a.send_rtp(rtp(a.video, 1, payload_type=102))
    a.send_rtp(rtp(a.video, 2, payload_type=100))
    a.send_rtp(rtp(a.video, 3))
    await b.receive_rtp()
    assert a.drops() == {"unshared_payload_type": 1, "unknown_payload_type": 1}


async def test_no_video_section_on_the_other_side(bench: Bench) -> None:
    a = await bench.connected(1)
    b = await bench.connected(2, video=False)
    bench.engine.link(a.leg, b.leg)
    a.send_rtp(rtp(a.video, 1))
    a.send_rtp(rtp(a.audio, 1, payload_type=OPUS))
    assert header(await b.receive_rtp())[3] == b.out_audio
    assert a.drops() == {"unshared_payload_type": 1}


async def test_ssrc_that_was_not_declared_needs_the_mid(bench: Bench) -> None:
    a, b = await bench.linked()
    a.send_rtp(rtp(999, 1))
    a.send_rtp(rtp(a.rtx, 1))  # another stream's
    a.send_rtp(rtp(999, 2, extension=one_byte((1, b"0"))))  # audio's mid on a video payload type
    await a.settled()
    assert a.drops() == {"unknown_ssrc": 2, "mid_mismatch": 1}
    a.send_rtp(rtp(999, 3, extension=one_byte((1, b"1")), payload=b"new"))
    got = await b.receive_rtp()
    assert header(got)[3] == b.out_video
    assert got.endswith(b"new")


async def test_undeclared_ssrcs_are_adopted_by_payload_type(bench: Bench) -> None:
    a, b = await bench.linked(declared=False)
    a.send_rtp(rtp(4242, 9))
    assert header(await b.receive_rtp()) == (VP8, 9, 0, b.out_video)


async def test_senders_new_ssrc_continues_the_egress_stream(bench: Bench) -> None:
    a, b = await bench.linked(declared=False)
    a.send_rtp(rtp(4242, 9, 100))
    assert header(await b.receive_rtp())[1] == 9
    a.send_rtp(rtp(4343, 60_000, 5, payload=b"other"))
    _, sequence, timestamp, ssrc = header(await b.receive_rtp())
    assert (sequence, ssrc) == (10, b.out_video)
    assert timestamp > 100


async def test_known_ssrc_with_a_wrong_mid_is_dropped(bench: Bench) -> None:
    a, _ = await bench.linked()
    a.send_rtp(rtp(a.video, 1, extension=one_byte((1, b"0"))))
    await a.settled()
    assert a.drops() == {"mid_mismatch": 1}


async def test_leg_over_its_bit_rate_costs_itself_only(make_bench: MakeBench) -> None:
    bench = await make_bench(leg_max_bps=10_000, leg_burst_bytes=5_000)
    a, b = await bench.linked()
    for number in range(10):
        a.send_rtp(rtp(a.video, number, payload=bytes(972)))  # 1,000 bytes with header and GCM tag
    await a.settled()
    assert a.drops()["bit_rate_exceeded"] in (5, 6)
    b.send_rtp(rtp(b.video, 1, payload=b"free"))
    while not (await a.receive_rtp()).endswith(b"free"):
        pass


async def test_target_without_a_path_is_no_path(bench: Bench) -> None:
    a = await bench.connected(1)
    b = bench.far_end(2)
    bench.engine.set_keys(b.leg, b.keys)
    bench.engine.set_plan(b.leg, plan(2))
    bench.engine.link(a.leg, b.leg)
    a.send_rtp(rtp(a.video, 1))
    await a.settled()
    assert a.drops() == {"no_path": 1}
    await b.check(nominate=True)
    a.send_rtp(rtp(a.video, 2))
    assert header(await b.receive_rtp())[1] == 2


async def test_closing_a_leg_ends_its_link_and_forgets_its_addresses(bench: Bench) -> None:
    a, b = await bench.linked()
    bench.engine.close_leg(b.leg)
    a.send_rtp(rtp(a.video, 1))
    await a.settled()
    assert a.drops() == {"unlinked": 1}
    b.send(b"\x80" + bytes(40))
    # Its own answer, for another address may be served by another thread.
    await b.check(username=False, password="")
    assert bench.engine.totals().drops["unknown_source"] == 1
    with pytest.raises(UnknownLeg):
        bench.engine.counters(b.leg)


async def test_link_refuses_legs_that_are_not_ready(bench: Bench) -> None:
    a = await bench.connected(1)
    b = bench.far_end(2)
    with pytest.raises(ValueError, match="leg-2"):
        bench.engine.link(a.leg, b.leg)
    c = await bench.connected(3)
    bench.engine.link(a.leg, c.leg)
    d = await bench.connected(4)
    with pytest.raises(ValueError, match="leg-1"):
        bench.engine.link(d.leg, a.leg)


async def test_address_that_cannot_be_bound_is_named(engine_name: str) -> None:
    engine = make_engine(engine_name, config(addresses=("203.0.113.77",)))  # type: ignore[arg-type]  # "python" or "native"
    with pytest.raises(BindError, match=r"203\.0\.113\.77"):
        await engine.start(Events())
    await engine.close()


async def test_port_in_use_is_named(bench: Bench, engine_name: str) -> None:
    port = bench.engine.bound[0].port
    engine = make_engine(engine_name, config(udp_port=port))  # type: ignore[arg-type]  # "python" or "native"
    with pytest.raises(BindError, match=str(port)):
        await engine.start(Events())
    await engine.close()


async def test_dtls_comes_out_and_goes_in_before_any_nomination(bench: Bench) -> None:
    far = bench.far_end(1)
    await far.check(nominate=False)
    far.send(b"\x16hello")
    event = await bench.events.next()
    assert getattr(event, "datagram", None) == b"\x16hello"
    bench.engine.send_dtls(far.leg, b"\x16answer")
    assert await far.receive() == b"\x16answer"


async def test_totals_count_every_datagram(bench: Bench) -> None:
    a, b = await bench.linked()
    await a.settled()
    before = bench.engine.totals()
    a.send_rtp(rtp(a.video, 1, payload=bytes(88)))
    await b.receive_rtp()
    after = bench.engine.totals()
    assert (after.packets_in - before.packets_in, after.packets_out - before.packets_out) == (1, 1)
    assert after.bytes_in - before.bytes_in == after.bytes_out - before.bytes_out == 12 + 88 + 16


async def test_ssrcs_of_a_leg_are_bounded(bench: Bench) -> None:
    """Each costs a cryptographic context, so a sender of many must not make them without end."""
    a, b = await bench.linked(declared=False)
    for number in range(LEG_MAX_SSRCS + 4):
        a.send_rtp(rtp(1000 + number, number))
    a.send_rtp(rtp(1000, 1, payload=b"an old one"))
    await a.settled()
    assert a.drops() == {"unknown_ssrc": 4}
    while not (await b.receive_rtp()).endswith(b"an old one"):
        pass


async def test_reports_that_grow_over_a_datagram_are_counted(bench: Bench) -> None:
    a, b = await bench.linked()
    chunk = struct.pack("!IBB", a.video, 0, 0) + bytes(2)
    sdes = struct.pack("!BBH", 0x80 | 31, 202, 2 * 31) + chunk * 31
    a.send_rtcp(struct.pack("!BBHI", 0x80, 201, 1, a.video) + sdes * 5)
    await a.settled()
    assert sum(a.drops().values()) + sum(b.drops().values()) == 1
    assert b.drops() == {"too_long": 1}


async def test_first_forwarded_is_told_when_a_packet_really_left(bench: Bench) -> None:
    a = await bench.connected(1)
    b = bench.far_end(2)
    bench.engine.set_keys(b.leg, b.keys)
    bench.engine.set_plan(b.leg, plan(2))
    bench.engine.link(a.leg, b.leg)
    a.send_rtp(rtp(a.video, 1))
    await a.settled()
    assert not [e for e in bench.events.seen if isinstance(e, FirstForwarded)]


async def test_track_that_was_absent_from_a_plan_goes_on(bench: Bench) -> None:
    """The same number twice under one key and SSRC would break SRTP."""
    a, b = await bench.linked()
    a.send_rtp(rtp(a.video, 500))
    assert header(await b.receive_rtp())[1] == 500
    bench.engine.set_plan(b.leg, plan(2, video=False))
    bench.engine.set_plan(b.leg, plan(2))
    a.send_rtp(rtp(a.video, 501))
    assert header(await b.receive_rtp())[1] == 501
    bench.engine.unlink(a.leg)
    c = await bench.connected(3)
    bench.engine.link(c.leg, b.leg)
    c.send_rtp(rtp(c.video, 500))
    assert header(await b.receive_rtp())[1] == 502


async def test_new_plans_do_not_loosen_the_keyframe_throttle(make_bench: MakeBench) -> None:
    bench = await make_bench(keyframe_interval_ms=30_000)
    a, b = await bench.linked()
    for number in range(3):
        a.send_rtp(rtp(a.video, number))
        await b.receive_rtp()
        bench.engine.set_plan(b.leg, plan(2, codecs=(VP8, 102) if number % 2 else (VP8,)))
        b.send_rtcp(struct.pack("!BBHII", 0x81, 206, 2, b.video, b.out_video))
    await b.settled()
    assert bench.engine.counters(a.leg).ingress[1].keyframe_requests == 1
