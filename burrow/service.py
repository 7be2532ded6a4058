"""Start every part in order, hand each what it needs, and stop them in the opposite order."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
from pathlib import Path
from typing import NamedTuple

import structlog
from aiohttp import web

from burrow import __version__
from burrow.config import Config
from burrow.listen import METRICS_PORT, SERVER_PORT, listen
from burrow.metrics.http import PATH as METRICS_PATH
from burrow.metrics.http import MetricsPage, count_authentications, own_port
from burrow.metrics.registry import Metrics, PartsCollector
from burrow.operators import Operators, add_operators
from burrow.ports import LiveAccounts, LiveRecords, LiveSafety, SharedRecords, stun_urls
from burrow.turn import TurnWatch, turn_access
from burrow.webhooks.announcer import AnnouncedRecords, AnnouncedSafety, Announcer
from db.database import Database
from db.match_writer import MatchWriter
from relay.node import RelayNode
from relay.settings import RelaySettings
from signaling.accounts.passwords import Passwords
from signaling.accounts.secrets import load_secrets
from signaling.accounts.service import Accounts
from signaling.http.app import build_app
from signaling.http.client import WebClient
from signaling.live.endpoint import LiveEndpoint
from signaling.live.operations import Operations
from signaling.live.rules import policy_from, rules_from
from signaling.live.service import LiveService

WEB_DIST = Path(__file__).parents[1] / "web" / "dist"
RECORDS_SHARE = 0.5
"""Of ``stop_seconds``: what the last records may take, after the users have been told."""

log = structlog.get_logger("burrow")


class _Store(NamedTuple):
    database: Database
    writer: MatchWriter
    accounts: Accounts


class _Live(NamedTuple):
    relay: RelayNode
    service: LiveService
    operations: Operations
    records: SharedRecords
    safety: LiveSafety
    announcer: Announcer


class Service:
    """Everything in one process. :meth:`start`, then :meth:`run_until`, then :meth:`stop`."""

    def __init__(self, config: Config, data_dir: Path) -> None:
        self._config = config
        self._data_dir = data_dir
        self._stack = contextlib.AsyncExitStack()
        self._live_task: asyncio.Task[None] | None = None
        self._turn: TurnWatch | None = None
        self.url = ""
        self.relay: RelayNode | None = None
        self.operations: Operations | None = None
        self.app: web.Application | None = None
        self.metrics_port = 0

    async def start(self) -> None:
        """Raises the error of the part that cannot start, after stopping those that did."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def _start(self) -> None:
        metrics = Metrics()
        store = await self._open_store(metrics)
        live = await self._make_live(store)
        app = self._make_app(store, live, metrics)
        operators = add_operators(
            app,
            accounts=store.accounts,
            database=store.database,
            writer=store.writer,
            relay=live.relay,
            live=live.service,
            records=live.records,
            operations=live.operations,
            origins=self._config.server.origins,
            trust_proxy=self._config.server.trust_proxy,
        )
        _add_web_client(app)  # last: it answers every path that nobody else does
        await self._run(app, live, operators, metrics)
        self.app, self.operations = app, live.operations
        log.info(
            "relay_started",
            engine=live.relay.engine_name,
            engine_reason=live.relay.engine_reason,
            addresses=[f"{a.host} port {a.port}" for a in live.relay.bound],
            database=store.database.name,
        )

    async def _open_store(self, metrics: Metrics) -> _Store:
        config, stack = self._config, self._stack
        keys = load_secrets(self._data_dir)
        database = await Database.open(config.database, self._data_dir)
        stack.push_async_callback(database.close)
        database.timing = metrics.database_timing
        writer = MatchWriter(database, config.database.backlog_matches)
        await writer.start()
        stack.push_async_callback(writer.stop, config.server.stop_seconds * RECORDS_SHARE)
        passwords = Passwords(config.auth.hash_concurrency, config.auth.hash_queue)
        stack.push_async_callback(passwords.close)
        return _Store(database, writer, Accounts(database, passwords, keys, config.auth))

    async def _make_live(self, store: _Store) -> _Live:
        config, stack = self._config, self._stack
        relay = RelayNode(config.relay, with_loopback=_is_loopback(config.server.host))
        await relay.start()
        stack.push_async_callback(relay.close)
        self.relay = relay
        turn = turn_access(config.turn, self._data_dir, os.environ)
        if turn is not None:
            self._turn = TurnWatch(turn, config.turn.check_seconds, _asked_by_turn(config.relay, relay))
        rules = rules_from(
            config.live,
            config.matching,
            config.routes,
            stun=stun_urls(relay),
            turn=turn,
            drain_queue=config.server.drain_queue,
        )
        announcer = Announcer(config.webhooks)
        await announcer.start()
        stack.push_async_callback(announcer.stop, config.server.stop_seconds * RECORDS_SHARE)
        safety = LiveSafety(store.database, store.writer)
        records = SharedRecords(AnnouncedRecords(LiveRecords(store.writer), announcer))
        live = LiveService(
            rules, relay, AnnouncedSafety(safety, announcer), records, policy=policy_from(config.routes)
        )
        operations = Operations(
            live,
            relay,
            engine=relay.engine_name,
            version=__version__,
            drain_seconds=config.server.drain_seconds,
            drain_calls=config.server.drain_calls,
        )
        return _Live(relay, live, operations, records, safety, announcer)

    def _make_app(self, store: _Store, live: _Live, metrics: Metrics) -> web.Application:
        config = self._config
        app = build_app(
            accounts=store.accounts,
            database=store.database,
            writer=store.writer,
            server=config.server,
            auth=config.auth,
            not_ready=live.operations.not_ready,
            engine=live.relay.engine_name,
            turn=lambda: () if self._turn is None else self._turn.states(),
            inside=(count_authentications(metrics),),
        )
        metrics.add(
            PartsCollector(
                live.relay,
                live.service,
                store.database,
                store.writer,
                live.announcer.receivers,
                version=__version__,
                engine=live.relay.engine_name,
            )
        )
        page = MetricsPage(metrics, config.metrics.token)
        app.router.add_get(METRICS_PATH, page.on_service_port)
        accounts = LiveAccounts(store.accounts)
        endpoint = LiveEndpoint(live.service, accounts, live.safety, config.live, config.server.origins)
        app.router.add_get("/ws", endpoint.handle)
        return app

    async def _run(self, app: web.Application, live: _Live, operators: Operators, metrics: Metrics) -> None:
        config, stack = self._config, self._stack
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        self._live_task = await live.service.start()
        await operators.observer.start()
        stack.push_async_callback(operators.observer.stop)
        # First of all, while sockets and relay still work: users are told and matches get their last counts.
        stack.push_async_callback(live.service.stop, config.server.stop_seconds)
        # Before that: when the last calls end because it stops, no drain has come to its end.
        stack.push_async_callback(live.operations.close)
        if config.metrics.port >= 0:
            metrics_host, metrics_port = config.metrics.host, config.metrics.port
            metrics_runner = await own_port(MetricsPage(metrics, config.metrics.token))
            stack.push_async_callback(metrics_runner.cleanup)
            self.metrics_port = await listen(metrics_runner, metrics_host, metrics_port, METRICS_PORT)
            log.info("metrics_listening", host=metrics_host, port=self.metrics_port)
        port = await listen(runner, config.server.host, config.server.port, SERVER_PORT)
        host = config.server.host
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        if self._turn is not None:
            stack.push_async_callback(_end, asyncio.create_task(self._turn.run(), name="turn watch"))

    async def run_until(self, stop: asyncio.Event) -> None:
        """Wait for ``stop`` or the end of a drain. Raises what ended the live part, if it ends by itself."""
        assert self._live_task is not None
        assert self.operations is not None
        ends = {
            asyncio.create_task(stop.wait(), name="wait for stop"),
            asyncio.create_task(self.operations.drained.wait(), name="wait for the drain's end"),
        }
        try:
            await asyncio.wait({*ends, self._live_task}, return_when=asyncio.FIRST_COMPLETED)
            ended_by_itself = not any(end.done() for end in ends)
        finally:
            for end in ends:
                end.cancel()
            await asyncio.wait(ends)
        if ended_by_itself:
            await self._live_task
            raise RuntimeError("The live part ended by itself.")

    @property
    def running(self) -> bool:
        """Whether everything has been started."""
        return self.operations is not None

    def drain(self) -> None:
        """As told by a signal: stop when the calls are over, or as the configuration says."""
        if self.operations is not None:
            self.operations.drain(by="signal")

    async def stop(self) -> None:
        """Tell the users, close the rows, close everything."""
        await self._stack.aclose()


def _add_web_client(app: web.Application) -> None:
    client = WebClient(WEB_DIST)
    if not client.built:
        log.warning(
            "web_client_not_built", reason="no web/dist: install Node 20.19 or later, then `make run`"
        )
    app.router.add_get("/{path:.*}", client.handle)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def _asked_by_turn(settings: RelaySettings, relay: RelayNode) -> tuple[str, int] | None:
    """The relay's port that answers plain Binding requests, by IPv4: an allocation is for that family."""
    if settings.stun_per_second == 0:
        return None
    return next(((at.host, at.port) for at in relay.bound if ":" not in at.host), None)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
