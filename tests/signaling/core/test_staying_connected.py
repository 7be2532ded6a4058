"""Legs that are replaced, sockets that are lost and come back, and legs before and between matches."""

from __future__ import annotations

from typing import Any

import pytest

from relay import door
from signaling.core.route import RoutePolicy, make_policy
from signaling.core.rules import Rules
from signaling.messages import (
    Ended,
    Join,
    Leave,
    LegState,
    Network,
    Next,
    OpenLeg,
    Route,
    Welcome,
)
from tests.signaling.core.direct_stage import DIRECT_FIRST, DirectClient, connect, meet, told
from tests.signaling.core.stage import Stage

# --- staying connected ----------------------------------------------------------------------------


def test_a_dead_leg_is_replaced_on_the_users_word() -> None:
    stage, anna, bert = meet(make_policy("relay-only", 0))
    stage.flow()
    for _ in range(5):
        old = stage.leg_of(anna)
        anna.take()
        bert.take()
        anna.say(OpenLeg(replace=old))
        stage.flow()
        assert stage.leg_of(anna) != old
        assert old not in stage.relay.legs
        assert [line.split()[1] for line in told(bert)] == ["unlinked", "interrupted", "linked", "connected"]
        assert bert.all(Route)[1].reason == "stranger_connection"
    assert stage.relay.violations == []
    assert not bert.all(Ended)


def test_only_ones_own_live_leg_can_be_replaced() -> None:
    stage, anna, bert = meet(make_policy("relay-only", 0))
    stage.flow()
    legs = set(stage.relay.legs)
    anna.say(OpenLeg(replace=stage.leg_of(bert)))
    anna.say(OpenLeg(replace="unknown"))
    anna.say(OpenLeg())
    assert set(stage.relay.legs) == legs
    anna.answers = False
    anna.say(OpenLeg(replace=stage.leg_of(anna)))
    fresh = stage.leg_of(anna)
    anna.say(OpenLeg(replace=fresh))
    assert stage.leg_of(anna) == fresh, "one that was never up is offered again"


def test_a_resumed_seat_with_a_new_address_goes_on_in_the_same_match() -> None:
    stage, anna, bert = meet(make_policy("relay-only", 0))
    stage.flow()
    match = anna.match
    anna.drop()
    stage.says(door.LegInterrupted(stage.leg_of(anna)))
    assert told(bert)[-1] == "relay interrupted 1 stranger_connection"
    stage.wait(4)
    anna.connect(resume=True)
    assert anna.last(Welcome).resumed
    anna.say(OpenLeg(replace=stage.leg_of(anna)))
    stage.flow()
    assert told(bert)[-1] == "relay connected 2"
    assert not bert.all(Ended)
    assert anna.match == match


def test_legs_lost_again_and_again_without_a_socket_wait_for_the_seat() -> None:
    stage, anna, bert = meet(make_policy("relay-only", 0))
    stage.flow()
    anna.drop()
    stage.says(*stage.relay.close(stage.leg_of(anna), "consent_lost"))
    (second,) = set(stage.relay.legs) - {stage.leg_of(bert)}
    stage.says(*stage.relay.close(second, "not_answered"))
    stage.wait(10)
    assert not bert.all(Ended)
    anna.connect(resume=True)
    stage.flow()
    assert told(bert)[-1].startswith("relay connected")


def test_each_side_may_lose_a_leg_again_after_a_while() -> None:
    stage, anna, bert = meet(make_policy("relay-only", 0))
    stage.flow()
    for _ in range(5):
        stage.says(*stage.relay.close(stage.leg_of(anna), "consent_lost"))
        stage.flow()
        stage.wait(stage.rules.fresh_leg_seconds)
    assert not bert.all(Ended)
    assert stage.core.tallies.troubles == {("media_silent", "relay"): 5}


def test_the_direct_route_outlives_a_lost_socket() -> None:
    stage, anna, bert = meet()
    connect(stage, anna, bert)
    anna.drop()
    stage.wait(10)
    anna.connect(resume=True)
    stage.wait(60)
    assert told(bert)[-1] == "direct connected 1"
    assert not bert.all(Ended)


# --- legs before matches --------------------------------------------------------------------------


def lobby(
    legs: Any, network: Network | None, policy: RoutePolicy = DIRECT_FIRST
) -> tuple[Stage, DirectClient]:
    stage = Stage(Rules(legs=legs, leg_idle_seconds=100), policy=policy)
    anna = DirectClient(stage, "anna")
    anna.connect()
    assert anna.last(Welcome).legs == legs
    if network is not None:
        anna.say(network)
    return stage, anna


@pytest.mark.parametrize(
    ("legs", "network", "in_lobby", "in_queue"),
    [
        ("always", None, 0, 1),
        ("always", Network(mapping="open"), 1, 1),
        ("strict", None, 0, 0),
        ("strict", Network(mapping="open"), 0, 0),
        ("strict", Network(mapping="symmetric"), 1, 1),
        ("strict", Network(udp=False), 1, 1),
        ("never", Network(udp=False), 0, 0),
    ],
)
def test_legs_before_matches(legs: str, network: Network | None, in_lobby: int, in_queue: int) -> None:
    stage, anna = lobby(legs, network)
    assert len(stage.relay.legs) == in_lobby
    anna.say(Join())
    assert len(stage.relay.legs) == in_queue
    stage.wait(10_000)
    assert len(stage.relay.legs) == in_queue, "kept through the queue"
    bert = DirectClient(stage, "bert")
    bert.connect()
    bert.say(Join())
    assert len(stage.relay.legs) == 2


def test_an_idle_leg_is_closed() -> None:
    stage, anna = lobby("always", Network(mapping="open"))
    leg = stage.leg_of(anna)
    stage.wait(99)
    assert len(stage.relay.legs) == 1
    anna.say(Join())
    stage.wait(500)
    assert len(stage.relay.legs) == 1
    anna.say(Leave())
    stage.wait(99)
    assert len(stage.relay.legs) == 1
    stage.wait(2)
    assert stage.relay.legs == {}
    state = anna.last(LegState)
    assert (state.leg, state.state, state.code) == (leg, "closed", "idle")
    anna.say(OpenLeg())
    assert len(stage.relay.legs) == 1


def test_the_leg_is_idle_again_after_a_match() -> None:
    stage, anna, bert = meet(rules=Rules(leg_idle_seconds=100))
    connect(stage, anna, bert)
    stage.wait(1000)
    assert len(stage.relay.legs) == 2
    anna.say(Next())
    stage.wait(101)
    assert set(stage.relay.legs) == {stage.leg_of(anna)}, "who waits keeps it"
