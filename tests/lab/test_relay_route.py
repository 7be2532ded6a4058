"""Two Chromiums on the plain page meet through the relay, whatever network each sits behind.

Limits are three times what docs/measurements.md is to show: this machine may be busy.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from tests.lab import plan
from tests.lab.caller import Caller, calling, serving
from tests.lab.conftest import MakeLab
from tests.lab.lab import Lab
from tests.lab.plan import Kind
from tests.lab.shaping import Conditions

FIRST_FRAME_MS = 3 * 250
FIRST_FRAME_TCP_MS = 3 * 500
REBINDING_GAP_MS = 3 * 3_000
NEW_ADDRESS_GAP_MS = 3 * 5_000
FREEZE_MS = 3 * 1_000
CONCEALED = 3 * 0.05
STEADY_MS, BUSY_MS = 1_500, 1_000
"""A picture that moves for so long, without a gap of more than that."""
BAD_LINE_SECONDS, SLOW_LINE_SECONDS = 15.0, 10.0

pytestmark = [pytest.mark.timeout(150), pytest.mark.media]


@contextlib.asynccontextmanager
async def meeting(
    lab: Lab, folder: Path, host: str = plan.SERVER, **settings: str
) -> AsyncIterator[tuple[Caller, Caller]]:
    """Users on the sites ``a`` and ``b`` who join when their legs are up."""
    async with (
        serving(lab, folder, host, **settings) as service,
        async_playwright() as playwright,
        contextlib.AsyncExitStack() as stack,
    ):
        a, b = await asyncio.gather(
            *(stack.enter_async_context(calling(playwright, lab[n].client, service.url)) for n in ("a", "b"))
        )
        await asyncio.gather(a.leg_up(), b.leg_up())
        await a.join()
        await b.join()
        yield a, b


async def both_steady(a: Caller, b: Caller, ms: float = STEADY_MS) -> None:
    await asyncio.gather(a.steady(ms, BUSY_MS), b.steady(ms, BUSY_MS))


async def watch(caller: Caller, seconds: float) -> None:
    """Let the call go on: what is to be seen is that nothing happens in this time."""
    await caller.ask("ms => new Promise(resolve => setTimeout(resolve, ms))", seconds * 1000)


async def seen_and_heard(caller: Caller) -> None:
    stats = await caller.stats()
    assert stats["video"]["framesDecoded"] > 10
    assert stats["audio"]["packetsReceived"] > 20


@pytest.mark.parametrize(
    ("kind_a", "kind_b", "protocols", "limit_ms"),
    [
        (Kind.UDP_BLOCKED, Kind.UDP_BLOCKED, ("tcp", "tcp"), FIRST_FRAME_TCP_MS),
        (Kind.UDP_BLOCKED, Kind.SYMMETRIC, ("tcp", "udp"), FIRST_FRAME_TCP_MS),
        (Kind.IPV6_ONLY, Kind.IPV6_ONLY, ("udp", "udp"), FIRST_FRAME_MS),
    ],
)
async def test_picture_and_sound_get_through(
    make_lab: MakeLab,
    tmp_path: Path,
    kind_a: Kind,
    kind_b: Kind,
    protocols: tuple[str, str],
    limit_ms: float,
) -> None:
    lab = make_lab(a=kind_a, b=kind_b)
    v6 = kind_a is Kind.IPV6_ONLY
    async with meeting(lab, tmp_path, plan.SERVER_V6 if v6 else plan.SERVER) as callers:
        for caller in callers:
            assert await caller.first_frame() <= limit_ms
        await both_steady(*callers)
        for caller, protocol in zip(callers, protocols, strict=True):
            await seen_and_heard(caller)
            path = await caller.path()
            assert path["protocol"] == protocol
            assert path["address"] == (plan.SERVER_V6 if v6 else plan.SERVER)


async def test_only_port_443_gets_through_where_the_relay_listens_there(
    make_lab: MakeLab, tmp_path: Path
) -> None:
    """A filter that looks at ports alone needs no TURN: the relay has an address of its own."""
    lab = make_lab(a=Kind.ONLY_443, b=Kind.CONE)
    async with meeting(
        lab,
        tmp_path,
        plan.SERVER_SECOND,
        server_port="443",
        relay_addresses=plan.SERVER,
        relay_tcp_port="443",
    ) as callers:
        for caller in callers:
            assert await caller.first_frame() <= FIRST_FRAME_TCP_MS
        await both_steady(*callers)
        assert (await callers[0].path())["port"] == 443


async def test_rebinding_of_a_symmetric_nat_moves_the_path_without_renegotiation(
    make_lab: MakeLab, tmp_path: Path
) -> None:
    lab = make_lab(a=Kind.SYMMETRIC, b=Kind.SYMMETRIC)
    async with meeting(lab, tmp_path) as callers:
        for caller in callers:
            assert await caller.first_frame() <= FIRST_FRAME_MS
            assert (await caller.path())["protocol"] == "udp"
        await both_steady(*callers)
        before = [await caller.now() for caller in callers]
        lab["a"].rebind()
        # Longer than what the gap may be: nothing else can end it.
        await both_steady(*callers, ms=REBINDING_GAP_MS / 3 + STEADY_MS)
        for caller, since in zip(callers, before, strict=True):
            assert await caller.gap(since) <= REBINDING_GAP_MS
            assert await caller.ask("client.offers") == 1
            assert await caller.ask("client.resumes") == 0
            assert await caller.ask("client.last('route').state") == "connected"


async def test_new_public_address_moves_the_path_and_resumes_the_seat(
    make_lab: MakeLab, tmp_path: Path
) -> None:
    lab = make_lab(a=Kind.CONE, b=Kind.CONE)
    async with meeting(lab, tmp_path) as callers:
        for caller in callers:
            assert await caller.first_frame() <= FIRST_FRAME_MS
        await both_steady(*callers)
        before = [await caller.now() for caller in callers]
        lab["a"].move()
        await callers[0].until("client.resumes > 0")
        await both_steady(*callers, ms=5_000)
        assert (await callers[0].path())["local"] == lab["a"].addresses.outside_next
        for caller, since in zip(callers, before, strict=True):
            assert await caller.gap(since) <= NEW_ADDRESS_GAP_MS
            assert await caller.ask("client.offers") == 1
            assert await caller.ask("client.log.filter(m => m.type === 'matched').length") == 1
            assert await caller.ask("client.last('ended') === undefined")


async def test_picture_keeps_moving_over_a_bad_line(make_lab: MakeLab, tmp_path: Path) -> None:
    bad = Conditions(loss=0.05, delay_ms=50, jitter_ms=10, rate_bps=1_500_000)
    lab = make_lab({"a": bad}, a=Kind.CONE, b=Kind.CONE)
    async with meeting(lab, tmp_path) as callers:
        await asyncio.gather(*(caller.first_frame() for caller in callers))
        before = [await caller.now() for caller in callers]
        await watch(callers[0], BAD_LINE_SECONDS)
        for caller, since in zip(callers, before, strict=True):
            assert await caller.gap(since) <= FREEZE_MS
            audio = (await caller.stats())["audio"]
            concealed = audio["concealedSamples"] - audio["silentConcealedSamples"]
            assert concealed / audio["totalSamplesReceived"] <= CONCEALED
        lost = lab["a"].shape(bad)
        assert 0.03 < lost["lost"] / (lost["lost"] + lost["passed"]) < 0.07


async def test_slow_tcp_client_sees_less_and_hears_all(make_lab: MakeLab, tmp_path: Path) -> None:
    """Its line takes a quarter of what the stranger would send. Over TCP nothing is lost on the way, so what
    is too much must be dropped before it, and sound must not be among it."""
    slow = Conditions(delay_ms=20, rate_bps=400_000, queue_ms=300)
    lab = make_lab({"a": slow}, a=Kind.UDP_BLOCKED, b=Kind.CONE)
    async with meeting(lab, tmp_path) as callers:
        a, _ = callers
        await asyncio.gather(*(caller.first_frame() for caller in callers))
        assert (await a.path())["protocol"] == "tcp"
        before = await a.now()
        await watch(a, SLOW_LINE_SECONDS)
        assert await a.gap(before) <= FREEZE_MS
        audio = (await a.stats())["audio"]
        assert audio["packetsReceived"] > 400  # ten seconds have 500
        assert audio["packetsLost"] == 0
