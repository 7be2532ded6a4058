"""Headless peers in the lab: with each other, and with a browser."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import async_playwright

from tests.lab import plan
from tests.lab.caller import calling, serving
from tests.lab.conftest import MakeLab
from tests.lab.host import Host
from tests.lab.lab import ROOT
from tests.lab.plan import Kind
from tests.lab.test_relay_route import REBINDING_GAP_MS, STEADY_MS

pytestmark = [pytest.mark.timeout(120), pytest.mark.media]


@contextlib.asynccontextmanager
async def peer(host: Host, url: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """``burrow peer`` on a host of the lab, relay only."""
    process = await asyncio.create_subprocess_exec(
        *host.inside(sys.executable, "-m", "burrow.cli", "peer"),
        "--url", url, "--json", "--route", "relay", *arguments,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def report(process: asyncio.subprocess.Process) -> dict[str, Any]:
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    said: dict[str, Any] = json.loads(out)
    return said


@pytest.mark.parametrize(
    ("kind_a", "kind_b"), [(Kind.SYMMETRIC, Kind.SYMMETRIC), (Kind.IPV6_ONLY, Kind.IPV6_ONLY)]
)
async def test_two_headless_peers_meet(make_lab: MakeLab, tmp_path: Path, kind_a: Kind, kind_b: Kind) -> None:
    lab = make_lab(a=kind_a, b=kind_b)
    host = plan.SERVER_V6 if kind_a is Kind.IPV6_ONLY else plan.SERVER
    async with (
        serving(lab, tmp_path, host) as service,
        peer(lab["a"].client, service.url, "--seconds", "3") as a,
        peer(lab["b"].client, service.url) as b,
    ):
        for said in await asyncio.gather(report(a), report(b)):
            assert said["route"] == "relay"
            assert said["video"]["frames_received"] > 20
            assert said["audio"]["packets_received"] > 50


async def test_headless_peer_and_a_browser_without_udp_through_a_rebinding(
    make_lab: MakeLab, tmp_path: Path
) -> None:
    lab = make_lab(a=Kind.UDP_BLOCKED, b=Kind.SYMMETRIC)
    async with (
        serving(lab, tmp_path) as service,
        async_playwright() as playwright,
        calling(playwright, lab["a"].client, service.url) as browser,
        peer(lab["b"].client, service.url) as headless,
    ):
        await browser.leg_up()
        await browser.join()
        await browser.first_frame()
        await browser.steady(STEADY_MS, 1_000)
        before = await browser.now()
        lab["b"].rebind()
        await browser.steady(REBINDING_GAP_MS / 3 + STEADY_MS, 1_000)
        assert await browser.gap(before) <= REBINDING_GAP_MS
        await browser.ask("client.send({type: 'leave'})")
        said = await report(headless)
        assert said["route"] == "relay"
        assert said["ended"] == "left"
        assert said["video"]["frames_received"] > 20
