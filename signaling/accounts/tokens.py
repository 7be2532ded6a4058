"""Access tokens (signed, short, kept nowhere) and refresh tokens (random, kept as digests). No clock here."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import jwt
import msgspec

from signaling.errors import TokenExpired, Unauthenticated

Kind = Literal["guest", "registered"]
Role = Literal["user", "moderator", "operator"]

ISSUER = "burrow"
ACCESS_TOKEN_MAX_CHARS = 4096
REFRESH_TOKEN_BYTES = 32
_REFRESH_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asking, as far as an access token and the database tell."""

    user_id: str
    name: str
    kind: Kind
    role: Role


class _Claims(msgspec.Struct, frozen=True):
    sub: str
    name: str
    kind: Kind
    role: Role
    iat: int
    exp: int


class AccessTokens:
    """Issues and checks access tokens (RFC 7519, HS256)."""

    def __init__(self, key: str, lifetime_seconds: int) -> None:
        self._key = bytes.fromhex(key)
        self.lifetime_seconds = lifetime_seconds

    def issue(self, identity: Identity, now: datetime) -> str:
        """A token that names ``identity`` for ``lifetime_seconds`` from ``now``."""
        at = int(now.timestamp())
        claims = {
            "iss": ISSUER,
            "sub": identity.user_id,
            "name": identity.name,
            "kind": identity.kind,
            "role": identity.role,
            "iat": at,
            "exp": at + self.lifetime_seconds,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def check(self, token: str, now: datetime, *, recent: bool = False) -> Identity:
        """Who the token names. Raises :class:`Unauthenticated` for anything not issued here, and
        :class:`TokenExpired`; with ``recent`` also for a token that lives longer than those issued here
        and is older than they get."""
        if len(token) > ACCESS_TOKEN_MAX_CHARS:
            raise Unauthenticated
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                issuer=ISSUER,
                # Time is compared below, with the caller's clock.
                options={
                    "require": ["sub", "exp", "iat"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.InvalidTokenError, UnicodeError) as error:
            raise Unauthenticated from error
        try:
            known = msgspec.convert(claims, _Claims)
        except msgspec.ValidationError as error:
            raise Unauthenticated from error
        if now.timestamp() >= known.exp:
            raise TokenExpired
        if recent and now.timestamp() >= known.iat + self.lifetime_seconds:
            raise TokenExpired(
                "This token is too old to be believed while the database is away. Use a newer one, or try "
                "again when the database is back."
            )
        return Identity(known.sub, known.name, known.kind, known.role)


def new_refresh_token() -> str:
    """256 random bits, as text for a cookie."""
    return secrets.token_urlsafe(REFRESH_TOKEN_BYTES)


def successor(key: str, refresh_token: str) -> str:
    """The one token that replaces this one.

    It follows from the old token and a key only the service has, so two tabs that refresh at the same moment
    get the same successor: no fork of the family, and nothing to keep (``docs/decisions/0012``).
    """
    digest = hmac.digest(bytes.fromhex(key), refresh_token.encode(), "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def digest(refresh_token: str) -> bytes:
    """What is stored. A plain hash is enough: 256 random bits cannot be guessed."""
    return hashlib.sha256(refresh_token.encode()).digest()


def looks_like_refresh_token(text: str) -> bool:
    """Whether it has the form; anything else needs no look into the database."""
    return _REFRESH_TOKEN.fullmatch(text) is not None
