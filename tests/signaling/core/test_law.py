"""docs/protocol.md 2.3: every message in every state has its answer."""

from __future__ import annotations

from typing import get_args

import pytest

from relay.door import UnlinkLegs
from signaling.core.effects import StoreBlock, StoreReport
from signaling.core.safety import BlocksMade
from signaling.messages import (
    Block,
    Chat,
    ChatAccepted,
    ChatDelivered,
    ChatReceived,
    ClientMessage,
    DirectState,
    Ended,
    Error,
    Hello,
    Idle,
    Join,
    Leave,
    LegAnswer,
    LegOffer,
    Matched,
    Media,
    MediaFlowing,
    Network,
    Next,
    OpenLeg,
    Ping,
    Pong,
    Quality,
    Queued,
    Report,
    SendCandidate,
    SendChat,
    SendDescription,
    SendTyping,
    Typing,
)
from tests.signaling.core.stage import Client, Stage

STATES = ("idle", "queued", "matched")


def in_state(state: str) -> tuple[Stage, Client, Client | None]:
    """Somebody in ``state``, having had no match before, and the stranger if there is one."""
    stage = Stage()
    if state == "matched":
        anna, bert = stage.pair()
        bert.say(SendChat(id="theirs", text="hi"))
        anna.take()
        bert.take()
        return stage, anna, bert
    anna = stage.client("anna")
    if state == "queued":
        anna.say(Join())
    anna.take()
    return stage, anna, None


MESSAGES: dict[type[ClientMessage], ClientMessage] = {
    Hello: Hello(token="t"),
    Network: Network(udp=True),
    OpenLeg: OpenLeg(),
    LegAnswer: LegAnswer(leg="nobodys", sdp="v=0"),
    SendDescription: SendDescription(match="m", attempt=1, kind="offer", sdp="v=0"),
    SendCandidate: SendCandidate(match="m", attempt=1, candidate=""),
    DirectState: DirectState(match="m", attempt=1, state="connected"),
    MediaFlowing: MediaFlowing(match="m", attempt=1),
    Quality: Quality(match="m", level="good"),
    Join: Join(),
    Next: Next(),
    Leave: Leave(),
    SendChat: SendChat(id="mine", text="hello"),
    ChatReceived: ChatReceived(id="theirs"),
    SendTyping: SendTyping(active=True),
    Media: Media(camera=False, microphone=True),
    Block: Block(),
    Report: Report(match="unknown", reason="spam"),
    Ping: Ping(),
}

REFUSED: dict[tuple[type[ClientMessage], str], str] = {
    **{(Hello, state): "already_welcome" for state in STATES},
    **{(LegAnswer, state): "unknown_leg" for state in STATES},
    **{(Report, state): "unknown_match" for state in STATES},
    (Join, "queued"): "already_queued",
    (Join, "matched"): "already_matched",
    (Leave, "idle"): "not_queued",
    **{
        (kind, state): "not_matched"
        for kind in (Next, SendChat, ChatReceived, SendTyping, Block)
        for state in ("idle", "queued")
    },
}


def test_the_table_is_about_every_message() -> None:
    assert set(MESSAGES) == set(get_args(ClientMessage))


@pytest.mark.parametrize(("kind", "state"), REFUSED, ids=lambda x: getattr(x, "__name__", x))
def test_illegal_messages_are_refused_by_name(kind: type[ClientMessage], state: str) -> None:
    stage, anna, bert = in_state(state)
    before = stage.core.counts
    if kind is Hello:
        anna.say_raw(MESSAGES[kind])
    else:
        anna.say(MESSAGES[kind])
    (error,) = anna.take()
    assert isinstance(error, Error)
    assert (error.code, error.about) == (REFUSED[kind, state], MESSAGES[kind].__struct_config__.tag)
    assert error.n == (0 if kind is Hello else anna.n)
    assert error.message
    assert stage.core.counts == before, "a refused message changes nothing"
    assert bert is None or bert.take() == []


@pytest.mark.parametrize("state", STATES)
def test_ping_and_leg_open_are_answered_in_every_state(state: str) -> None:
    stage, anna, _ = in_state(state)
    anna.ping()
    (pong,) = anna.take()
    assert isinstance(pong, Pong)
    assert (pong.received, pong.seq) == (anna.n, 0)
    anna.say(OpenLeg())
    offers = anna.all(LegOffer)
    anna.take()
    anna.say(OpenLeg())
    again = anna.all(LegOffer)
    assert [(o.leg, o.sdp) for o in again] == [(o.leg, o.sdp) for o in offers], "the same offer again"
    assert len(stage.relay.legs) == (2 if state == "matched" else 1)


def test_join_queues() -> None:
    _, anna, _ = in_state("idle")
    anna.say(Join())
    assert anna.last(Queued) == Queued(position=1, waiting=1, online=1, estimate_seconds=None, seq=2)


def test_leave_while_queued() -> None:
    stage, anna, _ = in_state("queued")
    anna.say(Leave())
    assert isinstance(anna.got[-1], Idle)
    assert stage.core.counts["waiting"] == 0
    assert len(stage.relay.legs) == 1, "the leg stays"


@pytest.mark.parametrize(
    ("message", "mine", "theirs", "after"),
    [
        (Next(), ("next", "you"), ("next", "stranger"), Queued),
        (Leave(), ("left", "you"), ("left", "stranger"), Idle),
        (Block(), ("blocked", "you"), ("left", "stranger"), Idle),
    ],
)
def test_ways_to_end_a_match(
    message: ClientMessage, mine: tuple[str, str], theirs: tuple[str, str], after: type
) -> None:
    stage, anna, bert = in_state("matched")
    assert bert is not None
    anna.say(message)
    assert (anna.last(Ended).reason, anna.last(Ended).by) == mine
    assert (bert.last(Ended).reason, bert.last(Ended).by) == theirs
    assert isinstance(anna.got[-1], after)
    assert isinstance(bert.got[-1], Idle)
    assert isinstance(stage.relay.requests[-1], UnlinkLegs)
    assert len(stage.relay.legs) == 2, "legs outlive the match"
    assert stage.core.counts["matches"] == 0
    assert len(stage.ended) == 1


def test_next_keeps_the_preferences_of_join() -> None:
    stage = Stage()
    anna, bert = stage.client("anna"), stage.client("bert")
    anna.say(Join(interests=("chess", "tea")))
    bert.say(Join())
    anna.say(Next())
    carl = stage.client("carl")
    carl.say(Join())
    assert carl.match == anna.match
    assert carl.last(Matched).stranger.interests == ("chess", "tea")


def test_chat_in_a_match() -> None:
    _, anna, bert = in_state("matched")
    assert bert is not None
    anna.say(SendChat(id="1", text="  spaces stay  "))
    accepted, chat = anna.last(ChatAccepted), bert.last(Chat)
    assert (chat.id, chat.text, chat.at_ms) == ("1", "  spaces stay  ", accepted.at_ms)
    assert not anna.all(ChatDelivered)
    bert.say(ChatReceived(id="1"))
    bert.say(ChatReceived(id="1"))
    assert len(anna.all(ChatDelivered)) == 1


def test_a_repeated_chat_is_accepted_and_not_delivered_again() -> None:
    stage, anna, bert = in_state("matched")
    assert bert is not None
    anna.say(SendChat(id="1", text="once"))
    stage.wait(3)
    anna.say(SendChat(id="1", text="once"))
    first, second = anna.all(ChatAccepted)
    assert first.at_ms == second.at_ms
    assert len(bert.all(Chat)) == 1
    bert.say(SendChat(id="1", text="an id is the sender's own"))
    assert len(anna.all(Chat)) == 1


def test_a_receipt_for_nothing_is_refused() -> None:
    _, anna, bert = in_state("matched")
    assert bert is not None
    anna.say(ChatReceived(id="never-said"))
    assert anna.last(Error).code == "unknown_chat"
    anna.say(SendChat(id="mine", text="x"))
    anna.say(ChatReceived(id="mine"))
    assert anna.last(Error).code == "unknown_chat", "one's own words are not received"


def test_typing_is_passed_on_when_it_changes_and_expires() -> None:
    stage, anna, bert = in_state("matched")
    assert bert is not None

    def heard() -> list[bool]:
        return [m.active for m in bert.all(Typing)]

    anna.say(SendTyping(active=True))
    anna.say(SendTyping(active=True))
    assert heard() == [True]
    stage.wait(4)
    anna.say(SendTyping(active=True))
    stage.wait(4)
    assert heard() == [True], "the last true counts"
    stage.wait(1.1)
    assert heard() == [True, False]
    anna.say(SendTyping(active=False))
    assert heard() == [True, False]
    anna.say(SendTyping(active=True))
    anna.say(SendChat(id="1", text="done typing"))
    assert heard() == [True, False, True, False]
    order = [type(m).__name__ for m in bert.got[-2:]]
    assert order == ["Typing", "Chat"]


def test_typing_ends_with_the_match() -> None:
    stage, anna, bert = in_state("matched")
    assert bert is not None
    anna.say(SendTyping(active=True))
    anna.say(Next())
    bert.take()
    stage.wait(10)
    assert bert.take() == []


def test_block_is_stored_and_answered_when_stored() -> None:
    stage, anna, bert = in_state("matched")
    assert bert is not None
    match = stage.started[0].match_id
    anna.say(Block())
    (store,) = stage.stores
    assert isinstance(store, StoreBlock)
    assert (store.user, store.blocked, store.match) == ("anna", "bert", match)
    assert not [m for m in anna.got if type(m).__name__ == "Blocked"]
    stage.run(stage.core.stored(store, True))
    assert type(anna.got[-1]).__name__ == "Blocked"


def test_a_block_holds_at_once_whatever_the_database_says() -> None:
    stage, anna, bert = in_state("matched")
    assert bert is not None
    anna.say(Block())
    stage.run(stage.core.stored(stage.stores[0], False))
    error = anna.last(Error)
    assert (error.code, error.about, error.n) == ("database_unavailable", "block", anna.n)
    anna.say(Join())
    bert.say(Join())
    stage.wait(3600)
    assert stage.core.counts["waiting"] == 2


def test_a_block_outlives_the_seat_before_it_is_stored() -> None:
    stage, anna, bert = in_state("matched")
    assert bert is not None
    anna.say(Block())
    anna.drop(done=True)
    anna.connect(blocks=set())
    anna.say(Join())
    bert.say(Join())
    stage.wait(3600)
    assert stage.core.counts["waiting"] == 2


def test_the_memory_of_blocks_is_bounded() -> None:
    made = BlocksMade(users=2)
    for user in ("a", "b", "a", "c"):
        made.add(user, "x")
    assert (made.of("a"), made.of("b"), made.of("c")) == ({"x"}, set(), {"x"})


@pytest.mark.parametrize("when", ["during", "after", "two later"])
def test_a_report_is_about_this_match_or_the_last(when: str) -> None:
    stage, anna, bert = in_state("matched")
    assert bert is not None
    match = stage.started[0].match_id
    if when != "during":
        bert.say(Leave())
    if when == "two later":
        carl = stage.client("carl")
        carl.say(Join())
        anna.say(Join())
        anna.say(Leave())
    anna.take()
    anna.say(Report(match=match, reason="harassment", text="rude"))
    if when == "two later":
        assert anna.last(Error).code == "unknown_match"
        return
    (store,) = stage.stores
    assert isinstance(store, StoreReport)
    assert (store.user, store.reported, store.reason, store.text) == ("anna", "bert", "harassment", "rude")
    stage.run(stage.core.stored(store, True))
    assert type(anna.got[-1]).__name__ == "Reported"
    anna.say(Report(match=match, reason="harassment", text="rude"))
    assert type(anna.got[-1]).__name__ == "Reported"
    assert len(stage.stores) == 1, "once is enough"


def test_a_report_that_failed_can_be_made_again() -> None:
    stage, anna, _ = in_state("matched")
    match = stage.started[0].match_id
    anna.say(Report(match=match, reason="other"))
    stage.run(stage.core.stored(stage.stores[0], False))
    assert (anna.last(Error).code, anna.last(Error).about) == ("database_unavailable", "report")
    assert stage.core.counts["matches"] == 1, "the call goes on"
    anna.say(Report(match=match, reason="other"))
    assert len(stage.stores) == 2


def test_a_number_that_skips_one_closes_the_socket_and_keeps_the_seat() -> None:
    _, anna, bert = in_state("matched")
    assert bert is not None
    anna.say_raw(SendChat(id="1", text="x", n=anna.n + 2))
    assert anna.last(Error).code == "gap"
    assert anna.closed == [4000]
    assert not bert.all(Chat)
    anna.connect(resume=True)
    anna.say(SendChat(id="1", text="x"))
    assert len(bert.all(Chat)) == 1


def test_a_number_seen_already_is_ignored() -> None:
    _, anna, bert = in_state("matched")
    assert bert is not None
    anna.say(SendChat(id="1", text="x"))
    anna.take()
    anna.say_raw(SendChat(id="2", text="an old number", n=anna.n))
    assert anna.take() == []
    assert len(bert.all(Chat)) == 1


def test_a_message_without_a_number_is_refused() -> None:
    _, anna, _ = in_state("idle")
    anna.say_raw(Join())
    assert (anna.last(Error).code, anna.last(Error).about) == ("bad_message", "join")


def test_a_bad_message_takes_its_number() -> None:
    stage, anna, _ = in_state("idle")
    assert anna.socket is not None
    stage.run(stage.core.refuse(anna.socket, "bad_message", 1, "chat", stage.now, "nonsense"))
    assert anna.last(Error).n == 1
    anna.n = 1
    anna.say(Join())
    assert anna.all(Queued)
    stage.run(stage.core.refuse(anna.socket, "bad_message", 1, "chat", stage.now, "nonsense"))
    assert len(anna.all(Error)) == 1, "seen already"
    stage.run(stage.core.refuse(anna.socket, "bad_message", 9, "chat", stage.now, "nonsense"))
    assert anna.last(Error).code == "gap"
    assert anna.closed == [4000]
