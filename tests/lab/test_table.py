"""The table of what every network must show, two Chromiums with the built web client on it.

Limits are three times what docs/measurements.md is to show: this machine may be busy. The strict ones are
those of ``python -m tests.lab.measure``.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.lab import plan
from tests.lab.caller import Caller
from tests.lab.match_rows import matched_row
from tests.lab.meeting import (
    STEADY_MS,
    Pair,
    callers,
    callers_at,
    concealed,
    first_frames,
    gaps,
    join,
    meet,
    next_match,
    now,
    on,
    steady,
)
from tests.lab.shaping import Conditions
from tests.lab.town import BAD_LINE, Town

FIRST_DIRECT_MS = 3 * 700
FIRST_RELAYED_MS = 3 * 250
FIRST_COLD_MS = 3 * 700
FIRST_TCP_MS = 3 * 500
FIRST_TLS_MS = 3 * 1_500
RELAY_AFTER_MS = 600
NEXT_MS = 3 * 150
CUT_GAP_MS = 3 * 3_000
REBINDING_GAP_MS = 3 * 3_000
NEW_ADDRESS_GAP_MS = 3 * 5_000
FREEZE_MS = 3 * 1_000
CONCEALED = 3 * 0.05
BAD_LINE_SECONDS, SLOW_LINE_SECONDS = 12.0, 8.0

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(180)]


async def frames_within(pair: Pair, limit_ms: float) -> None:
    for waited in await first_frames(pair):
        assert waited <= limit_ms


async def gaps_within(pair: Pair, since: tuple[float, float], limit_ms: float) -> None:
    for gap in await gaps(pair, since):
        assert gap <= limit_ms


async def still_the_same_match(pair: Pair) -> None:
    for caller in pair:
        assert len(await caller.heard("matched")) == 1
        assert await caller.heard("ended") == []


async def seen_and_heard(caller: Caller) -> None:
    inbound = await caller.inbound()
    assert inbound["video"]["framesDecoded"] > 5
    assert inbound["audio"]["packetsReceived"] > 20


async def test_cone_cone_is_direct_and_a_cut_link_goes_to_the_relay(town: Town) -> None:
    pair = await meet(town, "cone_a", "cone_b")
    await frames_within(pair, FIRST_DIRECT_MS)
    await on(pair, "direct")
    await steady(pair)
    for caller, other in zip(pair, ("cone_b", "cone_a"), strict=True):
        await seen_and_heard(caller)
        assert (await caller.path())["address"] == town.lab[other].outside
        # On a machine that is so busy the relay may have stepped in meanwhile, and for no other reason.
        assert {reason for route, _, reason in await caller.routes() if route == "relay"} <= {
            "direct_slow",
            "direct_connected",
            None,
        }
    since = await now(pair)
    town.lab.part("cone_a", "cone_b")
    try:
        await on(pair, "relay")
        await steady(pair)
    finally:
        town.lab.rejoin("cone_a", "cone_b")
    await gaps_within(pair, since, CUT_GAP_MS)
    for caller in pair:
        assert (await caller.path())["address"] == plan.SERVER
        assert ("relay", "trying", "direct_lost") in await caller.routes()


async def test_relay_carries_no_media_of_a_direct_call(town: Town) -> None:
    # Without a time limit for the direct attempt, so that a busy machine does not decide.
    async with town.another_service(routes_relay_after_ms="20000") as service:
        pair = await callers_at(town, service.url, "open_a", "open_b")
        await join(pair)
        await frames_within(pair, FIRST_DIRECT_MS)
        await on(pair, "direct")
        await steady(pair)
        for caller, other in zip(pair, ("open_b", "open_a"), strict=True):
            await seen_and_heard(caller)
            assert (await caller.path())["address"] == town.lab[other].inside
        await pair[0].next()
        match = (await pair[0].heard("matched"))[0]["match"]
        row = await matched_row(town.folder / "another", match)
    assert row["routes"] == ["direct"]
    assert row["packets_a_to_b"] == row["packets_b_to_a"] == 0
    assert row["troubles"] == []


async def test_symmetric_symmetric_is_predicted_then_next_then_rebinding(town: Town) -> None:
    pair = await meet(town, "symmetric_a", "symmetric_b", checked=True)
    await frames_within(pair, FIRST_RELAYED_MS)
    for caller in pair:
        assert (await caller.routes())[0] == ("relay", "trying", "both_symmetric")
        assert (await caller.path())["protocol"] == "udp"
    await steady(pair)

    await next_match(pair)
    await frames_within(pair, NEXT_MS)

    await steady(pair)
    since = await now(pair)
    town.lab["symmetric_a"].rebind()
    # Longer than what the gap may be: nothing else can end it.
    await steady(pair, REBINDING_GAP_MS / 3 + STEADY_MS)
    await gaps_within(pair, since, REBINDING_GAP_MS)
    for caller in pair:
        assert len(await caller.heard("leg_offer")) == 1
        assert (await caller.routes())[-1] == ("relay", "connected", None)


async def test_symmetric_symmetric_with_legs_that_begin_with_the_match(town: Town) -> None:
    async with town.another_service(routes_legs="never", routes_leg_idle_seconds="0.5") as service:
        pair = await callers_at(town, service.url, "symmetric_a", "symmetric_b")
        # What the lobby's check opened is closed again for want of use.
        await asyncio.gather(*(caller.cold() for caller in pair))
        await join(pair)
        await frames_within(pair, FIRST_COLD_MS)


async def test_symmetric_cone_is_not_predicted_and_waits_for_the_relay_no_longer_than_said(
    town: Town,
) -> None:
    pair = await meet(town, "symmetric_a", "cone_a")
    await frames_within(pair, RELAY_AFTER_MS + FIRST_RELAYED_MS)
    for caller in pair:
        assert (await caller.routes())[0] == ("direct", "trying", None)
        assert ("relay", "trying", "direct_slow") in await caller.routes()
        assert (await caller.path())["address"] == plan.SERVER


async def test_udp_blocked_on_both_sides_and_on_one_goes_by_tcp(town: Town) -> None:
    one, both = await callers(town, "udp_blocked_a", "udp_blocked_b", checked=True)
    cone = await town.caller("cone_a")
    await cone.leg_up()
    for pair, protocols in (((one, both), ("tcp", "tcp")), ((one, cone), ("tcp", "udp"))):
        await join(pair)
        await frames_within(pair, FIRST_TCP_MS)
        for caller, protocol in zip(pair, protocols, strict=True):
            assert (await caller.routes())[0] == ("relay", "trying", "udp_blocked")
            path = await caller.path()
            assert (path["protocol"], path["address"]) == (protocol, plan.SERVER)
            assert path["type"] != "relay", "the TURN server is for those who have no other way"
        await steady(pair)
        await one.stop()
        await pair[1].ended()


async def test_only_443_goes_by_tls_through_the_turn_server(town: Town) -> None:
    pair = await meet(town, "only_443", "cone_a")
    await frames_within(pair, FIRST_TLS_MS)
    await steady(pair)
    await seen_and_heard(pair[0])
    path = await pair[0].path()
    assert (path["type"], path["relayProtocol"]) == ("relay", "tls")
    assert path["local"] == plan.SERVER_SECOND
    name = (await pair[0].heard("leg_offer"))[0]["turn"]["username"]
    assert f"user <{name}>: incoming packet CHANNEL_BIND processed, success" in town.turn_log.read_text()


async def test_new_public_address_moves_the_path_and_resumes_the_seat(town: Town) -> None:
    pair = await meet(town, "symmetric_a", "symmetric_b", checked=True)
    await frames_within(pair, FIRST_RELAYED_MS)
    await steady(pair)
    since = await now(pair)
    site = town.lab["symmetric_a"]
    site.move()
    try:
        await pair[0].until("lab.all('welcome').some(m => m.resumed)")
        await steady(pair, NEW_ADDRESS_GAP_MS / 3 + STEADY_MS)
        assert (await pair[0].path())["local"] == site.outside
    finally:
        site.move()
    await gaps_within(pair, since, NEW_ADDRESS_GAP_MS)
    await still_the_same_match(pair)


async def test_new_address_of_the_client_itself_in_a_direct_call(town: Town) -> None:
    pair = await meet(town, "cone_a", "cone_b")
    await frames_within(pair, FIRST_DIRECT_MS)
    await on(pair, "direct")
    await steady(pair)
    since = await now(pair)
    town.lab["cone_a"].readdress()
    await steady(pair, NEW_ADDRESS_GAP_MS / 3 + STEADY_MS)
    await gaps_within(pair, since, NEW_ADDRESS_GAP_MS)
    await still_the_same_match(pair)


async def test_picture_keeps_moving_over_a_bad_line(town: Town) -> None:
    for site in ("bad_a", "bad_b"):
        town.lab[site].shape(Conditions())
    pair = await meet(town, "bad_a", "bad_b")
    await first_frames(pair)
    counted = [town.lab[site].shape(BAD_LINE) for site in ("bad_a", "bad_b")]
    since = await now(pair)
    before = [(await caller.inbound())["audio"] for caller in pair]
    await pair[0].watch(BAD_LINE_SECONDS)
    for caller, gap, audio in zip(pair, await gaps(pair, since), before, strict=True):
        assert gap <= FREEZE_MS
        assert concealed((await caller.inbound())["audio"], audio) <= CONCEALED
    for site, at_first in zip(("bad_a", "bad_b"), counted, strict=True):
        counts = town.lab[site].shape(BAD_LINE)
        lost, passed = (counts[name] - at_first[name] for name in ("lost", "passed"))
        assert 0.03 < lost / (lost + passed) < 0.07


async def test_slow_tcp_client_sees_less_and_hears_all(town: Town) -> None:
    """Its line takes a quarter of what the stranger would send. Over TCP nothing is lost on the way, so what
    is too much must be dropped before it, and sound must not be among it."""
    slow = Conditions(delay_ms=20, rate_bps=400_000, queue_ms=300)
    with town.lab["bad_a"].only_tcp():
        town.lab["bad_a"].shape(Conditions())
        pair = await meet(town, "bad_a", "cone_b")
        await first_frames(pair)
        a = pair[0]
        assert (await a.path())["protocol"] == "tcp"
        town.lab["bad_a"].shape(slow)
        since, before = await a.now(), (await a.inbound())["audio"]
        await a.watch(SLOW_LINE_SECONDS)
        assert await a.gap(since) <= FREEZE_MS
        audio = (await a.inbound())["audio"]
        assert audio["packetsReceived"] - before["packetsReceived"] > 40 * SLOW_LINE_SECONDS  # of 50 a second
        assert audio["packetsLost"] == before["packetsLost"]


async def test_ipv6_only_is_direct_and_relayed(town: Town) -> None:
    async with town.another_service(plan.SERVER_V6) as service:
        for route in ("direct", "relay"):
            pair = await callers_at(town, service.url, "ipv6_a", "ipv6_b")
            await asyncio.gather(*(caller.leg_up() for caller in pair))
            if route == "relay":
                await pair[0].hide_address()
            await join(pair)
            await frames_within(pair, FIRST_DIRECT_MS if route == "direct" else FIRST_RELAYED_MS)
            await on(pair, route)
            await steady(pair)
            far = town.lab["ipv6_b"].inside if route == "direct" else plan.SERVER_V6
            assert (await pair[0].path())["address"] == far
            await town.browsers.leave()
