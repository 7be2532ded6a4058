"""The one way to the database: transactions with a deadline, and one error when it is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal, TypeVar

import structlog
from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from db.engine import describe, first_line, is_away, make_embedded_file, make_engine, refusal, resolve_url
from db.errors import DatabaseUnavailable, StatementRefused
from db.migrate import ensure_schema
from db.settings import DatabaseSettings

T = TypeVar("T")
Work = Callable[[AsyncSession], Awaitable[T]]

Timing = Callable[[Literal["ok", "timeout", "unavailable"], float], None]
"""How a transaction ended, and the seconds from its request on."""

MAX_WAITING = 500
"""Transactions that may wait for a connection; one more is refused at once rather than queued."""

_log = structlog.get_logger(__name__)


class Database:
    """Open it with :meth:`open`; hand it work with :meth:`read` and :meth:`write`; :meth:`close` it.

    Each piece of work is one transaction, committed when it returns and rolled back when it raises. It gets
    ``timeout_seconds`` in all; then, as for every failure to reach the database, the caller gets
    :class:`DatabaseUnavailable`. A piece that overran is cancelled and lives on here until its driver lets go
    (psycopg takes up to 10 s when the server is frozen), so that no caller ever waits for that.
    """

    def __init__(self, engine: AsyncEngine, url: URL, timeout_seconds: float, connections: int) -> None:
        self._engine = engine
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._most = connections + MAX_WAITING
        self._write_session = async_sessionmaker(engine, expire_on_commit=False)
        self._read_session = async_sessionmaker(
            engine.execution_options(write=False), expire_on_commit=False, autoflush=False
        )
        self._running: set[asyncio.Task[object]] = set()
        self._available = True
        self._closed = False
        self.timing: Timing = lambda _outcome, _seconds: None
        """Told of every transaction; for measurements."""

    @classmethod
    async def open(cls, settings: DatabaseSettings, data_dir: Path) -> Database:
        """Connect, and see that the tables are the ones needed: on SQLite they are brought up to date.

        Raises :class:`DatabaseUnavailable`, :class:`db.errors.SchemaMismatch` (PostgreSQL: run
        ``burrow migrate``) or :class:`db.errors.DatabaseUrlInvalid`.
        """
        url = resolve_url(settings, data_dir)
        if not settings.url:
            make_embedded_file(data_dir)
        engine = make_engine(url, pool_size=settings.pool_size, timeout_seconds=settings.timeout_seconds)
        database = cls(engine, url, settings.timeout_seconds, settings.pool_size)
        try:
            await database.ping()
            await ensure_schema(settings, data_dir)
        except BaseException:
            await database.close()
            raise
        return database

    @property
    def waiting(self) -> int:
        """Transactions under way, and those that wait for a connection."""
        return len(self._running)

    @property
    def available(self) -> bool:
        """Whether the last thing asked of the database was answered."""
        return self._available

    @property
    def name(self) -> str:
        """What it is, for people; without a password."""
        return describe(self._url)

    @property
    def backend(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._url.get_backend_name()

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction that only reads. Raises :class:`DatabaseUnavailable`,
        :class:`StatementRefused`, and what else ``work`` raises."""
        return await self._within_deadline(work, self._read_session)

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction that may write. Raises :class:`DatabaseUnavailable` (the outcome is
        then unknown), :class:`StatementRefused` and what else ``work`` raises (nothing was written)."""
        return await self._within_deadline(work, self._write_session)

    async def ping(self) -> None:
        """Ask for a sign of life. Raises :class:`DatabaseUnavailable`."""
        await self.read(_select_one)

    async def close(self) -> None:
        """Give up unfinished work and close every connection. Takes at most ``timeout_seconds``, about.
        Asked after that, the database is unavailable."""
        self._closed = True
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=self._timeout_seconds)
        await self._engine.dispose()

    async def _within_deadline(self, work: Work[T], sessions: async_sessionmaker[AsyncSession]) -> T:
        if self._closed:
            raise DatabaseUnavailable("The connection to the database is closed.")
        if len(self._running) >= self._most:
            raise DatabaseUnavailable("Too many requests wait for the database.")
        task = asyncio.create_task(self._transact(work, sessions), name="database transaction")
        self._running.add(task)
        task.add_done_callback(self._let_go)
        began = time.perf_counter()
        try:
            done, _ = await asyncio.wait({task}, timeout=self._timeout_seconds)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not done:
            task.cancel()
            self._note(available=False, reason="timeout")
            self.timing("timeout", time.perf_counter() - began)
            raise DatabaseUnavailable(f"The database did not answer within {self._timeout_seconds:g} s.")
        try:
            result = task.result()
        except DatabaseUnavailable as error:
            self._note(available=False, reason=str(error))
            self.timing("unavailable", time.perf_counter() - began)
            raise
        self._note(available=True)
        self.timing("ok", time.perf_counter() - began)
        return result

    async def _transact(self, work: Work[T], sessions: async_sessionmaker[AsyncSession]) -> T:
        try:
            async with sessions.begin() as session:
                return await work(session)
        except PoolTimeout as error:
            raise DatabaseUnavailable("Every connection to the database is in use.") from error
        except SQLAlchemyError as error:
            if isinstance(error, DBAPIError) and is_away(error):
                raise DatabaseUnavailable(f"The database cannot be used: {first_line(error)}") from error
            # The place where it happened is kept, the text with its values is not.
            raise StatementRefused(refusal(error)).with_traceback(error.__traceback__) from None

    def _let_go(self, task: asyncio.Task[object]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # one nobody waits for any more counts as seen

    def _note(self, *, available: bool, reason: str = "") -> None:
        if available is self._available:
            return
        self._available = available
        if available:
            _log.info("database_back", database=self.name)
        else:
            _log.warning("database_away", database=self.name, reason=reason)


async def _select_one(session: AsyncSession) -> None:
    await session.execute(text("SELECT 1"))
