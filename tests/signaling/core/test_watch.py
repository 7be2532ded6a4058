"""What an operator sees of a match, and what an operator does to it."""

from __future__ import annotations

import pytest

from relay.door import CloseLeg, LegInterrupted, LegResumed, UnlinkLegs
from signaling.core.course import EVENTS, QUALITY_EVENTS
from signaling.core.side import Side
from signaling.core.switchboard import PUT_OUT
from signaling.messages import Chat, Ended, Idle, Join, Quality, SendChat
from tests.signaling.core.stage import UNIX_OFFSET, Stage


def test_a_call_by_relay_is_seen_with_both_ends() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    stage.now += 12
    (call,) = stage.core.calls(stage.now)
    assert (call.match, call.route, call.state) == (anna.match, "relay", "connected")
    assert call.started_at == pytest.approx(UNIX_OFFSET + stage.now - 12)
    assert call.age_seconds == pytest.approx(12)
    assert call.connect_ms is not None
    assert [(end.user, end.name, end.away, end.transport) for end in call.ends] == [
        (anna.user, f"name of {anna.user}", False, "udp"),
        (bert.user, f"name of {bert.user}", False, "udp"),
    ]
    assert {end.leg for end in call.ends} == set(stage.relay.legs)
    assert all(end.quality is None and end.direct is None for end in call.ends)


def test_states_of_a_call() -> None:
    stage = Stage()
    anna, bert = stage.client("anna"), stage.client("bert")
    anna.answers = bert.answers = False
    anna.say(Join())
    bert.say(Join())
    (call,) = stage.core.calls(stage.now)
    assert (call.route, call.state, call.connect_ms) == (None, "connecting", None)

    stage = Stage()
    anna, bert = stage.pair()
    leg = stage.core.calls(stage.now)[0].ends[0].leg
    assert leg is not None
    stage.run(stage.core.relay_event(LegInterrupted(leg), stage.now))
    assert stage.core.calls(stage.now)[0].state == "interrupted"
    stage.run(stage.core.relay_event(LegResumed(leg), stage.now))
    assert stage.core.calls(stage.now)[0].state == "connected"
    bert.drop()
    assert [end.away for end in stage.core.calls(stage.now)[0].ends] == [False, True]


def test_the_newest_word_on_quality_counts_and_one_of_another_match_does_not() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    first = anna.match
    anna.say(Quality(match=first, level="good", rtt_ms=20.0))
    anna.say(Quality(match=first, level="poor", reason="loss", rtt_ms=300.0, loss_permille=80))
    stage.now += 4
    anna_end, bert_end = stage.core.calls(stage.now)[0].ends
    assert anna_end.quality is not None
    assert (anna_end.quality.level, anna_end.quality.loss_permille) == ("poor", 80)
    assert anna_end.quality_age_seconds == pytest.approx(4)
    assert bert_end.quality is None
    bert.say(Quality(match="another", level="good"))
    assert stage.core.calls(stage.now)[0].ends[1].quality is None
    assert stage.core.tallies.stale == 1
    assert not [m for m in anna.take() + bert.take() if not isinstance(m, Chat) and "quality" in str(m)]


def test_the_record_tells_each_step() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    stage.now += 1
    anna.say(Quality(match=anna.match, level="fair", reason="loss"))
    anna.say(Quality(match=anna.match, level="fair", reason="loss"))
    bert.drop()
    stage.now += 2
    bert.connect(resume=True)
    found = stage.core.call(anna.match, stage.now)
    assert found is not None
    so_far = found[1].events
    assert stage.core.end_call(anna.match, stage.now) is not None
    stage.run(stage.core.abandon())
    (ended,) = stage.ended
    assert ended.events == so_far
    told = [(event.event, event.side, event.detail) for event in ended.events]
    assert told[0] == ("leg_connected", Side.A, "udp"), "it was up before the match"
    of_bert = [event for event, side, _ in told if side is Side.B and event.startswith("leg")]
    assert of_bert == ["leg_offered", "leg_answered", "leg_connected"]
    assert told[-3:] == [
        ("quality_fair", Side.A, "loss"),
        ("socket_lost", Side.B, None),
        ("socket_back", Side.B, None),
    ]
    assert [event.at_ms for event in ended.events] == sorted(event.at_ms for event in ended.events)
    assert stage.core.call(anna.match, stage.now) is None


def test_a_flapping_socket_does_not_fill_the_memory() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    for _ in range(EVENTS):
        bert.drop()
        bert.connect(resume=True)
    found = stage.core.call(anna.match, stage.now)
    assert found is not None
    assert len(found[1].events) == EVENTS


def test_a_wavering_line_leaves_room_for_other_steps() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    for _ in range(EVENTS):
        anna.say(Quality(match=anna.match, level="poor"))
        anna.say(Quality(match=anna.match, level="good"))
    bert.drop()
    found = stage.core.call(anna.match, stage.now)
    assert found is not None
    events = [event.event for event in found[1].events]
    assert sum(event.startswith("quality") for event in events) == QUALITY_EVENTS
    assert events[-1] == "socket_lost"


def test_an_operator_ends_a_call_and_both_are_told_why() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    effects = stage.core.end_call(anna.match, stage.now)
    assert effects is not None
    stage.run(effects)
    for client in (anna, bert):
        ended = client.last(Ended)
        assert (ended.reason, ended.by) == ("ended_by_operator", "service")
        assert ended.message == "An operator ended this call."
        assert isinstance(client.got[-1], Idle)
    assert stage.ended[0].reason == "ended_by_operator"
    assert isinstance(stage.relay.requests[-1], UnlinkLegs)
    assert stage.core.end_call(anna.match, stage.now) is None
    anna.say(Join())
    bert.say(Join())
    bert.say(SendChat(id="1", text="again"))
    assert anna.last(Chat).text == "again", "they may meet again"


def test_a_user_is_put_out_of_a_match_a_queue_and_a_held_seat() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    effects = stage.core.put_out(bert.user, stage.now)
    assert effects is not None
    stage.run(effects)
    assert bert.closed == [PUT_OUT]
    assert bert.last(Ended).reason == anna.last(Ended).reason == "ended_by_operator"
    assert any(isinstance(request, CloseLeg) for request in stage.relay.requests)
    assert stage.core.counts["seats"] == 1
    assert stage.core.put_out(bert.user, stage.now) is None

    anna.say(Join())
    stage.run(stage.core.put_out(anna.user, stage.now) or [])
    assert stage.core.counts["waiting"] == 0

    carl = stage.client("carl")
    carl.drop()
    assert stage.core.put_out("carl", stage.now) is not None
    assert stage.core.counts["seats"] == 0
