"""Both limits on a running service: over them new calls spare the relay, or do without."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from peers import Peer, SyntheticMedia
from tests.scenarios.bare_caller import BareCaller, callers
from tests.scenarios.test_direct import until_route
from tests.service import RunningService, running_service

TOKEN = "a-token-of-enough-letters"
# Whatever this machine does beside the test: a loop is always later than a thousandth of a millisecond.
BUSY = {"relay_lag_full_ms": "1", "metrics_token": TOKEN}


async def load_level(service: RunningService, level: int) -> None:
    """Until the service says that it is at this level; it measures once a second."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with asyncio.timeout(20), aiohttp.ClientSession(headers=headers) as session:
        while True:
            async with session.get(f"{service.url}/metrics") as answer:
                if f"burrow_load_level {level}.0" in await answer.text():
                    return
            await asyncio.sleep(0.1)  # another process's tick: there is no event to wait for


def legs_of(user: BareCaller) -> int:
    return sum(message["type"] == "leg_offer" for message in user.messages)


@pytest.mark.timeout(120)
async def test_over_the_soft_limit_legs_come_with_the_need_and_calls_still_work(
    tmp_path: Path,
) -> None:
    limits = {"relay_soft_stress": "0.00001", "relay_hard_stress": "100"}
    async with running_service(tmp_path, **limits, **BUSY) as service:
        await load_level(service, 1)
        async with callers(service, 2) as users:
            welcome = await users[0].told("welcome")
            assert welcome["legs"] == "never"
            # These cannot go directly, so they need the relay, and get it.
            await asyncio.gather(*(user.told("route", state="linked") for user in users))
            users[0].send_video()
            await users[1].video()
            assert [legs_of(user) for user in users] == [1, 1]


@pytest.mark.timeout(120)
async def test_over_the_hard_limit_the_relay_refuses_with_a_sentence(tmp_path: Path) -> None:
    limits = {"relay_soft_stress": "0.00001", "relay_hard_stress": "0.00001"}
    async with running_service(tmp_path, **limits, **BUSY) as service:
        await load_level(service, 2)
        async with callers(service, 2) as users:
            for user in users:
                refused = await user.told("leg_state", state="refused")
                assert refused["code"] == "relay_overloaded"
                assert "Try again" in refused["message"]
                ended = await user.told("ended")
                assert (ended["reason"], ended["by"], ended["step"]) == ("relay_full", "service", "limit")
                assert "Try again" in ended["message"]
                assert legs_of(user) == 0


@pytest.mark.timeout(120)
async def test_over_the_hard_limit_two_still_meet_directly(tmp_path: Path) -> None:
    limits = {"relay_soft_stress": "0.00001", "relay_hard_stress": "0.00001"}
    async with running_service(tmp_path, **limits, **BUSY) as service:
        await load_level(service, 2)
        async with (
            Peer.guest(service.url, media=SyntheticMedia()) as ada,
            Peer.guest(service.url, media=SyntheticMedia()) as bob,
        ):
            first, second = await asyncio.gather(ada.meet(), bob.meet())
            await asyncio.gather(
                until_route(first, "direct", "connected"), until_route(second, "direct", "connected")
            )
            await asyncio.gather(first.leave(), second.over())
