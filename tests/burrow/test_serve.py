"""``burrow serve`` as a process: start, stop, and what is said when it cannot."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sqlite3
import stat
import sys
import time
from pathlib import Path

import aiohttp
import pytest

from tests.service import RunningService, environment, running_service

SECOND_START_SECONDS = 3.0


async def burrow(folder: Path, *arguments: str, **variables: str) -> tuple[int, str, str]:
    """Run the command line to its end; (exit code, standard output, standard error)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "burrow.cli", *arguments, cwd=folder,
        env={**environment(variables), "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def one_sentence(text: str) -> str:
    lines = [line for line in text.splitlines() if not line.startswith("20")]  # without the log
    assert len(lines) == 1, text
    assert "Traceback" not in text
    return lines[0]


async def test_it_says_where_it_is_and_how_to_stop(service: RunningService) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{service.url}/ready") as answer:
        assert answer.status == 200
        ready = await answer.json()
    assert ready["engine"] in ("native", "python")
    assert f"engine={ready['engine']}" in service.log
    assert "engine_reason=" in service.log
    assert await service.stop(signal.SIGINT) == 0
    assert "Traceback" not in service.log


async def test_second_start_is_quick_and_finds_its_secrets(tmp_path: Path) -> None:
    async with running_service(tmp_path):
        secrets = (tmp_path / "data" / "secrets.json").read_bytes()
    start = time.monotonic()
    async with running_service(tmp_path):
        assert time.monotonic() - start < SECOND_START_SECONDS
    path = tmp_path / "data" / "secrets.json"
    assert path.read_bytes() == secrets
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stop_tells_matched_users_and_closes_their_row(tmp_path: Path, number: signal.Signals) -> None:
    async with running_service(tmp_path) as service, aiohttp.ClientSession() as session:
        sockets = []
        for _ in range(2):
            async with session.get(f"{service.url}/api/v1/terms") as answer:
                terms = (await answer.json())["version"]
            body = {"age_confirmed": True, "terms_version": terms}
            async with session.post(f"{service.url}/api/v1/auth/guest", json=body) as answer:
                token = (await answer.json())["access_token"]
            ws = await session.ws_connect(f"{service.url}/ws")
            await ws.send_json({"type": "hello", "token": token})
            await ws.send_json({"type": "join", "n": 1})
            sockets.append(ws)
        seen: list[list[str]] = [[], []]
        for types, ws in zip(seen, sockets, strict=True):
            while "matched" not in types:
                types.append((await ws.receive_json())["type"])
        stopping = asyncio.create_task(service.stop(number))
        for types, ws in zip(seen, sockets, strict=True):
            async for message in ws:
                data = json.loads(message.data)
                types.append(data["type"] + ":" + str(data.get("reason", "")))
            assert ws.close_code == 1012
            assert "ended:service_stopping" in types
            assert types[-1].startswith("closing")
        assert await stopping == 0
    with sqlite3.connect(tmp_path / "data" / "burrow.sqlite3") as rows:
        found = rows.execute("select end_reason, ended_at is not null from matches").fetchall()
    rows.close()
    assert found == [("service_stopping", 1)]


async def test_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = await burrow(tmp_path, "serve", BURROW_SERVER_PORT=str(port))
    assert code == 1
    assert f"Cannot listen on 127.0.0.1 port {port}" in one_sentence(err)


async def test_relay_address_that_is_not_here_is_named(tmp_path: Path) -> None:
    code, _, err = await burrow(tmp_path, "serve", BURROW_RELAY_ADDRESSES="203.0.113.5")
    assert code == 1
    assert "203.0.113.5" in one_sentence(err)


async def test_relay_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        code, _, err = await burrow(tmp_path, "serve", BURROW_RELAY_UDP_PORT=port)
    assert code == 1
    assert port in one_sentence(err)


async def test_wrong_configuration_is_one_sentence(tmp_path: Path) -> None:
    code, _, err = await burrow(tmp_path, "serve", BURROW_RELAY_ENGINE="fast")
    assert code == 1
    assert "relay.engine = 'fast' is not allowed" in one_sentence(err)


async def test_database_that_cannot_be_reached_is_one_sentence(tmp_path: Path) -> None:
    code, _, err = await burrow(
        tmp_path, "serve", BURROW_DATABASE_URL="postgresql+psycopg://nobody:hidden@127.0.0.1:1/none"
    )
    assert code == 1
    assert "127.0.0.1" in one_sentence(err)
    assert "hidden" not in err


async def test_bench_of_an_engine_that_is_not_here_is_one_sentence(tmp_path: Path) -> None:
    code, _, err = await burrow(tmp_path, "bench", "relay", "--engine", "fast")
    assert code == 1
    assert "There is no engine fast here; there are: auto, python" in one_sentence(err)


@pytest.mark.parametrize(
    "command", [["serve"], ["migrate"], ["user"], ["user", "add"], ["peer"], ["bench"], []]
)
async def test_every_command_has_help(tmp_path: Path, command: list[str]) -> None:
    code, out, err = await burrow(tmp_path, *command, "--help")
    assert (code, err) == (0, "")
    assert "Usage" in out
