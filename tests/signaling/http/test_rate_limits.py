"""Limits with a clock that the test turns."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.errors import RateLimited
from signaling.http.rate_limits import REFRESHES_PER_MINUTE, BoundedMemory, RateLimits
from signaling.settings import AuthSettings, ServerSettings
from tests.signaling.accounts.people import CONSENT, PASSWORD, registration
from tests.signaling.http.service import API, bearer, error_of, running

LOW = AuthSettings(signups_per_minute=3, logins_per_minute=3)
PROXY = ServerSettings(trust_proxy=True)


def from_address(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


async def test_signups_are_limited_per_address_and_come_back(tmp_path: Path) -> None:
    async with running(tmp_path, auth=LOW) as service:
        for _ in range(3):
            assert (await service.post("auth/guest", CONSENT)).status == 201
            service.clock.pass_seconds(10)
        response = await service.post("auth/register", registration())
        assert (await error_of(response))[:2] == (429, "rate_limited")
        wait = int(response.headers["Retry-After"])
        assert wait == 30
        service.clock.pass_seconds(wait - 1)
        assert (await service.post("auth/guest", CONSENT)).status == 429
        service.clock.pass_seconds(1)
        assert (await service.post("auth/guest", CONSENT)).status == 201
        assert (
            await service.post("auth/guest", CONSENT)
        ).status == 429  # the window moves, it does not reset


async def test_logins_are_limited_per_address(tmp_path: Path) -> None:
    async with running(tmp_path, auth=LOW) as service:
        runs = service.passwords.runs
        for number in range(3):
            body = {"email": f"a{number}@example.org", "password": PASSWORD}
            assert (await service.post("auth/login", body)).status == 401
        response = await service.post("auth/login", {"email": "z@example.org", "password": PASSWORD})
        assert (await error_of(response))[:2] == (429, "rate_limited")
        assert service.passwords.runs == runs + 3  # what is refused costs no hash


@pytest.mark.parametrize("exists", [True, False])
async def test_logins_are_limited_per_account_from_everywhere(exists: bool, tmp_path: Path) -> None:
    """For accounts that don't exist too: else the limit would tell which do."""
    async with running(tmp_path, auth=LOW, server=PROXY) as service:
        if exists:
            await service.register()
        spellings = ["ann@example.org", "ANN@example.org", " ann@EXAMPLE.org", "Ann@example.org"]
        statuses = []
        for number, email in enumerate(spellings):
            response = await service.post(
                "auth/login",
                {"email": email, "password": "wrong password"},
                headers=from_address(f"203.0.{number}.1"),
            )
            statuses.append(response.status)
        assert statuses == [401, 401, 401, 429]
        other = {"email": "bob@example.org", "password": PASSWORD}
        response = await service.post("auth/login", other, headers=from_address("203.0.9.1"))
        assert response.status == 401


@pytest.mark.parametrize(
    ("addresses", "shared"),
    [
        (["203.0.113.1", "203.0.113.99", "203.0.113.200", "203.0.113.255"], True),
        (["203.0.113.1", "203.0.114.1", "203.0.115.1", "203.0.116.1"], False),
        (["2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:ff::1", "2001:db8::ffff"], True),
        (["2001:db8:0:100::1", "2001:db8:0:200::1", "2001:db8:0:300::1", "2001:db8:0:400::1"], False),
        (["203.0.113.1", "::ffff:203.0.113.2", "203.0.113.3", "::ffff:203.0.113.4"], True),
        (["evil, 203.0.113.1", "1.1.1.1, 203.0.113.2", "2.2.2.2,203.0.113.3", "3.3.3.3, 203.0.113.4"], True),
    ],
)
async def test_an_address_prefix_counts_as_one(addresses: list[str], shared: bool, tmp_path: Path) -> None:
    async with running(tmp_path, auth=LOW, server=PROXY) as service:
        statuses = [
            (await service.post("auth/guest", CONSENT, headers=from_address(address))).status
            for address in addresses
        ]
        assert statuses == [201, 201, 201, 429 if shared else 201]


async def test_anybody_can_write_a_forwarding_header(tmp_path: Path) -> None:
    async with running(tmp_path, auth=LOW) as service:
        statuses = [
            (await service.post("auth/guest", CONSENT, headers=from_address(f"203.0.{n}.1"))).status
            for n in range(4)
        ]
        assert statuses == [201, 201, 201, 429]


async def test_everything_under_the_api_is_limited(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        for _ in range(LOW.requests_per_minute):
            await (await service.client.get(f"{API}/nothing")).read()
        response = await service.client.get(f"{API}/terms")
        assert (await error_of(response))[:2] == (429, "rate_limited")
        assert (await service.client.get("/health")).status == 200


async def test_refreshes_and_profiles_are_limited_per_session(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        service.set_cookie("a" * 43)
        for _ in range(REFRESHES_PER_MINUTE):
            assert (await service.post("auth/refresh")).status == 401
        assert (await service.post("auth/refresh")).status == 429
        ann, bob = [await (await service.post("auth/guest", CONSENT)).json() for _ in range(2)]
        statuses = [
            (await service.client.get(f"{API}/profile", headers=bearer(ann))).status for _ in range(31)
        ]
        assert statuses == [200] * 30 + [429]
        assert (await service.client.get(f"{API}/profile", headers=bearer(bob))).status == 200


def test_memory_is_bounded_and_forgets_the_longest_unused() -> None:
    now = [0.0]
    limits = RateLimits(AuthSettings(logins_per_minute=1), clock=lambda: now[0], max_keys=100)
    limits.login("mine")
    for number in range(1000):
        now[0] += 0.001
        limits.login(f"other {number}")
    assert len(limits._memory) == 100
    with pytest.raises(RateLimited):
        limits.login("other 999")
    limits.login("mine")


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.floats(0, 40, allow_nan=False), st.sampled_from("ab")), max_size=40),
)
def test_never_more_than_the_limit_in_any_window(limit: int, hits: list[tuple[float, str]]) -> None:
    now = [0.0]
    memory = BoundedMemory(10, lambda: now[0])
    accepted: dict[str, deque[float]] = {"a": deque(), "b": deque()}
    for wait, key in hits:
        now[0] += wait
        inside = [moment for moment in accepted[key] if moment > now[0] - 60]
        assert memory.acquire_entry(key, limit, 60) == (len(inside) < limit)
        if len(inside) < limit:
            accepted[key].append(now[0])
        start, count = memory.get_moving_window(key, limit, 60)
        assert count <= limit
        assert now[0] - 60 < start <= now[0]
