"""From ``database.url`` to a SQLAlchemy engine: which databases are allowed, and how each is set up."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from db.errors import DatabaseError, DatabaseUrlInvalid
from db.settings import DatabaseSettings

FILE_NAME = "burrow.sqlite3"
SQLITE_CONNECTIONS = 4
"""One writes at a time; the others read beside it (WAL)."""

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_SQLITE_AWAY = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }
)
"""The file, the disk or another process is the trouble, not the statement (sqlite.org/rescode.html)."""


def resolve_url(settings: DatabaseSettings, data_dir: Path) -> URL:
    """The database to use; an empty ``url`` is a file in ``data_dir``.

    Raises :class:`DatabaseUrlInvalid` for what is no URL or names another kind of database.
    """
    if not settings.url:
        return URL.create("sqlite+aiosqlite", database=str(data_dir / FILE_NAME))
    try:
        url = make_url(settings.url)
    except ArgumentError as error:
        # The text is not shown: it may hold a password.
        raise DatabaseUrlInvalid(
            "database.url is no database URL; allowed: postgresql+psycopg://user@host/name, or empty."
        ) from error
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise DatabaseUrlInvalid(
            f'database.url begins with "{url.drivername}", which is not allowed; '
            "allowed: postgresql+psycopg://user@host/name, sqlite:////path/to/file, or empty."
        )
    if driver.startswith("sqlite") and (url.database in (None, "", ":memory:") or url.query):
        raise DatabaseUrlInvalid("database.url names no SQLite file; allowed: sqlite:////path/to/file.")
    return url.set(drivername=driver)


def make_engine(
    url: URL,
    *,
    pool_size: int,
    timeout_seconds: float,
    statement_seconds: float | None = None,
    foreign_keys: bool = True,
) -> AsyncEngine:
    """An engine whose connections give up by themselves: ``timeout_seconds`` for a lock and for a connection,
    ``statement_seconds`` (default: the same) for a statement. Connects only when used."""
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, timeout_seconds, foreign_keys)
    lock_ms = max(1, int(timeout_seconds * 1000))
    statement_ms = max(1, int((statement_seconds or timeout_seconds) * 1000))
    arguments: dict[str, str | int] = {
        "connect_timeout": max(1, round(timeout_seconds)),
        "application_name": "burrow",
        # A peer that vanished without a word is noticed, also by an idle connection.
        "keepalives_idle": 30,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": max(1000, lock_ms),
    }
    if "options" not in url.query:
        arguments["options"] = (
            f"-c statement_timeout={statement_ms} -c lock_timeout={lock_ms} "
            f"-c idle_in_transaction_session_timeout={2 * statement_ms} -c timezone=UTC"
        )
    return create_async_engine(
        url,
        connect_args=arguments,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=timeout_seconds,
        # A connection that a restart of the server cut is replaced before a request stumbles over it.
        pool_pre_ping=True,
        # Values never get into messages of errors, which may be logged.
        hide_parameters=True,
    )


def _sqlite_engine(url: URL, timeout_seconds: float, foreign_keys: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        # The driver leaves transactions alone: it would begin them too late, at the first write.
        connect_args={"isolation_level": None},
        pool_size=SQLITE_CONNECTIONS,
        max_overflow=0,
        pool_timeout=timeout_seconds,
        hide_parameters=True,
    )
    busy_ms = max(1, int(timeout_seconds * 1000))

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={busy_ms}")
        cursor.execute("PRAGMA journal_mode=WAL")
        # In WAL mode this loses at most the last moments at a power cut, and never the file.
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute(f"PRAGMA foreign_keys={int(foreign_keys)}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads and then writes cannot wait for another writer (SQLITE_BUSY at once):
        # one that will write takes its turn at its beginning.
        write = connection.get_execution_options().get("write", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def is_away(error: DBAPIError) -> bool:
    """Whether this means "the database cannot do it now" rather than "the statement is wrong"."""
    if error.connection_invalidated:
        return True
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return (getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF in _SQLITE_AWAY
    if isinstance(cause, psycopg.errors.ReadOnlySqlTransaction):
        return True  # a fail-over made this server a standby
    return isinstance(error, OperationalError | InterfaceError)


def describe(url: URL) -> str:
    """The database's name for people, without a password."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite file {url.database}"
    return f"PostgreSQL database {url.render_as_string(hide_password=True)}"


def first_line(error: DBAPIError) -> str:
    """The driver's own words, as far as they fit into a sentence."""
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines else type(error.orig).__name__


def refusal(error: SQLAlchemyError) -> str:
    """What the database did not like, without any value."""
    cause = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    words = [type(cause).__name__]
    if isinstance(cause, psycopg.Error):
        words += [str(word) for word in (cause.sqlstate, cause.diag.constraint_name) if word]
    elif isinstance(cause, sqlite3.Error):
        words.append(str(getattr(cause, "sqlite_errorname", "")))
    return f"The database refused a statement ({' '.join(filter(None, words))})."


def make_embedded_file(data_dir: Path) -> None:
    """Make the folder and the file of the embedded database, both for this user alone.

    Raises :class:`DatabaseError` when that is impossible.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A folder that was there may be open to others; SQLite gives its other files the mode of this one.
        (data_dir / FILE_NAME).touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise DatabaseError(f"Cannot make the data folder {data_dir}: {error.strerror}.") from error
