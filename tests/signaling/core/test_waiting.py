"""Waiting: what is told of position and time, how often, and at what cost."""

from __future__ import annotations

import pytest

from signaling.core.effects import Send
from signaling.core.rules import Rules
from signaling.core.waiting import NEWS_PER_CALL
from signaling.core.waits import RECENT_SECONDS, Waits
from signaling.messages import Join, Leave, Next, Queued
from tests.signaling.core.stage import Client, Stage


def crowd(stage: Stage, count: int) -> list[Client]:
    """Users who wait together because everyone has blocked everyone."""
    names = [f"u{i}" for i in range(count)]
    clients = [stage.client(name, blocks=set(names)) for name in names]
    for client in clients:
        client.answers = False
        client.say(Join())
    stage.wait(5)
    for client in clients:
        client.take()
    return clients


def positions(client: Client) -> list[int]:
    return [message.position for message in client.all(Queued)]


def test_positions_move_up_at_most_once_a_second() -> None:
    stage = Stage()
    clients = crowd(stage, 6)
    for leaver in clients[:4]:
        leaver.say(Leave())
        stage.wait(0.1)
    stage.wait(0.5)
    last = clients[5]
    first_told = len(positions(last))
    assert first_told <= 1
    stage.wait(2)
    assert positions(last)[-1] == 2
    assert len(positions(last)) <= first_told + 1
    told = clients[4].last(Queued)
    assert (told.position, told.waiting, told.online) == (1, 2, 6)


def test_nothing_changes_nothing_is_told() -> None:
    stage = Stage(Rules(legs="never"))
    clients = crowd(stage, 5)
    clients[4].say(Leave())
    stage.wait(10)
    assert all(client.all(Queued) == [] for client in clients[:4])
    assert stage.core.next_deadline() is None


def test_coming_back_to_the_same_place_is_no_news() -> None:
    stage = Stage()
    first, second = crowd(stage, 2)
    second.drop()
    second.connect(resume=True)
    stage.wait(5)
    assert positions(first) == positions(second) == []


def test_one_leaving_costs_the_same_however_many_wait() -> None:
    stage = Stage(Rules(legs="never"))  # legs have an idle time of their own
    clients = crowd(stage, 3 * NEWS_PER_CALL)
    clients[0].say(Leave())
    due = stage.core.next_deadline()
    assert due is not None
    ticks = 0
    told = 0
    while (due := stage.core.next_deadline()) is not None:
        stage.now = max(stage.now, due)
        effects = stage.core.tick(stage.now)
        sent = [effect for effect in effects if isinstance(effect, Send)]
        assert len(sent) <= NEWS_PER_CALL
        told += len(sent)
        ticks += 1
        stage.run(effects)
        assert ticks < 20
    assert told == len(clients) - 1
    assert [client.last(Queued).position for client in clients[1:]] == list(range(1, len(clients)))


def test_who_has_no_socket_is_told_when_back() -> None:
    stage = Stage()
    first, second, third = crowd(stage, 3)
    third.drop()
    first.say(Leave())
    stage.wait(3)
    assert positions(second) == [1]
    assert positions(third) == []
    third.connect(resume=True)
    stage.wait(2)
    assert positions(third) == [2]


def test_the_estimate_comes_from_recent_waits() -> None:
    stage = Stage()
    anna = stage.client("anna")
    anna.say(Join())
    assert anna.last(Queued).estimate_seconds is None
    stage.wait(10)
    bert = stage.client("bert")
    bert.say(Join())
    carl = stage.client("carl")
    carl.say(Join())
    assert carl.last(Queued).estimate_seconds == 10.0
    stage.wait(1)
    anna.say(Next())
    assert anna.match == carl.match


@pytest.mark.parametrize(
    ("waits", "waited", "estimate"),
    [
        ([], 0.0, None),
        ([10.0], 0.0, 10.0),
        ([10.0], 4.0, 6.0),
        ([10.0], 10.0, None),
        ([0.0, 0.0, 0.0], 0.0, None),
        ([2.0, 4.0, 60.0], 0.0, 4.0),
        ([2.0, 4.0, 60.0], 5.0, 55.0),
    ],
)
def test_estimates(waits: list[float], waited: float, estimate: float | None) -> None:
    known = Waits()
    for wait in waits:
        known.add(wait, 0.0)
    assert known.estimate_seconds(waited, 1.0) == estimate


def test_old_waits_are_forgotten() -> None:
    known = Waits()
    known.add(10.0, 0.0)
    assert known.estimate_seconds(0.0, RECENT_SECONDS) == 10.0
    assert known.estimate_seconds(0.0, RECENT_SECONDS + 1) is None
