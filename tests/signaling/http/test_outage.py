"""PostgreSQL goes away under the running service, and comes back."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from db.settings import DatabaseSettings
from tests.db.postgres import PostgresCluster
from tests.db.rows import add_guests, ended, fetch, started
from tests.signaling.accounts.people import CONSENT, PASSWORD, registration
from tests.signaling.http.service import API, Service, bearer, error_of, running


async def health(service: Service) -> dict[str, Any]:
    response = await service.client.get("/health")
    assert response.status == 200
    return dict(await response.json())


async def health_that(service: Service, **wanted: Any) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            found = await health(service)
            if wanted.items() <= found.items():
                return found
            await asyncio.sleep(0.05)


async def test_the_service_lives_on_without_its_database(
    own_postgres: PostgresCluster, tmp_path: Path
) -> None:
    settings = DatabaseSettings(url=await own_postgres.create_migrated(), timeout_seconds=1)
    async with running(tmp_path, database_settings=settings) as service:
        await service.register()
        session = await service.login()
        await add_guests(service.database, "ann", "bob")
        service.writer.add(started(1))
        await health_that(service, match_backlog=0)

        own_postgres.stop()

        for method, path, body in (
            ("POST", "auth/register", registration("bob@example.org")),
            ("POST", "auth/login", {"email": "ann@example.org", "password": PASSWORD}),
            ("POST", "auth/guest", CONSENT),
            ("POST", "auth/refresh", None),
            ("POST", "auth/logout", None),
            ("GET", "profile", None),
            ("PATCH", "profile", {"name": "Anna"}),
            ("POST", "auth/upgrade", {"email": "c@example.org", "password": PASSWORD}),
        ):
            response = await service.client.request(
                method, f"{API}/{path}", json=body, headers=bearer(session)
            )
            assert (await error_of(response))[:2] == (503, "database_unavailable"), path
            assert int(response.headers["Retry-After"]) >= 1
            assert "127.0.0.1" not in await response.text()

        # What needs no database goes on: terms, and a socket that comes back with its token.
        assert (await service.client.get(f"{API}/terms")).status == 200
        identity = await service.accounts.authenticate(session["access_token"])
        assert identity.user_id == session["user"]["id"]

        # Matches that end meanwhile wait.
        service.writer.add(ended(started(1)))
        service.writer.add(ended(started(2)))
        found = await health_that(service, database="unavailable")
        assert found == {
            "status": "degraded",
            "database": "unavailable",
            "match_backlog": 2,
            "match_dropped": 0,
        }
        ready = await service.client.get("/ready")
        assert await error_of(ready) == (503, "not_ready", {"reasons": ["database_unavailable"]})

        own_postgres.start()

        assert (await health_that(service, database="ok", match_backlog=0))["status"] == "ok"
        rows = await fetch(service.database, "SELECT id, end_reason FROM matches ORDER BY id")
        assert rows == [("match-1", "next"), ("match-2", "next")]
        assert (await service.post("auth/refresh")).status == 200
        await service.login()
        assert (await service.client.get("/ready")).status == 200


async def test_a_frozen_database_holds_up_neither_requests_nor_probes(
    own_postgres: PostgresCluster, tmp_path: Path
) -> None:
    settings = DatabaseSettings(url=await own_postgres.create_migrated(), timeout_seconds=0.5, pool_size=2)
    async with running(tmp_path, database_settings=settings) as service:
        session = await (await service.post("auth/guest", CONSENT)).json()
        own_postgres.freeze()
        began = time.monotonic()
        answers = await asyncio.gather(
            *(service.client.get(f"{API}/profile", headers=bearer(session)) for _ in range(20)),
            service.client.get("/health"),
            service.client.get("/ready"),
        )
        assert time.monotonic() - began < 3
        assert [answer.status for answer in answers] == [503] * 20 + [200, 503]
        own_postgres.thaw()
        await health_that(service, database="ok")
        response = await service.client.get(f"{API}/profile", headers=bearer(session))
        assert response.status in (200, 503)
