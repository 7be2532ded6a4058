"""A node that is to stop: no new matches, nobody new, and whoever talks goes on."""

from __future__ import annotations

from signaling.core.rules import Rules
from signaling.messages import Chat, Ended, Error, Idle, Join, Matched, Next, Queued, SendChat, Welcome
from tests.signaling.core.stage import Stage


def drain(stage: Stage) -> None:
    stage.run(stage.core.drain(stage.now))


def test_a_call_goes_on_and_nobody_new_is_matched() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    cora = stage.client("cora")
    drain(stage)
    stage.wait(300)
    assert not anna.all(Ended)
    anna.say(SendChat(id="1", text="still here"))
    assert bert.last(Chat).text == "still here"
    cora.say(Join())
    assert cora.last(Error).code == "draining"
    assert isinstance(cora.got[-1], Idle)
    assert stage.core.counts["waiting"] == 0


def test_who_waits_is_told_and_is_in_the_lobby() -> None:
    stage = Stage()
    anna = stage.client("anna")
    anna.say(Join())
    drain(stage)
    assert [type(message) for message in anna.got[-2:]] == [Error, Idle]
    assert anna.last(Error).code == "draining"
    assert "Try again" in anna.last(Error).message
    bert = stage.client("bert")
    assert bert.closed == [1012]
    assert bert.last(Error).code == "draining"


def test_who_waits_may_be_kept_for_the_node_that_comes_after() -> None:
    stage = Stage(Rules(drain_queue="keep"))
    anna, bert = stage.client("anna"), stage.client("bert")
    anna.say(Join())
    drain(stage)
    bert.say(Join())
    stage.wait(30)
    for client in (anna, bert):
        assert client.all(Queued)
        assert not client.all(Matched)
        assert not client.all(Error)
    stage.run(stage.core.undrain(stage.now))
    assert anna.all(Matched)


def test_next_ends_the_call_and_finds_nobody() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    drain(stage)
    anna.say(Next())
    assert bert.last(Ended).reason == "next"
    assert [type(message) for message in anna.got[-2:]] == [Error, Idle]
    assert stage.core.counts["matches"] == 0


def test_a_seat_whose_socket_was_lost_is_resumed_while_draining() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    drain(stage)
    anna.drop()
    anna.connect(resume=True)
    assert anna.last(Welcome).resumed
    anna.say(SendChat(id="1", text="back"))
    assert bert.last(Chat).text == "back"


def test_a_drain_can_be_taken_back() -> None:
    stage = Stage()
    drain(stage)
    stage.run(stage.core.undrain(stage.now))
    anna, _ = stage.pair()
    assert anna.all(Matched)
