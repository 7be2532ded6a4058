"""A real aiohttp server with the live part in it, real WebSocket clients, and a scripted relay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Set
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp
import msgspec
from aiohttp import WSMsgType, web

from relay.door import Event, LoadReading, NodeLimits, RelaySnapshot, RelayTotals, Request, SelfTestReport
from signaling.core.effects import StoreBlock, StoreReport
from signaling.core.identity import Identity
from signaling.core.record import MatchEnded, MatchStarted
from signaling.live.endpoint import LiveEndpoint
from signaling.live.ports import AuthenticationFailed, StorageUnavailable
from signaling.live.rules import policy_from, rules_from
from signaling.live.service import LiveService
from signaling.messages import (
    ClientMessage,
    Hello,
    Join,
    LegAnswer,
    LegOffer,
    Resume,
    Route,
    ServerMessage,
    Welcome,
    encoder,
    server_decoder,
)
from signaling.settings import LiveSettings, MatchingSettings, RouteSettings
from tests.signaling.relay_script import ANSWER, RelayScript

M = TypeVar("M", bound=ServerMessage)


class ScriptedRelay:
    """The script behind the door's queue. Media flows as soon as there is a link."""

    def __init__(self) -> None:
        self.script = RelayScript()
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.silent = False
        self.tested: SelfTestReport | None = None
        self.limited = NodeLimits(soft=0.7, hard=0.95, max_legs=100, max_egress_bps=0)

    async def start(self) -> None:
        return

    async def close(self) -> None:
        return

    def ask(self, request: Request) -> None:
        before = set(self.script.links)
        events = self.script.ask(request)
        for link in set(self.script.links) - before:
            events += self.script.flow(link)
        self.say(*events)

    def say(self, *events: Event) -> None:
        if not self.silent:
            for event in events:
                self.events.put_nowait(event)

    def snapshot(self) -> RelaySnapshot:
        raise NotImplementedError("signaling takes no snapshots")

    def totals(self) -> RelayTotals:
        raise NotImplementedError("signaling takes no totals")

    def load(self) -> LoadReading:
        return LoadReading()

    def limits(self) -> NodeLimits:
        return self.limited

    def set_limits(self, limits: NodeLimits) -> None:
        if problem := limits.problem():
            raise ValueError(problem)
        self.limited = limits

    def self_test(self) -> SelfTestReport | None:
        return self.tested


class Backend:
    """Accounts, blocks, reports and records in memory. The token ``user`` is that user's."""

    def __init__(self) -> None:
        self.available = True
        self.blocks: dict[str, set[str]] = {}
        self.reports: list[StoreReport] = []
        self.started_records: list[MatchStarted] = []
        self.ended_records: list[MatchEnded] = []
        self.loads = 0
        self.wait_for: asyncio.Event | None = None

    async def authenticate(self, token: str) -> Identity:
        if token == "expired":
            raise AuthenticationFailed("token_expired", "The session has expired.")
        if token == "bad":
            raise AuthenticationFailed("unauthenticated", "Log in first.")
        if self.wait_for is not None:
            await self.wait_for.wait()
        return Identity(token, f"name of {token}", "registered", "user")

    async def blocks_of(self, user: str) -> Set[str]:
        self._check()
        self.loads += 1
        return self.blocks.get(user, set())

    async def store_block(self, block: StoreBlock) -> None:
        self._check()
        self.blocks.setdefault(block.user, set()).add(block.blocked)

    async def store_report(self, report: StoreReport) -> None:
        self._check()
        self.reports.append(report)

    def started(self, match: MatchStarted) -> None:
        self.started_records.append(match)

    def ended(self, match: MatchEnded) -> None:
        self.ended_records.append(match)

    def _check(self) -> None:
        if not self.available:
            raise StorageUnavailable("the database is away")


class WsClient:
    """Counts as the protocol says, answers offers, keeps everything it got."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, token: str) -> None:
        self.ws = ws
        self.token = token
        self.n = 0
        self.received = 0
        self.seat = ""
        self.got: list[ServerMessage] = []
        self.raw_frames: list[str] = []
        """Every text this socket received, as it came."""
        self.direct = False

    async def hello(self, resume: Resume | None = None, *, take_over: bool = False) -> ServerMessage:
        await self.raw(Hello(token=self.token, resume=resume, take_over=take_over, direct=self.direct))
        answer = await self.read()
        if isinstance(answer, Welcome):
            self.seat = answer.seat
        return answer

    async def raw(self, message: ClientMessage) -> None:
        await self.ws.send_str(encoder.encode(message).decode())

    async def say(self, message: ClientMessage) -> None:
        self.n += 1
        await self.raw(msgspec.structs.replace(message, n=self.n))

    async def read(self) -> ServerMessage:
        """The next message; raises :class:`EOFError` with the close code at the end."""
        frame = await self.ws.receive(timeout=10)
        if frame.type is not WSMsgType.TEXT:
            raise EOFError(self.ws.close_code)
        self.raw_frames.append(frame.data)
        message = server_decoder.decode(frame.data)
        if message.seq:
            assert message.seq == self.received + 1
            self.received = message.seq
        self.got.append(message)
        if isinstance(message, LegOffer):
            await self.say(LegAnswer(leg=message.leg, sdp=ANSWER))
        return message

    async def until(self, kind: type[M], **fields: Any) -> M:
        """Read on to the next message of this kind with these fields."""
        while True:
            message = await self.read()
            if isinstance(message, kind) and all(getattr(message, k) == v for k, v in fields.items()):
                return message

    @property
    def transport(self) -> asyncio.Transport:
        """The client's end of the line, to cut it or to stop reading without a word."""
        connection = self.ws._conn
        assert connection is not None
        transport = connection.transport
        assert isinstance(transport, asyncio.Transport)
        return transport

    async def close_code(self) -> int | None:
        """Read on to the end; its close code."""
        try:
            while True:
                await self.read()
        except EOFError:
            return self.ws.close_code

    def resume(self) -> Resume:
        return Resume(self.seat, self.received)


class House:
    def __init__(
        self,
        live: LiveSettings,
        matching: MatchingSettings,
        origins: tuple[str, ...],
        routes: RouteSettings,
    ) -> None:
        self.relay = ScriptedRelay()
        self.backend = Backend()
        self.service = LiveService(
            rules_from(live, matching, routes, stun=("stun:127.0.0.1:3478",)),
            self.relay,
            self.backend,
            self.backend,
            policy=policy_from(routes),
        )
        self.endpoint = LiveEndpoint(self.service, self.backend, self.backend, live, origins)
        self.session: aiohttp.ClientSession
        self.url = ""
        self._clients: list[WsClient] = []

    async def socket(self, token: str, **options: Any) -> WsClient:
        client = WsClient(await self.session.ws_connect(self.url, **options), token)
        self._clients.append(client)
        return client

    async def client(self, token: str, *, direct: bool = False) -> WsClient:
        client = await self.socket(token)
        client.direct = direct
        await client.hello()
        return client

    async def pair(self) -> tuple[WsClient, WsClient]:
        """Anna and Bert, connected."""
        anna, bert = await self.client("anna"), await self.client("bert")
        await anna.say(Join())
        await bert.say(Join())
        await asyncio.gather(anna.until(Route, state="connected"), bert.until(Route, state="connected"))
        return anna, bert


@asynccontextmanager
async def house(
    live: LiveSettings | None = None,
    matching: MatchingSettings | None = None,
    origins: tuple[str, ...] = (),
    routes: RouteSettings | None = None,
) -> AsyncIterator[House]:
    """Started, and stopped without a task left behind."""
    before = asyncio.all_tasks()
    here = House(live or LiveSettings(), matching or MatchingSettings(), origins, routes or RouteSettings())
    app = web.Application()
    app.router.add_get("/ws", here.endpoint.handle, allow_head=False)
    runner = web.AppRunner(app, handler_cancellation=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    here.url = f"http://127.0.0.1:{runner.addresses[0][1]}/ws"
    await here.service.start()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as here.session:
        try:
            yield here
        finally:
            await here.service.stop(2)
            await runner.cleanup()
    left = {task for task in asyncio.all_tasks() - before if not task.done()}
    assert not left, left
