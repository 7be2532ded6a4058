"""Section 1 of docs/protocol.md, request by request."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from signaling.settings import AuthSettings, ServerSettings
from tests.signaling.accounts.people import CONSENT, PASSWORD, registration
from tests.signaling.http.service import API, GENEROUS, Service, bearer, error_of, running


async def test_register_says_the_same_for_a_free_and_a_taken_address(service: Service) -> None:
    free = await service.post("auth/register", registration())
    taken = await service.post("auth/register", registration(password="another password"))
    assert (free.status, await free.read()) == (taken.status, await taken.read()) == (202, b"{}")
    assert set(free.headers) == set(taken.headers)
    assert service.cookie() is None


async def test_login_answers_a_session(service: Service) -> None:
    await service.register()
    session = await service.login("ANN@example.org")
    assert set(session) == {"access_token", "expires_in", "user"}
    assert session["expires_in"] == 900
    assert session["user"] == {
        "id": session["user"]["id"],
        "name": "Ann",
        "kind": "registered",
        "role": "user",
        "email": "ann@example.org",
        "interests": [],
        "languages": [],
    }
    assert (await service.accounts.authenticate(session["access_token"])).user_id == session["user"]["id"]


async def test_a_failed_login_never_says_why(service: Service) -> None:
    await service.register()
    wrong = await service.post("auth/login", {"email": "ann@example.org", "password": "wrong password"})
    unknown = await service.post("auth/login", {"email": "nobody@example.org", "password": PASSWORD})
    assert await wrong.read() == await unknown.read()
    assert (await error_of(wrong))[:2] == (await error_of(unknown))[:2] == (401, "bad_credentials")
    assert set(wrong.headers) == set(unknown.headers)


async def test_the_refresh_token_is_only_in_its_cookie(service: Service) -> None:
    response = await service.post("auth/guest", CONSENT)
    assert response.status == 201
    cookie = response.cookies["burrow_refresh"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/api/v1/auth"
    assert cookie["max-age"] == "2592000"
    assert not cookie["secure"]  # by plain http a browser would not keep it
    assert cookie.value not in await response.text()
    assert response.headers["Cache-Control"] == "no-store"
    user = (await response.json())["user"]
    assert user["kind"] == "guest"
    assert "email" not in user


@pytest.mark.parametrize(
    ("setting", "trust_proxy", "headers", "secure"),
    [
        ("auto", False, {}, False),
        ("auto", False, {"X-Forwarded-Proto": "https"}, False),
        ("auto", True, {"X-Forwarded-Proto": "https"}, True),
        ("auto", True, {"X-Forwarded-Proto": "http"}, False),
        ("always", False, {}, True),
        ("never", True, {"X-Forwarded-Proto": "https"}, False),
    ],
)
async def test_the_cookie_is_secure_as_configured(
    setting: str, trust_proxy: bool, headers: dict[str, str], secure: bool, tmp_path: Path
) -> None:
    auth = AuthSettings(cookie_secure=setting)  # type: ignore[arg-type]  # a parameter of the test
    async with running(tmp_path, auth=auth, server=ServerSettings(trust_proxy=trust_proxy)) as service:
        response = await service.post("auth/guest", CONSENT, headers=headers)
        assert bool(response.cookies["burrow_refresh"]["secure"]) is secure


async def test_refresh_rotates_the_cookie_and_logout_clears_it(service: Service) -> None:
    await service.post("auth/guest", CONSENT)
    first = service.cookie()
    response = await service.post("auth/refresh")
    assert response.status == 200
    assert set(await response.json()) == {"access_token", "expires_in", "user"}
    second = service.cookie()
    assert second not in (None, first)
    response = await service.post("auth/logout")
    assert response.status == 204
    assert service.cookie() is None
    assert second is not None
    service.set_cookie(second)
    assert (await error_of(await service.post("auth/refresh")))[:2] == (401, "unauthenticated")


async def test_a_reused_cookie_closes_the_sign_in(service: Service) -> None:
    await service.post("auth/guest", CONSENT)
    stolen = service.cookie()
    assert stolen is not None
    await service.post("auth/refresh")
    mine = service.cookie()
    assert mine is not None
    service.clock.pass_seconds(60)
    service.set_cookie(stolen)
    assert (await error_of(await service.post("auth/refresh")))[:2] == (401, "token_reused")
    service.set_cookie(mine)
    assert (await error_of(await service.post("auth/refresh")))[:2] == (401, "token_reused")


async def test_two_tabs_may_refresh_at_once(service: Service) -> None:
    await service.post("auth/guest", CONSENT)
    answers = await asyncio.gather(*(service.post("auth/refresh") for _ in range(4)))
    assert [answer.status for answer in answers] == [200] * 4
    assert (await service.post("auth/refresh")).status == 200


async def test_refresh_and_logout_without_a_cookie(service: Service) -> None:
    assert (await error_of(await service.post("auth/refresh")))[:2] == (401, "unauthenticated")
    assert (await service.post("auth/logout")).status == 204


async def test_a_guest_upgrades_once(service: Service) -> None:
    guest = await (await service.post("auth/guest", {**CONSENT, "name": "Zoe"})).json()
    body = {"email": "zoe@example.org", "password": PASSWORD}
    response = await service.post("auth/upgrade", body, headers=bearer(guest))
    assert response.status == 200
    session = await response.json()
    assert session["user"]["id"] == guest["user"]["id"]
    assert (session["user"]["kind"], session["user"]["name"]) == ("registered", "Zoe")
    again = await service.post("auth/upgrade", body | {"email": "x@example.org"}, headers=bearer(session))
    assert (await error_of(again))[:2] == (409, "already_registered")


async def test_an_upgrade_to_a_taken_address(service: Service) -> None:
    await service.register()
    guest = await (await service.post("auth/guest", CONSENT)).json()
    body = {"email": "ann@example.org", "password": PASSWORD}
    response = await service.post("auth/upgrade", body, headers=bearer(guest))
    assert (await error_of(response))[:2] == (401, "bad_credentials")


async def test_the_profile_is_read_and_changed(service: Service) -> None:
    await service.register()
    session = await service.login()
    change = {"name": "Anna", "interests": ["Music", "film"], "languages": ["en", "DE"]}
    response = await service.client.patch(f"{API}/profile", json=change, headers=bearer(session))
    assert response.status == 200
    response = await service.client.get(f"{API}/profile", headers=bearer(session))
    user = await response.json()
    assert (user["name"], user["interests"], user["languages"]) == (
        "Anna",
        ["music", "film"],
        ["en", "de"],
    )
    response = await service.client.patch(f"{API}/profile", json={"interests": []}, headers=bearer(session))
    user = await response.json()
    assert (user["name"], user["interests"], user["languages"]) == ("Anna", [], ["en", "de"])


@pytest.mark.parametrize("field", ["id", "kind", "role", "email", "password_hash"])
async def test_nobody_promotes_themselves(field: str, service: Service) -> None:
    session = await (await service.post("auth/guest", CONSENT)).json()
    response = await service.client.patch(f"{API}/profile", json={field: "operator"}, headers=bearer(session))
    assert await error_of(response) == (400, "bad_request", {"field": field})
    response = await service.post("auth/register", registration() | {field + "_": "operator"})
    assert (await error_of(response))[:2] == (400, "bad_request")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer a.b.c", "Bearer \u00e9"])
async def test_without_a_token_of_ours_nobody_has_a_profile(header: str, service: Service) -> None:
    response = await service.client.get(f"{API}/profile", headers={"Authorization": header} if header else {})
    assert (await error_of(response))[:2] == (401, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_an_expired_token_says_so(service: Service) -> None:
    session = await (await service.post("auth/guest", CONSENT)).json()
    service.clock.pass_seconds(900)
    response = await service.client.get(f"{API}/profile", headers=bearer(session))
    assert (await error_of(response))[:2] == (401, "token_expired")
    renewed = await (await service.post("auth/refresh")).json()
    response = await service.client.get(f"{API}/profile", headers=bearer(renewed))
    assert response.status == 200


async def test_the_terms_in_force_are_told(service: Service) -> None:
    terms = await (await service.client.get(f"{API}/terms")).json()
    assert terms["version"] == "2026-11"
    assert len(terms["text"]) > 100
    response = await service.post("auth/guest", {"age_confirmed": True, "terms_version": "old"})
    assert await error_of(response) == (
        400,
        "bad_request",
        {"field": "terms_version", "allowed": "2026-11"},
    )


async def test_more_hashes_than_may_wait_are_told_to_come_back(tmp_path: Path) -> None:
    auth = AuthSettings(hash_concurrency=1, hash_queue=0, signups_per_minute=1000)
    async with running(tmp_path, auth=auth) as service:
        answers = await asyncio.gather(
            *(service.post("auth/register", registration(f"a{n}@example.org")) for n in range(20))
        )
        busy = [answer for answer in answers if answer.status == 503]
        assert busy
        assert {answer.status for answer in answers} == {202, 503}
        for answer in busy:
            assert (await error_of(answer))[1] == "busy"
            assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("own", True),
        ("https://friend.example", True),
        ("https://evil.example", False),
        ("http://127.0.0.1:1", False),
        ("null", False),
        ("http://[", False),
    ],
)
async def test_pages_of_other_sites_cannot_use_the_cookie(
    origin: str | None, allowed: bool, tmp_path: Path
) -> None:
    server = ServerSettings(origins=("https://friend.example",))
    async with running(tmp_path, server=server, auth=GENEROUS) as service:
        await service.post("auth/guest", CONSENT)
        if origin == "own":
            origin = str(service.client.make_url("/")).rstrip("/")
        for path, status in (("auth/refresh", 200), ("auth/logout", 204)):
            response = await service.post(path, headers={"Origin": origin} if origin else {})
            if allowed:
                assert response.status == status
            else:
                assert (await error_of(response))[:2] == (403, "forbidden")
