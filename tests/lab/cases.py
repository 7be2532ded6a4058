"""The rows of the table, each as one run that is repeated."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from tests.lab import meeting, plan
from tests.lab.figures import Gathered
from tests.lab.headless import peer, report
from tests.lab.meeting import Pair
from tests.lab.shaping import Conditions
from tests.lab.town import BAD_LINE, BAD_PATH, Town

SETTLED_MS = 8_000.0
"""Chromium checks a fresh path more often than a settled one: a break is measured on a settled one."""
FIRST = "match to first frame"
GAP = "gap in the picture"


@dataclass(frozen=True, slots=True)
class Scope:
    """How much to measure."""

    runs: int = 20
    seconds: float = 60.0
    """Length of one call over the bad line."""


Run = Callable[[Gathered], Awaitable[None]]
Prepared = contextlib.AbstractAsyncContextManager[Run]


@dataclass(frozen=True, slots=True)
class Case:
    """``prepare`` is entered before the first run and again after one that failed; it gives what one run
    does."""

    name: str
    sites: tuple[str, ...]
    prepare: Callable[[Town, Scope], Prepared]


def first_frames(
    a: str, b: str, must_ms: float, *, route: str, reason: str | None = None, checked: bool = False
) -> Callable[[Town, Scope], Prepared]:
    """Match to first frame, both sides of each run counted, with legs that are up. ``reason``: with which
    the relay must have begun."""

    @contextlib.asynccontextmanager
    async def prepare(town: Town, _scope: Scope) -> AsyncIterator[Run]:
        pair = await meeting.callers(town, a, b, checked=checked)
        begun = False

        async def run(gathered: Gathered) -> None:
            nonlocal begun
            await (meeting.next_match(pair) if begun else meeting.join(pair))
            begun = True
            values = await meeting.first_frames(pair)
            await meeting.on(pair, route)
            told = await pair[0].routes()
            assert route == "direct" or ("relay", "trying", reason) in told, told
            gathered.add(FIRST, "ms", must_ms, *values)
            await meeting.steady(pair)

        yield run

    return prepare


@contextlib.asynccontextmanager
async def cold(town: Town, _scope: Scope) -> AsyncIterator[Run]:
    """From a lobby whose leg was closed again: the legs begin with the match."""
    async with town.another_service(routes_legs="never", routes_leg_idle_seconds="0.5") as service:

        async def run(gathered: Gathered) -> None:
            pair = await meeting.callers_at(town, service.url, "symmetric_a", "symmetric_b")
            await asyncio.gather(*(caller.cold() for caller in pair))
            await meeting.join(pair)
            gathered.add(f"{FIRST}, legs cold", "ms", 700, *await meeting.first_frames(pair))
            await town.browsers.leave()

        yield run


@contextlib.asynccontextmanager
async def ipv6(town: Town, _scope: Scope) -> AsyncIterator[Run]:
    """Direct, then by relay because one hides the address."""
    async with town.another_service(plan.SERVER_V6) as service:

        async def run(gathered: Gathered) -> None:
            for route, must_ms in (("direct", 700), ("relay", 250)):
                pair = await meeting.callers_at(town, service.url, "ipv6_a", "ipv6_b")
                await asyncio.gather(*(caller.leg_up() for caller in pair))
                if route == "relay":
                    await pair[0].hide_address()
                await meeting.join(pair)
                gathered.add(f"{FIRST}, {route}", "ms", must_ms, *await meeting.first_frames(pair))
                await meeting.on(pair, route)
                await town.browsers.leave()

        yield run


@contextlib.asynccontextmanager
async def next_picture(town: Town, _scope: Scope) -> AsyncIterator[Run]:
    """Between relayed users, counted from when each is told."""
    pair = await meeting.meet(town, "symmetric_a", "symmetric_b", checked=True)

    async def run(gathered: Gathered) -> None:
        await meeting.first_frames(pair)
        await meeting.steady(pair)
        await meeting.next_match(pair)
        gathered.add("told to new picture", "ms", 150, *await meeting.first_frames(pair))

    yield run


@contextlib.asynccontextmanager
async def cut(town: Town, _scope: Scope) -> AsyncIterator[Run]:
    """The link between the two is cut; each still reaches the relay."""
    pair = await meeting.meet(town, "cone_a", "cone_b")

    async def run(gathered: Gathered) -> None:
        await meeting.on(pair, "direct")
        await meeting.steady(pair, SETTLED_MS)
        since = await meeting.now(pair)
        town.lab.part("cone_a", "cone_b")
        try:
            await meeting.on(pair, "relay")
            await meeting.steady(pair)
        finally:
            town.lab.rejoin("cone_a", "cone_b")
        gathered.add(GAP, "ms", 3_000, *await meeting.gaps(pair, since))
        await meeting.next_match(pair)

    yield run


def disturbed(
    a: str, b: str, must_ms: float, disturb: Callable[[Town], None], *, route: str, renegotiates: bool = True
) -> Callable[[Town, Scope], Prepared]:
    """One call, again and again disturbed: the longest time without a new frame, both sides counted."""

    @contextlib.asynccontextmanager
    async def prepare(town: Town, _scope: Scope) -> AsyncIterator[Run]:
        pair: Pair = await meeting.meet(town, a, b, checked=route == "relay")

        async def run(gathered: Gathered) -> None:
            await meeting.first_frames(pair)
            if route == "direct":
                # What was disturbed went to the relay: the next match begins directly.
                await meeting.on(pair, route)
            await meeting.steady(pair, SETTLED_MS)
            since = await meeting.now(pair)
            disturb(town)
            await meeting.steady(pair, must_ms)
            gathered.add(GAP, "ms", must_ms, *await meeting.gaps(pair, since))
            if not renegotiates:
                assert len(await pair[0].heard("leg_offer")) == 1, "the leg was renegotiated"
            assert len(await pair[0].heard("matched")) == pair[0].joins, "the match was lost"
            if route == "direct":
                await meeting.next_match(pair)

        yield run

    return prepare


def bad_line(a: Conditions, b: Conditions) -> Callable[[Town, Scope], Prepared]:
    """Freezes and concealed sound in one call of ``scope.seconds`` over lines that become so once the
    picture moves."""
    lines = {"bad_a": a, "bad_b": b}

    @contextlib.asynccontextmanager
    async def prepare(town: Town, scope: Scope) -> AsyncIterator[Run]:
        for site in lines:
            town.lab[site].shape(Conditions())
        pair = await meeting.meet(town, "bad_a", "bad_b")

        async def run(gathered: Gathered) -> None:
            await meeting.first_frames(pair)
            await meeting.steady(pair, 3_000)
            for site, conditions in lines.items():
                town.lab[site].shape(conditions)
            since = await meeting.now(pair)
            before = [(await caller.inbound())["audio"] for caller in pair]
            await pair[0].watch(scope.seconds)
            longest = await meeting.gaps(pair, since)
            gathered.add(f"longest freeze in {scope.seconds:g} s", "ms", 1_000, *longest)
            shares = [
                meeting.concealed((await caller.inbound())["audio"], audio) * 100
                for caller, audio in zip(pair, before, strict=True)
            ]
            gathered.add("sound concealed", "%", 5, *shares)
            for site in lines:
                town.lab[site].shape(Conditions())

        yield run

    return prepare


def headless(site: str, browser: str, must_ms: float, route: str) -> Callable[[Town, Scope], Prepared]:
    """A headless peer on ``site`` and a browser, which counts from the match to the first frame."""

    @contextlib.asynccontextmanager
    async def prepare(town: Town, _scope: Scope) -> AsyncIterator[Run]:
        caller = await town.caller(browser)
        await asyncio.gather(caller.leg_up(), caller.network_known(town.lab[browser].kind))

        async def run(gathered: Gathered) -> None:
            async with peer(town.lab[site].client, town.service.url, "--seconds", "4") as process:
                await (caller.again() if caller.joins else caller.join())
                first = await caller.first_frame()
                await caller.on(route)
                said = await report(process)
                assert said["route"] == route, said
                assert said["video"]["frames_received"] > 0
                gathered.add(f"{FIRST} in the browser", "ms", must_ms, first)
                await caller.ended()

        yield run

    return prepare


CASES: dict[str, Case] = {
    "cone-cone": Case(
        "cone-cone, direct", ("cone_a", "cone_b"), first_frames("cone_a", "cone_b", 700, route="direct")
    ),
    "open-open": Case(
        "open-open, direct", ("open_a", "open_b"), first_frames("open_a", "open_b", 700, route="direct")
    ),
    "symmetric": Case(
        "symmetric-symmetric, predicted",
        ("symmetric_a", "symmetric_b"),
        first_frames("symmetric_a", "symmetric_b", 250, route="relay", reason="both_symmetric", checked=True),
    ),
    "cold": Case("symmetric-symmetric, legs cold", ("symmetric_a", "symmetric_b"), cold),
    "symmetric-cone": Case(
        "symmetric-cone, not predicted",
        ("symmetric_a", "cone_a"),
        first_frames("symmetric_a", "cone_a", 600 + 250, route="relay", reason="direct_slow"),
    ),
    "tcp": Case(
        "UDP blocked on both sides",
        ("udp_blocked_a", "udp_blocked_b"),
        first_frames(
            "udp_blocked_a", "udp_blocked_b", 500, route="relay", reason="udp_blocked", checked=True
        ),
    ),
    "tcp-udp": Case(
        "UDP blocked on one side",
        ("udp_blocked_a", "cone_a"),
        first_frames("udp_blocked_a", "cone_a", 500, route="relay", reason="udp_blocked", checked=True),
    ),
    "tls": Case(
        "only 443 out on one side, TURN by TLS",
        ("only_443", "cone_a"),
        first_frames("only_443", "cone_a", 1_500, route="relay", reason="udp_blocked", checked=True),
    ),
    "next": Case("next between relayed users", ("symmetric_a", "symmetric_b"), next_picture),
    "cut": Case("direct link cut in mid-call", ("cone_a", "cone_b"), cut),
    "rebinding": Case(
        "NAT rebinding on a relayed leg",
        ("symmetric_a", "symmetric_b"),
        disturbed(
            "symmetric_a",
            "symmetric_b",
            3_000,
            lambda town: town.lab["symmetric_a"].rebind(),
            route="relay",
            renegotiates=False,
        ),
    ),
    "address": Case(
        "new public address, relayed",
        ("symmetric_a", "symmetric_b"),
        disturbed(
            "symmetric_a", "symmetric_b", 5_000, lambda town: town.lab["symmetric_a"].move(), route="relay"
        ),
    ),
    "own-address": Case(
        "new address of the client, direct",
        ("cone_a", "cone_b"),
        disturbed("cone_a", "cone_b", 5_000, lambda town: town.lab["cone_a"].readdress(), route="direct"),
    ),
    "bad-line": Case(
        "5 % loss each way, 100 ms, 1.5 Mbit/s", ("bad_a", "bad_b"), bad_line(BAD_PATH, Conditions())
    ),
    "bad-lines": Case(
        "the same loss and rate on both lines", ("bad_a", "bad_b"), bad_line(BAD_LINE, BAD_LINE)
    ),
    "ipv6": Case("IPv6 only", ("ipv6_a", "ipv6_b"), ipv6),
    "headless-direct": Case(
        "headless peer and browser, cone-cone",
        ("cone_a", "cone_b"),
        headless("cone_a", "cone_b", 700, "direct"),
    ),
    "headless-tcp": Case(
        "headless peer behind a symmetric NAT, browser without UDP",
        ("symmetric_a", "udp_blocked_a"),
        headless("symmetric_a", "udp_blocked_a", 500, "relay"),
    ),
}
