"""Rows that tests need before they can test anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from db.database import Database
from db.records import Direction, MatchEnded, MatchStarted
from db.repositories import users
from db.repositories.users import Consent

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
CONSENT = Consent("2026-11", NOW)


async def add_guests(database: Database, *ids: str) -> None:
    async def work(session: Any) -> None:
        for user_id in ids:
            await users.add_guest(session, user_id=user_id, name=f"Guest {user_id}", consent=CONSENT)

    await database.write(work)


def started(number: int = 1, a: str = "ann", b: str = "bob") -> MatchStarted:
    return MatchStarted(f"match-{number}", a, b, NOW + timedelta(seconds=number))


def ended(match: MatchStarted, reason: str = "next") -> MatchEnded:
    return MatchEnded(
        match=match,
        ended_at=match.started_at + timedelta(minutes=5),
        reason=reason,
        ended_by="a",
        routes=("direct", "relay"),
        connect_ms=312,
        a_to_b=Direction(packets=100, bytes=2**40, lost=3),
        b_to_a=Direction(packets=90, bytes=80_000, lost=0),
        route_changes=({"at_ms": 0, "route": "direct", "state": "trying", "reason": None},),
        troubles=({"at_ms": 600, "route": "direct", "step": "ice_udp", "side": "a"},),
        direct_stats=({"rtt_ms": 12.5}, None),
        events=({"at_ms": 3, "event": "leg_connected", "side": "a", "detail": "udp"},),
    )


async def fetch(database: Database, statement: str) -> list[tuple[Any, ...]]:
    async def work(session: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await session.execute(text(statement))]

    return await database.read(work)
