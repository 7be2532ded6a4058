from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.signaling.http.service import Service, error_of, running


async def test_health_says_what_there_is(service: Service) -> None:
    response = await service.client.get("/health")
    assert response.status == 200
    assert await response.json() == {
        "status": "ok",
        "database": "ok",
        "match_backlog": 0,
        "match_dropped": 0,
    }


async def test_ready_asks_those_who_know(tmp_path: Path) -> None:
    reasons: list[str] = []
    async with running(tmp_path, not_ready=lambda: reasons, engine="native") as service:
        ready = await service.client.get("/ready")
        assert (ready.status, await ready.json()) == (200, {"status": "ready", "engine": "native"})
        reasons.append("relay_full")
        assert await error_of(await service.client.get("/ready")) == (
            503,
            "not_ready",
            {"reasons": ["relay_full"]},
        )
        assert (await service.client.get("/health")).status == 200


async def test_a_crowd_of_probes_is_one_look_at_the_database(service: Service) -> None:
    looks: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        looks.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        answers = await asyncio.gather(*(service.client.get("/health") for _ in range(50)))
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert {answer.status for answer in answers} == {200}
    assert len([look for look in looks if look == "SELECT 1"]) == 1


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_probes_by_head(path: str, service: Service) -> None:
    assert (await service.client.head(path)).status == 200
