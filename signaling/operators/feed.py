"""``GET /api/v1/operator/feed``: the one WebSocket that shows an operator's page what happens now."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import msgspec
from aiohttp import WSMsgType, web

from signaling.errors import BadRequest, Busy, Forbidden, SignalingError
from signaling.operators.bodies import FeedError, FeedHello, FeedState
from signaling.operators.gate import Gate
from signaling.origin import origin_allowed

PAGES = 64
"""Open at once; one more is refused as ``busy``."""
HELLO_SECONDS = 5.0
HELLO_BYTES = 8192
HEARTBEAT_SECONDS = 15.0
LOOK_AGAIN_SECONDS = 30.0
"""After so long it is asked again whether the token still is an operator's: the feed ends with the role, and
with the token's time (the page comes back with a fresh one)."""
SEND_SECONDS = 20.0
"""A page that takes longer for one state is gone."""
NOT_AUTHENTICATED = 4002
PROTOCOL_VIOLATION = 4000
STOPS = 1012

_hello = msgspec.json.Decoder(FeedHello)


class _Page:
    """Drop policy: one state waits at most. A newer one replaces it: a slow page sees fewer, never older."""

    def __init__(self) -> None:
        self.newest: bytes | None = None
        self.wake = asyncio.Event()

    def show(self, state: bytes) -> None:
        self.newest = state
        self.wake.set()


class Feed:
    """:class:`signaling.operators.observer.Pages`. A state is encoded once, for all pages."""

    def __init__(self, gate: Gate, origins: Collection[str] = ()) -> None:
        self._gate = gate
        self._origins = frozenset(origins)
        self._pages: set[_Page] = set()
        self._opened = asyncio.Event()
        self._sockets: set[web.WebSocketResponse] = set()
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
        """Say good-bye to every page."""
        for socket in tuple(self._sockets):
            await socket.close(code=STOPS, message=b"service stops")

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
        if len(self._sockets) >= PAGES:
            raise Busy(
                "As many operators' pages are open as may be. Close one of them.", retry_after_seconds=5
            )
        self._sockets.add(socket)
        try:
            await socket.prepare(request)
            await self._talk(socket)
        finally:
            self._sockets.discard(socket)
        return socket

    async def _talk(self, socket: web.WebSocketResponse) -> None:
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                frame = await socket.receive()
        except TimeoutError:
            await _turn_away(socket, NOT_AUTHENTICATED, "unauthenticated", "No hello came in time.")
            return
        if frame.type is not WSMsgType.TEXT:
            await socket.close(code=PROTOCOL_VIOLATION)
            return
        try:
            token = _hello.decode(frame.data).token
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            await _turn_away(socket, PROTOCOL_VIOLATION, "bad_message", "Say hello with a token first.")
            return
        if not await self._admit(socket, token):
            return
        page = _Page()
        self._pages.add(page)
        self._opened.set()
        writer = asyncio.create_task(_write(socket, page), name="operators' feed writer")
        keeper = asyncio.create_task(self._keep(socket, token), name="operators' feed keeper")
        try:
            # Nothing more is said by a page; this ends when it closes, also while the writer waits.
            frame = await socket.receive()
            if frame.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                await socket.close(code=PROTOCOL_VIOLATION)
        finally:
            self._pages.discard(page)
            writer.cancel()
            keeper.cancel()
            await asyncio.wait({writer, keeper})

    async def _admit(self, socket: web.WebSocketResponse, token: str) -> bool:
        try:
            await self._gate.operator_of(token)
        except SignalingError as error:
            await _turn_away(socket, NOT_AUTHENTICATED, error.code, error.message)
            return False
        return True

    async def _keep(self, socket: web.WebSocketResponse, token: str) -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            if not await self._admit(socket, token):
                return


async def _write(socket: web.WebSocketResponse, page: _Page) -> None:
    try:
        while True:
            await page.wake.wait()
            page.wake.clear()
            state, page.newest = page.newest, None
            if state is not None:
                async with asyncio.timeout(SEND_SECONDS):
                    await socket.send_frame(state, WSMsgType.TEXT)
    except (TimeoutError, ConnectionError):
        await socket.close()


async def _turn_away(socket: web.WebSocketResponse, close_code: int, code: str, message: str) -> None:
    try:
        await socket.send_frame(msgspec.json.encode(FeedError(code, message)), WSMsgType.TEXT)
    except ConnectionError:
        return
    await socket.close(code=close_code, message=code.encode())
