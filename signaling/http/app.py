"""The aiohttp application; the composition root adds the WebSocket and the static files to it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from db.database import Database
from db.match_writer import MatchWriter
from signaling.accounts.service import Accounts
from signaling.http.bodies import BODY_MAX_BYTES
from signaling.http.errors import error_form
from signaling.http.headers import add_security_headers
from signaling.http.health import Health, NotReady, TurnStates
from signaling.http.rate_limits import RateLimits
from signaling.http.routes import API, AccountRoutes
from signaling.settings import AuthSettings, ServerSettings


def build_app(
    *,
    accounts: Accounts,
    database: Database,
    writer: MatchWriter,
    server: ServerSettings,
    auth: AuthSettings,
    not_ready: NotReady = tuple,
    engine: str = "",
    turn: TurnStates = tuple,
    inside: Sequence[Middleware] = (),
    clock: Callable[[], float] = time.monotonic,
) -> web.Application:
    """REST, ``/health`` and ``/ready``. What it is given stays its giver's to close.

    ``not_ready`` is asked at every ``/ready`` for reasons (short codes) not to send new users here, ``turn``
    for what was found of the TURN servers; ``engine`` is named there. ``inside`` are middlewares that see
    errors before they get their form. ``clock`` is the rate limits' (seconds). Routes added later get the
    same error form and security headers.
    """
    routes = AccountRoutes(accounts, RateLimits(auth, clock=clock), server, auth)
    health = Health(database, writer, not_ready, engine, turn=turn)

    @web.middleware
    async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(f"{API}/"):
            routes.admit(request)
        return await handler(request)

    async def close_health(_app: web.Application) -> AsyncIterator[None]:
        yield
        await health.close()

    app = web.Application(middlewares=[error_form, admit, *inside], client_max_size=BODY_MAX_BYTES)
    app.on_response_prepare.append(add_security_headers)
    app.cleanup_ctx.append(close_health)
    app.add_routes(routes.routes())
    app.add_routes([web.get("/health", health.health), web.get("/ready", health.ready)])
    return app
