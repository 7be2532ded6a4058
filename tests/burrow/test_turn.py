"""``[turn]`` in the running service: the shared secret, and what operators are told of the server."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from burrow.config import ConfigError, load_config
from burrow.turn import FILE_NAME, TurnWatch, turn_access
from signaling.core.turn import TurnAccess
from signaling.errors import SecretsInvalid
from signaling.settings import TurnSettings
from tests.burrow.test_turn_check import free_port
from tests.certificates import Authority
from tests.service import RunningService, running_service
from tests.turn_server import SECRET, turn_server

SETTINGS = TurnSettings(urls=("turns:turn.example.org:443?transport=tcp",))


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("turns:turn.example.org:443?transport=tcp", True),
        ("turns:[2001:db8::1]:443", True),
        ("turn:198.51.100.10:3478?transport=udp", True),
        ("turn:turn.example.org", True),
        ("turns:turn.example.org:443?transport=udp", False),
        ("turns://turn.example.org:443", False),
        ("turns:user@turn.example.org", False),
        ("stun:turn.example.org", False),
        ("turns:", False),
    ],
)
def test_urls_are_those_of_the_standard(url: str, taken: bool) -> None:
    if taken:
        assert load_config(None, {"BURROW_TURN_URLS": url}).turn.urls == (url,)
    else:
        with pytest.raises(ConfigError, match=r"turn\.urls"):
            load_config(None, {"BURROW_TURN_URLS": url})


def test_secret_is_no_part_of_the_configuration() -> None:
    config = load_config(None, {"BURROW_TURN_SECRET": SECRET})
    assert SECRET not in repr(config)


def test_secret_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    made = turn_access(SETTINGS, tmp_path, {})
    assert made is not None
    file = tmp_path / FILE_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == made.secret + "\n"
    assert len(made.secret) == 64
    assert turn_access(SETTINGS, tmp_path, {}) == made


def test_secret_of_the_environment_goes_first(tmp_path: Path) -> None:
    given = turn_access(SETTINGS, tmp_path, {"BURROW_TURN_SECRET": SECRET})
    assert given is not None
    assert given.secret == SECRET
    assert not (tmp_path / FILE_NAME).exists()


def test_no_server_needs_no_secret(tmp_path: Path) -> None:
    assert turn_access(TurnSettings(), tmp_path, {}) is None
    assert not (tmp_path / FILE_NAME).exists()


@pytest.mark.parametrize("text", [b"", b"short\n", b"two\nlines of a secret, no good", b"\xff" * 40])
def test_secret_that_is_none_is_refused_and_not_shown(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / FILE_NAME
    file.write_bytes(text)
    file.chmod(0o600)
    with pytest.raises(SecretsInvalid) as caught:
        turn_access(SETTINGS, tmp_path, {})
    assert str(file) in str(caught.value)
    assert "no good" not in str(caught.value)


def test_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(SECRET)
    (tmp_path / FILE_NAME).chmod(0o644)
    with pytest.raises(SecretsInvalid, match="chmod 600"):
        turn_access(SETTINGS, tmp_path, {})


async def test_a_finding_is_logged_when_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, port = Authority(tmp_path), free_port()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    watch = TurnWatch(TurnAccess((f"turns:localhost:{port}",), SECRET, 60), 600, None)
    with capture_logs() as logs:
        for _ in range(2):
            await watch.look()
        async with turn_server(tmp_path, authority.sign("localhost"), port=port):
            await watch.look()
    assert [(log["log_level"], log["code"]) for log in logs] == [("warning", "unreachable"), ("info", "ok")]
    assert watch.states() == ({"url": f"turns:localhost:{port}", "code": "ok"},)


async def test_a_look_that_fails_is_logged_and_not_the_last() -> None:
    # Settings let no such URL in: it stands for whatever nobody has thought of.
    watch = TurnWatch(
        TurnAccess(("stun:localhost", f"turns:localhost:{free_port()}"), SECRET, 60), 0.01, None
    )
    with capture_logs() as logs:
        task = asyncio.create_task(watch.run())
        async with asyncio.timeout(10):
            while len(logs) < 2:  # noqa: ASYNC110 - a log tells nobody
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait({task})
    assert {(log["log_level"], log["event"]) for log in logs} == {("error", "turn_look_failed")}


async def ready_with_turn(service: RunningService) -> list[dict[str, str]]:
    """What ``/ready`` says of TURN, once the first look is done."""
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{service.url}/ready") as answer:
                body: dict[str, Any] = json.loads(await answer.read())
                assert answer.status == 200, "a broken TURN server keeps nobody out"
                if body.get("turn"):
                    found: list[dict[str, str]] = body["turn"]
                    return found
            await asyncio.sleep(0.05)


async def test_operators_see_what_is_wrong_with_each(tmp_path: Path) -> None:
    authority, port = Authority(tmp_path), free_port()
    good, bad = f"turns:localhost:{port}?transport=tcp", f"turns:127.0.0.1:{port}?transport=tcp"
    async with (
        turn_server(tmp_path, authority.sign("localhost"), port=port),
        running_service(
            tmp_path,
            ["env", f"SSL_CERT_FILE={authority.file}"],
            turn_urls=f"{good},{bad}",
            turn_secret=SECRET,
        ) as service,
    ):
        assert await ready_with_turn(service) == [
            {"url": good, "code": "ok"},
            {"url": bad, "code": "certificate_wrong_host"},
        ]
        assert "certificate_wrong_host" in service.log
        assert SECRET not in service.log
