"""What a client shows reaches the stranger: at the match's start, when it changes, and in no other case."""

from __future__ import annotations

from signaling.messages import Join, Media, Next, StrangerMedia
from tests.signaling.core.stage import Client, Stage


def told(client: Client) -> list[tuple[bool, bool]]:
    """Camera and microphone of the stranger, as told since the last time."""
    return [(said.camera, said.microphone) for said in client.take() if isinstance(said, StrangerMedia)]


def test_it_is_passed_on_when_it_changes_and_only_then() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    assert told(bert) == []
    anna.say(Media(camera=False, microphone=True))
    anna.say(Media(camera=False, microphone=True))
    assert told(bert) == [(False, True)]
    anna.say(Media(camera=True, microphone=False))
    assert told(bert) == [(True, False)]
    assert told(anna) == []


def test_who_said_it_before_the_match_is_known_from_its_start() -> None:
    stage = Stage()
    anna, bert = stage.client("anna"), stage.client("bert")
    anna.say(Media(camera=False, microphone=False))
    anna.say(Join())
    anna.say(Media(camera=True, microphone=False))
    bert.say(Join())
    (shown,) = bert.all(StrangerMedia)
    assert (shown.match, shown.camera, shown.microphone) == (bert.match, True, False)
    assert anna.all(StrangerMedia) == [], "a client that does not say it is not spoken for"


def test_it_holds_from_match_to_match_and_ends_with_the_seat() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    anna.say(Media(camera=False, microphone=True))
    bert.take()
    anna.say(Next())
    carl = stage.client("carl")
    carl.say(Join())
    assert told(carl) == [(False, True)]
    # Another client of the same account has said nothing yet.
    anna.connect(take_over=True)
    anna.say(Join())
    carl.say(Join())
    assert told(carl) == []


def test_a_change_while_the_strangers_socket_is_away_is_told_at_its_return() -> None:
    stage = Stage()
    anna, bert = stage.pair()
    bert.drop()
    bert.take()
    anna.say(Media(camera=False, microphone=True))
    bert.connect(resume=True)
    assert told(bert) == [(False, True)]
