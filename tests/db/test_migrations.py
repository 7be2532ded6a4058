"""The tables that migrations make are the ones the models describe, on both databases."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from db import migrate as migrations
from db.database import Database
from db.engine import make_engine, resolve_url
from db.errors import DatabaseUnavailable, SchemaMismatch
from db.migrate import head_revision, migrate
from db.models import METADATA
from db.settings import DatabaseSettings
from tests.db.postgres import PostgresCluster


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, postgres: PostgresCluster) -> DatabaseSettings:
    return DatabaseSettings(url="" if request.param == "sqlite" else postgres.create_database())


async def run(settings: DatabaseSettings, data_dir: Path, step: Any) -> Any:
    engine = make_engine(resolve_url(settings, data_dir), pool_size=1, timeout_seconds=3)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(step)
    finally:
        await engine.dispose()


async def test_models_and_migrations_agree(empty: DatabaseSettings, tmp_path: Path) -> None:
    await migrate(empty, tmp_path)

    def differences(connection: Connection) -> Any:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        return compare_metadata(context, METADATA)

    assert await run(empty, tmp_path, differences) == []


async def test_constraints_agree_too(
    empty: DatabaseSettings, postgres: PostgresCluster, tmp_path: Path
) -> None:
    """Alembic does not compare checks and delete rules: make the tables both ways and look."""

    def structure(connection: Connection) -> dict[str, Any]:
        look = inspect(connection)
        return {
            table: {
                "checks": sorted((c["name"], c["sqltext"]) for c in look.get_check_constraints(table)),
                "unique": sorted(u["name"] or "" for u in look.get_unique_constraints(table)),
                "foreign": sorted(
                    (f["name"] or "", f["referred_table"], str(f["options"]))
                    for f in look.get_foreign_keys(table)
                ),
                "indexes": sorted((i["name"] or "", str(i["column_names"])) for i in look.get_indexes(table)),
                "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in look.get_columns(table)],
                "primary": look.get_pk_constraint(table),
            }
            for table in sorted(look.get_table_names())
            if table != "alembic_version"
        }

    await migrate(empty, tmp_path)
    (tmp_path / "other").mkdir()
    other = DatabaseSettings(url="" if not empty.url else postgres.create_database())
    await run(other, tmp_path / "other", METADATA.create_all)
    migrated = await run(empty, tmp_path, structure)
    assert set(migrated) == set(METADATA.tables)
    assert migrated == await run(other, tmp_path / "other", structure)


async def test_migrating_again_changes_nothing(empty: DatabaseSettings, tmp_path: Path) -> None:
    assert await migrate(empty, tmp_path) == (None, head_revision())
    assert await migrate(empty, tmp_path) == (head_revision(), head_revision())


async def test_two_that_migrate_at_once_take_turns(empty: DatabaseSettings, tmp_path: Path) -> None:
    done = await asyncio.gather(migrate(empty, tmp_path), migrate(empty, tmp_path))
    assert sorted(done, key=str) == sorted(
        [(None, head_revision()), (head_revision(), head_revision())], key=str
    )


async def test_embedded_default_migrates_itself(tmp_path: Path) -> None:
    database = await Database.open(DatabaseSettings(), tmp_path / "data")
    await database.close()
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()} == {0o600}
    assert await migrate(DatabaseSettings(), tmp_path / "data") == (head_revision(), head_revision())


async def test_elsewhere_the_start_refuses_tables_that_are_not_there(
    postgres: PostgresCluster, tmp_path: Path
) -> None:
    settings = DatabaseSettings(url=postgres.create_database())
    with pytest.raises(SchemaMismatch, match=r"no tables of Burrow yet\. Run: burrow migrate"):
        await Database.open(settings, tmp_path)
    await migrate(settings, tmp_path)
    await (await Database.open(settings, tmp_path)).close()


async def test_tables_of_a_newer_version_are_refused(empty: DatabaseSettings, tmp_path: Path) -> None:
    await migrate(empty, tmp_path)
    await run(
        empty, tmp_path, lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")) and None
    )
    with pytest.raises(SchemaMismatch, match=r"9999.*newer Burrow"):
        await Database.open(empty, tmp_path)
    with pytest.raises(SchemaMismatch, match=r"9999.*newer Burrow"):
        await migrate(empty, tmp_path)


async def test_a_migration_does_not_wait_long_for_a_lock(
    postgres: PostgresCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "LOCK_SECONDS", 0.2)
    settings = DatabaseSettings(url=postgres.create_database())
    await migrate(settings, tmp_path)
    engine = make_engine(resolve_url(settings, tmp_path), pool_size=1, timeout_seconds=5)
    async with engine.begin() as connection:
        await connection.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(DatabaseUnavailable, match="lock timeout"):
            await migrate(settings, tmp_path)
    await engine.dispose()


async def test_migrations_limit_how_long_a_statement_takes(postgres: PostgresCluster, tmp_path: Path) -> None:
    engine = make_engine(
        resolve_url(DatabaseSettings(url=postgres.create_database()), tmp_path),
        pool_size=1,
        timeout_seconds=migrations.LOCK_SECONDS,
        statement_seconds=migrations.STATEMENT_SECONDS,
    )
    async with engine.connect() as connection:
        assert (await connection.execute(text("SHOW lock_timeout"))).scalar_one() == "5s"
        assert (await connection.execute(text("SHOW statement_timeout"))).scalar_one() == "5min"
    await engine.dispose()
