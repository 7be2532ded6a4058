"""PostgreSQL stops in the middle of a call: the call goes on, and its row is written when it is back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from peers import Peer, SyntheticMedia
from tests.db.postgres import PostgresCluster
from tests.service import RunningService, running_service

pytestmark = pytest.mark.media

BACK_SECONDS = 30.0
POLL_SECONDS = 0.1


async def health(service: RunningService) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"{service.url}/health") as answer:
        assert answer.status == 200
        return dict(await answer.json())


async def test_a_call_goes_on_without_the_database_and_is_not_forgotten(
    tmp_path: Path, own_postgres: PostgresCluster
) -> None:
    url = await own_postgres.create_migrated()
    async with (
        running_service(tmp_path, database_url=url, database_timeout_seconds="1") as service,
        # By relay, whose counts the row holds.
        Peer.guest(service.url, media=SyntheticMedia(), direct=False) as ada,
        Peer.guest(service.url, media=SyntheticMedia(), direct=False) as bob,
    ):
        match, other = await asyncio.gather(ada.meet(), bob.meet())
        await asyncio.gather(match.connected(), other.connected())
        own_postgres.stop()

        await match.chat("still there?")
        before = match.summary().video.frames_received
        async with asyncio.timeout(10):
            while match.summary().video.frames_received < before + 60:  # noqa: ASYNC110  # counted, not announced
                await asyncio.sleep(POLL_SECONDS)
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{service.url}/api/v1/auth/login", json={"email": "a@b.example", "password": "long enough"}
            ) as refused,
        ):
            assert refused.status == 503
            assert (await refused.json())["code"] == "database_unavailable"
            assert int(refused.headers["Retry-After"]) > 0

        report, _ = await asyncio.gather(match.leave(), other.over())
        assert report.video.frames_lost == 0
        said = await health(service)
        assert said["database"] != "ok"
        assert said["match_backlog"] > 0

        own_postgres.start()
        async with asyncio.timeout(BACK_SECONDS):
            while (await health(service))["match_backlog"]:  # noqa: ASYNC110  # in another process
                await asyncio.sleep(POLL_SECONDS)
        with psycopg.connect(
            host="127.0.0.1", port=own_postgres.port, user="burrow", dbname=url.rpartition("/")[2]
        ) as connection:
            row = connection.execute(
                "select end_reason, connect_ms, packets_a_to_b > 0 and packets_b_to_a > 0 from matches"
            ).fetchall()
        assert [(reason, ms is not None, flowed) for reason, ms, flowed in row] == [("left", True, True)]
        assert (await health(service))["database"] == "ok"
