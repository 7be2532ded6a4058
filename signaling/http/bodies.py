"""The JSON that goes in and out of REST, and how a body is read."""

from __future__ import annotations

import asyncio
import re
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from db.repositories.users import Account
from signaling.accounts.service import Session
from signaling.accounts.tokens import Kind, Role
from signaling.errors import BadRequest, BodyTooLarge, UnsupportedMediaType

T = TypeVar("T", bound=Struct)

BODY_MAX_BYTES = 65_536
BODY_SECONDS = 10.0
"""A body of 64 KiB that is not here by then is not coming."""


class Register(Struct, frozen=True, forbid_unknown_fields=True):
    email: str
    password: str
    name: str
    age_confirmed: bool
    terms_version: str


class Login(Struct, frozen=True, forbid_unknown_fields=True):
    email: str
    password: str


class Guest(Struct, frozen=True, forbid_unknown_fields=True):
    age_confirmed: bool
    terms_version: str
    name: str | None = None


class Upgrade(Struct, frozen=True, forbid_unknown_fields=True):
    email: str
    password: str
    name: str | None = None


class ChangeProfile(Struct, frozen=True, forbid_unknown_fields=True):
    name: str | None = None
    interests: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None


class UserBody(Struct, frozen=True):
    id: str
    name: str
    kind: Kind
    role: Role
    interests: tuple[str, ...]
    languages: tuple[str, ...]
    email: str | UnsetType = UNSET


class SessionBody(Struct, frozen=True):
    access_token: str
    expires_in: int
    user: UserBody


class TermsBody(Struct, frozen=True):
    version: str
    text: str


def user_body(account: Account) -> UserBody:
    """An account as its owner sees it."""
    return UserBody(
        id=account.id,
        name=account.name,
        kind=account.kind,
        role=account.role,
        interests=account.interests,
        languages=account.languages,
        email=account.email if account.email is not None else UNSET,
    )


def session_body(session: Session) -> SessionBody:
    """A sign-in, without the refresh token, which goes into the cookie."""
    return SessionBody(session.access_token, session.expires_in, user_body(session.account))


def json_response(body: Any, status: int = 200) -> web.Response:
    """An answer that no cache keeps."""
    return web.Response(
        status=status,
        body=msgspec.json.encode(body),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


async def read_body(request: web.Request, kind: type[T]) -> T:
    """Read and validate a JSON body.

    Raises :class:`UnsupportedMediaType`, :class:`BodyTooLarge`, or :class:`BadRequest`, whose details name
    the field.
    """
    # Requiring the type keeps out forms of foreign pages, which browsers send without asking first. A packed
    # body could unpack to any size.
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if request.content_type != "application/json" or encoding != "identity":
        raise UnsupportedMediaType
    if request.content_length is not None and request.content_length > BODY_MAX_BYTES:
        raise BodyTooLarge
    try:
        async with asyncio.timeout(BODY_SECONDS):
            raw = await request.read()
    except TimeoutError as error:
        raise BadRequest("The body did not arrive in time.") from error
    return parse_body(raw, kind)


def parse_body(raw: bytes, kind: type[T]) -> T:
    """Raises :class:`BadRequest`, whose details name the field."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        field = _field(str(error))
        raise BadRequest(
            f"{field}: {_reason(str(error))}" if field else _reason(str(error)),
            details={"field": field} if field else None,
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Without the cause, which may quote a password.
        raise BadRequest("The body is not valid JSON.") from None


def _field(problem: str) -> str:
    found = re.search(r"(?:required|unknown) field `(.{1,64})`", problem, re.DOTALL)
    path = re.search(r" - at `\$\.?(.{0,64})`$", problem)
    parts = [part for part in (path.group(1) if path else "", found.group(1) if found else "") if part]
    return ".".join(parts)


def _reason(problem: str) -> str:
    return problem.partition(" - at ")[0][:200]
