"""The door: what is asked and what is answered."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import re
import time
from pathlib import Path

import psutil
import pytest

from relay import door
from relay.door import LegId, LinkId
from relay.engine.choose import EngineMissingError
from relay.engine.interface import SrtpKeys
from relay.node import RelayNode
from relay.settings import RelaySettings
from tests.relay.conftest import MakeNode, Node
from tests.relay.rtp_packets import OPUS, VP8, header, rtp

pytestmark = pytest.mark.media


async def test_two_legs_are_linked_and_their_packets_counted(node: Node) -> None:
    a, b = await node.connect("a"), await node.connect("b")
    await node.link("l", "a", "b")
    a.send_rtp(rtp(a.video_ssrc, 1, payload=b"x" * 88))
    assert header(await b.rtp.get()) == (VP8, 1, 0, b.video.ssrc[0].ssrc)
    assert await node.next(door.LinkFlowing) == door.LinkFlowing(LinkId("l"), LegId("b"), "video")
    b.send_rtp(rtp(b.audio_ssrc, 1, payload_type=OPUS))
    await a.rtp.get()
    assert (await node.next(door.LinkFlowing)).kind == "audio"
    snapshot = node.relay.snapshot()
    assert snapshot.links == 1
    assert {s.leg: s.linked_to for s in snapshot.legs} == {"a": "b", "b": "a"}
    node.relay.ask(door.UnlinkLegs(LinkId("l")))
    down = await node.next(door.LinkDown)
    assert (down.reason, down.a_to_b.packets, down.a_to_b.bytes, down.b_to_a.packets) == ("asked", 1, 100, 1)


async def test_leg_outlives_its_links_without_a_new_offer(node: Node) -> None:
    a, b, c = await node.connect("a"), await node.connect("b"), await node.connect("c")
    await node.link("1", "a", "b")
    a.send_rtp(rtp(a.video_ssrc, 1))
    first = header(await b.rtp.get())
    node.relay.ask(door.UnlinkLegs(LinkId("1")))
    await node.next(door.LinkDown)
    await node.link("2", "c", "b")
    c.send_rtp(rtp(c.video_ssrc, 30_000))
    then = header(await b.rtp.get())
    assert then[3] == first[3]
    assert then[1] == first[1] + 1


async def test_every_offer_has_the_same_numbers_and_its_own_secrets(node: Node) -> None:
    await node.open("a")
    node.relay.ask(door.OpenLeg(LegId("b")))
    other = await node.next(door.LegOffered)
    node.relay.ask(door.OpenLeg(LegId("c")))
    one = await node.next(door.LegOffered)

    def numbers(sdp: str) -> list[str]:
        return re.findall(r"a=(?:rtpmap|fmtp|extmap|rtcp-fb|mid|setup):?.*|m=\S+ \d+ (.*)", sdp)

    assert numbers(one.sdp) == numbers(other.sdp)
    for attribute in ("ice-ufrag", "ice-pwd", "ssrc-group", "msid"):
        assert re.findall(f"a={attribute}:.*", one.sdp) != re.findall(f"a={attribute}:.*", other.sdp)


@pytest.mark.parametrize(
    ("code", "edit"),
    [
        ("not_sdp", lambda sdp: "hello"),
        ("not_sdp", lambda sdp: "\x00\xff" * 1000),
        ("not_sdp", lambda sdp: sdp.replace("m=video", "m=")),
        ("not_sdp", lambda sdp: sdp.replace("a=rtpmap:96 VP8/90000", "a=rtpmap:x")),
        ("not_sdp", lambda sdp: sdp.replace("a=setup:active", "a=setup:whatever")),
        ("no_fingerprint", lambda sdp: re.sub(r"a=fingerprint:.*\r\n", "", sdp)),
        ("no_fingerprint", lambda sdp: sdp.replace("a=fingerprint:sha-256", "a=fingerprint:md5")),
        ("wrong_setup", lambda sdp: sdp.replace("a=setup:active", "a=setup:passive")),
        ("wrong_setup", lambda sdp: sdp.replace("a=setup:active\r\n", "")),
        ("no_ice", lambda sdp: re.sub(r"a=ice-pwd:.*\r\n", "", sdp)),
        ("wrong_sections", lambda sdp: sdp[: sdp.index("m=video")]),
        ("wrong_sections", lambda sdp: sdp + sdp[sdp.index("m=video") :]),
        ("wrong_sections", lambda sdp: sdp.replace("a=mid:1", "a=mid:7")),
        ("not_sdp", lambda sdp: ""),
        ("wrong_sections", lambda sdp: "v=0\r\n"),
        ("wrong_sections", lambda sdp: re.sub(r"m=(\w+) 9", r"m=\1 0", sdp)),
        ("no_codec", lambda sdp: re.sub(r"(VP8|VP9|H264|AV1)/", "XX/", sdp)),
        ("sdp_too_long", lambda sdp: sdp + "a=rtpmap:9 x/1\r\n" * 400),
        ("not_sdp", lambda sdp: re.sub(r"FID \d+", "FID 99999999999", sdp)),
        ("not_sdp", lambda sdp: re.sub(r"FID \d+", "FID -5", sdp)),
        ("sdp_too_long", lambda sdp: sdp + "a=x:" + "y" * (1 << 20)),
    ],
)  # fmt: skip
async def test_unusable_answers_are_refused_and_the_leg_still_waits(node: Node, code: str, edit) -> None:  # type: ignore[no-untyped-def]  # lambdas
    healthy, far = await node.connect("healthy"), await node.open("a")
    node.relay.ask(door.AnswerLeg(LegId("a"), edit(far.answer())))
    refused = await node.next(door.AnswerRefused)
    assert (refused.leg, refused.code) == ("a", code)
    assert refused.message.endswith(".")
    node.relay.ask(door.AnswerLeg(LegId("a"), far.answer()))
    await far.connect()
    await node.next(door.LegConnected)
    await node.link("l", "a", "healthy")
    far.send_rtp(rtp(far.video_ssrc, 1))
    await healthy.rtp.get()


async def test_answer_for_no_leg_is_refused(node: Node) -> None:
    node.relay.ask(door.AnswerLeg(LegId("nobody"), "v=0"))
    assert (await node.next(door.AnswerRefused)).code == "unknown_leg"


async def test_later_answer_with_another_certificate_is_refused(node: Node) -> None:
    far = await node.connect("a")
    other = re.sub(r"(sha-256 )..", r"\g<1>00", far.answer())
    node.relay.ask(door.AnswerLeg(LegId("a"), other))
    assert (await node.next(door.AnswerRefused)).code == "wrong_fingerprint"


async def test_later_answer_that_drops_a_section_is_refused_and_the_leg_can_be_linked(node: Node) -> None:
    a = await node.connect("a")
    await node.connect("b")
    node.relay.ask(door.AnswerLeg(LegId("a"), a.answer().replace("m=video 9", "m=video 0")))
    assert (await node.next(door.AnswerRefused)).code == "wrong_sections"
    await node.link("l", "a", "b")


async def test_answer_with_very_many_feedback_lines_costs_little(node: Node) -> None:
    far = await node.open("a")
    codecs = "".join(f"a=rtpmap:{100 + n % 20} x{n}/1\r\n" for n in range(120))
    feedback = "a=rtcp-fb:* nack\r\n" * 150
    start = time.process_time()
    node.relay.ask(door.AnswerLeg(LegId("a"), far.answer() + codecs + feedback))
    assert time.process_time() - start < 0.1


async def test_restart_offers_new_credentials_and_nothing_else(node: Node) -> None:
    a, b = await node.connect("a"), await node.connect("b")
    await node.link("l", "a", "b")
    node.relay.ask(door.RestartLeg(LegId("a")))
    offered = await node.next(door.LegOffered)
    assert offered.leg == "a"

    def parts(sdp: str) -> tuple[list[str], list[str]]:
        lines = re.sub(r"o=- (\d+) \d+", r"o=- \1", sdp).splitlines()
        return (
            [line for line in lines if line.startswith(("a=ice-ufrag", "a=ice-pwd"))],
            [line for line in lines if not line.startswith(("a=ice-ufrag", "a=ice-pwd"))],
        )

    (old_ice, before), (new_ice, after) = parts(a.offer), parts(offered.sdp)
    assert after == before
    assert not set(new_ice) & set(old_ice)
    assert re.findall(r"o=- \d+ (\d+)", offered.sdp) == ["2"]
    # The same media goes on both ways: before the answer, after it, and on the new path.
    a.send_rtp(rtp(a.video_ssrc, 1))
    await b.rtp.get()
    a.restart(offered.sdp)
    node.relay.ask(door.AnswerLeg(LegId("a"), a.answer()))
    while not a.stun.empty():
        a.stun.get_nowait()
    a.check()
    await a.stun.get()
    a.send_rtp(rtp(a.video_ssrc, 2))
    await b.rtp.get()
    b.send_rtp(rtp(b.video_ssrc, 1))
    await a.rtp.get()
    assert {s.leg: s.state for s in node.relay.snapshot().legs} == {"a": "connected", "b": "connected"}
    node.relay.ask(door.UnlinkLegs(LinkId("l")))
    down = await node.next(door.LinkDown)
    assert (down.reason, down.a_to_b.packets, down.b_to_a.packets) == ("asked", 2, 1)
    assert not node.drops("a")


async def test_restart_of_a_leg_that_is_not_there_or_not_answered_changes_nothing(node: Node) -> None:
    far = await node.open("a")
    node.relay.ask(door.RestartLeg(LegId("nobody")))
    node.relay.ask(door.RestartLeg(LegId("a")))
    assert (await node.next(door.LegOffered)).sdp == far.offer
    node.relay.ask(door.AnswerLeg(LegId("a"), far.answer()))
    await far.connect()
    await node.next(door.LegConnected)


async def test_leg_and_link_ids_in_use_are_refused(node: Node) -> None:
    await node.connect("a")
    await node.connect("b")
    node.relay.ask(door.OpenLeg(LegId("a")))
    assert (await node.next(door.LegRefused)).code == "leg_exists"
    node.relay.ask(door.CloseLeg(LegId("a")))
    node.relay.ask(door.OpenLeg(LegId("a")))  # its last record has not left yet
    assert (await node.next(door.LegRefused)).code == "leg_exists"
    await node.connect("c")
    await node.link("l", "b", "c")
    node.relay.ask(door.LinkLegs(LinkId("l"), LegId("b"), LegId("c")))
    assert (await node.next(door.LinkDown)).reason == "link_exists"
    assert node.relay.snapshot().links == 1


async def test_leg_closed_before_its_task_began_leaves_no_trace(node: Node) -> None:
    node.relay.ask(door.OpenLeg(LegId("a")))
    node.relay.ask(door.CloseLeg(LegId("a")))
    assert (await node.next(door.LegClosed)).reason == "asked"
    await node.connect("b")
    assert [s.leg for s in node.relay.snapshot().legs] == ["b"]


async def give_up(connecting: asyncio.Task[SrtpKeys]) -> None:
    """Cancel it until it ends: aiortc's handshake waits by ``wait_for``, which can lose one in 3.11."""
    while not connecting.done():
        connecting.cancel()
        await asyncio.wait({connecting}, timeout=0.1)


async def test_leg_that_closes_while_it_comes_up_is_not_told_connected_after(node: Node) -> None:
    far = await node.open("a")
    node.relay.ask(door.AnswerLeg(LegId("a"), far.answer()))
    connecting = asyncio.create_task(far.connect())
    while node.relay._steps.get(LegId("a")) and not node.relay._steps[LegId("a")].selected.is_set():
        await asyncio.wait({connecting}, timeout=0.001)
    node.relay.ask(door.CloseLeg(LegId("a")))
    await give_up(connecting)
    await node.open("b")
    seen = []
    with contextlib.suppress(asyncio.QueueEmpty):
        while True:
            seen.append(node.relay.events.get_nowait())
    assert not [e for e in seen if isinstance(e, door.LegConnected) and e.leg == "a"]


async def test_wrong_fingerprint_fails_the_handshake(node: Node) -> None:
    far = await node.open("a")
    wrong = re.sub(r"(sha-256 )..", r"\g<1>00", far.answer())
    node.relay.ask(door.AnswerLeg(LegId("a"), wrong))
    connecting = asyncio.create_task(far.connect())
    assert await node.next(door.LegClosed) == door.LegClosed(LegId("a"), "dtls_failed")
    await give_up(connecting)


async def test_each_way_of_not_coming_up_has_its_reason(make_node: MakeNode) -> None:
    node = await make_node(connect_timeout_ms=200)
    await node.open("silent")
    assert (await node.next(door.LegClosed)).reason == "not_answered"
    far = await node.open("deaf")
    node.relay.ask(door.AnswerLeg(LegId("deaf"), far.answer()))
    assert (await node.next(door.LegClosed)).reason == "ice_failed"
    far = await node.open("checks only")
    node.relay.ask(door.AnswerLeg(LegId("checks only"), far.answer()))
    far.check()
    assert (await node.next(door.LegClosed)).reason == "dtls_failed"


async def test_client_hello_before_the_answer_is_not_lost(node: Node) -> None:
    far = await node.open("a")
    connecting = asyncio.create_task(far.connect())
    while not far.stun.qsize():
        await asyncio.wait({connecting}, timeout=0.01)
    node.relay.ask(door.AnswerLeg(LegId("a"), far.answer()))
    connected = await node.next(door.LegConnected)
    await connecting
    # A lost ClientHello would cost a DTLS retransmission, which takes a second.
    assert connected.connect_ms < 900


async def test_browser_that_closes_ends_its_leg_and_link(node: Node) -> None:
    a = await node.connect("a")
    await node.connect("b")
    await node.link("l", "a", "b")
    await a.close()
    assert (await node.next(door.LinkDown)).reason == "leg_closed"
    assert await node.next(door.LegClosed) == door.LegClosed(LegId("a"), "closed_by_browser")
    assert [s.leg for s in node.relay.snapshot().legs] == ["b"]


async def test_browser_that_vanishes_is_interrupted_then_lost(make_node: MakeNode) -> None:
    node = await make_node(interrupted_after_ms=300, consent_ms=900)
    a = await node.connect("a")
    assert (await node.next(door.LegInterrupted)).leg == "a"
    a.check()
    assert (await node.next(door.LegResumed)).leg == "a"
    a.drop()
    assert (await node.next(door.LegInterrupted)).leg == "a"
    assert await node.next(door.LegClosed) == door.LegClosed(LegId("a"), "consent_lost")


async def test_links_need_two_connected_unlinked_legs(node: Node) -> None:
    await node.connect("a")
    await node.open("b")
    for pair in (("a", "b"), ("a", "a"), ("a", "nobody")):
        node.relay.ask(door.LinkLegs(LinkId("l"), LegId(pair[0]), LegId(pair[1])))
        assert (await node.next(door.LinkDown)).reason == "leg_not_ready"


async def test_full_relay_refuses_with_a_sentence(make_node: MakeNode) -> None:
    node = await make_node(max_legs=1)
    await node.open("a")
    node.relay.ask(door.OpenLeg(LegId("b")))
    refused = await node.next(door.LegRefused)
    assert (refused.leg, refused.code) == ("b", "relay_full")
    node.relay.ask(door.CloseLeg(LegId("a")))
    assert (await node.next(door.LegClosed)).reason == "asked"
    await node.open("b")


async def test_relay_over_its_bit_rate_refuses(make_node: MakeNode) -> None:
    node = await make_node(max_egress_bps=1)
    node.relay._bit_rate.bps = 2.0
    node.relay.ask(door.OpenLeg(LegId("a")))
    assert (await node.next(door.LegRefused)).code == "relay_bit_rate"


def h264_only(sdp: str) -> str:
    return sdp.replace("VP8/", "XX/").replace("VP9/", "XX/").replace("AV1/", "XX/")


def no_h264(sdp: str) -> str:
    return sdp.replace("H264/", "XX/")


def without_red(sdp: str) -> str:
    return sdp.replace("red/", "XX/")


async def test_legs_that_share_no_codec_are_not_linked(node: Node) -> None:
    await node.connect("a", h264_only)
    await node.connect("b", no_h264)
    node.relay.ask(door.LinkLegs(LinkId("l"), LegId("a"), LegId("b")))
    assert (await node.next(door.LinkDown)).reason == "no_shared_codec"


async def test_sender_of_an_unshared_codec_is_reoffered_the_shared_ones(node: Node) -> None:
    a = await node.connect("a")
    await node.connect("b", h264_only)
    node.relay.ask(door.LinkLegs(LinkId("l"), LegId("a"), LegId("b")))
    offered = await node.next(door.LegOffered)
    assert offered.leg == "a"
    assert re.findall(r"m=video \d+ \S+ (.*)\r", offered.sdp) == ["102 103"]
    await node.next(door.LinkUp)
    node.relay.ask(door.AnswerLeg(LegId("a"), h264_only(a.answer())))
    b = node.far_ends[1]
    a.send_rtp(rtp(a.video_ssrc, 1, payload_type=102))
    assert header(await b.rtp.get())[0] == 102


async def test_sender_of_redundant_sound_is_reoffered_plain_sound_for_one_who_cannot_take_it(
    node: Node,
) -> None:
    a = await node.connect("a")
    await node.connect("b", without_red)
    node.relay.ask(door.LinkLegs(LinkId("l"), LegId("a"), LegId("b")))
    offered = await node.next(door.LegOffered)
    assert offered.leg == "a"
    assert re.findall(r"m=audio \d+ \S+ (.*)\r", offered.sdp) == ["111"]
    # What is not narrowed is offered as before.
    assert re.findall(r"m=video \d+ \S+ (.*)\r", offered.sdp)[0].split()[0] == "96"
    await node.next(door.LinkUp)
    node.relay.ask(door.AnswerLeg(LegId("a"), without_red(a.answer())))
    a.send_rtp(rtp(a.audio_ssrc, 1, payload_type=111))
    assert header(await node.far_ends[1].rtp.get())[0] == 111


async def test_missing_native_engine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EngineMissingError, match="not installed"):
        RelayNode(RelaySettings(engine="native"))
    assert RelayNode(RelaySettings(engine="auto")).engine_name == "python"


async def test_stopping_closes_every_leg(make_node: MakeNode) -> None:
    node = await make_node()
    await node.connect("a")
    await node.open("b")
    await node.relay.close()
    reasons = {(await node.next(door.LegClosed)).reason for _ in range(2)}
    assert reasons == {"relay_stopping"}
    with pytest.raises(RuntimeError):
        node.relay.ask(door.OpenLeg(LegId("c")))


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.timeout(180)
async def test_200_legs_five_times_leave_nothing_behind(make_node: MakeNode) -> None:
    node = await make_node()

    async def round_of(count: int) -> None:
        names = [f"leg-{number}" for number in range(count)]
        fars = [await node.connect(name) for name in names]
        for left, right in zip(names[::2], names[1::2], strict=True):
            await node.link(left, left, right)
        for far in fars:
            far.send_rtp(rtp(far.video_ssrc, 1))
        for name in names:
            node.relay.ask(door.CloseLeg(LegId(name)))
            await node.next(door.LegClosed)
        for far in fars:
            await far.close()
        node.far_ends.clear()
        gc.collect()

    for _ in range(4):  # allocators and caches reach their size
        await round_of(200)
    tasks, descriptors, memory = len(asyncio.all_tasks()), _descriptors(), psutil.Process().memory_info().rss
    for _ in range(5):
        await round_of(200)
    assert len(asyncio.all_tasks()) == tasks
    assert _descriptors() == descriptors
    assert psutil.Process().memory_info().rss <= memory * 1.02


async def test_totals_outlive_the_legs_and_never_fall(make_node: MakeNode) -> None:
    node = await make_node()
    seen: list[door.RelayTotals] = []
    for round_ in range(3):
        a, b = await node.connect(f"a{round_}"), await node.connect(f"b{round_}")
        await node.link("l", f"a{round_}", f"b{round_}")
        for number in range(5):
            a.send_rtp(rtp(a.video_ssrc, number + 1))
            await b.rtp.get()
        seen.append(node.relay.totals())
        for leg in (f"a{round_}", f"b{round_}"):
            node.relay.ask(door.CloseLeg(LegId(leg)))
            await node.next(door.LegClosed)
            seen.append(node.relay.totals())
    for before, after in itertools.pairwise(seen):
        old = {(s.kind, s.direction): s for s in before.streams}
        new = {(s.kind, s.direction): s for s in after.streams}
        assert all(new[key].packets >= old[key].packets for key in old)
        assert all(new[key].keyframe_requests >= old[key].keyframe_requests for key in old)
        assert all(after.drops[reason] >= before.drops[reason] for reason in before.drops)
    last = seen[-1]
    video = {s.direction: s.packets for s in last.streams if s.kind == "video"}
    assert video == {"ingress": 15, "egress": 15}
    assert (last.legs_opened, last.legs_ended) == (6, {"asked": 6})
    assert last.leg_connect_seconds["udp"].count == 6
    assert last.latency_seconds is not None
    assert last.latency_seconds.count >= 15
