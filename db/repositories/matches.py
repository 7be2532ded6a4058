"""Matches: written by :class:`db.match_writer.MatchWriter`, each statement safe to repeat."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Match
from db.records import SERVICE_RESTARTED, MatchEnded, MatchStarted
from db.repositories.upsert import insert_into

_END_COLUMNS = (
    "ended_at",
    "end_reason",
    "ended_by",
    "routes",
    "connect_ms",
    "packets_a_to_b",
    "bytes_a_to_b",
    "lost_a_to_b",
    "packets_b_to_a",
    "bytes_b_to_a",
    "lost_b_to_a",
    "route_changes",
    "troubles",
    "direct_stats",
)


async def start(session: AsyncSession, matches: Iterable[MatchStarted]) -> None:
    """Insert matches in progress; a row that is there already stays as it is."""
    rows = [
        _start_row(match)
        | {
            "ended_at": None,
            "end_reason": None,
            "ended_by": None,
            "routes": [],
            "connect_ms": None,
            "packets_a_to_b": 0,
            "bytes_a_to_b": 0,
            "lost_a_to_b": 0,
            "packets_b_to_a": 0,
            "bytes_b_to_a": 0,
            "lost_b_to_a": 0,
            "route_changes": None,
            "troubles": None,
            "direct_stats": None,
        }
        for match in matches
    ]
    if rows:
        statement = insert_into(session, Match).on_conflict_do_nothing(index_elements=[Match.id])
        await session.execute(statement, rows)


async def end(session: AsyncSession, matches: Iterable[MatchEnded]) -> None:
    """Write finished matches: the row of the start is completed, or the whole row inserted at once."""
    rows = [
        _start_row(ended.match)
        | {
            "ended_at": ended.ended_at,
            "end_reason": ended.reason,
            "ended_by": ended.ended_by,
            "routes": list(ended.routes),
            "connect_ms": ended.connect_ms,
            "packets_a_to_b": ended.a_to_b.packets,
            "bytes_a_to_b": ended.a_to_b.bytes,
            "lost_a_to_b": ended.a_to_b.lost,
            "packets_b_to_a": ended.b_to_a.packets,
            "bytes_b_to_a": ended.b_to_a.bytes,
            "lost_b_to_a": ended.b_to_a.lost,
            "route_changes": list(ended.route_changes),
            "troubles": list(ended.troubles),
            "direct_stats": list(ended.direct_stats),
        }
        for ended in matches
    ]
    if rows:
        statement = insert_into(session, Match)
        statement = statement.on_conflict_do_update(
            index_elements=[Match.id], set_={name: statement.excluded[name] for name in _END_COLUMNS}
        )
        await session.execute(statement, rows)


async def close_open(session: AsyncSession, now: datetime) -> int:
    """Close the rows that a crash left open, and say how many there were."""
    result = await session.execute(
        update(Match)
        .where(Match.ended_at.is_(None))
        .values(ended_at=now, end_reason=SERVICE_RESTARTED, ended_by="service")
    )
    return cast("CursorResult[object]", result).rowcount


def _start_row(match: MatchStarted) -> dict[str, Any]:
    return {
        "id": match.match_id,
        "user_a_id": match.user_a_id,
        "user_b_id": match.user_b_id,
        "started_at": match.started_at,
    }
