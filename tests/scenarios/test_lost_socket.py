"""The WebSocket of a peer breaks in a match: the call goes on, and every message arrives once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from yarl import URL

from peers import Match, Offline, Online, Peer, PeerEvent, SyntheticMedia
from signaling import messages as wire
from tests.service import RunningService

pytestmark = pytest.mark.media


class Cable:
    """A TCP forwarder in front of the service that can be cut."""

    def __init__(self, url: str) -> None:
        self._target = URL(url)
        self._writers: set[asyncio.StreamWriter] = set()
        self.url = ""

    @contextlib.asynccontextmanager
    async def laid(self) -> AsyncIterator[Cable]:
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            self.cut()
            server.close()
            await server.wait_closed()

    def cut(self) -> None:
        """Reset every connection that is open now."""
        for writer in self._writers:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._target.host, self._target.port)
        self._writers |= {writer, far_writer}
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        self._writers -= {writer, far_writer}


async def _chat_of(match: Match) -> list[str]:
    return [event.text async for event in match if isinstance(event, wire.Chat)]


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def test_a_call_outlives_its_sockets_and_messages_arrive_once(service: RunningService) -> None:
    changes: list[PeerEvent] = []

    def changed(event: PeerEvent) -> None:
        if isinstance(event, (Online, Offline)):
            changes.append(event)

    async with (
        Cable(service.url).laid() as cable,
        Peer.guest(cable.url, media=SyntheticMedia(), on_event=changed) as ada,
        Peer.guest(service.url, media=SyntheticMedia()) as bob,
    ):
        match, other = await asyncio.gather(ada.meet(), bob.meet())
        await asyncio.gather(match.connected(), other.connected())
        listening = asyncio.ensure_future(_chat_of(other))
        for turn in range(3):
            # Sent on a socket that is cut before anything can come back on it.
            saying = [asyncio.ensure_future(match.chat(f"{turn}.{index}")) for index in range(4)]
            await asyncio.sleep(0)
            cable.cut()
            await asyncio.gather(*saying)
        report, _ = await asyncio.gather(match.leave(), other.over())
        heard = await listening
    assert heard == [f"{turn}.{index}" for turn in range(3) for index in range(4)]
    assert [type(change) for change in changes] == [Online, *[Offline, Online] * 3]
    assert all(change.resumed for change in changes[2::2] if isinstance(change, Online))
    assert report.ended == "left"
    assert report.video.frames_lost == 0
