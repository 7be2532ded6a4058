"""``/metrics`` of a running service: what is in it, who may read it, and that Prometheus' own tool agrees."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from burrow.config import ConfigError, load_config
from tests.service import RunningService, running_service

TOKEN = "a-token-of-enough-letters"
PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
LABELS = {
    "state", "transport", "code", "reason", "direction", "kind", "of", "limit", "route", "result", "step",
    "type", "method", "outcome", "version", "engine", "le",
}  # fmt: skip
"""Every label there is; each has a fixed set of values."""


async def scrape(service: RunningService, token: str | None = TOKEN) -> tuple[int, str]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    url = f"{service.url}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.text()


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def families(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            yield line.split()[2]


async def guest(service: RunningService, session: aiohttp.ClientSession) -> Any:
    async with session.get(f"{service.url}/api/v1/terms") as answer:
        terms = (await answer.json())["version"]
    body = {"age_confirmed": True, "terms_version": terms}
    async with session.post(f"{service.url}/api/v1/auth/guest", json=body) as answer:
        return (await answer.json())["access_token"]


async def test_only_who_has_the_token_may_read(tmp_path: Path) -> None:
    async with running_service(tmp_path, metrics_token=TOKEN) as service:
        assert (await scrape(service))[0] == 200
        for wrong in (None, "", "a-token-of-other-letters", TOKEN + "x", "\x80"):
            assert (await scrape(service, wrong))[0] == 401


async def test_without_a_token_there_is_nothing_on_the_services_own_port(service: RunningService) -> None:
    for token in (None, "", TOKEN):
        assert (await scrape(service, token))[0] == 404


async def test_a_port_of_its_own_for_this_machine(tmp_path: Path) -> None:
    async with running_service(tmp_path, metrics_port="0", log_format="json") as service:
        found = re.search(r'"port": (\d+), "event": "metrics_listening"', service.log)
        assert found, service.log
        url = f"http://127.0.0.1:{found[1]}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 200
            assert "burrow_build_info" in await answer.text()


async def test_what_happens_is_counted(tmp_path: Path) -> None:
    async with running_service(tmp_path, metrics_token=TOKEN) as service, aiohttp.ClientSession() as session:
        before = samples((await scrape(service))[1])
        tokens = [await guest(service, session) for _ in range(2)]
        async with session.post(
            f"{service.url}/api/v1/auth/login", json={"email": "a@b.example", "password": "wrong one"}
        ) as answer:
            assert answer.status == 401
        sockets = []
        for token in tokens:
            ws = await session.ws_connect(f"{service.url}/ws")
            await ws.send_json({"type": "hello", "token": token})
            await ws.send_json({"type": "join", "n": 1})
            sockets.append(ws)
        for ws in sockets:
            while (await ws.receive_json())["type"] != "matched":
                pass
        bad = await session.ws_connect(f"{service.url}/ws")
        await bad.send_json({"type": "hello", "token": "none of ours"})
        assert (await bad.receive_json())["type"] == "error"
        during = samples((await scrape(service))[1])
        await sockets[0].send_json({"type": "leave", "n": 2})
        for ws in sockets:
            while (await ws.receive_json())["type"] != "ended":
                pass
        after = samples((await scrape(service))[1])

        def value(seen: dict[Any, float], name: str, **labels: str) -> float:
            return seen.get((name, tuple(sorted(labels.items()))), 0.0)

        assert value(before, "burrow_matches_in_progress") == 0
        assert value(during, "burrow_matches_in_progress") == 1
        assert value(during, "burrow_matches_started_total") == 1
        assert value(during, "burrow_legs", state="offered", transport="none") == 2
        assert value(during, "burrow_websockets") >= 2
        assert value(during, "burrow_queue_wait_seconds_count") == 2
        assert value(during, "burrow_authentications_total", method="guest", result="ok") == 2
        assert value(during, "burrow_authentications_total", method="login", result="bad_credentials") == 1
        assert value(during, "burrow_hellos_total", result="ok") == 2
        assert value(during, "burrow_hellos_total", result="unauthenticated") == 1
        assert value(during, "burrow_messages_total", type="join") == 2
        assert value(during, "burrow_database_transaction_seconds_count", outcome="ok") > value(
            before, "burrow_database_transaction_seconds_count", outcome="ok"
        )
        assert value(after, "burrow_matches_ended_total", route="none", result="left", reason="left") == 1
        # Counters never fall, whatever ends between two scrapes.
        for key, was in during.items():
            if key[0].endswith(("_total", "_count", "_bucket")):
                assert after.get(key, 0.0) >= was, key
        for _, labels in after:
            assert {name for name, _ in labels} <= LABELS


async def test_prometheus_own_tool_has_nothing_to_say(tmp_path: Path) -> None:
    async with running_service(tmp_path, metrics_token=TOKEN) as service:
        text = (await scrape(service))[1]
    promtool = await asyncio.create_subprocess_exec(
        "promtool", "check", "metrics",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await promtool.communicate(text.encode())
    assert (promtool.returncode, out.decode()) == (0, "")


async def test_the_page_names_each_and_nothing_else(tmp_path: Path) -> None:
    async with running_service(tmp_path, metrics_token=TOKEN) as service:
        there = {name for name in families((await scrape(service))[1]) if name.startswith("burrow_")}
    rows = [line.split("|")[1:-1] for line in PAGE.read_text().splitlines() if line.startswith("| `burrow_")]
    assert {name.strip(" `") for name, *_ in rows} == there
    assert [row for row in rows if len(row) != 3 or not all(cell.strip() for cell in row)] == []


@pytest.mark.parametrize("token", ["short", "with space in the middle"])
async def test_a_token_that_is_none_stops_the_start(token: str) -> None:
    with pytest.raises(ConfigError, match=r"metrics\.token"):
        load_config(None, {"BURROW_METRICS_TOKEN": token})
