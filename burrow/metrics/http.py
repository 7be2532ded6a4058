"""``/metrics``: on a port of its own, on the service's own port for who has the token, and counted logins."""

from __future__ import annotations

import hmac

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CONTENT_TYPE_LATEST

from burrow.metrics.registry import Metrics
from db.errors import DatabaseUnavailable
from signaling.errors import NotFound, SignalingError, Unauthenticated
from signaling.http.errors import error_form
from signaling.http.routes import API

PATH = "/metrics"
_METHODS = {"register", "login", "guest", "refresh", "logout", "upgrade"}


class MetricsPage:
    """``token`` empty: whoever reaches the port may read; on the service's own port nobody may then."""

    def __init__(self, metrics: Metrics, token: str) -> None:
        self._metrics, self._token = metrics, token

    async def on_own_port(self, request: web.Request) -> web.Response:
        """Raises :class:`Unauthenticated` for a missing or wrong token where there is one."""
        if self._token:
            self._check(request)
        return self._page()

    async def on_service_port(self, request: web.Request) -> web.Response:
        """Raises :class:`NotFound` where no token is configured, :class:`Unauthenticated` for a wrong one."""
        if not self._token:
            raise NotFound
        self._check(request)
        return self._page()

    def _check(self, request: web.Request) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), self._token.encode())
        if scheme.lower() != "bearer" or not right:
            raise Unauthenticated("The metrics need the token of the configuration (metrics.token).")

    def _page(self) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"}
        return web.Response(body=self._metrics.exposition(), headers=headers)


async def own_port(page: MetricsPage) -> web.AppRunner:
    """A runner of the page alone, set up and not listening yet."""
    app = web.Application(middlewares=[error_form])
    app.router.add_get(PATH, page.on_own_port)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    return runner


def count_authentications(metrics: Metrics) -> Middleware:
    """A middleware inside the one that gives errors their form."""

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        path = resource.canonical if resource is not None else ""
        method = path.removeprefix(f"{API}/auth/")
        if method not in _METHODS:
            return await handler(request)
        try:
            response = await handler(request)
        except (SignalingError, DatabaseUnavailable) as error:
            metrics.authentications.labels(method, error.code).inc()
            raise
        metrics.authentications.labels(method, "ok").inc()
        return response

    return count
