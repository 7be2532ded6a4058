"""Descriptions and candidates of a direct attempt: whose, which stale, how many, and what stays hidden."""

from __future__ import annotations

import pytest

from signaling.core.negotiation import CANDIDATES, DESCRIPTIONS
from signaling.core.record import ROUTE_CHANGES
from signaling.core.route import Outlook, RoutePlan, RoutePolicy, make_policy
from signaling.messages import (
    Candidate,
    Description,
    DirectState,
    DirectStats,
    Error,
    Join,
    MediaFlowing,
    Next,
    SendCandidate,
    SendDescription,
    ServerMessage,
)
from tests.signaling.core.direct_stage import DIRECT_FIRST, RELAY_FIRST, DirectClient, connect, meet

SDP = "v=0\r\na=candidate:1 1 udp 2122260223 198.51.100.7 46243 typ host\r\n"
HOST = "candidate:1 1 udp 2122260223 198.51.100.7 46243 typ host"


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
