from __future__ import annotations

import base64
import json
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.accounts.tokens import (
    AccessTokens,
    Identity,
    digest,
    looks_like_refresh_token,
    new_refresh_token,
    successor,
)
from signaling.errors import SignalingError, TokenExpired, Unauthenticated

KEY = "ab" * 32
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ANN = Identity("user-1", "Ann é", "registered", "operator")
TOKENS = AccessTokens(KEY, 900)
CLAIMS: dict[str, Any] = {
    "iss": "burrow",
    "sub": "user-1",
    "name": "Ann",
    "kind": "registered",
    "role": "user",
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 900,
}


def test_a_token_names_its_user_until_it_expires() -> None:
    token = TOKENS.issue(ANN, NOW)
    assert TOKENS.check(token, NOW) == ANN
    assert TOKENS.check(token, NOW + timedelta(seconds=899)) == ANN
    with pytest.raises(TokenExpired):
        TOKENS.check(token, NOW + timedelta(seconds=900))


def test_a_long_lived_token_is_recent_no_longer_than_others() -> None:
    token = AccessTokens(KEY, 86_400).issue(ANN, NOW)
    late = NOW + timedelta(seconds=900)
    assert TOKENS.check(token, late) == ANN
    assert TOKENS.check(token, late - timedelta(seconds=1), recent=True) == ANN
    with pytest.raises(TokenExpired, match="database is away"):
        TOKENS.check(token, late, recent=True)


def forged(**changes: Any) -> str:
    claims = {key: value for key, value in (CLAIMS | changes).items() if value is not None}
    return jwt.encode(claims, bytes.fromhex(KEY), algorithm="HS256")


def other_algorithm() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the key is shorter than this algorithm likes
        return jwt.encode(CLAIMS, bytes.fromhex(KEY), algorithm="HS512")


def unsigned() -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, CLAIMS)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(AccessTokens("cd" * 32, 900).issue(ANN, NOW), id="other key"),
        pytest.param(unsigned(), id="unsigned"),
        pytest.param(other_algorithm(), id="other algorithm"),
        pytest.param(forged(iss="elsewhere"), id="other issuer"),
        pytest.param(forged(sub=None), id="no subject"),
        pytest.param(forged(exp=None), id="never expires"),
        pytest.param(forged(exp="tomorrow"), id="expiry is text"),
        pytest.param(forged(iat="yesterday"), id="time of issue is text"),
        pytest.param(forged(role="emperor"), id="unknown role"),
        pytest.param(forged(kind=7), id="kind is a number"),
        pytest.param(forged(name=None), id="no name"),
        pytest.param(TOKENS.issue(ANN, NOW)[:-2], id="cut off"),
        pytest.param("", id="empty"),
        pytest.param("a.b.c", id="nonsense"),
        pytest.param("é.é.é", id="not ASCII"),
        pytest.param("\ud800", id="surrogate"),
        pytest.param("a" * 5000, id="long"),
    ],
)
def test_anything_else_is_nobody(token: str) -> None:
    with pytest.raises(Unauthenticated):
        TOKENS.check(token, NOW)


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda b: base64.b64encode(b).decode()))
def test_garbage_never_raises_anything_else(token: str) -> None:
    with pytest.raises(SignalingError):
        TOKENS.check(token, NOW)


def test_refresh_tokens_are_random_and_their_successors_need_the_key() -> None:
    token = new_refresh_token()
    assert token != new_refresh_token()
    assert looks_like_refresh_token(token)
    following = successor(KEY, token)
    assert looks_like_refresh_token(following)
    assert following == successor(KEY, token)
    assert following != successor("cd" * 32, token)
    assert following != token
    assert len(digest(token)) == 32


@pytest.mark.parametrize("text", ["", "a" * 42, "a" * 44, "a" * 42 + "\n", "a" * 42 + "é", "a" * 42 + "/"])
def test_other_text_is_no_refresh_token(text: str) -> None:
    assert not looks_like_refresh_token(text)
