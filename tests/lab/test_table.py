"""The table of what every network must show, two Chromiums with the built web client on it.

Limits are three times what docs/measurements.md is to show: this machine may be busy. The strict ones are
those of ``python -m tests.lab.measure``.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.lab import plan
from tests.lab.caller import Caller
from tests.lab.rows import matched_row
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
STEADY_MS, BUSY_MS = 1_000, 1_000
"""A picture that moves for so long, without a gap of more than that."""
BAD_LINE_SECONDS, SLOW_LINE_SECONDS = 12.0, 8.0

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(180)]


async def meet(town: Town, a: str, b: str, *, checked: bool = False) -> tuple[Caller, Caller]:
    """Guests on two sites who join when their legs are up, or when the service has been told what the checks
    of their networks found (``checked``)."""
    one, other = await asyncio.gather(town.caller(a), town.caller(b))
    await asyncio.gather(*(caller.leg_up() for caller in (one, other)))
    if checked:
        await asyncio.gather(one.network_known(), other.network_known())
    await one.join()
    await other.join()
    return one, other


async def first_frames(callers: tuple[Caller, Caller], limit_ms: float) -> None:
    for waited in await asyncio.gather(*(caller.first_frame() for caller in callers)):
        assert waited <= limit_ms


async def steady(callers: tuple[Caller, Caller], ms: float = STEADY_MS) -> None:
    await asyncio.gather(*(caller.steady(ms, BUSY_MS) for caller in callers))


async def gaps(callers: tuple[Caller, Caller], since: list[float]) -> list[float]:
    return [await caller.gap(at) for caller, at in zip(callers, since, strict=True)]


async def now(callers: tuple[Caller, Caller]) -> list[float]:
    return [await caller.now() for caller in callers]


async def seen_and_heard(caller: Caller) -> None:
    inbound = await caller.inbound()
    assert inbound["video"]["framesDecoded"] > 5
    assert inbound["audio"]["packetsReceived"] > 20


async def test_cone_cone_is_direct_and_a_cut_link_goes_to_the_relay(town: Town) -> None:
    callers = await meet(town, "cone_a", "cone_b")
    await first_frames(callers, FIRST_DIRECT_MS)
    await asyncio.gather(*(caller.on("direct") for caller in callers))
    await steady(callers)
    for caller, other in zip(callers, ("cone_b", "cone_a"), strict=True):
        await seen_and_heard(caller)
        assert (await caller.path())["address"] == town.lab[other].outside
        assert [route for route, _, _ in await caller.routes()] == ["direct"] * 3
    since = await now(callers)
    town.lab.part("cone_a", "cone_b")
    try:
        await asyncio.gather(*(caller.on("relay") for caller in callers))
        await steady(callers)
    finally:
        town.lab.rejoin("cone_a", "cone_b")
    for caller, gap in zip(callers, await gaps(callers, since), strict=True):
        assert gap <= CUT_GAP_MS
        assert (await caller.path())["address"] == plan.SERVER
        assert ("relay", "trying", "direct_lost") in await caller.routes()


async def test_relay_carries_no_media_of_a_direct_call(town: Town) -> None:
    callers = await meet(town, "open_a", "open_b")
    await first_frames(callers, FIRST_DIRECT_MS)
    await asyncio.gather(*(caller.on("direct") for caller in callers))
    await steady(callers)
    assert (await callers[0].path())["address"] == town.lab["open_b"].addresses.client
    await callers[0].button("Next").click()
    row = await matched_row(town.folder, (await callers[0].heard("matched"))[0]["match"])
    assert row["routes"] == ["direct"]
    assert row["packets_a_to_b"] == row["packets_b_to_a"] == 0
    assert row["troubles"] == []


async def test_symmetric_symmetric_is_predicted_then_next_then_rebinding(town: Town) -> None:
    callers = await meet(town, "symmetric_a", "symmetric_b", checked=True)
    await first_frames(callers, FIRST_RELAYED_MS)
    for caller in callers:
        assert (await caller.routes())[0] == ("relay", "trying", "both_symmetric")
        assert (await caller.path())["protocol"] == "udp"
    await steady(callers)

    a, b = callers
    await b.next()
    await a.ended()
    await a.again()
    await first_frames(callers, NEXT_MS)

    await steady(callers)
    since = await now(callers)
    town.lab["symmetric_a"].rebind()
    # Longer than what the gap may be: nothing else can end it.
    await steady(callers, REBINDING_GAP_MS / 3 + STEADY_MS)
    for caller, gap in zip(callers, await gaps(callers, since), strict=True):
        assert gap <= REBINDING_GAP_MS
        assert len(await caller.heard("leg_offer")) == 1
        assert (await caller.routes())[-1] == ("relay", "connected", None)


async def test_symmetric_symmetric_with_legs_that_begin_with_the_match(town: Town) -> None:
    async with town.another_service(routes_legs="never", routes_leg_idle_seconds="0.5") as service:
        a, b = await asyncio.gather(
            *(town.browsers.caller(site, url=service.url) for site in ("symmetric_a", "symmetric_b"))
        )
        # What the lobby's check opened is closed again for want of use.
        await asyncio.gather(*(caller.cold() for caller in (a, b)))
        await a.join()
        await b.join()
        await first_frames((a, b), FIRST_COLD_MS)


async def test_symmetric_cone_is_not_predicted_and_waits_for_the_relay_no_longer_than_said(
    town: Town,
) -> None:
    callers = await meet(town, "symmetric_a", "cone_a")
    await first_frames(callers, RELAY_AFTER_MS + FIRST_RELAYED_MS)
    for caller in callers:
        assert (await caller.routes())[0] == ("direct", "trying", None)
        assert ("relay", "trying", "direct_slow") in await caller.routes()
        assert (await caller.path())["address"] == plan.SERVER


@pytest.mark.parametrize(
    ("a", "b", "protocols"),
    [("udp_blocked_a", "udp_blocked_b", ("tcp", "tcp")), ("udp_blocked_a", "cone_a", ("tcp", "udp"))],
)
async def test_udp_blocked_goes_by_tcp(town: Town, a: str, b: str, protocols: tuple[str, str]) -> None:
    callers = await meet(town, a, b, checked=True)
    await first_frames(callers, FIRST_TCP_MS)
    for caller, protocol in zip(callers, protocols, strict=True):
        assert (await caller.routes())[0] == ("relay", "trying", "udp_blocked")
        path = await caller.path()
        assert (path["protocol"], path["address"], path["type"]) == (protocol, plan.SERVER, path["type"])
        assert path["type"] != "relay", "the TURN server is for those who have no other way"


async def test_only_443_goes_by_tls_through_the_turn_server(town: Town) -> None:
    callers = await meet(town, "only_443", "cone_a")
    await first_frames(callers, FIRST_TLS_MS)
    await steady(callers)
    await seen_and_heard(callers[0])
    path = await callers[0].path()
    assert (path["type"], path["relayProtocol"]) == ("relay", "tls")
    assert path["local"] == plan.SERVER_SECOND
    name = (await callers[0].heard("leg_offer"))[0]["turn"]["username"]
    assert f"user <{name}>: incoming packet CHANNEL_BIND processed, success" in town.turn_log.read_text()


async def test_new_public_address_moves_the_path_and_resumes_the_seat(town: Town) -> None:
    callers = await meet(town, "symmetric_a", "symmetric_b", checked=True)
    await first_frames(callers, FIRST_RELAYED_MS)
    await steady(callers)
    since = await now(callers)
    site = town.lab["symmetric_a"]
    site.move()
    try:
        await callers[0].until("lab.all('welcome').some(m => m.resumed)")
        await steady(callers, NEW_ADDRESS_GAP_MS / 3 + STEADY_MS)
        assert (await callers[0].path())["local"] == site.outside
    finally:
        site.move()
    for caller, gap in zip(callers, await gaps(callers, since), strict=True):
        assert gap <= NEW_ADDRESS_GAP_MS
        assert len(await caller.heard("matched")) == 1
        assert await caller.heard("ended") == []


async def test_new_address_of_the_client_itself_in_a_direct_call(town: Town) -> None:
    callers = await meet(town, "cone_a", "cone_b")
    await first_frames(callers, FIRST_DIRECT_MS)
    await asyncio.gather(*(caller.on("direct") for caller in callers))
    await steady(callers)
    since = await now(callers)
    town.lab["cone_a"].readdress()
    await steady(callers, NEW_ADDRESS_GAP_MS / 3 + STEADY_MS)
    for caller, gap in zip(callers, await gaps(callers, since), strict=True):
        assert gap <= NEW_ADDRESS_GAP_MS
        assert len(await caller.heard("matched")) == 1
        assert await caller.heard("ended") == []


async def test_picture_keeps_moving_over_a_bad_line(town: Town) -> None:
    for site in ("bad_a", "bad_b"):
        town.lab[site].shape(Conditions())
    callers = await meet(town, "bad_a", "bad_b")
    await asyncio.gather(*(caller.first_frame() for caller in callers))
    counted = [town.lab[site].shape(BAD_LINE) for site in ("bad_a", "bad_b")]
    since = await now(callers)
    before = [(await caller.inbound())["audio"] for caller in callers]
    await callers[0].watch(BAD_LINE_SECONDS)
    for caller, gap, audio in zip(callers, await gaps(callers, since), before, strict=True):
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
        callers = await meet(town, "bad_a", "cone_b")
        await asyncio.gather(*(caller.first_frame() for caller in callers))
        a = callers[0]
        assert (await a.path())["protocol"] == "tcp"
        town.lab["bad_a"].shape(slow)
        since, before = await a.now(), (await a.inbound())["audio"]
        await a.watch(SLOW_LINE_SECONDS)
        assert await a.gap(since) <= FREEZE_MS
        audio = (await a.inbound())["audio"]
        assert audio["packetsReceived"] - before["packetsReceived"] > 40 * SLOW_LINE_SECONDS  # of 50 a second
        assert audio["packetsLost"] == before["packetsLost"]


def concealed(audio: dict[str, float], before: dict[str, float]) -> float:
    """The share of samples that were made up since ``before``, silence left out."""

    def made_up(counted: dict[str, float]) -> float:
        return counted["concealedSamples"] - counted["silentConcealedSamples"]

    heard = audio["totalSamplesReceived"] - before["totalSamplesReceived"]
    return (made_up(audio) - made_up(before)) / heard


async def test_ipv6_only_is_direct_and_relayed(town: Town) -> None:
    async with town.another_service(plan.SERVER_V6) as service:
        for route in ("direct", "relay"):
            callers = await asyncio.gather(
                *(town.browsers.caller(site, url=service.url) for site in ("ipv6_a", "ipv6_b"))
            )
            a, b = callers
            await asyncio.gather(a.leg_up(), b.leg_up())
            if route == "relay":
                await a.hide_address()
            await a.join()
            await b.join()
            await first_frames((a, b), FIRST_DIRECT_MS if route == "direct" else FIRST_RELAYED_MS)
            await asyncio.gather(a.on(route), b.on(route))
            await steady((a, b))
            far = town.lab["ipv6_b"].addresses.client if route == "direct" else plan.SERVER_V6
            assert (await a.path())["address"] == far
            await town.browsers.leave()
