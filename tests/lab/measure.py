"""Measure in the lab what the routes through the relay must show, and print it as a table.

``python -m tests.lab.measure [--runs 20] [--only CASE] [--seconds 60]``, as root. The tests of this folder
check the same with limits three times as wide; the strict numbers are here.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from playwright.async_api import async_playwright

from tests.lab import plan
from tests.lab.caller import Caller, calling, serving
from tests.lab.lab import Lab
from tests.lab.plan import Kind
from tests.lab.shaping import Conditions

BAD_LINE = Conditions(loss=0.05, delay_ms=50, rate_bps=1_500_000)
"""5 % loss each way, 100 ms round trip, 1.5 Mbit/s, of one side."""
STEADY_MS, BUSY_MS = 1_000.0, 1_000.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: ``must`` is the limit of the 95th percentile in ``unit``."""

    case: str
    figure: str
    unit: str
    median: float
    p95: float
    must: float
    values: int

    @property
    def met(self) -> bool:
        return self.p95 <= self.must


def figure(case: str, name: str, unit: str, values: list[float], must: float) -> Figure:
    """Summarise ``values``, of which there is at least one. The 95th percentile is a value that was seen."""
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, -(-95 * len(ordered) // 100) - 1)]
    return Figure(case, name, unit, statistics.median(ordered), p95, must, len(ordered))


def _said(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def table(figures: list[Figure]) -> str:
    """As Markdown."""
    lines = ["| case | figure | median | 95th | must | values | |", "|---|---|---|---|---|---|---|"]
    for f in figures:
        cells = [f.case, f.figure, f"{_said(f.median)} {f.unit}", f"{_said(f.p95)} {f.unit}"]
        cells += [f"≤ {f.must:g} {f.unit}", str(f.values), "met" if f.met else "missed"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Scope:
    """How much to measure."""

    runs: int = 20
    seconds: float = 60.0


@contextlib.asynccontextmanager
async def callers(
    a: Kind, b: Kind, conditions: dict[str, Conditions] | None = None
) -> AsyncIterator[tuple[Lab, Caller, Caller]]:
    """A lab of its own with the service and two browsers."""
    host = plan.SERVER_V6 if a is Kind.IPV6_ONLY else plan.SERVER
    with tempfile.TemporaryDirectory() as folder, Lab({"a": a, "b": b}, conditions) as lab:
        async with (
            serving(lab, Path(folder), host) as service,
            async_playwright() as playwright,
            calling(playwright, lab["a"].client, service.url) as one,
            calling(playwright, lab["b"].client, service.url) as other,
        ):
            yield lab, one, other


async def first_frames(case: str, a: Kind, b: Kind, must: float, scope: Scope) -> list[Figure]:
    """Match to first frame, both sides of each run counted, with legs that are up."""
    values: list[float] = []
    async with callers(a, b) as (_, one, other):
        pair = (one, other)
        await asyncio.gather(*(caller.leg_up() for caller in pair))
        for _run in range(scope.runs):
            for caller in pair:
                await caller.join()
            values += await asyncio.gather(*(caller.first_frame() for caller in pair))
            await one.leave()
            await asyncio.gather(*(caller.over() for caller in pair))
    return [figure(case, "match to first frame, legs up", "ms", values, must)]


async def cold_legs(case: str, a: Kind, b: Kind, must: float, scope: Scope) -> list[Figure]:
    """The same from a page just loaded: the legs are opened by the join."""
    values: list[float] = []
    async with callers(a, b) as (_, one, other):
        pair = (one, other)
        for _run in range(scope.runs):
            for caller in pair:
                await caller.join()
            values += await asyncio.gather(*(caller.first_frame() for caller in pair))
            await asyncio.gather(*(caller.sign_in() for caller in pair))
    return [figure(case, "match to first frame, legs cold", "ms", values, must)]


async def gaps(case: str, a: Kind, must: float, scope: Scope, disturb: Callable[[Lab], None]) -> list[Figure]:
    """The longest time without a new frame after something happened to one side; both sides counted."""
    values: list[float] = []
    async with callers(a, a) as (lab, one, other):
        pair = (one, other)
        await asyncio.gather(*(caller.leg_up() for caller in pair))
        for caller in pair:
            await caller.join()
        await asyncio.gather(*(caller.first_frame() for caller in pair))
        # Chromium checks a fresh path more often than a settled one: measure the settled one.
        await asyncio.gather(*(caller.steady(8 * STEADY_MS, BUSY_MS) for caller in pair))
        for _run in range(scope.runs):
            before = [await caller.now() for caller in pair]
            disturb(lab)
            await asyncio.gather(*(caller.steady(must, BUSY_MS) for caller in pair))
            values += [await caller.gap(since) for caller, since in zip(pair, before, strict=True)]
        assert await one.ask("client.offers") == 1, "the leg was renegotiated"
        assert await one.ask("client.log.filter(m => m.type === 'matched').length") == 1
    return [figure(case, "gap in the picture", "ms", values, must)]


async def bad_line(scope: Scope) -> list[Figure]:
    """Freezes and concealed sound in ``scope.seconds``."""
    case = "5 % loss each way, 100 ms, 1.5 Mbit/s"
    async with callers(Kind.CONE, Kind.CONE, {"a": BAD_LINE}) as (_, one, other):
        pair = (one, other)
        await asyncio.gather(*(caller.leg_up() for caller in pair))
        for caller in pair:
            await caller.join()
        await asyncio.gather(*(caller.first_frame() for caller in pair))
        before = [await caller.now() for caller in pair]
        await one.ask("ms => new Promise(done => setTimeout(done, ms))", scope.seconds * 1000)
        longest = [await caller.gap(since) for caller, since in zip(pair, before, strict=True)]
        concealed = []
        for caller in pair:
            audio = (await caller.stats())["audio"]
            heard = audio["totalSamplesReceived"]
            concealed.append((audio["concealedSamples"] - audio["silentConcealedSamples"]) * 100 / heard)
    return [
        figure(case, f"longest freeze in {scope.seconds:g} s", "ms", longest, 1000),
        figure(case, "sound concealed", "%", concealed, 5),
    ]


CASES: dict[str, Callable[[Scope], Awaitable[list[Figure]]]] = {
    "symmetric": lambda s: first_frames("symmetric-symmetric", Kind.SYMMETRIC, Kind.SYMMETRIC, 250, s),
    "cold": lambda s: cold_legs("symmetric-symmetric", Kind.SYMMETRIC, Kind.SYMMETRIC, 700, s),
    "tcp": lambda s: first_frames("UDP blocked on both sides", Kind.UDP_BLOCKED, Kind.UDP_BLOCKED, 500, s),
    "tcp-udp": lambda s: first_frames("UDP blocked on one side", Kind.UDP_BLOCKED, Kind.CONE, 500, s),
    "ipv6": lambda s: first_frames("IPv6 only, by the relay", Kind.IPV6_ONLY, Kind.IPV6_ONLY, 250, s),
    "rebinding": lambda s: gaps("NAT rebinding", Kind.SYMMETRIC, 3000, s, lambda lab: lab["a"].rebind()),
    "address": lambda s: gaps("new public address", Kind.CONE, 5000, s, lambda lab: lab["a"].move()),
    "bad-line": bad_line,
}


async def measure(scope: Scope, only: tuple[str, ...] = ()) -> list[Figure]:
    """All cases, or those in ``only``, one after the other."""
    figures: list[Figure] = []
    for name, case in CASES.items():
        if not only or name in only:
            figures += await case(scope)
    return figures


def main() -> None:
    """See the module."""
    arguments = argparse.ArgumentParser(prog="python -m tests.lab.measure", description=__doc__)
    arguments.add_argument("--runs", type=int, default=20)
    arguments.add_argument("--seconds", type=float, default=60.0, help="of the bad line")
    arguments.add_argument("--only", action="append", choices=list(CASES), default=[])
    arguments.add_argument("--json", action="store_true")
    chosen = arguments.parse_args()
    figures = asyncio.run(measure(Scope(chosen.runs, chosen.seconds), tuple(chosen.only)))
    text = json.dumps([{**asdict(f), "met": f.met} for f in figures]) if chosen.json else table(figures)
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
