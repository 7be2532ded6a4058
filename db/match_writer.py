"""Writes what happened in matches and at the node; the live part never waits for the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from db.database import Database
from db.errors import DatabaseUnavailable, StatementRefused
from db.match_backlog import MatchBacklog
from db.records import (
    ActionTaken,
    BlockMade,
    CallSampled,
    MatchEnded,
    MatchStarted,
    MinutePassed,
    Record,
    ReportMade,
)
from db.repositories import actions, matches, minutes, safety

BATCH = 200
"""Records in one transaction: after a long absence ten thousand take fifty of them."""
RETRY_SECONDS = (0.25, 0.5, 1.0, 2.0, 5.0)
"""Waits between tries while the database is away; the last one repeats."""

_log = structlog.get_logger(__name__)


class MatchWriter:
    """:meth:`add` records at any time, from the event loop; one task of its own writes them in order.

    Every record is written at least once and has one effect: what was written without the answer being
    heard is written again over itself. While the database is away, ``backlog_matches`` records are kept,
    the oldest dropped and counted (:attr:`dropped`). A record the database refuses (it names a user who is
    gone) is left out, logged and counted (:attr:`refused`), and holds up no other.
    """

    def __init__(
        self,
        database: Database,
        backlog_matches: int,
        *,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._backlog = MatchBacklog(backlog_matches)
        self._retry_seconds = tuple(retry_seconds)
        self._now = now
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.refused = 0

    @property
    def backlog(self) -> int:
        """Records not in the database yet."""
        return len(self._backlog)

    @property
    def dropped(self) -> int:
        """Records lost because the backlog was full."""
        return self._backlog.dropped

    async def start(self) -> int:
        """Close the matches a crash left open and begin writing; answers how many there were.

        Raises :class:`DatabaseUnavailable`.
        """
        now = self._now()
        closed = await self._database.write(lambda session: matches.close_open(session, now))
        if closed:
            _log.warning("matches_left_open_closed", matches=closed)
        self._task = asyncio.create_task(self._run(), name="match writer")
        return closed

    def add(self, record: Record) -> None:
        """Have a record written soon. Never blocks and never fails."""
        dropped = self._backlog.dropped
        self._backlog.add(record)
        if dropped == 0 and self._backlog.dropped:
            _log.error("match_backlog_full", backlog=self.backlog)
        self._wake.set()

    async def stop(self, seconds: float) -> int:
        """Write what is left, for at most ``seconds``; answers how many records are lost."""
        if self._task is None:
            return self.backlog
        self._stopping.set()
        self._wake.set()
        _, unfinished = await asyncio.wait({self._task}, timeout=seconds)
        if unfinished:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._task = None
        if self.backlog:
            _log.error("matches_lost", records=self.backlog)
        return self.backlog

    async def _run(self) -> None:
        failures = 0
        while self._backlog or not self._stopping.is_set():
            if not self._backlog:
                self._wake.clear()
                await self._wake.wait()
                continue
            try:
                await self._write(self._backlog.take(BATCH))
            except DatabaseUnavailable:
                self._backlog.give_back()
                if failures == 0:
                    _log.warning("match_backlog_kept", backlog=self.backlog)
                await self._pause(self._retry_seconds[min(failures, len(self._retry_seconds) - 1)])
                failures += 1
            except Exception as error:  # noqa: BLE001 - the task's edge: one mistake must not end all writing
                lost = self._backlog.settle_all()
                self.refused += lost
                _log.error("records_refused", records=lost, reason=type(error).__name__)
            else:
                if failures:
                    _log.info("match_backlog_written", backlog=self.backlog, dropped=self.dropped)
                failures = 0

    async def _write(self, records: Sequence[Record]) -> None:
        try:
            await self._database.write(lambda session: _store(session, records))
        except StatementRefused:
            # One of them is refused, and the transaction with it: find out which.
            for record in records:
                await self._write_alone(record)
                self._backlog.settle(record)
        else:
            self._backlog.settle_all()

    async def _write_alone(self, record: Record) -> None:
        try:
            await self._database.write(lambda session: _store(session, (record,)))
        except StatementRefused as error:
            self.refused += 1
            _log.error("record_refused", kind=type(record).__name__, reason=str(error))

    async def _pause(self, seconds: float) -> None:
        if self._stopping.is_set():
            # Nothing left to wait for but time: try often until :meth:`stop` gives up.
            await asyncio.sleep(self._retry_seconds[0])
            return
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


async def _store(session: AsyncSession, records: Sequence[Record]) -> None:
    await matches.start(session, (r for r in records if isinstance(r, MatchStarted)))
    await matches.end(session, (r for r in records if isinstance(r, MatchEnded)))
    await safety.add_blocks(session, (r for r in records if isinstance(r, BlockMade)))
    await safety.add_reports(session, (r for r in records if isinstance(r, ReportMade)))
    await minutes.add(session, (r for r in records if isinstance(r, MinutePassed)))
    await matches.add_samples(session, (r for r in records if isinstance(r, CallSampled)))
    await actions.add(session, (r for r in records if isinstance(r, ActionTaken)))
