"""A peer's end of a direct attempt against an aiortc connection that plays the stranger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from peers.direct import Direct
from peers.media.synthetic import SyntheticMedia
from peers.media_connection import Kind
from signaling import messages as wire

LOCAL = ("stun:127.0.0.1:3478",)


class End:
    """One end and everything it said. ``other`` hears its descriptions."""

    def __init__(self, *, impolite: bool) -> None:
        self.said: list[wire.ClientMessage] = []
        self.frames = 0
        self.faults: list[BaseException] = []
        self.other: End | None = None
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self.direct = Direct(
            "m1",
            1,
            impolite=impolite,
            stun=LOCAL,
            video_codec="VP8",
            sink=self,
            send=self.send,
            failed=self.faults.append,
        )

    def send(self, message: wire.ClientMessage) -> int:
        self.said.append(message)
        if isinstance(message, wire.SendDescription) and self.other is not None:
            self.other.direct.hear(
                wire.Description(
                    match=message.match, attempt=message.attempt, kind=message.kind, sdp=message.sdp
                )
            )
        task = asyncio.ensure_future(self._wake())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return len(self.said)

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(done)

    def has_said(self, message: wire.ClientMessage) -> bool:
        return message in self.said

    def states(self) -> list[str]:
        return [m.state for m in self.said if isinstance(m, wire.DirectState)]

    def kinds(self) -> list[str]:
        return [m.kind for m in self.said if isinstance(m, wire.SendDescription)]

    def packet(self, kind: Kind, packet: Any) -> None: ...

    def sender_report(self, kind: Kind, ntp_seconds: float, timestamp: int) -> None: ...

    def frame(self, kind: Kind, frame: Any) -> None:
        self.frames += 1
        self.direct.flows()

    async def close(self) -> None:
        run = self.direct.unlink()
        if run is not None:
            await run.close()
        await self.direct.close()
        await asyncio.gather(*self._tasks)


async def test_two_ends_connect_play_and_notice_the_end() -> None:
    first, second = End(impolite=True), End(impolite=False)
    first.other, second.other = second, first
    for end in (first, second):
        end.direct.link(SyntheticMedia().start())
    flowing = wire.MediaFlowing(match="m1", attempt=1)
    for end in (first, second):
        await end.until(partial(end.has_said, flowing))
    assert (first.kinds(), second.kinds()) == (["offer"], ["answer"])
    assert first.states() == second.states() == ["connected"]
    assert first.said.count(flowing) == 1
    await first.close()
    await second.until(lambda: "failed" in second.states())
    assert second.states() == ["connected", "failed"]
    assert first.states() == ["connected"], "closing it oneself is no news"
    await second.close()
    assert first.faults == second.faults == []


async def test_who_is_polite_never_offers_and_who_offered_ignores_an_offer() -> None:
    polite, impolite = End(impolite=False), End(impolite=True)
    await impolite.until(lambda: impolite.kinds() == ["offer"])
    offer = next(m for m in impolite.said if isinstance(m, wire.SendDescription))
    impolite.direct.hear(wire.Description(match="m1", attempt=1, kind="offer", sdp=offer.sdp))
    polite.direct.hear(wire.Description(match="m1", attempt=1, kind="offer", sdp=offer.sdp))
    await polite.until(lambda: polite.kinds() == ["answer"])
    assert impolite.kinds() == ["offer"]
    for end in (polite, impolite):
        await end.close()


@pytest.mark.parametrize(
    "word",
    [
        wire.Description(match="m1", attempt=1, kind="offer", sdp="v=0\r\nnonsense"),
        wire.Description(match="m1", attempt=1, kind="answer", sdp="v=0\r\n"),
        wire.Candidate(match="m1", attempt=1, candidate="candidate:nonsense", mid="0"),
    ],
)
async def test_a_strangers_nonsense_is_a_failed_attempt_and_no_fault(word: Any) -> None:
    end = End(impolite=False)
    end.direct.hear(word)
    await end.until(lambda: end.states() == ["failed"])
    assert end.faults == []
    await end.close()


async def test_a_flood_of_words_is_bounded() -> None:
    end = End(impolite=False)
    for _ in range(10_000):
        end.direct.hear(wire.Candidate(match="m1", attempt=1, candidate=""))
    await end.close()
