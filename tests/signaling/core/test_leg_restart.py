"""``leg_open.restart``: the same leg with new ICE credentials, in the same match."""

from __future__ import annotations

from relay import door
from signaling.core.route import make_policy
from signaling.messages import LegAnswer, LegOffer, OpenLeg
from tests.signaling.core.direct_stage import meet, told
from tests.signaling.relay_script import ANSWER


def test_a_leg_whose_user_has_another_network_is_restarted_and_the_match_goes_on() -> None:
    stage, anna, bert = meet(make_policy("relay-only", 0))
    stage.flow()
    leg = stage.leg_of(anna)
    anna.take()
    bert.take()
    stage.says(door.LegInterrupted(leg))
    anna.answers = False
    anna.say(OpenLeg(restart=leg))
    offer = anna.last(LegOffer)
    assert (offer.leg, offer.sdp) == (leg, f"v=0 offer of {leg}, restart 1")
    anna.say(LegAnswer(leg=leg, sdp=ANSWER))
    stage.says(door.LegResumed(leg))
    assert told(bert) == ["relay interrupted 1 stranger_connection", "relay connected 1"]
    assert stage.leg_of(anna) == leg
    assert stage.relay.violations == []
    assert not any(isinstance(asked, door.CloseLeg | door.UnlinkLegs) for asked in stage.relay.requests)


def test_restarts_are_bounded_and_what_is_too_much_gets_the_offer_that_there_is() -> None:
    stage, anna, _bert = meet(make_policy("relay-only", 0))
    stage.flow()
    leg = stage.leg_of(anna)
    anna.answers = False

    def restarts() -> int:
        return sum(isinstance(asked, door.RestartLeg) for asked in stage.relay.requests)

    for _ in range(50):
        anna.say(OpenLeg(restart=leg))
    assert restarts() == 3
    assert len(anna.all(LegOffer)) == 51
    assert anna.last(LegOffer).sdp.endswith("restart 3")
    for more in (1, 2):
        stage.wait(5)
        for _ in range(5):
            anna.say(OpenLeg(restart=leg))
        assert restarts() == 3 + more


def test_only_ones_own_live_leg_can_be_restarted() -> None:
    stage, anna, bert = meet(make_policy("relay-only", 0))
    stage.flow()
    for leg in (stage.leg_of(bert), "unknown"):
        anna.say(OpenLeg(restart=leg))
    anna.answers = False
    anna.say(OpenLeg(replace=stage.leg_of(anna)))
    anna.say(OpenLeg(restart=stage.leg_of(anna)))  # one that was never up
    assert not any(isinstance(asked, door.RestartLeg) for asked in stage.relay.requests)
