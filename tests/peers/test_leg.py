"""A leg against an offering aiortc connection: real ICE, DTLS, SRTP and codecs over loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import av
import pytest
from aiortc.rtp import RtpPacket

from peers.errors import ProtocolViolation
from peers.leg import Leg
from peers.media.pattern import Mark, read_frame
from peers.media.source import VideoCodec
from peers.media.synthetic import SyntheticMedia
from peers.media_connection import Kind
from tests.peers.offerer import Offerer


@dataclass
class Seen:
    marks: list[Mark] = field(default_factory=list)
    sound: int = 0
    packets: int = 0
    reports: list[tuple[Kind, float, int]] = field(default_factory=list)
    answers: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    failures: asyncio.Queue[BaseException] = field(default_factory=asyncio.Queue)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def packet(self, kind: Kind, packet: RtpPacket) -> None:
        self.packets += 1

    def sender_report(self, kind: Kind, ntp_seconds: float, timestamp: int) -> None:
        self.reports.append((kind, ntp_seconds, timestamp))
        self.changed.set()

    def frame(self, kind: Kind, frame: av.AudioFrame | av.VideoFrame) -> None:
        if isinstance(frame, av.VideoFrame):
            mark = read_frame(frame)
            assert mark is not None
            self.marks.append(mark)
        else:
            self.sound += 1
        self.changed.set()

    async def until(self, done: Callable[[], bool]) -> None:
        while not done():
            self.changed.clear()
            await self.changed.wait()


@asynccontextmanager
async def leg(seen: Seen, codec: VideoCodec | None = "VP8") -> AsyncIterator[Leg]:
    made = Leg(
        "leg-1",
        video_codec=codec,
        sink=seen,
        answer=seen.answers.put_nowait,
        failed=seen.failures.put_nowait,
    )
    try:
        yield made
    finally:
        await made.close()


async def negotiate(offerer: Offerer, made: Leg, seen: Seen, *, only: str | None = None) -> str:
    made.offer(await offerer.offer(only=only))
    answer = await seen.answers.get()
    await offerer.answered(answer)
    await offerer.connected()
    return answer


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_it_sends_only_while_linked_and_begins_with_a_whole_picture(
    codec: VideoCodec,
) -> None:
    seen = Seen()
    async with Offerer() as offerer, leg(seen, codec) as made:
        answer = await negotiate(offerer, made, seen)
        assert answer.count("a=setup:active") == 2
        assert made.sending_codec == codec
        media = SyntheticMedia(codec=codec)
        first, second = media.start(), media.start()
        made.link(first)
        await offerer.until(lambda: len(offerer.marks) >= 10 and offerer.frames["audio"] >= 10)
        assert made.unlink() is first
        made.link(second)
        await offerer.until(
            lambda: any(mark.run == second.run and mark.number > 10 for mark in offerer.marks)
        )
        made.unlink()
    for run in (first, second):
        numbers = [mark.number for mark in offerer.marks if mark.run == run.run]
        assert numbers == list(range(1, len(numbers) + 1))


async def test_what_belongs_to_the_stranger_before_is_not_brought_any_more() -> None:
    seen = Seen()
    async with Offerer() as offerer, leg(seen) as made:
        await negotiate(offerer, made, seen)
        first, second = SyntheticMedia().start(), SyntheticMedia().start()
        offerer.put(first)
        await seen.until(lambda: len(seen.marks) >= 5)
        offerer.take()
        # aiortc holds the last frame back until the next one begins. Everything has arrived when the sound,
        # which was sent last, has.
        before = seen.packets
        while True:
            await asyncio.sleep(0.1)
            if seen.packets == before:
                break
            before = seen.packets
        made.forget()
        seen.marks.clear()
        offerer.put(second)
        await seen.until(lambda: len(seen.marks) >= 5)
    assert {mark.run for mark in seen.marks} == {second.run}
    assert seen.marks[0].number == 1


async def test_a_narrower_offer_makes_it_send_another_codec_without_a_new_connection() -> None:
    seen = Seen()
    async with Offerer() as offerer, leg(seen, "VP8") as made:
        await negotiate(offerer, made, seen)
        run = SyntheticMedia().start()
        made.link(run)
        await offerer.until(lambda: len(offerer.marks) >= 5)
        await negotiate(offerer, made, seen, only="H264")
        assert made.sending_codec == "H264"
        had = len(offerer.marks)
        await offerer.until(lambda: len(offerer.marks) >= had + 10)
        offerer.put(SyntheticMedia().start())
        await seen.until(lambda: len(seen.marks) >= 5)
        assert seen.failures.empty()


async def test_a_peer_with_nothing_to_send_answers_and_receives() -> None:
    seen = Seen()
    async with Offerer() as offerer, leg(seen, None) as made:
        await negotiate(offerer, made, seen)
        made.link(SyntheticMedia().start())
        offerer.put(SyntheticMedia().start())
        await seen.until(lambda: len(seen.marks) >= 5 and seen.sound >= 5)
        await seen.until(lambda: {kind for kind, _, _ in seen.reports} == {"audio", "video"})
        assert offerer.frames.total() == 0


@pytest.mark.parametrize(
    "sdp", ["", "v=0", "not SDP at all", "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\n", "m=\r\n", "a=b\x00"]
)
async def test_an_offer_that_is_none_is_a_violation(sdp: str) -> None:
    seen = Seen()
    async with leg(seen) as made:
        made.offer(sdp)
        assert isinstance(await seen.failures.get(), ProtocolViolation)


async def test_closing_while_it_connects_leaves_nothing_behind() -> None:
    before = asyncio.all_tasks()
    seen = Seen()
    async with Offerer() as offerer, leg(seen) as made:
        made.offer(await offerer.offer())
        await seen.answers.get()
    while left := asyncio.all_tasks() - before:
        await asyncio.wait(left)
