"""While the relay has much to carry: fewer legs, longer direct attempts, a clear end where nothing helps."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from relay.door import LegClosed, LoadChanged, LoadLevel
from relay.door import OpenLeg as DoorOpenLeg
from signaling.core.route import RoutePolicy, relay_only
from signaling.core.rules import Rules
from signaling.messages import Ended, Join, Leave, LegOffer, LegState, OpenLeg, Route, Welcome
from tests.signaling.core.direct_stage import DIRECT_FIRST, RELAY_FIRST, DirectClient, connect, told
from tests.signaling.core.stage import Client, Stage

RULES = Rules(spared_relay_after_seconds=3.0)


def strained(level: LoadLevel, policy: RoutePolicy, rules: Rules = RULES) -> Stage:
    stage = Stage(rules, policy=policy)
    if level == "hard":
        stage.relay.full = "relay_overloaded"
    stage.says(LoadChanged(level))
    return stage


def joined(stage: Stage, make: Callable[[Stage, str], Client] = DirectClient) -> tuple[Client, Client]:
    clients = make(stage, "anna"), make(stage, "bert")
    for client in clients:
        client.connect()
        client.say(Join())
    return clients


@pytest.mark.parametrize("policy", [DIRECT_FIRST, RELAY_FIRST], ids=["direct-first", "relay-first"])
def test_over_the_soft_limit_no_leg_is_opened_before_it_is_needed(policy: RoutePolicy) -> None:
    stage = strained("soft", policy)
    anna, bert = joined(stage)
    assert anna.last(Welcome).legs == "never"
    assert stage.relay.legs == {}
    stage.wait(2.9)
    assert stage.relay.legs == {}
    assert told(anna) == ["direct trying 1"]
    stage.wait(0.2)
    assert len(stage.relay.legs) == 2
    stage.flow()
    assert told(anna)[1:] == ["relay trying 2 direct_slow", "relay linked 2", "relay connected 2"]
    assert told(anna) == told(bert)


def test_what_connects_within_the_longer_time_never_opens_a_leg() -> None:
    stage = strained("soft", DIRECT_FIRST)
    anna, bert = joined(stage)
    stage.wait(2)
    assert isinstance(anna, DirectClient)
    assert isinstance(bert, DirectClient)
    connect(stage, anna, bert)
    stage.wait(60)
    assert told(anna)[-1] == "direct connected 1"
    assert stage.relay.legs == {}


def test_who_needs_the_relay_gets_it_at_once_over_the_soft_limit() -> None:
    stage = strained("soft", DIRECT_FIRST)
    anna, _ = joined(stage, Client)
    stage.flow()
    assert anna.last(Route).state == "connected"
    stage = strained("soft", relay_only)
    anna, _ = joined(stage)
    stage.flow()
    assert (anna.last(Route).route, anna.last(Route).state) == ("relay", "connected")


def test_a_client_that_asks_for_a_leg_gets_one_over_the_soft_limit_and_a_reason_over_the_hard() -> None:
    stage = strained("soft", DIRECT_FIRST)
    anna = stage.client("anna")
    anna.say(OpenLeg())
    assert anna.all(LegOffer)
    stage = strained("hard", DIRECT_FIRST)
    anna = stage.client("anna")
    anna.say(OpenLeg())
    refused = anna.last(LegState)
    assert (refused.state, refused.code) == ("refused", "relay_overloaded")
    assert refused.message


def test_over_the_hard_limit_the_direct_route_is_still_tried_and_carries() -> None:
    stage = strained("hard", DIRECT_FIRST)
    anna, bert = joined(stage)
    stage.wait(5)
    assert told(anna) == ["direct trying 1", "relay trying 2 direct_slow", "relay unlinked 2 relay_failed"]
    assert not anna.all(Ended)
    assert isinstance(anna, DirectClient)
    assert isinstance(bert, DirectClient)
    connect(stage, anna, bert)
    assert told(anna)[-1] == "direct connected 1"


def test_over_the_hard_limit_with_no_direct_route_the_match_ends_with_a_sentence() -> None:
    stage = strained("hard", DIRECT_FIRST)
    anna, bert = joined(stage)
    stage.wait(5)
    assert isinstance(anna, DirectClient)
    anna.state("failed")
    for client in (anna, bert):
        ended = client.last(Ended)
        assert (ended.reason, ended.by, ended.step) == ("relay_full", "service", "limit")
        assert "Try again" in ended.message


def test_when_it_is_over_matches_are_as_before() -> None:
    stage = strained("soft", DIRECT_FIRST)
    stage.says(LoadChanged("normal"))
    anna, _ = joined(stage)
    assert anna.last(Welcome).legs == "always"
    assert len(stage.relay.legs) == 2
    stage.wait(0.7)
    assert "relay trying 2 direct_slow" in told(anna)


def test_a_leg_that_closes_in_the_queue_is_not_opened_afresh_under_load() -> None:
    stage = Stage(RULES, policy=DIRECT_FIRST)
    anna = DirectClient(stage, "anna")
    anna.connect()
    anna.say(Join())
    leg = stage.leg_of(anna)
    stage.says(LoadChanged("soft"), LegClosed(leg, "consent_lost"))
    assert len(anna.all(LegOffer)) == 1


@pytest.mark.parametrize("full", ["relay_overloaded", "relay_full", "relay_bit_rate"])
def test_a_call_that_goes_on_keeps_its_route_by_relay_over_every_limit(full: str) -> None:
    stage = Stage(RULES)
    anna, bert = stage.pair()
    stage.relay.full = full
    stage.says(LoadChanged("hard"))
    anna.say(OpenLeg(replace=stage.leg_of(anna)))
    stage.flow()
    assert (bert.last(Route).state, bert.all(Ended)) == ("connected", [])
    stage.wait(60)
    stage.says(*stage.relay.close(stage.leg_of(bert), "consent_lost"))
    stage.flow()
    assert (anna.last(Route).state, anna.all(Ended)) == ("connected", [])
    # The next match is another call, and whoever has no leg gets none.
    stage.says(*stage.relay.close(stage.leg_of(bert), "consent_lost"))
    bert.say(Leave())
    bert.say(OpenLeg())
    assert (bert.last(LegState).state, bert.last(LegState).code) == ("refused", full)


def test_a_leg_that_was_never_up_makes_no_call_that_goes_on() -> None:
    stage = Stage(RULES)
    stage.relay.connects = False
    anna, _ = joined(stage, Client)
    stage.relay.full = "relay_overloaded"
    stage.says(*stage.relay.close(stage.leg_of(anna), "ice_failed"))
    assert anna.last(Ended).reason == "relay_full"
    assert not any(asked.goes_on for asked in stage.relay.requests if isinstance(asked, DoorOpenLeg))
