"""The small parts: deadlines, counts, rates, bytes, sentences."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.core.conversation import REMEMBERED_IDS, Voice
from signaling.core.deadlines import Deadlines
from signaling.core.decode import SENTENCE_MAX_CHARS, Malformed, decode, read_header
from signaling.core.outbox import REPLAY_MESSAGES, Arrival, Inbox, Outbox
from signaling.core.rate import TokenBucket
from signaling.core.seat import LAW
from signaling.core.sentences import end_sentence, error_sentence
from signaling.messages import By, ClientMessage, EndReason, Idle, Join, client_decoder, encoder


@given(st.lists(st.tuples(st.integers(0, 5), st.one_of(st.none(), st.integers(0, 50))), max_size=300))
def test_deadlines_are_those_set_last(changes: list[tuple[int, int | None]]) -> None:
    deadlines: Deadlines[int] = Deadlines()
    model: dict[int, int] = {}
    for key, when in changes:
        if when is None:
            deadlines.clear(key)
            model.pop(key, None)
        else:
            deadlines.set(key, when)
            model[key] = when
        assert deadlines.next() == min(model.values(), default=None)
        assert len(deadlines._heap) <= 2 * len(deadlines) + 65
    due = []
    while (key := deadlines.pop_due(25)) is not None:  # type: ignore[assignment]  # reused name, may be None
        due.append(model.pop(key))
    assert due == sorted(due)
    assert all(when > 25 for when in model.values())
    assert len(deadlines) == len(model)


def test_moving_one_deadline_often_costs_no_memory() -> None:
    deadlines: Deadlines[str] = Deadlines()
    for i in range(10_000):
        deadlines.set("typing", float(i))
    assert len(deadlines._heap) <= 67
    assert deadlines.pop_due(1e9) == "typing"
    assert deadlines.pop_due(1e9) is None


def test_the_outbox_keeps_what_is_not_acknowledged() -> None:
    outbox = Outbox()
    for _ in range(10):
        outbox.number(Idle())
    assert [m.seq for m in outbox.after(7) or ()] == [8, 9, 10]
    assert outbox.after(10) == ()
    assert outbox.after(11) is None
    outbox.acknowledge(5)
    assert outbox.after(4) is None
    assert len(outbox.after(5) or ()) == 5
    outbox.acknowledge(99)
    assert len(outbox) == 5, "a number that was never sent is not believed"
    for _ in range(REPLAY_MESSAGES):
        outbox.number(Idle())
    assert len(outbox) == REPLAY_MESSAGES
    assert outbox.after(9) is None


def test_the_inbox_takes_each_number_once() -> None:
    inbox = Inbox()
    assert [inbox.take(n) for n in (1, 2, 2, 1, 4, 3)] == [
        Arrival.NEW,
        Arrival.NEW,
        Arrival.SEEN,
        Arrival.SEEN,
        Arrival.GAP,
        Arrival.NEW,
    ]


def test_a_bucket_allows_its_burst_and_then_its_rate() -> None:
    bucket = TokenBucket(rate=2, burst=4, now=0.0)
    assert [bucket.take(1, 0.0) for _ in range(5)] == [True] * 4 + [False]
    assert not bucket.exhausted
    assert bucket.take(1, 1.0), "two came in a second, one of them paid the refused one's debt"
    assert not bucket.take(1, 1.0)
    assert [bucket.take(1, 100.0) for _ in range(5)] == [True] * 4 + [False], "never more than the burst"


def test_who_goes_on_is_exhausted() -> None:
    bucket = TokenBucket(rate=1, burst=5, now=0.0)
    refused = 0
    while not bucket.exhausted:
        refused += not bucket.take(1, 0.0)
    assert refused == 5


def test_a_conversation_remembers_a_bounded_number_of_ids() -> None:
    voice = Voice()
    for i in range(10 * REMEMBERED_IDS):
        voice.say(f"c{i}", i)
    assert len(voice.said) == len(voice.undelivered) == REMEMBERED_IDS
    assert voice.delivered("c0") is None
    assert voice.delivered(f"c{10 * REMEMBERED_IDS - 1}") is True
    assert voice.delivered(f"c{10 * REMEMBERED_IDS - 1}") is False


@pytest.mark.parametrize(
    ("data", "n", "about"),
    [
        (b'{"type":"chat","n":7}', 7, "chat"),
        (b'{"n":7,"type":"' + b"x" * 33 + b'"}', 7, None),
        (b'{"type":"chat","n":"7"}', 0, "chat"),
        (b'{"type":"chat","n":true}', 0, "chat"),
        (b'{"type":"chat","n":-1}', 0, "chat"),
        (b'{"type":"chat","n":9007199254740992}', 0, "chat"),
        (b'{"type":"chat","n":1.0}', 0, "chat"),
        (b'{"type":"ping","n":3}', 0, "ping"),
        (b'{"type":3,"n":3}', 3, None),
        (b"[]", 0, None),
        (b"\xff", 0, None),
        (b"", 0, None),
        (b"[" * 100_000, 0, None),
    ],
)
def test_headers_are_read_as_far_as_they_can_be(data: bytes, n: int, about: str | None) -> None:
    assert read_header(data) == (n, about)
    bad = decode(data)
    assert isinstance(bad, Malformed) or about == "ping"


@given(st.binary(max_size=200))
def test_decoding_never_raises(data: bytes) -> None:
    message = decode(data)
    if isinstance(message, Malformed):
        assert len(message.sentence) <= SENTENCE_MAX_CHARS


@given(st.text(max_size=60), st.text(max_size=20))
def test_decoding_json_never_raises(key: str, value: str) -> None:
    data = encoder.encode({"type": "chat", "n": 1, "id": "1", "text": "x", key: value})
    result = decode(data)
    assert result == client_decoder.decode(data) if not isinstance(result, Malformed) else True


def test_a_good_message_is_itself() -> None:
    assert decode(encoder.encode(Join(n=1, interests=("a",)))) == Join(n=1, interests=("a",))


def test_every_end_has_a_sentence_for_everyone() -> None:
    for reason in get_args(EndReason):
        for by in get_args(By):
            assert end_sentence(reason, by).endswith(".")


def test_every_refusal_has_a_sentence_and_every_message_a_law() -> None:
    assert set(LAW) == set(get_args(ClientMessage))
    for codes in LAW.values():
        for code in codes.values():
            assert error_sentence(code)
