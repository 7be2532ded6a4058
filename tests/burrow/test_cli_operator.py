"""``burrow node`` and ``burrow calls`` against the running service, as an operator types them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from burrow.cli import app
from burrow.operator_client import TOKEN_VARIABLE, URL_VARIABLE, OperatorError
from db.repositories import users
from signaling.messages import Ended
from signaling.settings import LiveSettings
from tests.signaling.operators.desk import OPERATOR, Desk, desk

ROOT = Path(__file__).parents[2]
NO_PINGS = LiveSettings(ping_seconds=600.0)
"""Nobody reads the users' sockets while a command runs."""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Desk]:
    # The service logs in this process: not into what the commands print.
    with capture_logs():
        async with desk(tmp_path / "data", live=NO_PINGS) as running:
            yield running


class Shell:
    """A shell in the folder whose ``data`` is the service's. Commands run in a thread of this process, which
    is quicker than one of their own; :func:`test_an_error_is_one_sentence` starts one."""

    def __init__(self, folder: Path, **variables: str) -> None:
        cleared = dict.fromkeys((TOKEN_VARIABLE, URL_VARIABLE))
        self._variables: dict[str, str | None] = {**cleared, "COLUMNS": "200", **variables}
        self._config = folder / "config.toml"
        self._config.touch()

    async def run(self, *words: str) -> Result:
        command = [*words, "--config", str(self._config)]
        return await asyncio.to_thread(lambda: CliRunner().invoke(app, command, env=self._variables))

    async def says(self, *words: str) -> str:
        result = await self.run(*words)
        assert result.exit_code == 0, result.exception
        return result.output

    async def fails(self, *words: str) -> str:
        result = await self.run(*words)
        assert isinstance(result.exception, OperatorError), result.output
        assert result.output == ""
        return str(result.exception)

    async def json(self, *words: str) -> dict[str, Any]:
        return dict(json.loads(await self.says(*words, "--json")))


async def test_calls_are_listed_shown_and_ended(here: Desk, tmp_path: Path) -> None:
    shell = Shell(tmp_path, BURROW_OPERATOR_URL=here.service.url)
    anna, _bert = await here.pair("anna", "bert")
    listed = await shell.json("calls", "list")
    match = listed["calls"][0]["match"]
    assert listed == {**await here.get("/calls"), "calls": listed["calls"]}
    for_people = await shell.says("calls", "list")
    assert match in for_people
    assert "Name of anna" in for_people
    assert "1 call." in for_people
    shown = await shell.says("calls", "show", match)
    assert "connected, direct" in shown
    assert "leg_offered" in shown
    assert (await shell.json("calls", "show", match))["call"]["match"] == match

    assert "--yes" in await shell.fails("calls", "end", match), "without a terminal it must be said"
    assert await shell.says("calls", "end", match, "--yes") == f"Ended {match}.\n"
    assert (await anna.until(Ended)).reason == "ended_by_operator"
    assert "It may just have ended." in await shell.fails("calls", "end", match, "--yes")
    assert "no id of a match" in await shell.fails("calls", "show", "../node")
    (_, done) = await here.audit()
    assert (done["operator"]["id"], done["action"], done["outcome"]) == (OPERATOR, "call.end", "done")
    assert "ended_by_operator" in await shell.says("calls", "show", match)


async def test_the_node_is_seen_limited_and_drained(here: Desk, tmp_path: Path) -> None:
    shell = Shell(tmp_path, BURROW_OPERATOR_URL=here.service.url)
    await here.pair("anna", "bert")
    status = await shell.says("node", "status")
    assert "2 online, 0 waiting, 1 calls" in status
    assert "stress" in status
    assert await shell.json("node", "limits") == await here.get("/node/limits")
    changed = await shell.json("node", "limits", "--soft", "0.5", "--max-legs", "7", "--yes")
    assert (changed["soft"], changed["max_legs"]) == (0.5, 7)
    assert await here.get("/node/limits") == changed
    assert "soft limit" in await shell.fails("node", "limits", "--soft", "9", "--yes")
    assert "nothing to take back" in await shell.fails("node", "undrain")
    drained = await shell.says("node", "drain", "--deadline", "600", "--yes")
    assert "DRAINING" in drained
    assert "1 calls left" in drained
    assert "DRAINING" not in await shell.says("node", "undrain")


async def test_who_may_and_what_to_do_about_it(here: Desk, tmp_path: Path) -> None:
    url = here.service.url
    owner = Shell(tmp_path)
    token = (await owner.says("user", "token", f"{OPERATOR}@example.org")).strip()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with_token = Shell(elsewhere, BURROW_OPERATOR_TOKEN=token)
    assert (await with_token.json("node", "status", "--url", url))["engine"] == "python"
    assert "BURROW_OPERATOR_TOKEN" in await Shell(elsewhere).fails("node", "status", "--url", url)
    bad = Shell(elsewhere, BURROW_OPERATOR_TOKEN="nonsense")
    assert "token is not accepted" in await bad.fails("node", "status", "--url", url)
    await here.account("ursula")
    refused = await owner.fails("node", "status", "--url", url, "--as", "ursula@example.org")
    assert "burrow user promote" in refused
    assert "no account" in await owner.fails("node", "status", "--url", url, "--as", "nobody@example.org")
    assert "in the clear" in await with_token.fails("node", "status", "--url", "http://198.51.100.7:8080")
    nobody = await with_token.fails("node", "status", "--url", "http://127.0.0.1:1")
    assert "Nothing answers at http://127.0.0.1:1" in nobody
    await here.database.write(lambda session: users.set_role(session, f"{OPERATOR}@example.org", "user"))
    assert "--role operator" in await owner.fails("node", "status", "--url", url)


async def test_an_error_is_one_sentence(tmp_path: Path) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("BURROW_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "burrow.cli", "node", "status", cwd=tmp_path,
        env={**own, "PYTHONPATH": str(ROOT), TOKEN_VARIABLE: "t", URL_VARIABLE: "http://127.0.0.1:1"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    assert err.decode().startswith("burrow: Nothing answers at http://127.0.0.1:1. ")
    assert err.count(b"\n") == 1


@pytest.mark.parametrize("answer", [b"<html>", b"[]"])
async def test_what_is_not_burrow_is_named_with_what_to_do(tmp_path: Path, answer: bytes) -> None:
    async def other(_request: web.Request) -> web.Response:
        return web.Response(body=answer)

    site = web.Application()
    site.router.add_get("/{path:.*}", other)
    async with TestServer(site) as server:
        url = str(server.make_url("")).rstrip("/")
        shell = Shell(tmp_path, BURROW_OPERATOR_URL=url, BURROW_OPERATOR_TOKEN="any")
        said = await shell.fails("node", "status")
    assert said == f"What answers at {url} is not Burrow. Say where it is: --url or {URL_VARIABLE}."
