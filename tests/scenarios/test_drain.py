"""A node is drained with calls on it: nobody is cut off, nobody new comes, and it is gone when they are."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.scenarios.bare_caller import BareCaller, callers
from tests.service import RunningService, running_service

CALLS = 20


async def ready(service: RunningService) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"{service.url}/ready") as answer:
        return answer.status, await answer.json()


async def flow(everybody: list[BareCaller]) -> None:
    """Everybody sends a packet and gets the stranger's."""
    for caller in everybody:
        caller.send_video()
    await asyncio.gather(*(caller.video() for caller in everybody))


@pytest.mark.timeout(120)
async def test_twenty_calls_are_drained_and_none_is_cut(tmp_path: Path) -> None:
    async with (
        running_service(tmp_path, server_drain_seconds="600", routes_policy="relay-only") as service,
        callers(service, 2 * CALLS) as users,
    ):
        everybody = list(users)
        await asyncio.gather(*(user.told("route", state="linked") for user in everybody))
        await flow(everybody)
        await asyncio.gather(*(user.told("route", state="connected") for user in everybody))
        assert (await ready(service))[0] == 200

        service.process.send_signal(signal.SIGTERM)
        asked = time.monotonic()
        while (answer := await ready(service))[0] == 200:
            assert time.monotonic() - asked < 1
        assert answer[1]["details"]["reasons"] == ["draining"]
        async with aiohttp.ClientSession() as session, session.get(f"{service.url}/health") as health:
            assert health.status == 200

        async with callers(service, 1) as (late,):
            assert (await late.told("error"))["code"] == "draining"

        # Every call goes on, and still does when others have ended.
        await flow(everybody)
        matches: dict[str, list[BareCaller]] = {}
        for user in everybody:
            matches.setdefault((await user.told("matched"))["match"], []).append(user)
        assert len(matches) == CALLS
        pairs = list(matches.values())
        for first, second in pairs[:-1]:
            await first.say("leave")
            assert (await second.told("ended"))["reason"] == "left"
        assert service.process.returncode is None
        last = pairs[-1]
        await flow(last)
        assert not any(user.has("ended") for user in last)

        await last[0].say("leave")
        assert (await last[1].told("ended"))["reason"] == "left"
        over = time.monotonic()
        assert await service.process.wait() == 0
        assert time.monotonic() - over < 1
        reasons = {m["reason"] for user in everybody for m in user.messages if m["type"] == "ended"}
        assert reasons == {"left"}


async def test_the_deadline_ends_what_is_left_and_says_so(tmp_path: Path) -> None:
    async with (
        running_service(tmp_path, server_drain_seconds="0.5", routes_policy="relay-only") as service,
        callers(service, 2) as users,
    ):
        await asyncio.gather(*(user.told("matched") for user in users))
        service.process.send_signal(signal.SIGTERM)
        for user in users:
            assert (await user.told("ended"))["reason"] == "service_stopping"
            await user.told("closing")
        assert await service.process.wait() == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_stops_at_once(tmp_path: Path, second: signal.Signals) -> None:
    async with (
        running_service(tmp_path, server_drain_seconds="600", routes_policy="relay-only") as service,
        callers(service, 2) as users,
    ):
        await asyncio.gather(*(user.told("matched") for user in users))
        service.process.send_signal(signal.SIGTERM)
        while (await ready(service))[0] == 200:
            pass
        service.process.send_signal(second)
        asked = time.monotonic()
        assert await service.process.wait() == 0
        assert time.monotonic() - asked < 2
        assert (await users[0].told("ended"))["reason"] == "service_stopping"
