"""A user cannot have legs opened again and again, by whatever way; a match gets its legs all the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from relay import door
from signaling.core.openings import AT_ONCE, Openings
from signaling.core.rules import Rules
from signaling.messages import Ended, Error, Join, LegOffer, OpenLeg, Route
from tests.signaling.core.stage import Client, Stage

RULES = Rules()


def closed_by_browser(stage: Stage, client: Client) -> None:
    stage.says(*stage.relay.close(stage.leg_of(client), "closed_by_browser"))


def by_closing(stage: Stage, client: Client) -> None:
    client.say(OpenLeg())
    if stage.relay.legs:
        closed_by_browser(stage, client)


def by_leaving(stage: Stage, client: Client) -> None:
    client.say(OpenLeg())
    client.drop(done=True)
    client.connect()


def by_replacing(stage: Stage, client: Client) -> None:
    if not stage.relay.legs:
        client.say(OpenLeg())
    client.say(OpenLeg(replace=stage.leg_of(client)))


@pytest.mark.parametrize("again", [by_closing, by_leaving, by_replacing])
def test_legs_are_opened_ten_times_at_once_and_then_now_and_then(
    again: Callable[[Stage, Client], None],
) -> None:
    stage = Stage(RULES)
    anna = stage.client("anna")
    for _ in range(100):
        again(stage, anna)
    assert len(opened(stage)) == AT_ONCE
    refused = anna.last(Error)
    assert (refused.code, refused.about) == ("rate_limited", "leg_open")
    assert "try again" in refused.message
    stage.wait(RULES.leg_open_seconds)
    for _ in range(100):
        again(stage, anna)
    assert len(opened(stage)) == AT_ONCE + 1
    # It is this user's account alone, and it is whole again after a while.
    bert = stage.client("bert")
    bert.say(OpenLeg())
    assert bert.all(LegOffer)
    stage.wait(RULES.leg_open_seconds * AT_ONCE)
    closed_by_browser(stage, bert)
    for _ in range(100):
        again(stage, anna)
    assert len(opened(stage)) == 2 * AT_ONCE + 2


def test_who_has_had_too_many_gets_none_in_the_queue_but_the_one_that_a_match_needs() -> None:
    stage = Stage(RULES)
    anna, bert = stage.client("anna"), stage.client("bert")
    for _ in range(AT_ONCE):
        by_closing(stage, anna)
    anna.say(Join())
    assert stage.relay.legs == {}
    assert anna.last(LegOffer) == anna.all(LegOffer)[AT_ONCE - 1]
    bert.say(Join())
    stage.flow()
    assert (anna.last(Route).state, bert.last(Route).state) == ("connected", "connected")
    # A leg that cannot be replaced now stays as it is, and the call with it.
    leg = stage.leg_of(anna)
    anna.say(OpenLeg(replace=leg))
    assert anna.last(Error).code == "rate_limited"
    assert leg in stage.relay.legs
    assert not bert.all(Ended)


def test_the_count_takes_bounded_memory_and_none_for_those_who_are_long_quiet() -> None:
    openings = Openings(5.0, remembered=100)
    for number in range(1_000):
        openings.opened(f"user-{number}", 50.0)
    assert len(openings) == 100
    openings.opened("anna", 100.0)
    assert len(openings) == 1
    for _ in range(1_000):
        openings.opened("anna", 100.0)  # by matches that need one
    assert not openings.may_open("anna", 104.0)
    assert openings.may_open("anna", 105.0)


def opened(stage: Stage) -> list[door.OpenLeg]:
    return [asked for asked in stage.relay.requests if isinstance(asked, door.OpenLeg)]
