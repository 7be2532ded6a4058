from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peers.errors import Backlogged, ProtocolViolation
from peers.numbering import OUTBOX, Arrival, Backoff, Inbox, Outbox
from signaling import messages as wire


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8), st.booleans()), max_size=40))
def test_everything_arrives_once_and_in_order_over_any_number_of_broken_sockets(
    turns: list[tuple[int, int, bool]],
) -> None:
    """Each turn adds messages, lets some through before the socket breaks, and may acknowledge."""
    outbox = Outbox()
    handled: list[int] = []
    total = 0
    for added, through, acknowledge in turns:
        for _ in range(added):
            total += 1
            outbox.add(wire.SendTyping(active=True))
        sent_from = handled[-1] if handled else 0
        handled += [message.n for message in outbox.after(sent_from)[:through]]
        if acknowledge and handled:
            outbox.acknowledged(handled[-1])
    handled += [message.n for message in outbox.after(handled[-1] if handled else 0)]
    assert handled == list(range(1, total + 1))


@given(st.lists(st.integers(0, 12), max_size=60))
def test_a_message_is_handled_once_and_never_out_of_order(numbers: list[int]) -> None:
    inbox, handled = Inbox(), []
    for seq in numbers:
        arrival = inbox.take(seq)
        if arrival is Arrival.NEW:
            handled.append(seq)
        elif arrival is Arrival.GAP:
            assert seq > len(handled) + 1
        elif arrival is Arrival.DUPLICATE:
            assert seq in handled
    assert handled == list(range(1, len(handled) + 1))
    assert inbox.received == len(handled)


def test_the_outbox_is_bounded_and_refuses_rather_than_drops() -> None:
    outbox = Outbox()
    for _ in range(OUTBOX):
        outbox.add(wire.Next())
    with pytest.raises(Backlogged):
        outbox.add(wire.Next())
    outbox.acknowledged(1)
    assert outbox.add(wire.Next()).n == OUTBOX + 1


def test_an_acknowledgement_of_what_was_never_sent_is_a_violation() -> None:
    outbox = Outbox()
    outbox.add(wire.Next())
    with pytest.raises(ProtocolViolation):
        outbox.acknowledged(2)


def test_back_off_starts_at_once_doubles_and_is_capped() -> None:
    backoff = Backoff()
    assert [backoff.next_delay(0.0) for _ in range(8)] == [0, 0.25, 0.5, 1, 2, 4, 5, 5]
    assert backoff.next_delay(1.0) == 2.5
    backoff.succeeded()
    assert backoff.next_delay(0.0) == 0
