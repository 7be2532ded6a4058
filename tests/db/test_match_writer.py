"""Matches reach the database: once, in order, whatever the database does meanwhile."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from db.database import Database
from db.match_writer import MatchWriter
from db.records import BlockMade, ReportMade
from db.settings import DatabaseSettings
from tests.db.postgres import PostgresCluster
from tests.db.rows import NOW, add_guests, ended, fetch, started

QUICK = (0.02,)


async def until(condition: Callable[[], bool]) -> None:
    """The writer has no event for "written": look again whenever it may have gone on."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[MatchWriter]:
    await add_guests(database, "ann", "bob", "cleo")
    writer = MatchWriter(database, 100, retry_seconds=QUICK, now=lambda: NOW)
    await writer.start()
    yield writer
    await writer.stop(5)


async def rows(database: Database) -> list[tuple[Any, ...]]:
    return await fetch(
        database,
        "SELECT id, user_a_id, user_b_id, end_reason, ended_by, connect_ms, packets_a_to_b, bytes_a_to_b, "
        "lost_a_to_b, packets_b_to_a, bytes_b_to_a, lost_b_to_a FROM matches ORDER BY started_at",
    )


OPEN = (None, None, None, 0, 0, 0, 0, 0, 0)
DONE = ("next", "a", 312, 100, 2**40, 3, 90, 80_000, 0)


async def test_a_match_is_a_row_from_its_start(database: Database, writer: MatchWriter) -> None:
    writer.add(started(1))
    await until(lambda: writer.backlog == 0)
    assert await rows(database) == [("match-1", "ann", "bob", *OPEN)]
    nothing = await fetch(database, "SELECT 1 FROM matches WHERE route_changes IS NULL AND troubles IS NULL")
    assert nothing == [(1,)]
    writer.add(ended(started(1)))
    await until(lambda: writer.backlog == 0)
    assert await rows(database) == [("match-1", "ann", "bob", *DONE)]
    [(routes,)] = await fetch(database, "SELECT routes FROM matches")
    assert routes in (["direct", "relay"], '["direct", "relay"]')
    [row] = await fetch(database, "SELECT route_changes, troubles, direct_stats FROM matches")
    changes, troubles, stats = [json.loads(kept) if isinstance(kept, str) else kept for kept in row]
    assert changes == [{"at_ms": 0, "route": "direct", "state": "trying", "reason": None}]
    assert troubles == [{"at_ms": 600, "route": "direct", "step": "ice_udp", "side": "a"}]
    assert stats == [{"rtt_ms": 12.5}, None]


async def test_a_start_that_was_lost_does_no_harm(database: Database, writer: MatchWriter) -> None:
    writer.add(ended(started(1)))
    await until(lambda: writer.backlog == 0)
    assert await rows(database) == [("match-1", "ann", "bob", *DONE)]


async def test_writing_twice_has_one_effect(database: Database, writer: MatchWriter) -> None:
    """A commit whose answer got lost is written again; a late start must not reopen a match."""
    for record in (started(1), ended(started(1)), ended(started(1)), started(1)):
        writer.add(record)
        await until(lambda: writer.backlog == 0)
    assert await rows(database) == [("match-1", "ann", "bob", *DONE)]


async def test_blocks_and_reports_are_written_too(database: Database, writer: MatchWriter) -> None:
    report = ReportMade("report-1", "match-1", "ann", "bob", "spam", "he\0llo", NOW)
    for _ in range(2):
        writer.add(BlockMade("ann", "bob", NOW))
        writer.add(report)
        await until(lambda: writer.backlog == 0)
    assert await fetch(database, "SELECT blocker_id, blocked_id FROM blocks") == [("ann", "bob")]
    assert await fetch(database, "SELECT id, match_id, text FROM reports") == [
        ("report-1", "match-1", "hello")
    ]
    assert writer.refused == 0


async def test_a_refused_record_holds_up_no_other(database: Database, writer: MatchWriter) -> None:
    writer.add(ended(started(1)))
    writer.add(ended(started(2, a="nobody")))
    writer.add(ended(started(3, a="bob", b="bob")))
    writer.add(ended(started(4, a="cleo")))
    await until(lambda: writer.backlog == 0)
    assert [row[0] for row in await rows(database)] == ["match-1", "match-4"]
    assert writer.refused == 2


async def test_matches_a_crash_left_open_are_closed_at_the_start(database: Database) -> None:
    await add_guests(database, "ann", "bob")
    crashed = MatchWriter(database, 10)
    await crashed.start()
    crashed.add(started(1))
    crashed.add(ended(started(2)))
    assert await crashed.stop(5) == 0

    writer = MatchWriter(database, 10, now=lambda: NOW)
    assert await writer.start() == 1
    await writer.stop(5)
    assert [row[3:5] for row in await rows(database)] == [("service_restarted", "service"), ("next", "a")]
    assert await writer.start() == 0
    await writer.stop(5)


async def test_stop_writes_what_is_left(database: Database) -> None:
    await add_guests(database, "ann", "bob")
    writer = MatchWriter(database, 1000)
    await writer.start()
    for number in range(500):
        writer.add(ended(started(number)))
    assert await writer.stop(10) == 0
    assert await fetch(database, "SELECT count(*) FROM matches") == [(500,)]


async def test_stop_keeps_its_deadline_when_the_database_is_away(
    own_postgres: PostgresCluster, tmp_path: Path
) -> None:
    settings = DatabaseSettings(url=await own_postgres.create_migrated(), timeout_seconds=5)
    database = await Database.open(settings, tmp_path)
    await add_guests(database, "ann", "bob")
    writer = MatchWriter(database, 10, retry_seconds=QUICK)
    await writer.start()
    own_postgres.freeze()
    writer.add(ended(started(1)))
    began = time.monotonic()
    assert await writer.stop(0.5) == 1
    assert time.monotonic() - began < 1.5
    own_postgres.thaw()
    await database.close()


async def test_matches_outlive_an_absence_of_the_database(
    own_postgres: PostgresCluster, tmp_path: Path
) -> None:
    """The server is stopped in the middle: adding never waits, the backlog is bounded and then written."""
    settings = DatabaseSettings(url=await own_postgres.create_migrated(), timeout_seconds=1)
    database = await Database.open(settings, tmp_path)
    await add_guests(database, "ann", "bob")
    writer = MatchWriter(database, 6, retry_seconds=QUICK)
    await writer.start()
    writer.add(started(1))
    await until(lambda: writer.backlog == 0)

    own_postgres.stop()
    began = time.monotonic()
    writer.add(ended(started(1)))
    for number in range(2, 9):
        writer.add(started(number))
        writer.add(ended(started(number)))
    assert time.monotonic() - began < 0.1
    await until(lambda: not database.available)
    assert writer.backlog == 6
    assert writer.dropped == 2

    own_postgres.start()
    await until(lambda: writer.backlog == 0)
    found = await rows(database)
    assert [row[0] for row in found] == [f"match-{n}" for n in (1, 3, 4, 5, 6, 7, 8)]
    # The end of the first was dropped: its row waits for the next start. All others are complete.
    assert [row[3] for row in found] == [None, *["next"] * 6]
    assert await writer.stop(5) == 0
    await database.close()


async def test_an_end_after_a_restart_wins_over_the_clean_up(database: Database, writer: MatchWriter) -> None:
    match = started(1)
    writer.add(match)
    await until(lambda: writer.backlog == 0)
    other = MatchWriter(database, 10, now=lambda: NOW)
    await other.start()  # takes the row for one of a crash
    writer.add(replace(ended(match), reason="left"))
    await until(lambda: writer.backlog == 0)
    assert [row[3] for row in await rows(database)] == ["left"]
    await other.stop(5)
