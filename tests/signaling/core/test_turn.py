"""Credentials for the TURN server: short-lived, checked by the server alone, naming nobody."""

from __future__ import annotations

import base64
import hashlib
import hmac

from signaling.core.rules import Rules
from signaling.core.turn import DAY_SECONDS, TurnAccess
from signaling.messages import LegOffer, OpenLeg, Turn
from tests.signaling.core.stage import UNIX_OFFSET, Stage

ACCESS = TurnAccess(("turns:turn.example.org:443?transport=tcp",), "the shared secret", 600)
NOON = 20_000 * DAY_SECONDS + DAY_SECONDS / 2


def test_password_is_what_the_server_computes() -> None:
    turn = ACCESS.credentials("anna", NOON)
    mac = hmac.new(b"the shared secret", turn.username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(turn.credential) == mac
    assert turn.urls == ACCESS.urls
    expiry, _, name = turn.username.partition(":")
    assert int(expiry) == NOON + 600
    # coturn takes what is after the first colon for the user, whatever it is.
    assert name
    assert ":" not in name


def test_name_tells_users_apart_and_says_nothing() -> None:
    def name(user: str, at: float = NOON, access: TurnAccess = ACCESS) -> str:
        return access.credentials(user, at).username.partition(":")[2]

    assert name("anna") == name("anna", NOON + 60), "a quota is a user's, not a credential's"
    assert name("anna") != name("bert")
    assert name("anna") != name("anna", NOON + DAY_SECONDS)
    assert name("anna") != name("anna", access=TurnAccess(ACCESS.urls, "another", 600))
    assert "anna" not in name("anna")
    assert "secret" not in repr(ACCESS).replace("secret=", "")


def test_every_offer_brings_fresh_credentials() -> None:
    stage = Stage(Rules(turn=ACCESS))
    anna, bert = stage.pair()
    before = anna.last(LegOffer).turn
    assert before == ACCESS.credentials("anna", UNIX_OFFSET + stage.now)
    stage.wait(100)
    anna.say(OpenLeg())
    again = anna.last(LegOffer).turn
    assert isinstance(again, Turn)
    assert int(again.username.partition(":")[0]) == UNIX_OFFSET + stage.now + 600
    assert again != before
    theirs = bert.last(LegOffer).turn
    assert theirs is not None
    assert theirs.username != again.username


def test_without_a_server_there_is_none() -> None:
    stage = Stage()
    anna, _ = stage.pair()
    assert anna.last(LegOffer).turn is None
