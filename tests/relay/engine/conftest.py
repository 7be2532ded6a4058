"""Each test of this folder runs on every packet engine."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

import pytest

from relay.engine.choose import NATIVE_WHEEL, make_engine
from relay.engine.interface import PacketEngine, SrtpProfile
from tests.relay.engine.far_end import Events, FarEnd, config, plan

ENGINES = ["python", *(["native"] if importlib.util.find_spec(NATIVE_WHEEL) else [])]


class Bench:
    """An engine that runs, its events, and the far ends of its legs."""

    def __init__(self, engine: PacketEngine, events: Events) -> None:
        self.engine, self.events = engine, events
        self.far_ends: list[FarEnd] = []

    def far_end(self, number: int, kind: type[FarEnd] = FarEnd, **how: Any) -> FarEnd:
        """A far end whose leg is open and knows neither address nor keys."""
        far = kind(self.engine, number, **how)
        self.engine.open_leg(far.leg, far.ice)
        self.far_ends.append(far)
        return far

    async def connected(
        self,
        number: int,
        profile: SrtpProfile = SrtpProfile.AEAD_AES_128_GCM,
        kind: type[FarEnd] = FarEnd,
        **planned: Any,
    ) -> FarEnd:
        """A far end with a selected path, keys and a plan."""
        far = self.far_end(number, kind, profile=profile)
        await far.check(nominate=True)
        self.engine.set_keys(far.leg, far.keys)
        self.engine.set_plan(far.leg, plan(number, **planned))
        return far

    async def linked(self, **planned: Any) -> tuple[FarEnd, FarEnd]:
        """Two connected far ends, linked, with the link's keyframe requests taken."""
        a, b = await self.connected(1, **planned), await self.connected(2, **planned)
        self.engine.link(a.leg, b.leg)
        if planned.get("video", True) and planned.get("declared", True):
            await a.receive_rtcp()
            await b.receive_rtcp()
        return a, b


class MakeBench(Protocol):
    def __call__(self, **changes: Any) -> Awaitable[Bench]: ...


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def make_bench(engine_name: str) -> AsyncIterator[MakeBench]:
    made: list[Bench] = []

    async def make(**changes: Any) -> Bench:
        events = Events()
        engine = make_engine(engine_name, config(**changes))  # type: ignore[arg-type]  # a str from the list above
        await engine.start(events)
        made.append(Bench(engine, events))
        return made[-1]

    yield make
    for bench in made:
        for far in bench.far_ends:
            far.close()
        await bench.engine.close()


@pytest.fixture
async def bench(make_bench: Callable[..., Awaitable[Bench]]) -> Bench:
    return await make_bench()
