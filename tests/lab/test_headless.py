"""Headless peers in the lab: with each other, and with a browser."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.lab import plan
from tests.lab.caller import serving
from tests.lab.conftest import MakeLab
from tests.lab.headless import peer, report
from tests.lab.meeting import BUSY_MS, STEADY_MS
from tests.lab.plan import Kind
from tests.lab.test_table import (
    FIRST_DIRECT_MS,
    FIRST_TCP_MS,
    NEW_ADDRESS_GAP_MS,
    REBINDING_GAP_MS,
    RELAY_AFTER_MS,
)
from tests.lab.town import Town

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize(
    ("kind", "route"),
    [(Kind.SYMMETRIC, "relay"), (Kind.IPV6_ONLY, "direct"), (Kind.CONE, "direct")],
)
async def test_two_headless_peers_meet(make_lab: MakeLab, tmp_path: Path, kind: Kind, route: str) -> None:
    lab = make_lab(a=kind, b=kind)
    host = plan.SERVER_V6 if kind is Kind.IPV6_ONLY else plan.SERVER
    async with (
        # Without a time limit for the direct attempt, so that a busy machine does not decide.
        serving(
            lab, tmp_path, host, routes_relay_after_ms="20000" if route == "direct" else "600"
        ) as service,
        peer(lab["a"].client, service.url, "--seconds", "3") as a,
        peer(lab["b"].client, service.url) as b,
    ):
        for said in await asyncio.gather(report(a), report(b)):
            assert said["route"] == route
            assert said["video"]["frames_received"] > 20
            assert said["audio"]["packets_received"] > 50


@pytest.mark.asyncio(loop_scope="package")
async def test_headless_peer_and_a_browser_go_directly_and_by_relay_after_a_cut(town: Town) -> None:
    browser = await town.caller("cone_b")
    await browser.leg_up()
    async with peer(town.lab["cone_a"].client, town.service.url) as headless:
        await browser.join()
        assert await browser.first_frame() <= FIRST_DIRECT_MS
        await browser.on("direct")
        await browser.steady(STEADY_MS, BUSY_MS)
        town.lab.part("cone_a", "cone_b")
        try:
            await browser.on("relay")
            await browser.steady(STEADY_MS, BUSY_MS)
        finally:
            town.lab.rejoin("cone_a", "cone_b")
        await browser.stop()
        said = await report(headless)
    assert (said["route"], said["ended"]) == ("relay", "left")
    assert said["video"]["frames_received"] > 20


@pytest.mark.asyncio(loop_scope="package")
async def test_headless_peer_and_a_browser_without_udp_through_a_rebinding(town: Town) -> None:
    browser = await town.caller("udp_blocked_a")
    await browser.leg_up()
    async with peer(town.lab["symmetric_b"].client, town.service.url) as headless:
        await browser.join()
        assert await browser.first_frame() <= RELAY_AFTER_MS + FIRST_TCP_MS
        await browser.steady(STEADY_MS, BUSY_MS)
        before = await browser.now()
        town.lab["symmetric_b"].rebind()
        await browser.steady(REBINDING_GAP_MS / 3 + STEADY_MS, BUSY_MS)
        assert await browser.gap(before) <= REBINDING_GAP_MS
        await browser.stop()
        said = await report(headless)
    assert (said["route"], said["ended"]) == ("relay", "left")
    assert said["video"]["frames_received"] > 20


@pytest.mark.asyncio(loop_scope="package")
async def test_headless_peer_and_a_browser_go_directly_by_ipv6_alone(town: Town) -> None:
    async with town.another_service(plan.SERVER_V6, routes_relay_after_ms="20000") as service:
        browser = await town.browsers.caller("ipv6_a", url=service.url)
        await browser.leg_up()
        async with peer(town.lab["ipv6_b"].client, service.url) as headless:
            await browser.join()
            await browser.first_frame()
            await browser.on("direct")
            await browser.steady(STEADY_MS, BUSY_MS)
            await browser.stop()
            said = await report(headless)
        await town.browsers.leave()
    assert (said["route"], said["ended"]) == ("direct", "left")
    assert said["video"]["frames_received"] > 20


@pytest.mark.asyncio(loop_scope="package")
async def test_headless_peer_whose_address_changes_goes_on_in_the_same_match(town: Town) -> None:
    browser = await town.caller("cone_a")
    await browser.leg_up()
    site = town.lab["cone_b"]
    async with peer(site.client, town.service.url, "--route", "relay") as headless:
        await browser.join()
        await browser.first_frame()
        await browser.steady(STEADY_MS, BUSY_MS)
        before = await browser.now()
        site.readdress()
        await browser.steady(NEW_ADDRESS_GAP_MS / 3 + STEADY_MS, BUSY_MS)
        assert await browser.gap(before) <= NEW_ADDRESS_GAP_MS
        await browser.stop()
        said = await report(headless)
    assert (said["route"], said["ended"]) == ("relay", "left")
