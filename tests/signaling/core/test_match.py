"""The match coordinator: one match against the relay's words, on time, late and bad."""

from __future__ import annotations

import pytest

from relay import door
from relay.door import LegId, LinkId
from signaling.core.rules import Rules
from signaling.messages import Ended, Idle, Join, Leave, LegOffer, LegState, Matched, Next, OpenLeg, Route
from tests.signaling.core.stage import Client, Stage


def route(client: Client) -> list[tuple[str, int, str | None]]:
    return [(m.state, m.attempt, m.reason) for m in client.all(Route)]


def ended(client: Client) -> tuple[str, str]:
    return client.last(Ended).reason, client.last(Ended).by


def link_of(stage: Stage) -> LinkId:
    (link,) = stage.relay.links
    return link


def test_without_media_it_counts_as_connected_after_a_while() -> None:
    stage = Stage()
    anna, bert = stage.client("anna"), stage.client("bert")
    anna.say(Join())
    bert.say(Join())
    stage.wait(3.9)
    assert route(anna) == [("trying", 1, None), ("linked", 1, None)]
    stage.wait(0.2)
    assert route(anna)[-1] == ("connected", 1, "no_media")
    stage.flow()
    assert len(route(anna)) == 3


def test_a_silent_leg_interrupts_and_is_heard_again() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    leg = stage.leg_of(anna)
    stage.says(door.LegInterrupted(leg))
    assert route(anna)[-1] == ("interrupted", 1, "your_connection")
    assert route(bert)[-1] == ("interrupted", 1, "stranger_connection")
    assert anna.last(LegState).state == "interrupted"
    assert not bert.all(LegState)[1:]
    stage.says(door.LegResumed(leg))
    assert route(anna)[-1] == route(bert)[-1] == ("connected", 1, None)


def test_both_legs_must_be_heard_again() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    for client in (anna, bert):
        stage.says(door.LegInterrupted(stage.leg_of(client)))
    stage.says(door.LegResumed(stage.leg_of(anna)))
    assert route(bert)[-1][0] == "interrupted"
    stage.says(door.LegResumed(stage.leg_of(bert)))
    assert route(bert)[-1][0] == "connected"


@pytest.mark.parametrize("link_first", [True, False])
def test_a_closed_leg_is_opened_afresh_once(link_first: bool) -> None:
    stage = Stage()
    anna, bert = stage.pair()
    events = stage.relay.close(stage.leg_of(anna), "consent_lost")
    assert len(events) == 2
    if not link_first:
        events.reverse()
    anna.take()
    bert.take()
    stage.says(*events)
    stage.flow()
    for client in (anna, bert):
        states = [state for state, _, _ in route(client)]
        assert states == ["unlinked", "interrupted", "linked", "connected"]
        assert route(client)[-1][1] == 2
    assert anna.last(LegOffer).leg in stage.relay.legs
    assert len(stage.relay.legs) == 2
    # The second time it is over, and says whose side it was.
    stage.says(*stage.relay.close(stage.leg_of(anna), "consent_lost"))
    assert ended(anna) == ("media_lost", "you")
    assert ended(bert) == ("media_lost", "stranger")
    (record,) = stage.ended
    assert (record.reason, record.by, record.routes) == ("media_lost", "a", ("relay",))
    assert record.a_to_b.packets == 200, "the counts of both links"
    assert stage.relay.violations == []


def test_each_side_may_lose_a_leg() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    stage.says(*stage.relay.close(stage.leg_of(anna), "closed_by_browser"))
    stage.says(*stage.relay.close(stage.leg_of(bert), "closed_by_browser"))
    stage.flow()
    assert route(anna)[-1] == ("connected", 3, None)
    assert not anna.all(Ended)


def test_a_leg_that_fails_before_the_link_is_opened_afresh_too() -> None:
    stage = Stage()
    anna, bert = stage.client("anna"), stage.client("bert")
    anna.answers = False
    anna.say(Join())
    bert.say(Join())
    stage.says(*stage.relay.close(stage.leg_of(anna), "not_answered"))
    assert len(anna.all(LegOffer)) == 2
    assert [state for state, _, _ in route(bert)] == ["trying"]
    stage.says(*stage.relay.close(stage.leg_of(anna), "dtls_failed"))
    assert ended(anna) == ("dtls_failed", "you")
    assert ended(bert) == ("dtls_failed", "stranger")


def test_who_does_not_answer_ends_the_match_by_their_side() -> None:
    stage = Stage()
    anna, bert = stage.client("anna"), stage.client("bert")
    bert.answers = False
    anna.say(Join())
    bert.say(Join())
    stage.wait(stage.rules.connect_seconds - 0.1)
    assert not anna.all(Ended)
    stage.wait(0.2)
    assert ended(anna) == ("no_answer", "stranger")
    assert ended(bert) == ("no_answer", "you")
    assert isinstance(anna.got[-1], Idle)
    assert isinstance(bert.got[-1], Idle)


def test_whose_network_lets_nothing_through_ends_the_match_by_their_side() -> None:
    stage = Stage()
    anna, bert = stage.client("anna"), stage.client("bert")
    anna.say(Join())
    stage.relay.connects = False
    bert.say(Join())
    stage.wait(stage.rules.connect_seconds + 0.1)
    assert ended(anna) == ("ice_failed", "stranger")
    assert ended(bert) == ("ice_failed", "you")


def test_when_both_fail_it_is_nobodys_side() -> None:
    stage = Stage()
    stage.relay.connects = False
    anna, bert = stage.client("anna"), stage.client("bert")
    anna.say(Join())
    bert.say(Join())
    stage.wait(stage.rules.connect_seconds + 0.1)
    assert ended(anna) == ended(bert) == ("ice_failed", "service")


def test_a_relay_that_says_nothing_ends_the_match() -> None:
    stage = Stage(auto_relay=False)
    anna, bert = stage.client("anna"), stage.client("bert")
    anna.say(Join())
    bert.say(Join())
    stage.wait(stage.rules.connect_seconds + 0.1)
    assert ended(anna) == ended(bert) == ("media_lost", "service")


def test_a_relay_that_never_links_ends_the_match() -> None:
    stage = Stage()
    anna, bert = stage.client("anna"), stage.client("bert")
    anna.say(Join())
    bert.say(OpenLeg())
    stage.auto_relay = False
    bert.say(Join())
    stage.wait(stage.rules.connect_seconds + 0.1)
    assert ended(anna) == ended(bert) == ("media_lost", "service")
    while stage.relay_says():
        pass
    assert stage.relay.links == {}, "the link that came too late was taken back"


def test_a_full_relay_ends_the_match_that_needs_it() -> None:
    stage = Stage()
    anna, bert = stage.client("anna"), stage.client("bert")
    anna.say(Join())
    stage.relay.full = "relay_full"
    bert.say(Join())
    assert (bert.all(LegState)[0].state, bert.all(LegState)[0].code) == ("refused", "relay_full")
    assert ended(anna) == ended(bert) == ("relay_full", "service")
    assert isinstance(bert.got[-1], Idle)
    stage.relay.full = None
    stage.wait(61)
    anna.say(Join())
    bert.say(Join())
    stage.flow()
    assert route(bert)[-1][0] == "connected"


def test_a_refused_leg_alone_is_only_told() -> None:
    stage = Stage()
    stage.relay.full = "relay_bit_rate"
    anna = stage.client("anna")
    anna.say(OpenLeg())
    assert (anna.last(LegState).state, anna.last(LegState).code) == ("refused", "relay_bit_rate")
    anna.say(Join())
    assert len(anna.all(LegState)) == 2
    assert stage.core.counts["waiting"] == 1


def test_no_shared_codec_ends_the_match() -> None:
    stage = Stage()
    stage.relay.shares_codec = False
    anna, bert = stage.client("anna"), stage.client("bert")
    anna.say(Join())
    bert.say(Join())
    assert ended(anna) == ended(bert) == ("no_shared_codec", "service")
    assert len(stage.ended) == 1


def test_a_stopping_relay_ends_the_match() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    stage.says(*stage.relay.close(stage.leg_of(anna), "relay_stopping"))
    assert ended(anna) == ended(bert) == ("relay_stopping", "service")


def test_a_leg_not_ready_waits_for_the_legs_own_word() -> None:
    stage = Stage()
    anna, bert = stage.client("anna"), stage.client("bert")
    anna.say(Join())
    # The leg is gone at the relay, and the word of it still on its way, when the link is asked for.
    late = stage.relay.close(stage.leg_of(anna), "consent_lost")
    bert.say(Join())
    assert not stage.relay.links
    asked = [r for r in stage.relay.requests if isinstance(r, door.LinkLegs)]
    assert len(asked) == 1
    stage.wait(1)
    assert len([r for r in stage.relay.requests if isinstance(r, door.LinkLegs)]) == 1
    stage.says(*late)
    stage.flow()
    assert route(anna)[-1][0] == "connected"
    assert stage.relay.violations == []


def test_next_does_not_wait_for_the_old_link_to_be_down() -> None:
    stage = Stage()
    anna, _ = stage.pair()
    carl = stage.client("carl")
    carl.say(Join())
    stage.auto_relay = False
    anna.say(Next())
    kinds = [type(r).__name__ for r in stage.relay.requests[-2:]]
    assert kinds == ["UnlinkLegs", "LinkLegs"]
    while stage.relay_says():
        pass
    assert route(anna)[-1][0] == "linked"
    assert stage.relay.violations == []


def test_no_deadline_runs_against_who_has_no_socket() -> None:
    stage = Stage(Rules(connect_seconds=5.0, resume_seconds=20.0))
    anna, bert = stage.pair()
    anna.drop()
    stage.says(*stage.relay.close(stage.leg_of(anna), "consent_lost"))
    stage.wait(15)
    assert not bert.all(Ended)
    anna.connect(resume=True)
    stage.flow()
    assert route(bert)[-1][0] == "connected"
    anna.drop()
    stage.wait(21)
    assert ended(bert) == ("lost", "stranger")


def test_late_words_change_nothing() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    link, leg = link_of(stage), stage.leg_of(anna)
    anna.say(Leave())
    anna.take()
    bert.take()
    stage.says(
        door.LinkUp(link),
        door.LinkFlowing(link, leg, "video"),
        door.LinkDown(link, "leg_closed"),
        door.LinkUp(LinkId("never")),
        door.LegOffered(LegId("never"), "v=0"),
        door.LegConnected(LegId("never"), "udp", "x", 1.0),
        door.LegClosed(LegId("never"), "asked"),
        door.LegResumed(leg),
    )
    assert anna.take() == []
    assert bert.take() == []
    assert len(stage.ended) == 1


def test_a_narrowed_offer_is_passed_on_within_a_match() -> None:
    stage = Stage()
    anna, _ = stage.pair()
    stage.says(door.LegOffered(stage.leg_of(anna), "v=0 narrowed"))
    assert anna.last(LegOffer).sdp == "v=0 narrowed"
    assert isinstance(stage.relay.requests[-1], door.AnswerLeg)
    assert route(anna)[-1][0] == "connected"


def test_a_leg_that_closes_while_idle_is_opened_at_the_next_join() -> None:
    stage = Stage()
    anna = stage.client("anna")
    anna.say(OpenLeg())
    stage.says(*stage.relay.close(stage.leg_of(anna), "consent_lost"))
    assert (anna.last(LegState).state, anna.last(LegState).code) == ("closed", "consent_lost")
    assert stage.relay.legs == {}
    anna.say(Join())
    assert len(stage.relay.legs) == 1
    # While waiting it comes back once by itself.
    stage.says(*stage.relay.close(stage.leg_of(anna), "consent_lost"))
    assert len(stage.relay.legs) == 1
    stage.says(*stage.relay.close(stage.leg_of(anna), "consent_lost"))
    assert stage.relay.legs == {}
    bert = stage.client("bert")
    bert.say(Join())
    stage.flow()
    assert route(anna)[-1][0] == "connected"


def test_an_unusable_answer_can_be_given_again() -> None:
    stage = Stage()
    anna = stage.client("anna")
    anna.answers = False
    anna.say(OpenLeg())
    anna.answer(anna.last(LegOffer), "nonsense")
    assert (anna.last(LegState).state, anna.last(LegState).code) == ("refused", "not_sdp")
    anna.answer(anna.last(LegOffer))
    assert anna.last(LegState).state == "connected"


def test_time_to_connect_counts_from_the_match() -> None:
    stage = Stage()
    anna = stage.client("anna")
    anna.say(Join())
    stage.wait(30)
    bert = stage.client("bert")
    bert.say(Join())
    assert bert.all(Matched)
    stage.wait(0.3)
    stage.flow()
    anna.say(Leave())
    assert stage.ended[0].connect_ms == 300
