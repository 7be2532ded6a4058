"""Put the operators' part together: the look at the node, REST and the feed."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from burrow.ports import SharedRecords
from db.database import Database
from db.match_writer import MatchWriter
from relay.door import Relay
from signaling.accounts.service import Accounts
from signaling.live.operations import Operations
from signaling.live.service import LiveService
from signaling.operators.actions import Actions
from signaling.operators.feed import Feed
from signaling.operators.gate import Gate
from signaling.operators.observer import Observer
from signaling.operators.routes import OPERATOR, OperatorRoutes
from signaling.operators.store import OperatorStore


@dataclass(frozen=True, slots=True)
class Operators:
    """``observer`` is to be started after the live part, and stopped after it too."""

    observer: Observer
    feed: Feed


def add_operators(
    app: web.Application,
    *,
    accounts: Accounts,
    database: Database,
    writer: MatchWriter,
    relay: Relay,
    live: LiveService,
    records: SharedRecords,
    operations: Operations,
    origins: tuple[str, ...],
    trust_proxy: bool,
) -> Operators:
    """Add the operators' routes to ``app``, and have their part told of every match."""
    gate = Gate(accounts)
    store = OperatorStore(database, writer)
    feed = Feed(gate, origins, trust_proxy=trust_proxy)
    observer = Observer(live, relay, operations.status, store, feed)
    records.tell(observer)
    actions = Actions(live, operations, store.add)
    routes = OperatorRoutes(gate, live, operations, observer, actions, store)
    app.router.add_get(f"{OPERATOR}/feed", feed.handle, allow_head=False)
    app.add_routes(routes.routes())

    async def close_feed(_app: web.Application) -> None:
        await feed.close()

    app.on_shutdown.append(close_feed)
    return Operators(observer, feed)
