"""Transactions, their deadline, and what a caller gets when the database is away."""

from __future__ import annotations

import asyncio
import sqlite3
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from db import database as database_module
from db.database import Database
from db.errors import DatabaseError, DatabaseUnavailable, DatabaseUrlInvalid, StatementRefused
from db.repositories import users
from db.settings import DatabaseSettings
from tests.db.postgres import PostgresCluster
from tests.db.rows import CONSENT, add_guests, fetch


def run(statement: str) -> Any:
    async def work(session: Any) -> Any:
        return (await session.execute(text(statement))).first()

    return work


async def names(database: Database) -> list[str]:
    return [name for (name,) in await fetch(database, "SELECT id FROM users ORDER BY id")]


async def test_work_is_committed_when_it_returns(database: Database) -> None:
    await add_guests(database, "ann")
    assert await names(database) == ["ann"]


async def test_work_that_raises_leaves_nothing(database: Database) -> None:
    async def work(session: Any) -> None:
        await users.add_guest(session, user_id="ann", name="Ann", consent=CONSENT)
        raise LookupError("changed my mind")

    with pytest.raises(LookupError):
        await database.write(work)
    assert await names(database) == []
    assert database.available


async def test_a_wrong_statement_is_not_called_unavailable(database: Database) -> None:
    with pytest.raises(StatementRefused):
        await database.read(run("SELECT nothing FROM nowhere"))
    assert database.available


async def test_values_stay_out_of_error_messages(database: Database) -> None:
    value = "-".join(("my", "secret", "value"))

    async def work(session: Any) -> None:
        await session.execute(text("INSERT INTO users (id) VALUES (:v)"), {"v": value})

    with pytest.raises(StatementRefused) as caught:
        await database.write(work)
    assert value not in "".join(traceback.format_exception(caught.value))
    assert "in work" in "".join(traceback.format_exception(caught.value))


async def test_many_that_read_and_then_write_all_succeed(database: Database) -> None:
    """On SQLite this fails with "database is locked" unless a writer takes its turn at its beginning."""
    await add_guests(database, "ann")

    async def count_up(session: Any) -> None:
        account = await users.by_id(session, "ann")
        assert account is not None
        if database.backend == "postgresql":
            await session.execute(text("SELECT 1 FROM users WHERE id = 'ann' FOR UPDATE"))
            session.expire_all()
        row = (await session.execute(text("SELECT name FROM users WHERE id = 'ann'"))).scalar_one()
        number = int(row.split()[-1]) if row[-1].isdigit() else 0
        await session.execute(text("UPDATE users SET name = :n"), {"n": f"Ann {number + 1}"})

    await asyncio.gather(*(database.write(count_up) for _ in range(30)))
    assert await fetch(database, "SELECT name FROM users") == [("Ann 30",)]


async def test_embedded_database_is_set_up_for_a_service(tmp_path: Path) -> None:
    database = await Database.open(DatabaseSettings(timeout_seconds=2.5), tmp_path)
    assert await fetch(database, "PRAGMA journal_mode") == [("wal",)]
    assert await fetch(database, "PRAGMA foreign_keys") == [(1,)]
    assert await fetch(database, "PRAGMA busy_timeout") == [(2500,)]
    await database.close()


async def test_reading_goes_on_beside_a_writer(tmp_path: Path) -> None:
    database = await Database.open(DatabaseSettings(), tmp_path)
    begun, finish = asyncio.Event(), asyncio.Event()

    async def long_write(session: Any) -> None:
        await users.add_guest(session, user_id="ann", name="Ann", consent=CONSENT)
        begun.set()
        await finish.wait()

    writer = asyncio.create_task(database.write(long_write))
    await begun.wait()
    assert await names(database) == []
    finish.set()
    await writer
    assert await names(database) == ["ann"]
    await database.close()


async def test_a_file_locked_by_another_process_is_unavailable_until_it_is_free(tmp_path: Path) -> None:
    database = await Database.open(DatabaseSettings(timeout_seconds=0.3), tmp_path)
    other = sqlite3.connect(tmp_path / "burrow.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable):
        await add_guests(database, "ann")
    assert not database.available
    await database.ping()  # reading is still possible
    other.execute("ROLLBACK")
    other.close()
    await add_guests(database, "ann")
    assert database.available
    await database.close()


async def test_a_damaged_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "burrow.sqlite3").write_bytes(b"this is no database" * 1000)
    with pytest.raises(DatabaseUnavailable, match="not a database"):
        await Database.open(DatabaseSettings(), tmp_path)


async def test_a_data_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError, match="Cannot make the data folder"):
        await Database.open(DatabaseSettings(), tmp_path / "file" / "data")


@pytest.mark.parametrize(
    "url",
    [
        "not a url with secret",
        "mysql://root:secret@localhost/x",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql+asyncpg://root:secret@localhost/x",
    ],
)
async def test_a_url_of_another_kind_is_refused_without_showing_a_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUrlInvalid, match="allowed") as caught:
        await Database.open(DatabaseSettings(url=url), tmp_path)
    assert "secret" not in str(caught.value)


async def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    settings = DatabaseSettings(url="postgresql://burrow:secret@127.0.0.1:1/burrow", timeout_seconds=2)
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.1|refused") as caught:
        await Database.open(settings, tmp_path)
    assert time.monotonic() - began < 5
    assert "secret" not in str(caught.value)


async def test_a_slow_statement_is_given_up_and_the_connection_serves_again(
    postgres: PostgresCluster, tmp_path: Path
) -> None:
    settings = DatabaseSettings(url=await postgres.create_migrated(), pool_size=1, timeout_seconds=0.5)
    database = await Database.open(settings, tmp_path)
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        await database.read(run("SELECT pg_sleep(30)"))
    assert time.monotonic() - began < 2
    await database.ping()
    await database.close()


async def test_a_frozen_server_costs_a_caller_no_more_than_the_deadline(
    own_postgres: PostgresCluster, tmp_path: Path
) -> None:
    """A stopped process keeps its sockets open: only a deadline of our own ends the waiting."""
    settings = DatabaseSettings(url=await own_postgres.create_migrated(), pool_size=2, timeout_seconds=0.5)
    database = await Database.open(settings, tmp_path)
    await database.ping()
    own_postgres.freeze()
    for _ in range(4):  # more than there are connections
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable):
            await database.ping()
        assert time.monotonic() - began < 1.5
    assert not database.available
    own_postgres.thaw()
    async with asyncio.timeout(30):
        while not database.available:
            try:
                await database.ping()
            except DatabaseUnavailable:
                continue
    await database.close()


async def test_closing_does_not_wait_for_a_frozen_server(
    own_postgres: PostgresCluster, tmp_path: Path
) -> None:
    settings = DatabaseSettings(url=await own_postgres.create_migrated(), pool_size=2, timeout_seconds=0.5)
    database = await Database.open(settings, tmp_path)
    own_postgres.freeze()
    with pytest.raises(DatabaseUnavailable):
        await database.ping()
    began = time.monotonic()
    await database.close()
    assert time.monotonic() - began < 3


async def test_a_restart_of_the_server_is_not_noticed_by_the_next_request(
    own_postgres: PostgresCluster, tmp_path: Path
) -> None:
    settings = DatabaseSettings(url=await own_postgres.create_migrated(), pool_size=3)
    database = await Database.open(settings, tmp_path)
    await asyncio.gather(*(database.ping() for _ in range(3)))
    own_postgres.stop()
    with pytest.raises(DatabaseUnavailable):
        await database.ping()
    own_postgres.start()
    for _ in range(5):
        await database.ping()
    await database.close()


async def test_more_than_may_wait_are_refused_at_once(
    postgres: PostgresCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "MAX_WAITING", 3)
    settings = DatabaseSettings(url=await postgres.create_migrated(), pool_size=1, timeout_seconds=5)
    database = await Database.open(settings, tmp_path)
    finish = asyncio.Event()

    async def wait(_: Any) -> None:
        await finish.wait()

    waiting = [asyncio.create_task(database.read(wait)) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(DatabaseUnavailable, match="Too many"):
        await database.ping()
    finish.set()
    await asyncio.gather(*waiting)
    await database.ping()
    await database.close()


async def test_a_caller_that_gives_up_frees_the_connection(database: Database) -> None:
    begun = asyncio.Event()

    async def wait(_: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    for _ in range(10):  # more than there are connections
        begun.clear()
        caller = asyncio.create_task(database.write(wait))
        await begun.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
    await database.ping()


async def test_a_closed_database_is_unavailable(database: Database) -> None:
    await database.close()
    with pytest.raises(DatabaseUnavailable, match="closed"):
        await database.ping()


async def test_a_moment_without_zone_is_refused(database: Database) -> None:
    naive = users.Consent("2026-11", CONSENT.at.replace(tzinfo=None))
    with pytest.raises(StatementRefused, match="ValueError"):
        await database.write(
            lambda session: users.add_guest(session, user_id="ann", name="Ann", consent=naive)
        )
