"""A service that follows a script, socket by socket: what a real one would do only once in a while."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import msgspec
from aiohttp import WSMsgType, web

from signaling import messages as wire

T = TypeVar("T", bound=wire.ClientMessage)
USER = wire.Self(id="u1", name="Ada", kind="guest", role="user")


class SocketGone(Exception):
    """The peer closed the socket while the script waited for a message."""


class Socket:
    """One socket, from the service's side."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.raw = socket
        self.request = request
        self.seq = 0
        self.handled = 0
        self.received: list[wire.ClientMessage] = []

    async def welcome(
        self,
        *,
        seat: str = "seat-1",
        resumed: bool = False,
        received: int = 0,
        ping_seconds: float = 30.0,
        protocol: int = wire.PROTOCOL_VERSION,
        stun: tuple[str, ...] = (),
    ) -> wire.Hello:
        hello = await self.expect(wire.Hello)
        self.handled = received
        await self.say(
            wire.Welcome(
                protocol=protocol,
                seat=seat,
                resumed=resumed,
                received=received,
                user=USER,
                stun=stun,
                limits=wire.Limits(
                    chat_chars=1000, message_bytes=32768, ping_seconds=ping_seconds, resume_seconds=20
                ),
            )
        )
        return hello

    async def say(self, *messages: wire.ServerMessage) -> None:
        """Send as they are."""
        for message in messages:
            await self.raw.send_str(wire.encoder.encode(message).decode())

    async def tell(self, *messages: wire.ServerMessage) -> None:
        """Send with the next numbers."""
        for message in messages:
            self.seq += 1
            await self.say(msgspec.structs.replace(message, seq=self.seq))

    async def expect(self, kind: type[T]) -> T:
        """The next message that is no ping, which must be a ``kind`` with the next number."""
        while True:
            message = await self.message()
            if isinstance(message, wire.Ping) and kind is not wire.Ping:
                await self.say(wire.Pong(received=self.handled))
                continue
            assert isinstance(message, kind), message
            if message.n:
                assert message.n == self.handled + 1
                self.handled = message.n
            return message

    async def message(self) -> wire.ClientMessage:
        frame = await self.raw.receive()
        if frame.type is not WSMsgType.TEXT:
            raise SocketGone(frame.type)
        message = wire.client_decoder.decode(frame.data)
        self.received.append(message)
        return message

    async def gone(self) -> None:
        """Wait until the peer closes, answering pings."""
        with contextlib.suppress(SocketGone):
            while True:
                message = await self.message()
                if isinstance(message, wire.Ping):
                    await self.say(wire.Pong(received=self.handled))

    def cut(self) -> None:
        """Lose the connection, as a network does: no close code."""
        transport = self.request.transport
        assert transport is not None
        transport.abort()


Script = Callable[[Socket], Awaitable[None]]


class ScriptedService:
    """REST that signs everybody in, and one script for each socket in turn."""

    def __init__(self, scripts: tuple[Script, ...]) -> None:
        self.scripts = list(scripts)
        self.url = ""
        self.rest: list[tuple[str, object]] = []
        self.answers: dict[str, tuple[int, object]] = {}
        self.failures: list[BaseException] = []

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/ws", self._socket)
        app.router.add_route("*", "/api/v1/{tail:.*}", self._rest)
        return app

    async def _rest(self, request: web.Request) -> web.Response:
        name = request.match_info["tail"]
        body = await request.json() if request.can_read_body else None
        self.rest.append((name, body))
        session = {"access_token": f"token-{len(self.rest)}", "expires_in": 900, "user": _user()}
        status, answer = self.answers.get(
            name,
            {
                "terms": (200, {"version": "2026-11", "text": "…"}),
                "auth/register": (202, {}),
                "auth/logout": (204, None),
            }.get(name, (200, session)),
        )
        if answer is None:
            return web.Response(status=status)
        headers = {"Retry-After": "7"} if status in (429, 503) else {}
        response = web.json_response(answer, status=status, headers=headers)
        if name in ("auth/guest", "auth/login"):
            response.set_cookie("burrow_refresh", "r", httponly=True, samesite="Strict", path="/api/v1/auth")
        if name == "auth/refresh":
            assert request.cookies.get("burrow_refresh") == "r"
        return response

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        script = self.scripts.pop(0) if self.scripts else _unexpected
        try:
            await script(Socket(socket, request))
        except Exception as error:  # noqa: BLE001 - a script's failed assertion must reach the test
            self.failures.append(error)
        finally:
            await socket.close()
        return socket


async def _unexpected(socket: Socket) -> None:
    raise AssertionError("one socket more than the script has")


def _user() -> dict[str, object]:
    return {"id": "u1", "name": "Ada", "kind": "guest", "role": "user", "interests": [], "languages": []}


@contextlib.asynccontextmanager
async def scripted(*scripts: Script) -> AsyncIterator[ScriptedService]:
    """Serve ``scripts`` on a free port; a failed assertion in one fails the test, as does one not used."""
    service = ScriptedService(scripts)
    runner = web.AppRunner(service.app(), shutdown_timeout=2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    service.url = f"http://{host}:{port}"
    try:
        yield service
    finally:
        await runner.cleanup()
        if service.failures:
            raise service.failures[0]
    assert not service.scripts, "a script was not used"
