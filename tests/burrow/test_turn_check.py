"""Every way in which an operator's TURN server can be wrong is named, against a real coturn."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from burrow.turn_check import check_turn
from signaling.core.turn import TurnAccess
from tests.certificates import DAY, Authority
from tests.stun_port import stun_port
from tests.turn_server import SECRET, turn_server

USER = "the user's id in the database"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """One that this process trusts."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


async def code(
    port: int, *, host: str = "localhost", secret: str = SECRET, relay: tuple[str, int] | None = None
) -> str:
    url = f"turns:{host}:{port}?transport=tcp"
    turn = TurnAccess((url,), secret, 3600).credentials(USER, asyncio.get_running_loop().time() + 2e9)
    found = await check_turn(url, turn, relay)
    assert secret not in found.message
    assert found.works is (found.code in ("ok", "certificate_expires_soon"))
    return found.code


@pytest.mark.parametrize(
    ("valid", "said"),
    [(30 * DAY, "ok"), (3 * DAY, "certificate_expires_soon"), (-DAY, "certificate_expired")],
)
async def test_one_server_all_that_can_be_said_of_it(
    tmp_path: Path, authority: Authority, valid: timedelta, said: str
) -> None:
    port = free_port()
    async with turn_server(tmp_path, authority.sign("localhost", valid), port=port), stun_port() as relay:
        assert await code(port, relay=relay) == said
        if said != "ok":
            return
        assert await code(port, secret="another secret than the server's") == "credentials_refused"
        assert await code(port, host="127.0.0.1") == "certificate_wrong_host"
        assert await code(port, host="nowhere.invalid") == "host_unknown"
        # An allocation that cannot reach the relay is of no use: it is denied, or nobody answers.
        assert await code(port, relay=("198.51.100.99", relay[1])) == "relay_refused"
        silent = socket.socket(type=socket.SOCK_DGRAM)
        with silent:
            silent.bind(("127.0.0.1", 0))
            assert await code(port, relay=silent.getsockname()) == "relay_unreachable"


async def test_certificate_of_an_unknown_authority(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "other").mkdir()
    port = free_port()
    async with turn_server(tmp_path, Authority(tmp_path / "other", "unknown").sign("localhost"), port=port):
        assert await code(port) == "certificate_untrusted"


@pytest.mark.usefixtures("authority")
async def test_nothing_listens() -> None:
    assert await code(free_port()) == "unreachable"


@pytest.mark.parametrize(
    "url",
    [
        "turn:turn..example.org",
        f"turn:{'a' * 64}.example.org",
        "turn:localhost:99999",
        "turns:127.0.0.1:99999",
    ],
)
async def test_a_name_that_is_none(url: str) -> None:
    turn = TurnAccess((url,), SECRET, 3600).credentials(USER, 0.0)
    assert (await check_turn(url, turn, None)).code == "host_unknown"


@pytest.mark.usefixtures("authority")
async def test_something_else_listens() -> None:
    async with listener(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert await code(port) == "tls_failed"


async def test_a_full_server_gives_no_allocation(tmp_path: Path, authority: Authority) -> None:
    port = free_port()
    async with turn_server(
        tmp_path, authority.sign("localhost"), port=port, changes={"min-port": "49152", "max-port": "49152"}
    ):
        # The only port is taken until the first check has given it back.
        both = await asyncio.gather(code(port, relay=("198.51.100.99", 9)), code(port), code(port))
        assert "allocation_refused" in both


@contextlib.asynccontextmanager
async def listener(says: bytes) -> AsyncIterator[int]:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(says)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
