"""The direct route beside the relay's: who carries the match, when it moves, and what both are told."""

from __future__ import annotations

import pytest

from relay import door
from signaling.core.route import make_policy
from signaling.core.rules import Rules
from signaling.messages import (
    Ended,
    Join,
    LegOffer,
    Network,
    Next,
    Route,
    SendDescription,
)
from tests.signaling.core.direct_stage import DIRECT_FIRST, RELAY_FIRST, DirectClient, connect, meet, told
from tests.signaling.core.stage import Stage

SDP = "v=0\r\na=candidate:1 1 udp 2122260223 198.51.100.7 46243 typ host\r\n"
HOST = "candidate:1 1 udp 2122260223 198.51.100.7 46243 typ host"


# --- direct first ---------------------------------------------------------------------------------


def test_what_connects_in_time_never_touches_the_relay() -> None:
    stage, anna, bert = meet()
    assert told(anna) == told(bert) == ["direct trying 1"]
    assert [anna.last(Route).role, bert.last(Route).role] == ["impolite", "polite"]
    stage.wait(0.3)
    connect(stage, anna, bert)
    assert told(anna) == told(bert) == ["direct trying 1", "direct linked 1", "direct connected 1"]
    stage.wait(3600)
    assert len(told(anna)) == 3
    assert not [r for r in stage.relay.requests if isinstance(r, door.LinkLegs)]
    anna.say(Next())
    (record,) = stage.ended
    assert (record.routes, record.connect_ms, record.troubles) == (("direct",), 300, ())
    assert [(c.at_ms, c.route, c.state) for c in record.route_changes] == [
        (0, "direct", "trying"),
        (300, "direct", "linked"),
        (300, "direct", "connected"),
    ]
    assert len(stage.relay.legs) == 2, "legs outlive the match"


def test_the_relay_takes_over_after_its_time() -> None:
    stage, anna, bert = meet()
    stage.wait(0.59)
    assert told(anna) == ["direct trying 1"]
    stage.wait(0.02)
    stage.flow()
    expected = ["direct trying 1", "relay trying 2 direct_slow", "relay linked 2", "relay connected 2"]
    assert told(anna) == told(bert) == expected
    assert anna.all(Route)[1].message
    assert stage.core.tallies.troubles == {("signaling", "direct"): 1}, "neither has said a word"
    # A browser needs 15 s to call it failed; whatever it says then, the call goes on.
    stage.wait(15)
    anna.state("failed", step="ice")
    assert told(anna)[4:] == ["direct unlinked 1 direct_failed"]
    stage.wait(3600)
    assert len(told(anna)) == 5
    assert stage.relay.violations == []


def test_one_end_alone_is_not_connected() -> None:
    stage, anna, bert = meet()
    anna.state("connected")
    anna.plays()
    stage.wait(0.7)
    assert told(bert)[-1] == "relay linked 2"


def test_legs_that_are_cold_come_up_beside_the_direct_attempt() -> None:
    stage, anna, bert = meet(rules=Rules(legs="never"))
    assert all(client.all(LegOffer) for client in (anna, bert))
    assert anna.got.index(anna.last(LegOffer)) > anna.got.index(anna.all(Route)[0])
    stage.wait(0.6)
    assert told(anna)[-1] == "relay linked 2"


def test_a_client_that_never_heard_of_it_is_relayed_at_once() -> None:
    stage = Stage(policy=DIRECT_FIRST)
    old, new = stage.client("anna"), DirectClient(stage, "bert")
    new.connect()
    old.say(Join())
    new.say(Join())
    stage.flow()
    for client in (old, new):
        assert told(client) == ["relay trying 1", "relay linked 1", "relay connected 1"]


def test_a_client_that_answers_nothing_is_relayed_in_time() -> None:
    stage, anna, bert = meet()
    anna.say(SendDescription(match=anna.match, attempt=1, kind="offer", sdp=SDP))
    stage.wait(0.6)
    stage.flow()
    assert told(anna)[-1] == "relay connected 2"
    stage.wait(30)
    assert told(anna)[-1] == "direct unlinked 1 direct_failed", "given up without anybody's word"
    bert.say(Next())
    (trouble,) = stage.ended[0].troubles
    assert (trouble.step, trouble.side, trouble.route, trouble.at_ms) == ("signaling", 1, "direct", 600)


def test_late_success_waits_to_be_stable_and_leaves_nobody_without_a_picture() -> None:
    stage, anna, bert = meet()
    stage.wait(0.6)
    stage.flow()
    for client in (anna, bert):
        client.state("connected")
    anna.plays()
    stage.wait(stage.rules.stable_seconds + 1)
    assert told(anna)[-1] == "direct linked 1", "bert's picture is not there yet"
    bert.plays()
    moved = ["direct connected 1 direct_stable", "relay unlinked 2 direct_connected"]
    assert told(anna)[-2:] == told(bert)[-2:] == moved
    assert stage.relay.links == {}
    assert len(stage.relay.legs) == 2
    anna.say(Next())
    assert stage.ended[0].routes == ("relay", "direct")
    assert stage.ended[0].a_to_b.packets == 100


def test_a_shaky_success_does_not_move_the_match() -> None:
    stage, anna, bert = meet()
    stage.wait(0.6)
    stage.flow()
    connect(stage, anna, bert)
    for _ in range(5):
        stage.wait(stage.rules.stable_seconds - 0.1)
        bert.state("interrupted")
        connect(stage, anna, bert)
    assert told(anna)[-1] == "direct linked 1"
    stage.wait(stage.rules.stable_seconds)
    assert told(anna)[-1] == "relay unlinked 2 direct_connected"


def test_a_silent_relay_does_not_wait_for_stability() -> None:
    stage, anna, bert = meet()
    stage.wait(0.6)
    stage.flow()
    connect(stage, anna, bert)
    stage.says(door.LegInterrupted(stage.leg_of(anna)))
    assert told(bert)[-2:] == ["direct connected 1 direct_stable", "relay unlinked 2 direct_connected"]


def test_direct_wins_the_race_while_the_relay_is_only_linked() -> None:
    stage, anna, bert = meet()
    stage.wait(0.6)
    connect(stage, anna, bert)
    assert told(anna)[-2:] == ["direct connected 1", "relay unlinked 2 direct_connected"]
    stage.flow()
    stage.wait(60)
    assert told(anna)[-2:] == ["direct connected 1", "relay unlinked 2 direct_connected"]


def test_without_media_it_counts_as_connected_after_a_while() -> None:
    stage, anna, bert = meet()
    anna.state("connected")
    bert.state("connected")
    stage.wait(stage.rules.no_media_seconds + 0.1)
    assert told(anna) == ["direct trying 1", "direct linked 1", "direct connected 1 no_media"]


# --- it cannot work -------------------------------------------------------------------------------

SYMMETRIC = Network(udp=True, mapping="symmetric")


@pytest.mark.parametrize(
    ("joins", "networks", "mine", "theirs"),
    [
        ((Join(hide_address=True), Join()), (None, None), "address_hidden", "address_hidden"),
        ((Join(), Join()), (SYMMETRIC, SYMMETRIC), "both_symmetric", "both_symmetric"),
        ((Join(), Join()), (Network(udp=False), None), "udp_blocked", "udp_blocked"),
    ],
)
def test_what_cannot_work_is_relayed_at_once(
    joins: tuple[Join, Join], networks: tuple[Network | None, Network | None], mine: str, theirs: str
) -> None:
    stage, anna, bert = meet(joins=joins, networks=networks)
    stage.flow()
    assert told(anna) == [f"relay trying 1 {mine}", "relay linked 1", "relay connected 1"]
    assert told(bert) == [f"relay trying 1 {theirs}", "relay linked 1", "relay connected 1"]
    assert stage.relay.violations == []


def test_whose_udp_is_blocked_is_told_so() -> None:
    _, anna, bert = meet(networks=(Network(udp=False), None))
    assert (anna.all(Route)[0].message or "").startswith("Your network")
    assert (bert.all(Route)[0].message or "").startswith("The stranger's network")


def test_the_newest_check_counts_from_the_next_match_on() -> None:
    stage, anna, bert = meet(networks=(Network(udp=False), None))
    anna.say(Network(udp=True, mapping="open"))
    stage.wait(60)
    anna.say(Next())
    carl = DirectClient(stage, "carl")
    carl.connect()
    carl.say(Join())
    assert told(carl) == ["direct trying 1"]
    assert bert.all(Ended)


def test_relay_first_links_at_once_and_moves_over() -> None:
    stage, anna, bert = meet(RELAY_FIRST)
    assert told(anna) == ["direct trying 1", "relay trying 2", "relay linked 2"]
    stage.flow()
    connect(stage, anna, bert)
    stage.wait(stage.rules.stable_seconds)
    assert told(anna)[-2:] == ["direct connected 1 direct_stable", "relay unlinked 2 direct_connected"]
    anna.say(Next())
    assert stage.ended[0].troubles == ()


# --- direct breaks --------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["interrupted", "failed"])
def test_a_direct_route_that_breaks_goes_to_the_relay_at_once(how: str) -> None:
    stage, anna, bert = meet()
    connect(stage, anna, bert)
    stage.wait(30)
    before = len(told(anna))
    bert.state(how)
    expected = ["direct interrupted 1 direct_lost", "relay trying 2 direct_lost", "relay linked 2"]
    assert told(anna)[before:] == told(bert)[before:] == expected, (
        "the old connection stays until the new one carries"
    )
    stage.flow()
    expected += ["relay connected 2"] + (["direct unlinked 1 direct_lost"] if how == "failed" else [])
    assert told(anna)[before:] == told(bert)[before:] == expected
    assert stage.relay.violations == []
    assert not anna.all(Ended)


def test_what_comes_back_must_be_stable() -> None:
    stage, anna, bert = meet()
    connect(stage, anna, bert)
    bert.state("interrupted")
    stage.flow()
    connect(stage, anna, bert)
    stage.wait(stage.rules.stable_seconds - 0.1)
    assert told(anna)[-1] == "direct linked 1"
    stage.wait(0.2)
    assert told(anna)[-2:] == ["direct connected 1 direct_stable", "relay unlinked 2 direct_connected"]


def test_what_does_not_come_back_is_tried_afresh_a_few_times() -> None:
    stage, anna, bert = meet()
    connect(stage, anna, bert)
    bert.state("interrupted")
    stage.flow()
    stage.wait(stage.rules.direct_keep_seconds + 0.1)
    assert told(anna)[-1] == "direct unlinked 1 direct_lost"
    stage.wait(stage.rules.direct_retry_seconds)
    assert told(anna)[-1] == "direct trying 3"
    assert anna.last(Route).role == "impolite"
    anna.state("failed")
    stage.wait(stage.rules.direct_retry_seconds)
    assert told(anna)[-1] == "direct trying 4"
    connect(stage, anna, bert)
    stage.wait(stage.rules.stable_seconds)
    assert told(anna)[-1] == "relay unlinked 2 direct_connected"
    anna.state("failed")
    stage.flow()
    stage.wait(3600)
    assert told(anna)[-1] == "direct unlinked 4 direct_lost", "three attempts are enough"


def test_no_retry_when_it_never_worked() -> None:
    stage, anna, _ = meet()
    anna.state("failed")
    stage.flow()
    stage.wait(3600)
    assert [line for line in told(anna) if "trying" in line] == [
        "direct trying 1",
        "relay trying 2 direct_failed",
    ]


def test_a_break_while_the_relay_carries_is_nobodys_news() -> None:
    stage, anna, bert = meet()
    stage.wait(0.6)
    stage.flow()
    anna.state("connected")
    bert.state("connected")
    before = told(anna)
    bert.state("interrupted")
    assert told(anna) == before


# --- the relay fails while there is a direct route ------------------------------------------------


def test_a_full_relay_does_not_end_a_match_that_may_connect_directly() -> None:
    stage = Stage(policy=DIRECT_FIRST)
    stage.relay.full = "relay_full"
    anna, bert = DirectClient(stage, "anna"), DirectClient(stage, "bert")
    for client in (anna, bert):
        client.connect()
        client.say(Join())
    stage.wait(5)
    assert not anna.all(Ended)
    assert told(anna)[-1] == "relay unlinked 2 relay_failed"
    connect(stage, anna, bert)
    assert told(anna)[-1] == "direct connected 1"
    stage.wait(60)
    assert not anna.all(Ended)


def test_with_neither_route_the_match_ends_and_says_why() -> None:
    stage = Stage(policy=DIRECT_FIRST)
    stage.relay.full = "relay_full"
    anna, bert = DirectClient(stage, "anna"), DirectClient(stage, "bert")
    for client in (anna, bert):
        client.connect()
        client.say(Join())
    stage.wait(1)
    anna.state("failed")
    for client in (anna, bert):
        ended = client.last(Ended)
        assert (ended.reason, ended.by, ended.step) == ("relay_full", "service", "limit")
    steps = [(t.step, t.route) for t in stage.ended[0].troubles]
    assert steps == [("signaling", "direct"), ("limit", "relay")]
    assert stage.core.tallies.ends == {"relay_full": 1}


def test_a_direct_route_that_was_only_interrupted_may_save_the_match() -> None:
    stage = Stage(policy=DIRECT_FIRST)
    stage.relay.full = "relay_full"
    anna, bert = DirectClient(stage, "anna"), DirectClient(stage, "bert")
    for client in (anna, bert):
        client.connect()
        client.say(Join())
    connect(stage, anna, bert)
    assert told(anna)[-1] == "direct connected 1", "there need be no leg in reserve"
    bert.state("interrupted")
    assert told(anna)[-1] == "relay unlinked 2 relay_failed"
    bert.state("connected")
    bert.plays()
    assert told(anna)[-1] == "direct connected 1"
    bert.state("failed")
    assert anna.last(Ended).reason == "relay_full"


@pytest.mark.parametrize(
    ("network", "step"),
    [
        (None, "ice_udp"),
        (Network(udp=False, tcp=True), "ice_tcp"),
        (Network(udp=False, tcp=False), "ice_tls"),
    ],
)
def test_the_end_says_which_way_was_closed(network: Network | None, step: str) -> None:
    stage = Stage(policy=make_policy("relay-only", 0))
    stage.relay.connects = False
    anna = DirectClient(stage, "anna")
    anna.connect()
    if network is not None:
        anna.say(network)
    anna.say(Join())
    stage.relay.connects = True
    bert = stage.client("bert")
    bert.say(Join())
    stage.wait(stage.rules.connect_seconds + 1)
    for client, by in ((anna, "you"), (bert, "stranger")):
        ended = client.last(Ended)
        assert (ended.reason, ended.by, ended.step) == ("ice_failed", by, step)
    (trouble,) = stage.ended[0].troubles
    assert (trouble.step, trouble.side, trouble.route) == (step, 0, "relay")
    assert stage.core.tallies.troubles == {(step, "relay"): 1}
