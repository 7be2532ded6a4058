"""Drain, undrain, limits and status over real sockets."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from relay.door import NodeLimits, SelfTestReport
from signaling.errors import BadRequest, NotDraining, StopAsked
from signaling.live.operations import Operations
from signaling.messages import Ended, Error, Join, Leave, Matched
from tests.signaling.live.house import House, house


def operations(here: House, **settings: float) -> Operations:
    calls = int(settings.get("calls", 0))
    seconds = settings.get("seconds", 60.0)
    return Operations(
        here.service, here.relay, engine="python", version="1", drain_seconds=seconds, drain_calls=calls
    )


async def test_a_drain_waits_for_the_last_call_and_not_longer() -> None:
    async with house() as here:
        control = operations(here)
        anna, bert = await here.pair()
        assert control.not_ready() == ()
        control.drain()
        assert control.not_ready() == ("draining",)
        status = control.status()
        assert status.drain is not None
        assert (status.drain.by, status.drain.calls_left) == ("operator", 1)
        cora = await here.socket("cora")
        refused = await cora.hello()
        assert isinstance(refused, Error)
        assert refused.code == "draining"
        assert not control.drained.is_set()
        await anna.say(Leave())
        await bert.until(Ended)
        async with asyncio.timeout(1):
            await control.drained.wait()
        await control.close()


async def test_the_deadline_ends_a_drain_and_so_does_the_threshold() -> None:
    async with house() as here:
        await here.pair()
        for control in (operations(here, seconds=0.05), operations(here, calls=1)):
            control.drain()
            async with asyncio.timeout(5):
                await control.drained.wait()
            await control.close()


async def test_a_later_deadline_replaces_the_first() -> None:
    async with house() as here:
        control = operations(here)
        await here.pair()
        control.drain(3600)
        control.drain(0.05)
        async with asyncio.timeout(5):
            await control.drained.wait()
        await control.close()


async def test_an_operators_drain_can_be_taken_back_and_a_signals_cannot() -> None:
    async with house() as here:
        control = operations(here)
        with pytest.raises(NotDraining):
            control.undrain()
        await here.pair()
        control.drain()
        control.undrain()
        assert control.not_ready() == ()
        cora, dora = await here.client("cora"), await here.client("dora")
        await cora.say(Join())
        await dora.say(Join())
        await cora.until(Matched)
        control.drain(by="signal")
        control.drain()
        with pytest.raises(StopAsked, match="a signal told it to or because its drain is over"):
            control.undrain()
        await control.close()


async def test_a_drain_that_is_over_cannot_be_taken_back() -> None:
    async with house() as here:
        control = operations(here)
        control.drain()
        await control.drained.wait()
        with pytest.raises(StopAsked, match="its drain is over"):
            control.undrain()
        await control.close()


async def test_limits_that_cannot_be_are_refused_with_a_sentence() -> None:
    async with house() as here:
        control = operations(here)
        limits = NodeLimits(0.5, 0.8, 10, 1_000_000)
        control.set_limits(limits)
        assert control.status().limits == limits
        with pytest.raises(BadRequest, match="soft limit"):
            control.set_limits(replace(limits, soft=0.9))
        assert control.status().limits == limits


async def test_three_failed_self_tests_in_a_row_turn_new_users_away() -> None:
    async with house() as here:
        control = operations(here)
        for failures, reasons in ((1, ()), (2, ()), (3, ("self_test_failed",)), (0, ())):
            here.relay.tested = SelfTestReport(at=1.0, ok=failures == 0, failures=failures)
            assert control.not_ready() == reasons
        assert control.status().self_test == here.relay.tested


async def test_status_counts_what_is_there() -> None:
    async with house() as here:
        control = operations(here)
        await here.pair()
        cora = await here.client("cora")
        await cora.say(Join())
        while control.status().queued == 0:
            await here.service.changed()
        status = control.status()
        assert (status.online, status.sockets, status.queued, status.matches, status.legs) == (3, 3, 1, 1, 3)
        assert status.drain is None
