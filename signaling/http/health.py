"""``/health``: the process lives, and what it lacks. ``/ready``: whether new users should be sent here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from aiohttp import web
from msgspec import Struct

from db.database import Database
from db.errors import DatabaseUnavailable
from db.match_writer import MatchWriter
from signaling.http.bodies import json_response
from signaling.http.errors import error_response

FRESH_SECONDS = 1.0
"""A state of the database this old is told again without asking: anybody may ask for ``/health``."""
PATIENCE_SECONDS = 1.0
"""A probe waits no longer; a database that takes longer counts as away."""

NotReady = Callable[[], Sequence[str]]
TurnStates = Callable[[], Sequence[Mapping[str, str]]]
"""``url`` and ``code`` of each TURN server, as the last self-check found it."""


class HealthBody(Struct, frozen=True):
    """``match_backlog``: records waiting for the database; ``match_dropped``: those lost for lack of room."""

    status: str
    database: str
    match_backlog: int
    match_dropped: int


class Health:
    """One look at the database serves all who ask meanwhile. :meth:`close` it."""

    def __init__(
        self,
        database: Database,
        writer: MatchWriter,
        not_ready: NotReady,
        engine: str,
        *,
        turn: TurnStates = tuple,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._writer = writer
        self._not_ready = not_ready
        self._engine = engine
        self._turn = turn
        self._clock = clock
        self._probe: asyncio.Task[bool] | None = None
        self._answered_at: float | None = None

    async def health(self, _request: web.Request) -> web.Response:
        """200 while the process lives."""
        available = await self._database_available()
        return json_response(
            HealthBody(
                status="ok" if available else "degraded",
                database="ok" if available else "unavailable",
                match_backlog=self._writer.backlog,
                match_dropped=self._writer.dropped,
            )
        )

    async def ready(self, _request: web.Request) -> web.Response:
        """200 with the packet engine that runs, or 503 with ``details.reasons``. A TURN server that does not
        work is told and no reason: those who need none can still be sent here."""
        states = list(self._turn())
        turn = {"turn": states} if states else {}
        reasons = list(self._not_ready())
        if not await self._database_available():
            reasons.append(DatabaseUnavailable.code)
        if reasons:
            return error_response(
                503,
                "not_ready",
                "New users should not be sent here now.",
                {"reasons": reasons, **turn},
                {"Retry-After": "5", "Cache-Control": "no-store"},
            )
        return json_response({"status": "ready", "engine": self._engine, **turn})

    async def close(self) -> None:
        """Give up a look that goes on."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.wait({self._probe})

    async def _database_available(self) -> bool:
        fresh = self._answered_at is not None and self._clock() - self._answered_at < FRESH_SECONDS
        if fresh:
            return self._database.available
        if self._probe is None:
            self._probe = asyncio.create_task(self._look(), name="database probe")
        probe = self._probe
        done, _ = await asyncio.wait({probe}, timeout=PATIENCE_SECONDS)
        return bool(done) and not probe.cancelled() and probe.result()

    async def _look(self) -> bool:
        try:
            await self._database.ping()
        except DatabaseUnavailable:
            return False
        else:
            return True
        finally:
            self._answered_at = self._clock()
            self._probe = None
