"""Each way in which a match can fail says at which step and at whose side: to both users in words, in the
match's row, and in a counter. (The others are in ``test_direct.py``.)"""

from __future__ import annotations

import pytest

from signaling.core.route import make_policy
from signaling.core.sentences import end_sentence
from signaling.messages import Ended, FailedStep, Join, Leave, Network
from tests.signaling.core.direct_stage import DIRECT_FIRST, DirectClient
from tests.signaling.core.stage import Client, Stage

RELAY_ONLY = make_policy("relay-only", 0)


def says(
    stage: Stage, told: tuple[tuple[Client, str], ...], reason: str, step: FailedStep, side: int | None
) -> None:
    """``told``: each client and whose side it must have been told."""
    for client, by in told:
        ended = client.last(Ended)
        assert (ended.reason, ended.by, ended.step) == (reason, by, step)
        assert ended.message == end_sentence(ended.reason, ended.by, ended.step)
        assert len(ended.message) > 20, "a sentence for people"
    trouble = stage.ended[-1].troubles[-1]
    assert (trouble.step, trouble.side, trouble.route) == (step, side, "relay")
    assert stage.core.tallies.troubles[step, "relay"] >= 1
    assert stage.core.tallies.ends == {reason: 1}


@pytest.mark.parametrize(
    ("closed", "reason", "step"),
    [
        ("dtls_failed", "dtls_failed", "dtls"),
        ("consent_lost", "media_lost", "media_silent"),
        ("not_answered", "no_answer", "signaling"),
        ("ice_failed", "ice_failed", "ice_udp"),
    ],
)
def test_leg_that_fails_twice_ends_the_match(closed: str, reason: str, step: FailedStep) -> None:
    stage = Stage(policy=RELAY_ONLY)
    anna, bert = stage.pair()
    stage.relay.connects = False
    for _ in range(2):
        stage.says(*stage.relay.close(stage.leg_of(anna), closed))
    says(stage, ((anna, "you"), (bert, "stranger")), reason, step, 0)


def test_relay_that_is_full_is_a_limit_and_nobodys_side() -> None:
    stage = Stage(policy=RELAY_ONLY)
    stage.relay.full = "relay_bit_rate"
    anna, bert = stage.client("anna"), stage.client("bert")
    anna.say(Join())
    bert.say(Join())
    says(stage, ((anna, "service"), (bert, "service")), "relay_full", "limit", None)


def test_direct_attempt_that_fails_at_keys_is_noted_with_its_side() -> None:
    stage = Stage(policy=DIRECT_FIRST)
    anna, bert = DirectClient(stage, "anna"), DirectClient(stage, "bert")
    for client in (anna, bert):
        client.connect()
        client.say(Join())
    bert.state("failed", step="dtls")
    stage.flow()
    anna.say(Leave())
    (trouble,) = stage.ended[-1].troubles
    assert (trouble.step, trouble.side, trouble.route) == ("dtls", 1, "direct")


def test_network_check_says_which_way_was_left() -> None:
    """One whose UDP and TCP are blocked had TLS alone."""
    stage = Stage(policy=RELAY_ONLY)
    anna, bert = stage.client("anna"), stage.client("bert")
    bert.say(Network(udp=False, tcp=False))
    anna.say(Join())
    bert.say(Join())
    stage.flow()
    stage.relay.connects = False
    for _ in range(2):
        stage.says(*stage.relay.close(stage.leg_of(bert), "ice_failed"))
    says(stage, ((anna, "stranger"), (bert, "you")), "ice_failed", "ice_tls", 1)
