from __future__ import annotations

import pytest

from peers import Peer
from peers.account import service_url
from peers.errors import LoginRefused, RateLimited, Refused, ServiceUnavailable, ServiceUnreachable
from tests.peers.scripted import ScriptedService, Socket, scripted

EMAIL, PASSWORD = "ada@example.org", "correct horse"


async def welcome(socket: Socket) -> None:
    await socket.welcome()
    await socket.gone()


async def test_a_guest_accepts_the_terms_that_the_service_names_and_logs_out() -> None:
    async with scripted(welcome) as service:
        async with Peer.guest(service.url, name="Ada") as peer:
            assert peer.user.name == "Ada"
        assert service.rest == [
            ("terms", None),
            ("auth/guest", {"age_confirmed": True, "terms_version": "2026-11", "name": "Ada"}),
            ("auth/logout", None),
        ]


async def test_registering_logs_in_next() -> None:
    async with scripted(welcome) as service:
        async with Peer.register(service.url, name="Ada", email=EMAIL, password=PASSWORD):
            pass
        assert [name for name, _ in service.rest] == ["terms", "auth/register", "auth/login", "auth/logout"]


async def test_a_taken_address_is_said_without_saying_that_it_exists() -> None:
    async with scripted() as service:
        service.answers["auth/login"] = (401, {"code": "bad_credentials", "message": "No.", "details": {}})
        with pytest.raises(LoginRefused, match="If it is yours, log in"):
            async with Peer.register(service.url, name="Ada", email=EMAIL, password=PASSWORD):
                pass


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "bad_credentials", LoginRefused),
        (429, "rate_limited", RateLimited),
        (503, "database_unavailable", ServiceUnavailable),
        (400, "bad_request", Refused),
    ],
)
async def test_each_refusal_has_its_error(status: int, code: str, expected: type[Exception]) -> None:
    async with scripted() as service:
        service.answers["auth/login"] = (status, {"code": code, "message": "A sentence.", "details": {}})
        with pytest.raises(expected, match=r"A sentence\.") as caught:
            async with Peer.login(service.url, email=EMAIL, password=PASSWORD):
                pass
    if isinstance(caught.value, ServiceUnavailable):
        assert caught.value.retry_after_seconds == 7


async def test_something_else_that_answers_is_not_taken_for_the_service() -> None:
    async def nothing(service: ScriptedService) -> None:
        with pytest.raises(ServiceUnreachable, match="not Burrow"):
            async with Peer.login(service.url, email=EMAIL, password=PASSWORD):
                pass

    async with scripted() as service:
        service.answers["auth/login"] = (404, ["nginx"])
        await nothing(service)


@pytest.mark.parametrize("text", ["", "ftp://host", "http://", "http://[::1", "://"])
def test_what_is_no_address_is_said_so(text: str) -> None:
    with pytest.raises(ServiceUnreachable, match="not an address"):
        service_url(text)


def test_an_address_may_leave_out_the_scheme_and_never_carries_credentials() -> None:
    assert str(service_url("localhost:8080")) == "http://localhost:8080"
    assert str(service_url("https://a:b@host/?q#f")) == "https://host/"
