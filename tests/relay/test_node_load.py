"""The node's limits: what it refuses, what it tells, and that a burst is not let in whole."""

from __future__ import annotations

import asyncio
import time

import pytest

from relay import door
from relay.door import LegId, NodeLimits
from relay.engine.interface import EngineCounters
from relay.node_load import NodeLoad, plan_for
from relay.settings import RelaySettings
from tests.relay.conftest import MakeNode


async def test_over_the_hard_limit_a_leg_is_refused_and_those_there_stay(make_node: MakeNode) -> None:
    # Room for a handful of newly opened legs, and for nothing measured.
    node = await make_node(packets_capacity=1_000, soft_stress=0.3, hard_stress=0.6, lag_full_ms=3_600_000)
    first = await node.connect("first")
    for number in range(20):
        node.relay.ask(door.OpenLeg(LegId(f"burst-{number}")))
    refused = await node.next(door.LegRefused)
    assert refused.code == "relay_overloaded"
    assert "Try again" in refused.message
    assert node.relay.load().level == "hard"
    assert node.relay.load().stress >= 0.6
    legs = {leg.leg: leg.state for leg in node.relay.snapshot().legs}
    assert legs[LegId("first")] == "connected"
    assert 1 < len(legs) < 20
    first.drop()


async def test_the_level_is_told_when_it_changes(make_node: MakeNode) -> None:
    node = await make_node(packets_capacity=1_000, soft_stress=0.1, hard_stress=100, lag_full_ms=3_600_000)
    node.relay.ask(door.OpenLeg(LegId("a")))
    assert await node.next(door.LoadChanged) == door.LoadChanged("soft")
    limits = node.relay.limits()
    node.relay.set_limits(NodeLimits(50, 60, limits.max_legs, limits.max_egress_bps))
    assert await node.next(door.LoadChanged) == door.LoadChanged("normal")


async def test_limits_are_changed_while_it_runs_and_impossible_ones_are_refused(make_node: MakeNode) -> None:
    node = await make_node()
    await node.connect("a")
    node.relay.set_limits(NodeLimits(1.0, 2.0, 1, 0))
    node.relay.ask(door.OpenLeg(LegId("b")))
    assert (await node.next(door.LegRefused)).code == "relay_full"
    for wrong in (NodeLimits(2.0, 1.0, 1, 0), NodeLimits(0.0, 1.0, 1, 0), NodeLimits(0.5, 1.0, -1, 0)):
        with pytest.raises(ValueError, match=r"must be|cannot be"):
            node.relay.set_limits(wrong)
    assert node.relay.limits() == NodeLimits(1.0, 2.0, 1, 0)


async def test_what_the_kernel_tells_becomes_a_reading(make_node: MakeNode) -> None:
    node = await make_node()
    async with asyncio.timeout(10):
        while not node.relay.load().cpu:
            await node.connect(f"leg-{len(node.far_ends)}")
    reading = node.relay.load()
    assert set(reading.shares) == {"packets", "cpu", "lag"}
    assert reading.legs == len(node.far_ends)
    assert 0 <= reading.steal <= 1


def test_what_is_thrown_away_is_no_load_and_teaches_nothing() -> None:
    """Junk costs little each: a flood of it would say that this machine carries far more than it does."""
    load = NodeLoad(RelaySettings(packets_capacity=0), "python")
    capacity = load.reading(0.0).packets_capacity
    for second in range(60):
        junk = second * 500_000
        load.sample(EngineCounters(junk, 10, junk, 10, {"unknown_source": junk}), 0, float(second))
    reading = load.reading(60.0)
    assert reading.packets_per_second < 1
    assert reading.shares["packets"] < 0.01
    assert reading.packets_capacity == capacity


def test_every_refusal_says_what_to_do() -> None:
    load = NodeLoad(RelaySettings(max_legs=1, max_egress_bps=1_000), "python")
    for refusal in (load.refusal(1, 0), load.refusal(0, 1_000)):
        assert refusal is not None
        assert "Try again" in refusal[1]


def test_a_configured_capacity_is_kept_and_a_measured_default_may_grow() -> None:
    assert plan_for(RelaySettings(packets_capacity=7), "native").packets_capacity == 7
    assert not plan_for(RelaySettings(packets_capacity=7), "native").learns
    one, many = plan_for(RelaySettings(), "python"), plan_for(RelaySettings(), "native")
    assert one.learns
    assert many.packets_capacity >= 3 * one.packets_capacity


async def test_a_call_that_goes_on_gets_its_leg_over_every_limit(make_node: MakeNode) -> None:
    node = await make_node(max_legs=0, soft_stress=0.0001, hard_stress=0.0001, max_egress_bps=1)
    node.relay._load.meter.opened(time.monotonic())
    assert node.relay.load().level == "hard"
    node.relay.ask(door.OpenLeg(LegId("new")))
    assert (await node.next(door.LegRefused)).leg == "new"
    node.relay.ask(door.OpenLeg(LegId("goes-on"), goes_on=True))
    assert (await node.next(door.LegOffered)).leg == "goes-on"
    # Only its id is looked at.
    node.relay.ask(door.OpenLeg(LegId("goes-on"), goes_on=True))
    assert (await node.next(door.LegRefused)).code == "leg_exists"


async def test_legs_opened_and_closed_in_a_loop_make_no_stress(make_node: MakeNode) -> None:
    # Two newly opened legs at once are over the hard limit.
    node = await make_node(packets_capacity=1_000, soft_stress=0.2, hard_stress=0.3, lag_full_ms=3_600_000)
    for number in range(30):
        leg = LegId(f"leg-{number}")
        node.relay.ask(door.OpenLeg(leg))
        node.relay.ask(door.CloseLeg(leg))
        assert node.relay.load().level != "hard"
        assert node.relay.load().opening < 0.01
    assert node.relay.totals().legs_refused == {}
