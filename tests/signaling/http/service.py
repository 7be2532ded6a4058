"""The REST service as the composition root puts it together, on a real socket, with clocks of the test's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, CookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from db.database import Database
from db.match_writer import MatchWriter
from db.settings import DatabaseSettings
from signaling.accounts.passwords import Passwords
from signaling.accounts.secrets import load_secrets
from signaling.accounts.service import Accounts
from signaling.http.app import build_app
from signaling.settings import AuthSettings, ServerSettings
from tests.signaling.accounts.people import PASSWORD, QUICK_ARGON2, Clock, registration

API = "/api/v1"
GENEROUS = AuthSettings(signups_per_minute=10_000, logins_per_minute=10_000)
Client = TestClient[web.Request, web.Application]


@dataclass
class Service:
    """One running service and a client with a cookie jar."""

    client: Client
    app: web.Application
    accounts: Accounts
    database: Database
    writer: MatchWriter
    passwords: Passwords
    clock: Clock

    async def post(self, path: str, body: Any = None, **arguments: Any) -> ClientResponse:
        if body is not None:
            arguments["json"] = body
        return await self.client.post(f"{API}/{path}", **arguments)

    async def register(self, email: str = "ann@example.org") -> None:
        response = await self.post("auth/register", registration(email))
        assert response.status == 202, await response.text()

    async def login(self, email: str = "ann@example.org", password: str = PASSWORD) -> dict[str, Any]:
        response = await self.post("auth/login", {"email": email, "password": password})
        assert response.status == 200, await response.text()
        return dict(await response.json())

    def cookie(self) -> str | None:
        """The refresh token in the jar."""
        return {c.key: c.value for c in self.client.session.cookie_jar}.get("burrow_refresh")

    def set_cookie(self, value: str) -> None:
        self.client.session.cookie_jar.clear()
        url = self.client.make_url("/api/v1/auth/refresh")
        self.client.session.cookie_jar.update_cookies({"burrow_refresh": value}, url)


def bearer(session: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {session['access_token']}"}


@asynccontextmanager
async def running(
    data_dir: Path,
    *,
    database_settings: DatabaseSettings | None = None,
    server: ServerSettings | None = None,
    auth: AuthSettings = GENEROUS,
    not_ready: Callable[[], Sequence[str]] = tuple,
    engine: str = "python",
    add_routes: Callable[[web.Application], None] = lambda _: None,
) -> AsyncIterator[Service]:
    clock = Clock()
    settings = database_settings or DatabaseSettings()
    database = await Database.open(settings, data_dir)
    writer = MatchWriter(database, settings.backlog_matches, retry_seconds=(0.05,))
    passwords = Passwords(auth.hash_concurrency, auth.hash_queue, parameters=QUICK_ARGON2)
    try:
        await writer.start()
        accounts = Accounts(database, passwords, load_secrets(data_dir), auth, now=clock)
        app = build_app(
            accounts=accounts,
            database=database,
            writer=writer,
            server=server or ServerSettings(),
            auth=auth,
            not_ready=not_ready,
            engine=engine,
            clock=lambda: clock().timestamp(),
        )
        add_routes(app)
        async with TestClient(TestServer(app, host="127.0.0.1"), cookie_jar=CookieJar(unsafe=True)) as client:
            yield Service(client, app, accounts, database, writer, passwords, clock)
    finally:
        await writer.stop(2)
        await passwords.close()
        await database.close()


async def error_of(response: ClientResponse) -> tuple[int, str, dict[str, Any]]:
    """Status, code and details; fails when the answer is not the one error form."""
    assert response.content_type == "application/json", await response.text()
    body = await response.json()
    assert set(body) == {"code", "message", "details"}
    assert isinstance(body["message"], str)
    assert body["message"]
    return response.status, body["code"], body["details"]
