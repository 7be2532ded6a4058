"""Bring the tables up to date, or say why the service must not start on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import describe, first_line, is_away, make_embedded_file, make_engine, resolve_url
from db.errors import DatabaseUnavailable, SchemaMismatch
from db.settings import DatabaseSettings

LOCK_SECONDS = 5.0
"""A migration that cannot have its lock soon gives up: all others would queue behind it meanwhile."""
STATEMENT_SECONDS = 300.0

_LOCK_KEY = 0x6275_7272_6F77
"""PostgreSQL's advisory lock of migrations: "burrow" in ASCII."""
_Revisions = tuple[str | None, str]
_Step = Callable[[Connection], _Revisions]


async def migrate(settings: DatabaseSettings, data_dir: Path) -> _Revisions:
    """Apply what is missing; answers the revisions before and after. Nothing is left half done.

    Raises :class:`DatabaseUnavailable` (also for a lock not had in time), :class:`SchemaMismatch` (tables
    of a newer Burrow), :class:`db.errors.DatabaseUrlInvalid`.
    """
    url = resolve_url(settings, data_dir)
    if not settings.url:
        make_embedded_file(data_dir)
    engine = make_engine(
        url,
        pool_size=1,
        timeout_seconds=LOCK_SECONDS,
        statement_seconds=STATEMENT_SECONDS,
        # SQLite changes a table by making it anew; dropping the old one must not delete what refers to it.
        foreign_keys=False,
    )
    return await _run(engine, url, _upgrade)


async def ensure_schema(settings: DatabaseSettings, data_dir: Path) -> None:
    """At the start: SQLite is brought up to date, PostgreSQL must be already. Raises as :func:`migrate`."""
    url = resolve_url(settings, data_dir)
    if url.get_backend_name() == "sqlite":
        await migrate(settings, data_dir)
        return
    engine = make_engine(url, pool_size=1, timeout_seconds=settings.timeout_seconds)
    await _run(engine, url, _require_head)


def head_revision() -> str:
    """The revision that this version of Burrow needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "the package holds migrations"
    return head


async def _run(engine: AsyncEngine, url: URL, step: _Step) -> _Revisions:
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(step)
    except DBAPIError as error:
        if not is_away(error):
            raise
        raise DatabaseUnavailable(f"The {describe(url)} cannot be used: {first_line(error)}") from error
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> _Revisions:
    if connection.dialect.name == "postgresql":
        # Two that migrate at once take turns; the second then finds nothing to do.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    before = _revision(connection)
    _refuse_newer(before)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if connection.dialect.name == "sqlite" and connection.execute(text("PRAGMA foreign_key_check")).first():
        raise SchemaMismatch("The migration would leave rows that refer to nothing; nothing was changed.")
    return before, head_revision()


def _require_head(connection: Connection) -> _Revisions:
    found, needed = _revision(connection), head_revision()
    _refuse_newer(found)
    if found is None:
        raise SchemaMismatch("The database has no tables of Burrow yet. Run: burrow migrate")
    if found != needed:
        raise SchemaMismatch(
            f"The database is at revision {found}, this version needs {needed}. Run: burrow migrate"
        )
    return found, needed


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(revision: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision is not None and revision not in known:
        raise SchemaMismatch(
            f"The database is at revision {revision}, unknown to this version: a newer Burrow made it."
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
