"""The handlers of ``/api/v1``: read, limit, ask :class:`Accounts`, answer."""

from __future__ import annotations

from aiohttp import web

from signaling.accounts import fields, terms
from signaling.accounts.service import Accounts, Session
from signaling.accounts.tokens import Identity, digest
from signaling.errors import Forbidden, Unauthenticated
from signaling.http import bodies
from signaling.http.addresses import client_prefix
from signaling.http.bodies import json_response, read_body, session_body, user_body
from signaling.http.rate_limits import RateLimits
from signaling.origin import origin_allowed
from signaling.settings import AuthSettings, ServerSettings

API = "/api/v1"
REFRESH_COOKIE = "burrow_refresh"
COOKIE_PATH = f"{API}/auth"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class AccountRoutes:
    """One method a request of ``docs/protocol.md`` section 1."""

    def __init__(
        self, accounts: Accounts, limits: RateLimits, server: ServerSettings, auth: AuthSettings
    ) -> None:
        self._accounts = accounts
        self._limits = limits
        self._server = server
        self._auth = auth

    def routes(self) -> list[web.RouteDef]:
        """For ``app.add_routes``."""
        return [
            web.get(f"{API}/terms", self.terms),
            web.post(f"{API}/auth/register", self.register),
            web.post(f"{API}/auth/login", self.login),
            web.post(f"{API}/auth/guest", self.guest),
            web.post(f"{API}/auth/upgrade", self.upgrade),
            web.post(f"{API}/auth/refresh", self.refresh),
            web.post(f"{API}/auth/logout", self.logout),
            web.get(f"{API}/profile", self.profile),
            web.patch(f"{API}/profile", self.change_profile),
        ]

    def admit(self, request: web.Request) -> None:
        """Before every request under /api/v1. Raises :class:`RateLimited`, or :class:`Forbidden` for one by
        which a foreign page would change something with the user's cookie."""
        self._limits.request(self._prefix(request))
        if request.method not in _SAFE_METHODS and not origin_allowed(
            # Not request.host: without the header that asks the resolver, and everything waits for it.
            request.headers.get("Origin"),
            request.headers.get("Host", ""),
            self._server.origins,
        ):
            raise Forbidden("Requests from other sites are not allowed.")

    async def terms(self, _request: web.Request) -> web.Response:
        return json_response(bodies.TermsBody(self._auth.terms_version, terms.TEXT))

    async def register(self, request: web.Request) -> web.Response:
        self._limits.signup(self._prefix(request))
        body = await read_body(request, bodies.Register)
        await self._accounts.register(
            email=body.email,
            password=body.password,
            name=body.name,
            age_confirmed=body.age_confirmed,
            terms_version=body.terms_version,
        )
        return json_response({}, status=202)

    async def login(self, request: web.Request) -> web.Response:
        self._limits.login(self._prefix(request))
        body = await read_body(request, bodies.Login)
        self._limits.login_to(fields.email_address(body.email))
        return self._signed_in(request, await self._accounts.login(email=body.email, password=body.password))

    async def guest(self, request: web.Request) -> web.Response:
        self._limits.signup(self._prefix(request))
        body = await read_body(request, bodies.Guest)
        session = await self._accounts.guest(
            name=body.name, age_confirmed=body.age_confirmed, terms_version=body.terms_version
        )
        return self._signed_in(request, session, status=201)

    async def upgrade(self, request: web.Request) -> web.Response:
        identity = self._identity(request)
        # It tells an address that is taken from one that is free, so it must not be cheap to ask often.
        self._limits.signup(self._prefix(request))
        self._limits.change(identity.user_id)
        body = await read_body(request, bodies.Upgrade)
        return self._signed_in(
            request,
            await self._accounts.upgrade(identity, email=body.email, password=body.password, name=body.name),
        )

    async def refresh(self, request: web.Request) -> web.Response:
        token = request.cookies.get(REFRESH_COOKIE)
        if token is None:
            raise Unauthenticated
        self._limits.refresh(digest(token).hex())
        return self._signed_in(request, await self._accounts.refresh(token))

    async def logout(self, request: web.Request) -> web.Response:
        await self._accounts.logout(request.cookies.get(REFRESH_COOKIE))
        response = web.Response(status=204, headers={"Cache-Control": "no-store"})
        response.del_cookie(
            REFRESH_COOKIE,
            path=COOKIE_PATH,
            httponly=True,
            samesite="Strict",
            secure=self._secure_cookie(request),
        )
        return response

    async def profile(self, request: web.Request) -> web.Response:
        identity = self._identity(request)
        self._limits.change(identity.user_id)
        return json_response(user_body(await self._accounts.profile(identity)))

    async def change_profile(self, request: web.Request) -> web.Response:
        identity = self._identity(request)
        self._limits.change(identity.user_id)
        body = await read_body(request, bodies.ChangeProfile)
        account = await self._accounts.change_profile(
            identity, name=body.name, interests=body.interests, languages=body.languages
        )
        return json_response(user_body(account))

    def _identity(self, request: web.Request) -> Identity:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated
        return self._accounts.identify(token.strip())

    def _prefix(self, request: web.Request) -> str:
        return client_prefix(
            request.remote,
            request.headers.getall("X-Forwarded-For", []),
            trust_proxy=self._server.trust_proxy,
        )

    def _signed_in(self, request: web.Request, session: Session, status: int = 200) -> web.Response:
        response = json_response(session_body(session), status)
        response.set_cookie(
            REFRESH_COOKIE,
            session.refresh_token,
            max_age=session.refresh_seconds,
            path=COOKIE_PATH,
            httponly=True,
            samesite="Strict",
            secure=self._secure_cookie(request),
        )
        return response

    def _secure_cookie(self, request: web.Request) -> bool:
        if self._auth.cookie_secure != "auto":
            return self._auth.cookie_secure == "always"
        forwarded = request.headers.get("X-Forwarded-Proto", "") if self._server.trust_proxy else ""
        return request.secure or forwarded.rpartition(",")[2].strip().lower() == "https"
