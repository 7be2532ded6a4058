"""Two strangers, from hello to the record of their match."""

from __future__ import annotations

from signaling.messages import (
    ChatAccepted,
    ChatDelivered,
    ChatReceived,
    Ended,
    Idle,
    Join,
    LegOffer,
    LegState,
    Matched,
    Next,
    Queued,
    Route,
    SendChat,
    Welcome,
)
from tests.signaling.core.stage import UNIX_OFFSET, Client, Stage
from tests.signaling.relay_script import TOTALS_A_TO_B, TOTALS_B_TO_A


def kinds(client: Client) -> list[str]:
    return [
        f"{type(m).__name__}:{m.state}" if isinstance(m, Route | LegState) else type(m).__name__
        for m in client.take()
    ]


def test_two_meet_talk_and_part() -> None:
    stage = Stage()
    anna = stage.client("anna")
    anna.say(Join(interests=("chess",)))
    assert kinds(anna) == ["Welcome", "Idle", "Queued", "LegOffer", "LegState:connected"]
    bert = stage.client("bert")
    bert.say(Join())
    assert kinds(bert) == [
        "Welcome",
        "Idle",
        "Queued",
        "Matched",
        "Route:trying",
        "LegOffer",
        "LegState:connected",
        "Route:linked",
    ]
    matched = anna.last(Matched)
    assert matched.stranger.name == "name of bert"
    stage.now += 0.25
    stage.flow()
    assert kinds(anna) == ["Matched", "Route:trying", "Route:linked", "Route:connected"]

    anna.say(SendChat(id="1", text="hello"))
    bert.say(ChatReceived(id="1"))
    assert anna.last(ChatAccepted).at_ms == int((stage.now + UNIX_OFFSET) * 1000)
    assert anna.last(ChatDelivered).id == "1"

    anna.take()
    bert.take()
    anna.say(Next())
    ended = anna.last(Ended)
    assert (ended.reason, ended.by) == ("next", "you")
    assert kinds(anna) == ["Ended", "Queued"]
    assert (bert.last(Ended).reason, bert.last(Ended).by) == ("next", "stranger")
    assert kinds(bert) == ["Ended", "Idle"]

    record = stage.ended[0]
    assert record.match == stage.started[0]
    assert (record.match.user_a, record.match.user_b) == ("anna", "bert")
    assert (record.reason, record.by, record.connect_ms, record.routes) == ("next", "a", 250, ("relay",))
    assert (record.a_to_b, record.b_to_a) == (TOTALS_A_TO_B, TOTALS_B_TO_A)
    assert stage.relay.violations == []


def test_a_leg_is_kept_from_match_to_match() -> None:
    stage = Stage()
    anna, _ = stage.pair()
    carl = stage.client("carl")
    carl.say(Join())
    anna.say(Next())
    assert anna.last(Matched).stranger.name == "name of carl"
    assert len(anna.all(LegOffer)) == 1
    assert anna.last(Route).state == "linked"
    assert anna.last(Route).leg == anna.last(LegOffer).leg
    assert stage.relay.violations == []


def test_a_lost_socket_keeps_the_call_and_gets_what_it_missed() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    anna.take()
    anna.drop()
    bert.say(SendChat(id="1", text="are you there?"))
    bert.say(SendChat(id="2", text="hello?"))
    stage.wait(5)
    anna.connect(resume=True)
    assert anna.got[0] == Welcome(
        protocol=1,
        seat=anna.seat or "",
        resumed=True,
        received=anna.n,
        user=anna.got[0].user,  # type: ignore[union-attr]  # the comparison itself says that it is a welcome
        limits=anna.got[0].limits,  # type: ignore[union-attr]  # as above
    )
    assert [m.id for m in anna.got[1:]] == ["1", "2"]  # type: ignore[union-attr]  # only chat has come
    assert not bert.all(Ended)
    stage.wait(60)
    assert not bert.all(Ended)


def test_a_seat_that_is_not_resumed_ends_the_match_as_lost() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    anna.drop()
    stage.wait(19.9)
    assert not bert.all(Ended)
    stage.wait(0.2)
    assert (bert.last(Ended).reason, bert.last(Ended).by) == ("lost", "stranger")
    assert isinstance(bert.got[-1], Idle)
    anna.connect(resume=True)
    assert anna.last(Welcome).resumed is False
    assert stage.core.counts["legs"] == 1


def test_positions_are_told() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    anna.say(Next())
    bert.say(Join())
    assert bert.last(Queued).position == 2
    assert bert.last(Queued).waiting == 2
    stage.wait(61)
    assert len(bert.all(Matched)) == 2
