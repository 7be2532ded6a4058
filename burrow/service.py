"""Start every part in order, hand each what it needs, and stop them in the opposite order."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from pathlib import Path

import structlog
from aiohttp import web

from burrow import __version__
from burrow.config import Config
from burrow.operators import add_operators
from burrow.ports import LiveAccounts, LiveRecords, LiveSafety, SharedRecords, stun_urls
from db.database import Database
from db.match_writer import MatchWriter
from relay.node import RelayNode
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
        self.url = ""
        self.relay: RelayNode | None = None
        self.operations: Operations | None = None
        self.app: web.Application | None = None

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
        rules = rules_from(config.live, config.matching, config.routes, stun=stun_urls(relay))
        records = SharedRecords(LiveRecords(writer))
        live = LiveService(rules, relay, safety, records, policy=policy_from(config.routes))
        self.operations = operations = Operations(live, relay, engine=relay.engine_name, version=__version__)

        endpoint = LiveEndpoint(live, LiveAccounts(accounts), safety, config.live, config.server.origins)
        app = build_app(
            accounts=accounts,
            database=database,
            writer=writer,
            server=config.server,
            auth=config.auth,
            not_ready=operations.not_ready,
            engine=relay.engine_name,
        )
        self.app = app
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
        await self._listen(runner)
        log.info(
            "relay_started",
            engine=relay.engine_name,
            engine_reason=relay.engine_reason,
            addresses=[f"{a.host} port {a.port}" for a in relay.bound],
            database=database.name,
        )

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
        """Wait for ``stop``. Raises what ended the live part, if it ends by itself."""
        assert self._live_task is not None
        stopping = asyncio.create_task(stop.wait(), name="wait for stop")
        await asyncio.wait({stopping, self._live_task}, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            stopping.cancel()
            await self._live_task
            raise RuntimeError("The live part ended by itself.")

    async def stop(self) -> None:
        """Tell the users, close the rows, close everything."""
        await self._stack.aclose()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
