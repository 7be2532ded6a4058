"""Start every part in order, hand each what it needs, and stop them in the opposite order."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
from pathlib import Path

import structlog
from aiohttp import web

from burrow import __version__
from burrow.config import Config
from burrow.metrics.http import PATH as METRICS_PATH
from burrow.metrics.http import MetricsPage, count_authentications
from burrow.metrics.registry import Metrics, PartsCollector
from burrow.operators import add_operators
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
from signaling.http.errors import error_form
from signaling.live.endpoint import LiveEndpoint
from signaling.live.operations import Operations
from signaling.live.rules import policy_from, rules_from
from signaling.live.service import LiveService

WEB_DIST = Path(__file__).parents[1] / "web" / "dist"
RECORDS_SHARE = 0.5
"""Of ``stop_seconds``: what the last records may take, after the users have been told."""

log = structlog.get_logger("burrow")


class StartError(Exception):
    """The service cannot start; the sentence says why and what to do."""

    code = "start_failed"


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
        config, stack = self._config, self._stack
        keys = load_secrets(self._data_dir)
        database = await Database.open(config.database, self._data_dir)
        stack.push_async_callback(database.close)
        metrics = Metrics()
        database.timing = metrics.database_timing
        writer = MatchWriter(database, config.database.backlog_matches)
        await writer.start()
        stack.push_async_callback(writer.stop, config.server.stop_seconds * RECORDS_SHARE)
        passwords = Passwords(config.auth.hash_concurrency, config.auth.hash_queue)
        stack.push_async_callback(passwords.close)
        accounts = Accounts(database, passwords, keys, config.auth)

        relay = RelayNode(config.relay, with_loopback=_is_loopback(config.server.host))
        await relay.start()
        stack.push_async_callback(relay.close)
        self.relay = relay
        safety = LiveSafety(database, writer)
        turn = turn_access(config.turn, self._data_dir, os.environ)
        rules = rules_from(
            config.live,
            config.matching,
            config.routes,
            stun=stun_urls(relay),
            turn=turn,
            drain_queue=config.server.drain_queue,
        )
        if turn is not None:
            self._turn = TurnWatch(turn, config.turn.check_seconds, _asked_by_turn(config.relay, relay))
        announcer = Announcer(config.webhooks)
        await announcer.start()
        stack.push_async_callback(announcer.stop, config.server.stop_seconds * RECORDS_SHARE)
        records = SharedRecords(AnnouncedRecords(LiveRecords(writer), announcer))
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
        stack.push_async_callback(operations.close)

        endpoint = LiveEndpoint(live, LiveAccounts(accounts), safety, config.live, config.server.origins)
        app = build_app(
            accounts=accounts,
            database=database,
            writer=writer,
            server=config.server,
            auth=config.auth,
            not_ready=operations.not_ready,
            engine=relay.engine_name,
            turn=lambda: () if self._turn is None else self._turn.states(),
            inside=(count_authentications(metrics),),
        )
        self.app = app
        metrics.add(
            PartsCollector(
                relay,
                live,
                database,
                writer,
                announcer.receivers,
                version=__version__,
                engine=relay.engine_name,
            )
        )
        page = MetricsPage(metrics, config.metrics.token)
        app.router.add_get(METRICS_PATH, page.on_service_port)
        app.router.add_get("/ws", endpoint.handle)
        operators = add_operators(
            app,
            accounts=accounts,
            database=database,
            writer=writer,
            relay=relay,
            live=live,
            records=records,
            operations=operations,
            origins=config.server.origins,
        )
        client = WebClient(WEB_DIST)
        if not client.built:
            log.warning(
                "web_client_not_built", reason="no web/dist: install Node 20 or later, then `make run`"
            )
        app.router.add_get("/{path:.*}", client.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        self._live_task = await live.start()
        await operators.observer.start()
        stack.push_async_callback(operators.observer.stop)
        # First of all, while sockets and relay still work: users are told and matches get their last counts.
        stack.push_async_callback(live.stop, config.server.stop_seconds)
        self.operations = operations
        await self._listen_for_metrics(page)
        await self._listen(runner)
        if self._turn is not None:
            stack.push_async_callback(_end, asyncio.create_task(self._turn.run(), name="turn watch"))
        log.info(
            "relay_started",
            engine=relay.engine_name,
            engine_reason=relay.engine_reason,
            addresses=[f"{a.host} port {a.port}" for a in relay.bound],
            database=database.name,
        )

    async def _listen_for_metrics(self, page: MetricsPage) -> None:
        settings = self._config.metrics
        if settings.port < 0:
            return
        app = web.Application(middlewares=[error_form])
        app.router.add_get(METRICS_PATH, page.on_own_port)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        try:
            await web.TCPSite(runner, settings.host, settings.port).start()
        except OSError as error:
            raise StartError(
                f"Cannot listen on {settings.host} port {settings.port} for metrics: "
                f"{error.strerror or error}. "
                "Stop what uses it, or set metrics.port (0 takes a free one, -1 listens on none)."
            ) from error
        self.metrics_port = runner.addresses[0][1]
        log.info("metrics_listening", host=settings.host, port=self.metrics_port)

    async def _listen(self, runner: web.AppRunner) -> None:
        server = self._config.server
        site = web.TCPSite(runner, server.host, server.port)
        try:
            await site.start()
        except OSError as error:
            raise StartError(
                f"Cannot listen on {server.host} port {server.port}: {error.strerror or error}. "
                "Stop what uses it, or set server.port (0 takes a free one)."
            ) from error
        host = f"[{server.host}]" if ":" in server.host else server.host
        self.url = f"http://{host}:{runner.addresses[0][1]}"

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
