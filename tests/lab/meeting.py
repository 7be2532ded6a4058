"""What two callers do together, for tests and measurements alike."""

from __future__ import annotations

import asyncio

from tests.lab.caller import Caller
from tests.lab.town import Town

Pair = tuple[Caller, Caller]
STEADY_MS, BUSY_MS = 1_000.0, 1_000.0
"""A picture that moves for so long, without a gap of more than that."""


async def callers(town: Town, a: str, b: str, *, checked: bool = False) -> Pair:
    """Guests on two sites whose legs are up; with ``checked`` the service has been told as well what the
    checks of their networks found."""
    one, other = await asyncio.gather(town.caller(a), town.caller(b))
    await asyncio.gather(one.leg_up(), other.leg_up())
    if checked:
        await asyncio.gather(one.network_known(town.lab[a].kind), other.network_known(town.lab[b].kind))
    return one, other


async def callers_at(town: Town, url: str, a: str, b: str) -> Pair:
    """Guests on two sites, in the lobby of another service."""
    one, other = await asyncio.gather(town.browsers.caller(a, url=url), town.browsers.caller(b, url=url))
    return one, other


async def join(pair: Pair) -> None:
    """Both press start, one after the other."""
    for caller in pair:
        await caller.join()


async def meet(town: Town, a: str, b: str, *, checked: bool = False) -> Pair:
    """:func:`callers` who join."""
    pair = await callers(town, a, b, checked=checked)
    await join(pair)
    return pair


async def next_match(pair: Pair) -> None:
    """One presses next, the other looks for somebody else: they meet again."""
    one, other = pair
    await one.next()
    await other.ended()
    await other.again()


async def first_frames(pair: Pair) -> tuple[float, float]:
    """Milliseconds from the last match to the first frame, of each."""
    one, other = await asyncio.gather(*(caller.first_frame() for caller in pair))
    return one, other


async def on(pair: Pair, route: str) -> None:
    """Wait until that route carries the match."""
    await asyncio.gather(*(caller.on(route) for caller in pair))


async def steady(pair: Pair, ms: float = STEADY_MS) -> None:
    """Wait until both pictures have moved for so long."""
    await asyncio.gather(*(caller.steady(ms, BUSY_MS) for caller in pair))


async def now(pair: Pair) -> tuple[float, float]:
    """Each page's own time, for :func:`gaps`."""
    return await pair[0].now(), await pair[1].now()


async def gaps(pair: Pair, since: tuple[float, float]) -> tuple[float, float]:
    """The longest time without a new frame since then, of each, in milliseconds."""
    return await pair[0].gap(since[0]), await pair[1].gap(since[1])


def concealed(audio: dict[str, float], before: dict[str, float]) -> float:
    """The share of samples that were made up since ``before``, silence left out."""

    def made_up(counted: dict[str, float]) -> float:
        return counted["concealedSamples"] - counted["silentConcealedSamples"]

    heard = audio["totalSamplesReceived"] - before["totalSamplesReceived"]
    return (made_up(audio) - made_up(before)) / heard
