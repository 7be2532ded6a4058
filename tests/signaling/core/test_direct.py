"""The direct route beside the relay's: who carries the match, when it moves, and what both are told."""

from __future__ import annotations

from typing import Any

import pytest

from relay import door
from signaling.core.negotiation import CANDIDATES, DESCRIPTIONS
from signaling.core.record import ROUTE_CHANGES
from signaling.core.route import Outlook, RoutePlan, RoutePolicy, make_policy
from signaling.core.rules import Rules
from signaling.messages import (
    Candidate,
    Description,
    DirectState,
    DirectStats,
    Ended,
    Error,
    Join,
    Leave,
    LegOffer,
    LegState,
    MediaFlowing,
    Network,
    Next,
    OpenLeg,
    Route,
    SendCandidate,
    SendDescription,
    ServerMessage,
    Welcome,
)
from tests.signaling.core.stage import Client, Stage

DIRECT_FIRST = make_policy("direct-first", 0.6)
RELAY_FIRST = make_policy("relay-first", 0.6)
SDP = "v=0\r\na=candidate:1 1 udp 2122260223 198.51.100.7 46243 typ host\r\n"
HOST = "candidate:1 1 udp 2122260223 198.51.100.7 46243 typ host"


class DirectClient(Client):
    """A client that can do the direct route."""

    def __init__(self, stage: Stage, user: str) -> None:
        super().__init__(stage, user)
        self.direct = True

    @property
    def attempt(self) -> int:
        return [m.attempt for m in self.all(Route) if m.route == "direct"][-1]

    def state(self, state: Any, attempt: int | None = None, **fields: Any) -> None:
        attempt = self.attempt if attempt is None else attempt
        self.say(DirectState(match=self.match, attempt=attempt, state=state, **fields))

    def plays(self, attempt: int | None = None) -> None:
        self.say(MediaFlowing(match=self.match, attempt=self.attempt if attempt is None else attempt))


def meet(
    policy: RoutePolicy = DIRECT_FIRST,
    *,
    rules: Rules | None = None,
    joins: tuple[Join, Join] = (Join(), Join()),
    networks: tuple[Network | None, Network | None] = (None, None),
) -> tuple[Stage, DirectClient, DirectClient]:
    """Two in a match, with nothing connected directly yet."""
    stage = Stage(rules, policy=policy)
    clients = DirectClient(stage, "anna"), DirectClient(stage, "bert")
    for client, join, network in zip(clients, joins, networks, strict=True):
        client.connect()
        if network is not None:
            client.say(network)
        client.say(join)
    return stage, *clients


def connect(stage: Stage, *clients: DirectClient) -> None:
    """The direct attempt succeeds and media flows."""
    for client in clients:
        client.state("connected")
    for client in clients:
        client.plays()


def told(client: Client) -> list[str]:
    """Every change of route, as ``route state attempt reason``."""
    return [
        " ".join(str(word) for word in (m.route, m.state, m.attempt, m.reason) if word is not None)
        for m in client.all(Route)
    ]


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
    stage, anna, bert = meet()
    connect(stage, anna, bert)
    stage.relay.full = "relay_full"
    for client in (anna, bert):
        stage.says(*stage.relay.close(stage.leg_of(client), "consent_lost"))
    assert told(anna)[-1] == "direct connected 1", "a leg in reserve may go"
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


# --- negotiation ----------------------------------------------------------------------------------


def test_descriptions_and_candidates_go_to_the_stranger() -> None:
    _, anna, bert = meet()
    anna.say(SendDescription(match=anna.match, attempt=1, kind="offer", sdp=SDP))
    anna.say(SendCandidate(match=anna.match, attempt=1, candidate=HOST, mid="0", line=0, ufrag="abcd"))
    anna.say(SendCandidate(match=anna.match, attempt=1, candidate=""))
    assert (bert.last(Description).kind, bert.last(Description).sdp) == ("offer", SDP)
    first, last = bert.all(Candidate)
    assert (first.candidate, first.mid, first.line, first.ufrag) == (HOST, "0", 0, "abcd")
    assert last.candidate == ""
    assert not anna.all(Description)
    bert.say(SendDescription(match=bert.match, attempt=1, kind="answer", sdp="v=0"))
    assert anna.last(Description).kind == "answer"


def test_stale_words_are_dropped() -> None:
    stage, anna, bert = meet()
    old = anna.match
    for match, attempt in ((old, 0), (old, 2), ("nobodys", 1)):
        anna.say(SendDescription(match=match, attempt=attempt, kind="offer", sdp=SDP))
        anna.say(SendCandidate(match=match, attempt=attempt, candidate=HOST))
        anna.say(DirectState(match=match, attempt=attempt, state="failed"))
        anna.say(MediaFlowing(match=match, attempt=attempt))
    assert not bert.all(Description)
    assert not bert.all(Candidate)
    anna.say(Next())
    anna.say(SendDescription(match=old, attempt=1, kind="offer", sdp=SDP))
    carl = DirectClient(stage, "carl")
    carl.connect()
    carl.say(Join())
    anna.say(SendDescription(match=old, attempt=1, kind="offer", sdp=SDP))
    assert not carl.all(Description)
    assert not bert.all(Description)
    assert stage.core.tallies.stale == 14
    assert not anna.all(Error)


def test_words_after_the_attempt_are_stale() -> None:
    stage, anna, bert = meet()
    anna.state("failed")
    bert.state("connected")
    bert.say(SendDescription(match=bert.match, attempt=1, kind="answer", sdp=SDP))
    assert not anna.all(Description)
    assert stage.core.tallies.stale == 2


def test_negotiation_is_bounded() -> None:
    stage, anna, bert = meet()
    for _ in range(DESCRIPTIONS + 3):
        anna.say(SendDescription(match=anna.match, attempt=1, kind="offer", sdp=SDP))
    for _ in range(CANDIDATES + 3):
        anna.say(SendCandidate(match=anna.match, attempt=1, candidate=HOST))
    anna.say(SendCandidate(match=anna.match, attempt=1, candidate="a=crypto:1"))
    assert len(bert.all(Description)) == DESCRIPTIONS
    assert len(bert.all(Candidate)) == CANDIDATES
    codes = [(m.code, m.about) for m in anna.all(Error)]
    assert codes == [
        *[("too_many_descriptions", "description")] * 3,
        *[("too_many_candidates", "candidate")] * 3,
        ("bad_candidate", "candidate"),
    ]
    assert stage.core.counts["matches"] == 1


def test_route_changes_in_the_record_are_bounded() -> None:
    stage, anna, bert = meet()
    connect(stage, anna, bert)
    for _ in range(ROUTE_CHANGES):
        bert.state("interrupted", attempt=1)
        stage.flow()
        connect(stage, anna, bert)
        stage.wait(stage.rules.stable_seconds)
    anna.say(Next())
    assert len(stage.ended[0].route_changes) == ROUTE_CHANGES


def test_numbers_of_the_direct_route_are_kept() -> None:
    stage, anna, bert = meet()
    connect(stage, anna, bert)
    stats = DirectStats(rtt_ms=12.5, received_packets=1000)
    anna.state("connected", stats=stats)
    anna.say(Next())
    assert stage.ended[0].direct_stats == (stats, None)


# --- hidden addresses -----------------------------------------------------------------------------

ADDRESSES = ("198.51.100.7", "192.168.1.2", "2001:db8::7", "c0ffee00-1111-2222-3333-444455556666.local")


def leak(client: DirectClient) -> None:
    """Say everything one's own browser could say about one's address, whatever the attempt."""
    for attempt in range(4):
        for address in ADDRESSES:
            host = f"candidate:1 1 udp 1 {address} 9 typ host"
            srflx = f"candidate:1 1 udp 1 {address} 9 typ srflx raddr {address} rport 9"
            relay = f"candidate:1 1 udp 1 203.0.113.1 9 typ relay raddr {address} rport 9"
            sdp = (
                f"v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
                f"c=IN IP4 {address}\r\na=rtcp:9 IN IP4 {address}\r\n"
                + "".join(f"a={line}\r\n" for line in (host, srflx, relay))
            )
            for kind in ("offer", "answer"):
                message = SendDescription(match=client.match, attempt=attempt, kind=kind, sdp=sdp)
                client.say(message)
            for candidate in (host, srflx, relay):
                client.say(SendCandidate(match=client.match, attempt=attempt, candidate=candidate))


def heard(messages: list[ServerMessage]) -> str:
    return "\n".join(map(repr, messages))


@pytest.mark.parametrize("policy", [DIRECT_FIRST, RELAY_FIRST, make_policy("relay-only", 0)])
@pytest.mark.parametrize("who", [0, 1])
def test_no_address_of_either_passes_when_one_hides(policy: RoutePolicy, who: int) -> None:
    joins = Join(hide_address=who == 0), Join(hide_address=who == 1)
    stage, anna, bert = meet(policy, joins=joins)
    stage.flow()
    leak(anna)
    leak(bert)
    stage.wait(60)
    for client in (anna, bert):
        assert not [address for address in ADDRESSES if address in heard(client.got)]
        assert not client.all(Description)
        assert not client.all(Candidate)


def test_even_a_plan_that_tries_tells_no_address_of_who_hides() -> None:
    def reckless(_a: Outlook, _b: Outlook) -> RoutePlan:
        return RoutePlan(direct=True, relay_after_seconds=0.6)

    stage, anna, bert = meet(reckless, joins=(Join(hide_address=True), Join()))
    leak(anna)
    leak(bert)
    assert not [address for address in ADDRESSES if address in heard(bert.got)]
    assert [address for address in ADDRESSES if address in heard(anna.got)], "bert hides nothing"
    assert len(bert.all(Description)) == 8
    assert [m.candidate for m in bert.all(Candidate)] == [
        "candidate:1 1 udp 1 203.0.113.1 9 typ relay raddr 0.0.0.0 rport 0"
    ] * 3
    assert stage.core.tallies.hidden > 0


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
