"""The whole service in this process, with users who talk directly, and an operator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from burrow.config import Config, MetricsSettings
from burrow.service import Service
from db.database import Database
from db.repositories import users
from relay.settings import RelaySettings
from signaling.accounts.secrets import load_secrets
from signaling.accounts.tokens import AccessTokens, Identity, Role
from signaling.messages import DirectState, Join, Matched, MediaFlowing, Route
from signaling.settings import ServerSettings
from tests.db.rows import CONSENT
from tests.signaling.live.house import WsClient

API = "/api/v1/operator"
OPERATOR = "olga"


class Desk:
    """``token(role)`` is one of an account with that role; :meth:`ask` asks as the operator."""

    def __init__(self, service: Service, database: Database, data_dir: Path) -> None:
        self.service, self.database = service, database
        self._tokens = AccessTokens(load_secrets(data_dir).access_token_key, 900)
        self.session: aiohttp.ClientSession

    async def account(self, user_id: str, role: Role = "user") -> str:
        """Make an account of this id; its access token."""
        await self.database.write(
            lambda session: users.register(
                session, user_id=user_id, email=f"{user_id}@example.org", password_hash="h",
                name=f"Name of {user_id}", consent=CONSENT, role=role,
            )
        )  # fmt: skip
        return self.token(user_id, role)

    def token(self, user_id: str, role: Role = "user", age_seconds: int = 0) -> str:
        identity = Identity(user_id, f"Name of {user_id}", "registered", role)
        return self._tokens.issue(identity, datetime.now(UTC) - timedelta(seconds=age_seconds))

    async def request(
        self, method: str, path: str, token: str | None, body: Any = None
    ) -> tuple[int, dict[str, Any]]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        url = f"{self.service.url}{path}"
        async with self.session.request(method, url, headers=headers, json=body) as response:
            return response.status, await response.json()

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        return await self.request(method, API + path, self.token(OPERATOR, "operator"), body)

    async def get(self, path: str) -> dict[str, Any]:
        status, body = await self.ask("GET", path)
        assert status == 200, body
        return body

    async def person(self, user_id: str) -> WsClient:
        """An account of this id, live."""
        token = await self.account(user_id)
        client = WsClient(await self.session.ws_connect(f"{self.service.url}/ws"), token)
        client.direct = True
        await client.hello()
        return client

    async def pair(self, a: str, b: str) -> tuple[WsClient, WsClient]:
        """Two in a call by the direct route, as both say."""
        first, second = await self.person(a), await self.person(b)
        await first.say(Join())
        await second.say(Join())
        for client in (first, second):
            match = (await client.until(Matched)).match
            attempt = (await client.until(Route, route="direct", state="trying")).attempt
            await client.say(DirectState(match=match, attempt=attempt, state="connected"))
            await client.say(MediaFlowing(match=match, attempt=attempt))
        await asyncio.gather(
            *(client.until(Route, route="direct", state="connected") for client in (first, second))
        )
        return first, second

    async def until(self, condition: Callable[[dict[str, Any]], bool], path: str) -> dict[str, Any]:
        """Ask until the answer is as it should be; nobody tells when it is."""
        token = self.token(OPERATOR, "operator")
        async with asyncio.timeout(20):
            while not condition((found := await self.request("GET", path, token))[1]):  # noqa: ASYNC110 - as said
                await asyncio.sleep(0.02)
        return found[1]

    async def audit(self) -> list[dict[str, Any]]:
        """What is written, once all is: the newest first."""
        await self.until(lambda health: health["match_backlog"] == 0, "/health")
        return list((await self.get("/audit"))["actions"])


@asynccontextmanager
async def desk(folder: Path, *, again: bool = False, **changes: Any) -> AsyncIterator[Desk]:
    """Started, with the operator's account; stopped at the end. ``again``: on what an earlier run left."""
    config = Config(
        metrics=MetricsSettings(port=-1),
        server=ServerSettings(port=0, stop_seconds=2.0, origins=("https://allowed.example",)),
        relay=RelaySettings(engine="python", udp_port=0, tcp_port=-1, stun_port=-1, addresses=("127.0.0.1",)),
        **changes,
    )
    service = Service(config, folder)
    await service.start()
    try:
        database = await Database.open(config.database, folder)
        try:
            here = Desk(service, database, folder)
            if not again:
                await here.account(OPERATOR, "operator")
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as here.session:
                yield here
        finally:
            await database.close()
    finally:
        await service.stop()
