"""The built web client: its files, its screens, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from signaling.errors import NotFound
from signaling.http.client import WebClient

Get = Callable[[str], Awaitable[tuple[int, str, str]]]


@web.middleware
async def not_found(
    request: web.Request, handler: Callable[..., Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except NotFound:
        return web.Response(status=404)


def app(folder: Path) -> web.Application:
    made = web.Application(middlewares=[not_found])
    made.router.add_get("/{path:.*}", WebClient(folder).handle)
    return made


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("first page")
    (folder / "assets" / "main-abc.js").write_text("script")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.mark.parametrize(
    ("path", "status", "text", "cache"),
    [
        ("/", 200, "first page", "no-cache"),
        ("/lobby", 200, "first page", "no-cache"),
        ("/index.html", 200, "first page", "no-cache"),
        ("/assets/main-abc.js", 200, "script", "public, max-age=31536000, immutable"),
        ("/assets/gone-def.js", 404, "", ""),
        ("/favicon.ico", 404, "", ""),
        ("/api/v1/nothing", 404, "", ""),
        ("/../secret.txt", 404, "", ""),
        ("/%2e%2e/secret.txt", 404, "", ""),
        ("/..%2fsecret.txt", 404, "", ""),
    ],
)
async def test_addresses(dist: Path, path: str, status: int, text: str, cache: str) -> None:
    async with TestClient(TestServer(app(dist))) as client:
        answer = await client.get(URL(path, encoded=True))
        assert answer.status == status
        if status == 200:
            assert await answer.text() == text
            assert answer.headers["Cache-Control"] == cache


async def test_a_client_that_is_not_built_is_said_so(tmp_path: Path) -> None:
    async with TestClient(TestServer(app(tmp_path / "none"))) as client:
        answer = await client.get("/")
        assert answer.status == 200
        assert "not built" in await answer.text()
        assert (await client.get("/lobby")).status == 404
