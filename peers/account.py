"""Signing in over REST (docs/protocol.md section 1)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import aiohttp
import msgspec
from yarl import URL

from peers.errors import (
    LoginRefused,
    PeerError,
    ProtocolViolation,
    RateLimited,
    Refused,
    ServiceUnavailable,
    ServiceUnreachable,
)

_TIMEOUT = aiohttp.ClientTimeout(total=20, connect=5)
_ANSWER_MAX_BYTES = 1 << 20
_RENEW_SECONDS = 30.0
_T = TypeVar("_T")


class User(msgspec.Struct, frozen=True):
    id: str
    name: str
    kind: str
    role: str


class _Session(msgspec.Struct, frozen=True):
    access_token: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    expires_in: float
    user: User


class _Terms(msgspec.Struct, frozen=True):
    version: str


class _Problem(msgspec.Struct, frozen=True):
    code: str
    message: str


class Account:
    """A signed-in user. Make one by :meth:`guest`, :meth:`login` or :meth:`register`.

    All of them raise :class:`ServiceUnreachable`, :class:`ServiceUnavailable`, :class:`RateLimited`,
    :class:`LoginRefused` or :class:`Refused`. Signing up confirms the user's age and accepts the terms that
    the service names at that moment: whoever calls it must be entitled to.
    """

    def __init__(self, http: aiohttp.ClientSession, url: URL, session: _Session) -> None:
        self._http = http
        self._url = url
        self._set(session)

    @classmethod
    async def guest(
        cls, http: aiohttp.ClientSession, url: URL, *, name: str | None = None, terms: str | None = None
    ) -> Account:
        """``terms`` is the version that :func:`terms_version` gave, asked for when left out."""
        version = await terms_version(http, url) if terms is None else terms
        body: dict[str, Any] = {"age_confirmed": True, "terms_version": version}
        if name is not None:
            body["name"] = name
        return cls(http, url, await _session(http, url, "guest", body))

    @classmethod
    async def login(cls, http: aiohttp.ClientSession, url: URL, *, email: str, password: str) -> Account:
        return cls(http, url, await _session(http, url, "login", {"email": email, "password": password}))

    @classmethod
    async def register(
        cls, http: aiohttp.ClientSession, url: URL, *, email: str, password: str, name: str
    ) -> Account:
        """Register and log in. The service does not say whether the address was taken before; when logging in
        fails it was, with another password."""
        terms = await terms_version(http, url)
        body = {
            "email": email,
            "password": password,
            "name": name,
            "age_confirmed": True,
            "terms_version": terms,
        }
        await _request(http, "POST", url / "api/v1/auth/register", body)
        try:
            return await cls.login(http, url, email=email, password=password)
        except LoginRefused as error:
            raise LoginRefused(
                "This address cannot be used with this password. If it is yours, log in."
            ) from error

    async def token(self) -> str:
        """An access token that is good for a while yet; a new one when the present one runs out."""
        if time.monotonic() > self._renew_at:
            await self.renew()
        return self._token

    async def renew(self) -> None:
        """Get a new access token by the refresh cookie. Raises :class:`LoginRefused` when that is spent."""
        self._set(await _session(self._http, self._url, "refresh", None))

    async def logout(self) -> None:
        """Revoke the refresh token."""
        await _request(self._http, "POST", self._url / "api/v1/auth/logout", None)

    def _set(self, session: _Session) -> None:
        self.user = session.user
        self._token = session.access_token
        self._renew_at = time.monotonic() + session.expires_in - min(_RENEW_SECONDS, session.expires_in / 2)


def service_url(text: str) -> URL:
    """The service's address as given by a person. Raises :class:`ServiceUnreachable` when it is none."""
    try:
        url = URL(text if "://" in text else f"http://{text}")
    except ValueError as error:
        raise ServiceUnreachable(f"{text} is not an address: {error}.") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise ServiceUnreachable(f"{text} is not an address of a service; it looks like http://host:port.")
    return url.with_query(None).with_fragment(None).with_user(None)


async def terms_version(http: aiohttp.ClientSession, url: URL) -> str:
    """The version of the terms that the service names now."""
    return _decode(_Terms, await _request(http, "GET", url / "api/v1/terms", None)).version


async def _session(
    http: aiohttp.ClientSession, url: URL, action: str, body: Mapping[str, Any] | None
) -> _Session:
    return _decode(_Session, await _request(http, "POST", url / "api/v1/auth" / action, body))


async def _request(
    http: aiohttp.ClientSession, method: str, url: URL, body: Mapping[str, Any] | None
) -> bytes:
    try:
        async with http.request(method, url, json=body, timeout=_TIMEOUT, allow_redirects=False) as response:
            answer = await response.content.read(_ANSWER_MAX_BYTES)
            status, retry_after = response.status, response.headers.get("Retry-After")
    except TimeoutError as error:
        raise ServiceUnreachable(f"{url.origin()} does not answer.") from error
    except (aiohttp.ClientError, OSError) as error:
        raise ServiceUnreachable(f"Cannot reach {url.origin()}: {error}.") from error
    if status < 300:
        return answer
    raise _error(url, status, answer, retry_after)


def _error(url: URL, status: int, answer: bytes, retry_after: str | None) -> PeerError:
    """What an answer that is no success means."""
    try:
        problem = msgspec.json.decode(answer, type=_Problem)
    except msgspec.MsgspecError:
        return ServiceUnreachable(f"What answers at {url.origin()} is not Burrow (HTTP {status}).")
    seconds = float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
    if status == 429:
        return RateLimited(problem.message, retry_after_seconds=seconds)
    if status == 401:
        return LoginRefused(problem.message)
    if status >= 500:
        return ServiceUnavailable(problem.message, code=problem.code, retry_after_seconds=seconds)
    return Refused(problem.message, code=problem.code, about=url.path)


def _decode(kind: type[_T], answer: bytes) -> _T:
    try:
        return msgspec.json.decode(answer, type=kind)
    except msgspec.MsgspecError as error:
        raise ProtocolViolation(f"The service's answer cannot be read: {error}.") from error
