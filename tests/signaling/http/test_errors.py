"""Whatever goes wrong has one form; what nobody expected is logged once, without anything secret."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import structlog
from aiohttp import web

from signaling.http import bodies
from tests.signaling.accounts.people import PASSWORD
from tests.signaling.http.service import API, Service, error_of, running


async def test_unknown_paths(service: Service) -> None:
    for path in ("/nothing", f"{API}/nothing", f"{API}/auth/", "/%00", "/..%2f..%2fetc/passwd"):
        assert (await error_of(await service.client.get(path)))[:2] == (404, "not_found")


async def test_wrong_methods_say_which_are_right(service: Service) -> None:
    response = await service.client.get(f"{API}/auth/login")
    assert (await error_of(response))[:2] == (405, "method_not_allowed")
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
async def test_only_json_is_read(content_type: str, service: Service) -> None:
    response = await service.client.post(
        f"{API}/auth/login", data=b'{"email":"a@b.c","password":"x"}', headers={"Content-Type": content_type}
    )
    assert (await error_of(response))[:2] == (415, "unsupported_media_type")


async def test_packed_bodies_are_not_unpacked(service: Service) -> None:
    response = await service.client.post(
        f"{API}/auth/login",
        data=b"\x1f\x8b",
        headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
    )
    assert response.status in (400, 415)
    assert (await error_of(response))[1] in ("bad_request", "unsupported_media_type")


async def test_a_body_over_the_limit(service: Service) -> None:
    body = b'{"email":"' + b"a" * 65_536 + b'"}'
    headers = {"Content-Type": "application/json"}
    response = await service.client.post(f"{API}/auth/login", data=body, headers=headers)
    assert (await error_of(response))[:2] == (413, "body_too_large")


async def test_a_body_over_the_limit_that_does_not_say_so(service: Service) -> None:
    async def chunks() -> object:
        for _ in range(80):
            yield b"a" * 1024

    response = await service.client.post(
        f"{API}/auth/login", data=chunks(), headers={"Content-Type": "application/json"}
    )
    assert (await error_of(response))[:2] == (413, "body_too_large")


async def test_a_body_that_does_not_come_is_not_waited_for(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", service.client.port)
    writer.write(
        b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b'Content-Length: 1000\r\n\r\n{"email":'
    )
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    "request_head",
    [
        b"POST /api/v1/auth/refresh HTTP/1.0\r\nOrigin: http://x\r\n\r\n",
        b"POST /api/v1/auth/refresh HTTP/1.1\r\nHost:\r\nOrigin: http://\r\n\r\n",
    ],
)
async def test_no_host_is_no_own_page(request_head: bytes, service: Service) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.client.port)
    writer.write(request_head)
    assert b" 403 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_the_unexpected_is_logged_once_and_tells_nothing(tmp_path: Path) -> None:
    secret = "-".join(("s3cret", "value"))

    async def broken(request: web.Request) -> web.Response:
        password = (await request.json())["password"]
        raise ValueError(f"cannot digest {password}")

    def add(app: web.Application) -> None:
        app.router.add_post("/broken/{name}", broken)

    async with running(tmp_path, add_routes=add) as service:
        with structlog.testing.capture_logs() as logs:
            response = await service.client.post(
                f"/broken/{secret}?token={secret}",
                json={"password": secret},
                headers={"Authorization": f"Bearer {secret}"},
            )
            assert await error_of(response) == (500, "internal", {})
        assert secret not in await response.text()
        assert len(logs) == 1
        assert logs[0]["event"] == "request_failed"
        assert logs[0]["error"] == "ValueError"
        assert logs[0]["route"] == "/broken/{name}"
        assert "in broken" in logs[0]["traceback"]
        assert secret not in repr(logs)


async def test_expected_errors_are_not_logged(service: Service) -> None:
    with structlog.testing.capture_logs() as logs:
        await service.post("auth/login", {"email": "ann@example.org", "password": PASSWORD})
        await service.client.get("/nothing")
    assert logs == []


async def test_redirections_and_static_answers_are_left_alone(tmp_path: Path) -> None:
    async def moved(_: web.Request) -> web.Response:
        raise web.HTTPFound("/health")

    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "index.html").write_text("<p>hello</p>")

    def add(app: web.Application) -> None:
        app.router.add_get("/moved", moved)
        app.router.add_static("/", tmp_path / "web")

    async with running(tmp_path / "data", add_routes=add) as service:
        response = await service.client.get("/moved", allow_redirects=False)
        assert (response.status, response.headers["Location"]) == (302, "/health")
        response = await service.client.get("/index.html")
        assert await response.text() == "<p>hello</p>"
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]


async def test_an_answer_that_breaks_off_is_hung_up_on(tmp_path: Path) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        raise ValueError("no more")

    def add(app: web.Application) -> None:
        app.router.add_get("/half", half)

    async with running(tmp_path, add_routes=add) as service:
        with structlog.testing.capture_logs() as logs:
            response = await service.client.get("/half")
            with pytest.raises(Exception, match="payload"):
                await response.read()
        assert [entry["event"] for entry in logs] == ["request_failed"]
        assert (await service.client.get("/health")).status == 200
