"""``GET /ws``: who may open a socket, hello, and the loop that reads one socket's messages."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import structlog
from aiohttp import WSMsgType, web

from signaling.core.decode import Malformed, decode, read_header
from signaling.core.rate import TokenBucket
from signaling.core.sentences import error_sentence
from signaling.live.ports import Accounts, AuthenticationFailed, SafetyStore, StorageUnavailable
from signaling.live.service import LiveService
from signaling.live.socket import LiveSocket
from signaling.messages import Error, Hello, encoder
from signaling.origin import origin_allowed
from signaling.settings import LiveSettings

NORMAL = 1000
TRY_LATER = 1013
PROTOCOL_VIOLATION = 4000
AUTHENTICATION_FAILED = 4002
TOO_MANY_MESSAGES = 4003
MALFORMED_COST = 2
_RETRY_AFTER = "5"

_log = structlog.get_logger(__name__)


class LiveEndpoint:
    """:meth:`handle` serves ``GET /ws``. ``origins`` are allowed besides the service's own."""

    def __init__(
        self,
        service: LiveService,
        accounts: Accounts,
        safety: SafetyStore,
        settings: LiveSettings,
        origins: Collection[str] = (),
    ) -> None:
        self._service = service
        self._accounts = accounts
        self._safety = safety
        self._settings = settings
        self._origins = frozenset(origins)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(
            timeout=1.0,  # seconds for the client's half of the closing handshake
            autoping=False,  # pings count for the rate limit, pongs for liveness
            compress=False,  # no decompression bombs, and no window of memory a socket
            max_msg_size=self._settings.message_bytes,
            decode_text=False,
        )
        if not origin_allowed(
            # Not request.host: without a Host header that asks the resolver, and blocks.
            request.headers.get("Origin"),
            request.headers.get("Host", ""),
            self._origins,
        ):
            self._service.tallies.refusals["foreign_origin"] += 1
            return _refusal(403, "forbidden", "This page may not open a socket here.")
        if not ws.can_prepare(request):
            return _refusal(400, "bad_request", "This address speaks WebSocket only.")
        if self._service.stopping or self._service.counts["open"] >= self._settings.max_sockets:
            self._service.tallies.refusals["busy"] += 1
            return _refusal(503, "busy", "The service takes no further socket. Try again later.")
        socket = LiveSocket(
            self._service.new_socket_id(),
            ws,
            request.transport,
            self._settings.send_queue,
            self._settings.ping_seconds,
            _own_task(),
        )
        self._service.opened(socket)
        done = False
        try:
            await ws.prepare(request)
            writer = asyncio.create_task(socket.write(), name=f"live socket {socket.id} writer")
            try:
                done = await self._talk(socket, ws)
                socket.close(NORMAL, "")
                await asyncio.wait({writer})
            finally:
                writer.cancel()
                await asyncio.wait({writer})
        finally:
            socket.release()
            self._service.gone(socket, done=done)
        return ws

    async def _talk(self, socket: LiveSocket, ws: web.WebSocketResponse) -> bool:
        """From hello to the end; whether the client ended it with a good-bye (close code 1000)."""
        try:
            async with asyncio.timeout(self._settings.auth_seconds):
                frame = await ws.receive()
        except TimeoutError:
            self._service.tallies.refusals["no_hello"] += 1
            _turn_away(socket, "unauthenticated", "No hello came in time.", AUTHENTICATION_FAILED)
            return False
        if frame.type is WSMsgType.CLOSE:
            return False
        hello = decode(frame.data) if frame.type is WSMsgType.TEXT else None
        if isinstance(hello, Malformed):
            self._service.tallies.refusals["bad_message"] += 1
            _turn_away(socket, "bad_message", hello.sentence, PROTOCOL_VIOLATION, hello.about)
        elif not isinstance(hello, Hello):
            self._service.tallies.refusals["no_hello"] += 1
            _turn_away(socket, "unauthenticated", "Say hello first.", AUTHENTICATION_FAILED)
        elif await self._admit(socket, hello):
            return await self._read(socket, ws)
        return False

    async def _admit(self, socket: LiveSocket, hello: Hello) -> bool:
        try:
            identity = await self._accounts.authenticate(hello.token)
        except AuthenticationFailed as error:
            self._service.tallies.hellos[error.code] += 1
            _turn_away(socket, error.code, str(error), AUTHENTICATION_FAILED, "hello")
            return False
        except StorageUnavailable as error:
            self._service.tallies.hellos[error.code] += 1
            _turn_away(socket, error.code, error_sentence(error.code), TRY_LATER, "hello")
            return False
        self._service.tallies.hellos["ok"] += 1
        blocks = None
        if not self._service.has_seat(identity.user_id):
            try:
                blocks = await self._safety.blocks_of(identity.user_id)
            except StorageUnavailable:
                _log.warning("blocks_unavailable")  # a seat that came up meanwhile can still be resumed
        await self._service.connect(socket, identity, hello, blocks)
        return True

    async def _read(self, socket: LiveSocket, ws: web.WebSocketResponse) -> bool:
        settings = self._settings
        loop = asyncio.get_running_loop()
        bucket = TokenBucket(settings.messages_per_second, settings.message_burst, loop.time())
        while not socket.closing:
            frame = await ws.receive()
            if frame.type is WSMsgType.CLOSE:
                return bool(frame.data == NORMAL)
            if frame.type in (WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                return False
            if frame.type is WSMsgType.PONG and socket.ponged():
                continue
            socket.heard()
            allowed = bucket.take(1, loop.time())
            if frame.type is WSMsgType.TEXT:
                await self._hear(socket, frame.data, bucket, allowed)
            elif frame.type is WSMsgType.BINARY:
                bucket.charge(MALFORMED_COST - 1)
                what = Malformed(0, None, "Messages are JSON in text frames.")
                await self._service.refuse(socket, "bad_message", what)
            elif frame.type is WSMsgType.PING and allowed:
                socket.pong(frame.data)
            if bucket.exhausted:
                socket.close(TOO_MANY_MESSAGES, "too many messages")
        return False

    async def _hear(self, socket: LiveSocket, data: bytes, bucket: TokenBucket, allowed: bool) -> None:
        if not allowed:
            n, about = read_header(data)
            await self._service.refuse(
                socket, "rate_limited", Malformed(n, about, error_sentence("rate_limited"))
            )
            return
        message = decode(data)
        if isinstance(message, Malformed):
            bucket.charge(MALFORMED_COST - 1)
            await self._service.refuse(socket, "bad_message", message)
        else:
            await self._service.message(socket, message)


def _own_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None, "aiohttp runs handlers in tasks"  # tells the type checker
    return task


def _turn_away(
    socket: LiveSocket, code: str, sentence: str, close_code: int, about: str | None = None
) -> None:
    socket.send(Error(code=code, message=sentence, about=about))
    socket.close(close_code, code)


def _refusal(status: int, code: str, message: str) -> web.Response:
    headers = {"Retry-After": _RETRY_AFTER} if status == 503 else {}
    body = encoder.encode({"code": code, "message": message, "details": {}})
    return web.Response(status=status, headers=headers, body=body, content_type="application/json")
