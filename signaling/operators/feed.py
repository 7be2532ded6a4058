"""``GET /api/v1/operator/feed``: the one WebSocket that shows an operator's page what happens now."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection

import msgspec
from aiohttp import WSMsgType, web

from signaling.errors import BadRequest, Busy, Forbidden, SignalingError
from signaling.http.addresses import client_prefix
from signaling.operators.bodies import FeedError, FeedHello, FeedState
from signaling.operators.gate import Gate
from signaling.origin import origin_allowed

PAGES = 64
"""Of operators, open at once; one more is refused as ``busy``."""
STRANGERS = 64
"""Sockets open at once that have not shown an operator's token yet. Drop policy: one more cuts the oldest of
the address prefix that has the most, so that nobody is kept out by others' silence."""
HELLO_SECONDS = 5.0
HELLO_BYTES = 8192
HEARTBEAT_SECONDS = 15.0
LOOK_AGAIN_SECONDS = 30.0
"""After so long it is asked again whether the token still is an operator's: the feed ends with the role, and
with the token's time (the page comes back with a fresh one)."""
SEND_SECONDS = 20.0
"""A page that takes longer for one state is gone."""
CLOSE_SECONDS = 2.0
"""From a good-bye until the connection is cut, whether it was read or not."""
NOT_AUTHENTICATED = 4002
PROTOCOL_VIOLATION = 4000
STOPS = 1012
TRY_LATER = 1013

_hello = msgspec.json.Decoder(FeedHello)


class _Page:
    """Drop policy: one state waits at most. A newer one replaces it: a slow page sees fewer, never older."""

    def __init__(self) -> None:
        self.newest: bytes | None = None
        self.wake = asyncio.Event()

    def show(self, state: bytes) -> None:
        self.newest = state
        self.wake.set()


class _Line:
    """One socket with its connection, and an end that always comes: aiohttp's ``close`` alone waits for a
    client that does not read, without a limit."""

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, prefix: str
    ) -> None:
        self.socket = socket
        self.prefix = prefix
        self.prepared = False
        self._transport = transport

    def cut(self) -> None:
        """End the connection now, without a word."""
        if self._transport is not None:
            self._transport.abort()

    async def end(self, close_code: int, why: str = "", error: FeedError | None = None) -> None:
        """Say ``error`` and close, in :data:`CLOSE_SECONDS` at most; before the handshake just cut."""
        if not self.prepared:
            self.cut()
            return
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                if error is not None:
                    await self.socket.send_frame(msgspec.json.encode(error), WSMsgType.TEXT)
                await self.socket.close(code=close_code, message=why.encode())
        except (TimeoutError, ConnectionError):
            self.cut()

    async def turn_away(self, close_code: int, code: str, message: str) -> None:
        await self.end(close_code, code, FeedError(code, message))


class Feed:
    """:class:`signaling.operators.observer.Pages`. A state is encoded once, for all pages."""

    def __init__(self, gate: Gate, origins: Collection[str] = (), *, trust_proxy: bool = False) -> None:
        self._gate = gate
        self._origins = frozenset(origins)
        self._trust_proxy = trust_proxy
        self._pages: set[_Page] = set()
        self._opened = asyncio.Event()
        self._lines: set[_Line] = set()
        self._strangers: dict[_Line, None] = {}
        """Those of the lines that are nobody's page yet, the oldest first."""
        self._closed = False
        self.encoded = 0
        """States encoded so far."""

    @property
    def watched(self) -> bool:
        return bool(self._pages)

    def publish(self, state: FeedState) -> None:
        encoded = msgspec.json.encode(state)
        self.encoded += 1
        for page in self._pages:
            page.show(encoded)

    async def opened(self) -> None:
        self._opened.clear()
        await self._opened.wait()

    async def close(self) -> None:
        """Say good-bye to all pages at once, in :data:`CLOSE_SECONDS` at most. None comes after."""
        self._closed = True
        await asyncio.gather(*(line.end(STOPS, "service stops") for line in self._lines))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        # Before anything else, like /ws: a foreign page must not even learn whether there is room.
        origin, host = request.headers.get("Origin"), request.headers.get("Host", "")
        if not origin_allowed(origin, host, self._origins):
            raise Forbidden("This page may not open a socket here.")
        socket = web.WebSocketResponse(
            timeout=1.0, heartbeat=HEARTBEAT_SECONDS, compress=False, max_msg_size=HELLO_BYTES
        )
        if not socket.can_prepare(request):
            raise BadRequest("This address speaks WebSocket only.")
        if self._closed:
            raise Busy("The service stops. Come back when it has started again.", retry_after_seconds=5)
        forwarded_for = request.headers.getall("X-Forwarded-For", ())
        prefix = client_prefix(request.remote, forwarded_for, trust_proxy=self._trust_proxy)
        line = _Line(socket, request.transport, prefix)
        self._make_room()
        self._strangers[line] = None
        self._lines.add(line)
        try:
            await socket.prepare(request)
            line.prepared = True
            await self._talk(line)
        finally:
            self._strangers.pop(line, None)
            self._lines.discard(line)
        return socket

    def _make_room(self) -> None:
        while len(self._strangers) >= STRANGERS:
            ((most, _),) = Counter(line.prefix for line in self._strangers).most_common(1)
            oldest = next(line for line in self._strangers if line.prefix == most)
            del self._strangers[oldest]
            oldest.cut()

    async def _talk(self, line: _Line) -> None:
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                frame = await line.socket.receive()
        except TimeoutError:
            await line.turn_away(NOT_AUTHENTICATED, "unauthenticated", "No hello came in time.")
            return
        if frame.type is not WSMsgType.TEXT:
            await line.end(PROTOCOL_VIOLATION)
            return
        try:
            token = _hello.decode(frame.data).token
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            await line.turn_away(PROTOCOL_VIOLATION, "bad_message", "Say hello with a token first.")
            return
        if not await self._admit(line, token):
            return
        if len(self._pages) >= PAGES:
            await line.turn_away(
                TRY_LATER, Busy.code, "As many operators' pages are open as may be. Close one of them."
            )
            return
        await self._show(line, token)

    async def _show(self, line: _Line, token: str) -> None:
        page = _Page()
        self._pages.add(page)
        self._strangers.pop(line, None)
        self._opened.set()
        writer = asyncio.create_task(_write(line, page), name="operators' feed writer")
        keeper = asyncio.create_task(self._keep(line, token), name="operators' feed keeper")
        try:
            # Nothing more is said by a page; this ends when it closes, also while the writer waits.
            frame = await line.socket.receive()
            if frame.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                await line.end(PROTOCOL_VIOLATION)
        finally:
            self._pages.discard(page)
            writer.cancel()
            keeper.cancel()
            await asyncio.wait({writer, keeper})

    async def _admit(self, line: _Line, token: str) -> bool:
        try:
            await self._gate.operator_of(token)
        except SignalingError as error:
            await line.turn_away(NOT_AUTHENTICATED, error.code, error.message)
            return False
        return True

    async def _keep(self, line: _Line, token: str) -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            if not await self._admit(line, token):
                return


async def _write(line: _Line, page: _Page) -> None:
    try:
        while True:
            await page.wake.wait()
            page.wake.clear()
            state, page.newest = page.newest, None
            if state is not None:
                async with asyncio.timeout(SEND_SECONDS):
                    await line.socket.send_frame(state, WSMsgType.TEXT)
    except (TimeoutError, ConnectionError):
        # A good-bye would wait behind what is not read.
        line.cut()
