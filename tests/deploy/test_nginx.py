"""Debian's nginx with the configuration of ``deploy/nginx`` before the real service."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from signaling.messages import Hello, Join, Matched, Welcome, encoder, server_decoder
from tests.deploy.ports import free_port
from tests.service import RunningService, running_service

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx" / "burrow.conf"
NAME = "burrow.example.org"
AGES = {"age_confirmed": True, "terms_version": "2026-11"}


@dataclass(frozen=True, slots=True)
class Front:
    """nginx at ``https`` and ``http``; ``session`` trusts its certificate and knows its name."""

    https: str
    http: str
    session: aiohttp.ClientSession

    async def guest(self, name: str, **headers: str) -> aiohttp.ClientResponse:
        url = f"{self.https}/api/v1/auth/guest"
        async with self.session.post(url, json={"name": name, **AGES}, headers=headers) as answer:
            await answer.read()
            return answer


class _Here(aiohttp.abc.AbstractResolver):
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        return [
            {
                "hostname": host,
                "host": "127.0.0.1",
                "port": port,
                "family": socket.AF_INET,
                "proto": 0,
                "flags": 0,
            }
        ]

    async def close(self) -> None: ...


def certificate(folder: Path) -> Path:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", "privkey.pem", "-out", "fullchain.pem", "-days", "2", "-subj", f"/CN={NAME}",
         "-addext", f"subjectAltName=DNS:{NAME}"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder / "fullchain.pem"


def written(folder: Path, service: RunningService, http: int, https: int) -> Path:
    """The shipped file with ports, upstream and certificates of this test; each must be there."""
    text = CONFIGURATION.read_text()
    changes = {
        "server 127.0.0.1:8080;": f"server {service.url.removeprefix('http://')};",
        "listen 80;": f"listen 127.0.0.1:{http};",
        "listen [::]:80;": "",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{https} ssl http2;",
        "listen [::]:443 ssl http2;": "",
        "/etc/ssl/burrow/": f"{folder}/",
    }
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "burrow.conf").write_text(text)
    main = folder / "nginx.conf"
    main.write_text(
        f"daemon off; pid {folder}/pid; error_log stderr warn; worker_processes 1; user root;\n"
        "events { worker_connections 256; }\n"
        f"http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n"
        f"fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
        f"include {folder}/burrow.conf; }}\n"
    )
    return main


@contextlib.asynccontextmanager
async def front(folder: Path, service: RunningService) -> AsyncIterator[Front]:
    trusted = ssl.create_default_context(cafile=certificate(folder))
    http, https = free_port(), free_port()
    command = ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(written(folder, service, http, https))]
    with (folder / "nginx.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
    connector = aiohttp.TCPConnector(ssl=trusted, resolver=_Here())
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            here = Front(f"https://{NAME}:{https}", f"http://{NAME}:{http}", session)
            await _answers(here, process, folder)
            yield here
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _answers(here: Front, process: asyncio.subprocess.Process, folder: Path) -> None:
    # A port that is not yet listened on gives no event to wait for: ask until it answers or nginx is gone.
    async with asyncio.timeout(10):
        while process.returncode is None:
            try:
                async with here.session.get(f"{here.https}/health") as answer:
                    assert answer.status == 200
                    return
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.05)
    pytest.fail((folder / "nginx.log").read_text())


@pytest.fixture
async def proxied(tmp_path: Path) -> AsyncIterator[tuple[RunningService, Front]]:
    settings = {"server_trust_proxy": "true", "auth_signups_per_minute": "2"}
    async with running_service(tmp_path, **settings) as service, front(tmp_path, service) as here:
        yield service, here


async def test_pages_and_api_come_by_tls_alone(proxied: tuple[RunningService, Front]) -> None:
    _, here = proxied
    async with here.session.get(f"{here.http}/lobby", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (301, f"https://{NAME}/lobby")
    async with here.session.get(f"{here.https}/") as page:
        assert page.status == 200
        assert "max-age" in page.headers["Strict-Transport-Security"]
        assert "script-src" in page.headers["Content-Security-Policy"]
    async with here.session.get(f"{here.https}/metrics") as hidden:
        assert hidden.status == 404
    async with here.session.post(f"{here.https}/api/v1/auth/guest", data=b"x" * 70_000) as large:
        assert large.status == 413
    answer = await here.guest("Ada")
    assert answer.status == 201
    assert answer.cookies["burrow_refresh"]["secure"], "by https, the cookie must be kept off http"


async def test_a_forged_address_is_not_believed(
    proxied: tuple[RunningService, Front],
) -> None:
    _, here = proxied
    statuses = [(await here.guest(f"G{n}", **{"X-Forwarded-For": f"198.51.{n}.1"})).status for n in range(3)]
    assert statuses == [201, 201, 429]


async def test_two_meet_through_the_proxy(proxied: tuple[RunningService, Front]) -> None:
    _, here = proxied
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(_socket(here, name)) for name in ("Ada", "Bob")]
        for socket_ in sockets:
            await socket_.send_str(encoder.encode(Join(n=1)).decode())
        for socket_ in sockets:
            async with asyncio.timeout(10):
                while not isinstance(server_decoder.decode(await socket_.receive_str()), Matched):
                    pass


@contextlib.asynccontextmanager
async def _socket(here: Front, name: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with here.session.post(f"{here.https}/api/v1/auth/guest", json={"name": name, **AGES}) as answer:
        token = (await answer.json())["access_token"]
    # As the page's own socket has it: nginx must hand on the host that the browser asked for.
    async with here.session.ws_connect(f"{here.https}/ws", headers={"Origin": here.https}) as live:
        await live.send_str(encoder.encode(Hello(token=token)).decode())
        assert isinstance(server_decoder.decode(await live.receive_str()), Welcome)
        yield live
