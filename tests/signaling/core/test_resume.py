"""Seats: resuming, taking over, and what a new client finds (docs/protocol.md 2.1 and 2.2)."""

from __future__ import annotations

import dataclasses

import pytest

from signaling.core.outbox import REPLAY_MESSAGES
from signaling.core.rules import Rules
from signaling.messages import (
    Chat,
    Closing,
    Ended,
    Error,
    Idle,
    Join,
    Leave,
    Matched,
    Next,
    OpenLeg,
    Queued,
    Replaced,
    SendChat,
    Welcome,
)
from tests.signaling.core.stage import Stage


def chat(stage: Stage, sender: object, count: int) -> None:
    for i in range(count):
        sender.say(SendChat(id=f"c{i}", text=str(i)))  # type: ignore[attr-defined]  # a client


def test_what_was_sent_and_not_received_comes_again() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    chat(stage, bert, 10)
    # The last five never arrived.
    for _ in range(5):
        anna.got.pop()
    anna.received -= 5
    anna.drop()
    chat(stage, bert, 0)
    bert.say(SendChat(id="late", text="late"))
    anna.connect(resume=True)
    texts = [m.text for m in anna.all(Chat)]
    assert texts == [*map(str, range(10)), "late"]


def test_exactly_the_log_can_be_missed() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    anna.drop()
    chat(stage, bert, REPLAY_MESSAGES)
    anna.connect(resume=True)
    assert anna.last(Welcome).resumed
    assert len(anna.all(Chat)) == REPLAY_MESSAGES


def test_more_than_the_log_starts_anew_and_ends_the_match() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    anna.drop()
    chat(stage, bert, REPLAY_MESSAGES + 1)
    anna.take()
    anna.connect(resume=True)
    assert not anna.last(Welcome).resumed
    assert [type(m) for m in anna.got] == [Welcome, Idle]
    assert (bert.last(Ended).reason, bert.last(Ended).by) == ("replaced", "stranger")


def test_a_ping_lets_the_server_forget() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    for _ in range(3):
        chat(stage, bert, 200)
        anna.ping()
    anna.drop()
    chat(stage, bert, 100)
    anna.connect(resume=True)
    assert anna.last(Welcome).resumed


def test_a_number_from_the_future_is_not_believed() -> None:
    stage = Stage()
    anna = stage.client("anna")
    anna.drop()
    anna.received = 1000
    anna.connect(resume=True)
    assert not anna.last(Welcome).resumed


def test_a_seat_is_resumed_by_its_own_account_only() -> None:
    stage = Stage()
    anna, _ = stage.pair()
    seat = anna.seat
    anna.drop()
    mallory = stage.client("mallory")
    mallory.drop()
    mallory.seat, mallory.received = seat, 0
    mallory.connect(resume=True)
    welcome = mallory.last(Welcome)
    assert not welcome.resumed
    assert welcome.user.id == "mallory"
    assert welcome.seat != seat


def test_a_second_socket_is_refused_without_harm() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    socket = anna.socket
    second = stage.client("anna")
    assert second.closed == [4005]
    assert second.last(Error).code == "seat_taken"
    assert anna.socket == socket
    anna.say(SendChat(id="1", text="still here"))
    assert bert.all(Chat)


def test_taking_over_ends_the_match_and_tells_the_first() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    leg = stage.leg_of(anna)
    second = stage.client("anna", take_over=True)
    assert isinstance(anna.got[-1], Replaced)
    assert anna.got[-1].seq == 0
    assert anna.closed == [4001]
    assert [type(m) for m in second.got] == [Welcome, Idle]
    assert (bert.last(Ended).reason, bert.last(Ended).by) == ("replaced", "stranger")
    assert leg not in stage.relay.legs, "the browser's half of that leg is gone"
    second.say(Join())
    assert second.last(Queued).seq == 2
    # The first, trying to come back, cannot resume what the second holds.
    anna.connect(resume=True)
    assert anna.closed == [4001, 4005]


def test_taking_over_keeps_the_place_in_the_queue() -> None:
    stage = Stage()
    anna = stage.client("anna", blocks={"bert"})
    bert = stage.client("bert")
    anna.say(Join())
    bert.say(Join())
    again = stage.client("anna", take_over=True)
    assert [type(m).__name__ for m in again.got[:2]] == ["Welcome", "Queued"]
    assert again.last(Queued).position == 1
    carl = stage.client("carl")
    carl.say(Join())
    assert again.match == carl.match


def test_a_reload_without_its_seat_starts_anew() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    anna.drop()
    fresh = stage.client("anna")
    assert not fresh.last(Welcome).resumed
    assert bert.last(Ended).reason == "replaced"


def test_resuming_over_a_socket_that_only_seems_alive() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    old = anna.socket
    bert.say(SendChat(id="1", text="x"))
    anna.connect(resume=True)
    assert anna.last(Welcome).resumed
    assert anna.closed == [4001]
    assert anna.socket != old
    assert not bert.all(Ended)


def test_who_waits_without_a_socket_keeps_the_place_and_is_not_matched() -> None:
    stage = Stage()
    anna = stage.client("anna")
    anna.say(Join())
    anna.drop()
    bert = stage.client("bert")
    bert.say(Join())
    assert not bert.all(Matched)
    assert bert.last(Queued).position == 2
    anna.connect(resume=True)
    assert anna.match == bert.match


def test_a_place_in_the_queue_is_lost_with_the_seat() -> None:
    stage = Stage()
    anna = stage.client("anna")
    anna.say(Join())
    anna.drop()
    bert = stage.client("bert")
    bert.say(Join())
    stage.wait(21)
    assert stage.core.counts["waiting"] == 1
    assert bert.last(Queued).position == 1
    assert stage.relay.legs.keys() == {stage.leg_of(bert)}


def test_goodbye_ends_the_seat_at_once() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    anna.drop(done=True)
    assert (bert.last(Ended).reason, bert.last(Ended).by) == ("left", "stranger")
    assert stage.core.counts["seats"] == 1
    assert stage.relay.legs.keys() == {stage.leg_of(bert)}


def test_blocks_must_be_known_for_a_new_seat_only() -> None:
    stage = Stage()
    anna = stage.client("anna", blocks=None)
    assert anna.last(Error).code == "database_unavailable"
    assert anna.closed == [1013]
    assert stage.core.counts["seats"] == 0
    anna.connect()
    anna.drop()
    anna.connect(resume=True, blocks=None)
    assert anna.last(Welcome).resumed


def test_seats_are_bounded() -> None:
    stage = Stage(Rules(max_seats=2))
    stage.client("anna")
    bert = stage.client("bert")
    carl = stage.client("carl")
    assert carl.last(Error).code == "busy"
    assert carl.closed == [1013]
    bert.drop(done=True)
    carl.connect()
    assert carl.last(Welcome)


@pytest.mark.parametrize("waits", [True, False])
def test_stopping_tells_everybody(waits: bool) -> None:
    stage = Stage(auto_relay=True)
    anna, bert = stage.pair()
    carl = stage.client("carl")
    if waits:
        carl.say(Join())
    dora = stage.client("dora")
    dora.say(OpenLeg())
    dora.drop()
    stage.run(stage.core.stop(stage.now))
    for client in (anna, bert):
        assert (client.last(Ended).reason, client.last(Ended).by) == ("service_stopping", "service")
    for client in (anna, bert, carl):
        assert isinstance(client.got[-1], Closing)
        assert client.closed == [1012]
    assert stage.core.counts == dict.fromkeys(stage.core.counts, 0)
    assert stage.relay.legs == {}
    assert [record.reason for record in stage.ended] == ["service_stopping"]
    assert stage.core.next_deadline() is None or stage.core.tick(stage.now + 1e6) == []
    late = stage.client("late")
    assert late.closed == [1012]


def test_records_do_not_wait_for_ever_for_counts() -> None:
    stage = Stage(dataclasses.replace(Rules(), settle_seconds=2.0))
    anna, _ = stage.pair()
    stage.auto_relay = False
    anna.say(Leave())
    assert stage.ended == []
    stage.wait(2.1)
    assert stage.ended[0].a_to_b.packets == 0
    while stage.relay_says():
        pass
    assert len(stage.ended) == 1, "counts that come too late change nothing"


def test_abandoned_records_are_handed_over() -> None:
    stage = Stage()
    anna, _ = stage.pair()
    stage.auto_relay = False
    anna.say(Next())
    stage.run(stage.core.stop(stage.now))
    assert stage.ended == []
    stage.run(stage.core.abandon())
    assert len(stage.ended) == 1
