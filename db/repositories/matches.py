"""Matches: written by :class:`db.match_writer.MatchWriter`, each statement safe to repeat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Select, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from db.models import CallSamples, Match, User
from db.records import SERVICE_RESTARTED, CallSampled, Details, MatchEnded, MatchStarted
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
    "events",
)

_PRUNED_AT_ONCE = 500


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
            "events": None,
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
            "events": list(ended.events),
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


async def add_samples(session: AsyncSession, calls: Iterable[CallSampled]) -> None:
    """Insert how calls went; one that is there already stays as it is."""
    rows = [
        {"match_id": c.match_id, "ended_at": c.ended_at, "samples": [list(s) for s in c.samples]}
        for c in calls
    ]
    if rows:
        await session.execute(insert_into(session, CallSamples).on_conflict_do_nothing(), rows)


async def prune_samples(session: AsyncSession, before: datetime) -> int:
    """Delete some of those of calls that ended before; answers how many, 0 when there are none left."""
    old = (
        select(CallSamples.match_id)
        .where(CallSamples.ended_at < before)
        .order_by(CallSamples.ended_at)
        .limit(_PRUNED_AT_ONCE)
    )
    result = await session.execute(delete(CallSamples).where(CallSamples.match_id.in_(old)))
    return cast("CursorResult[object]", result).rowcount


# --- for operators ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MatchRow:
    """A match as it is stored, with its users' names."""

    match_id: str
    users: tuple[tuple[str, str], tuple[str, str]]
    """Id and name, of side ``a`` and of side ``b``."""
    started_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    ended_by: str | None
    routes: tuple[str, ...]
    connect_ms: int | None
    bytes_a_to_b: int
    bytes_b_to_a: int


@dataclass(frozen=True, slots=True)
class MatchStory:
    """Everything that is kept of one match."""

    row: MatchRow
    route_changes: tuple[Details, ...]
    troubles: tuple[Details, ...]
    events: tuple[Details, ...]
    samples: tuple[Sequence[Any], ...]


async def find(
    session: AsyncSession, *, user_id: str | None, before: tuple[datetime, str] | None, most: int
) -> list[MatchRow]:
    """Matches, the newest first, of one user or of all, from the one after ``before`` (start, id) on."""
    chosen = _with_names()
    if user_id is not None:
        chosen = chosen.where(or_(Match.user_a_id == user_id, Match.user_b_id == user_id))
    if before is not None:
        at, match_id = before
        chosen = chosen.where(or_(Match.started_at < at, and_(Match.started_at == at, Match.id < match_id)))
    chosen = chosen.order_by(Match.started_at.desc(), Match.id.desc()).limit(most)
    return [_row(*found) for found in await session.execute(chosen)]


async def story(session: AsyncSession, match_id: str) -> MatchStory | None:
    """One match by its id."""
    found = (await session.execute(_with_names().where(Match.id == match_id))).one_or_none()
    if found is None:
        return None
    match = found[0]
    samples = await session.get(CallSamples, match_id)
    return MatchStory(
        _row(*found),
        tuple(match.route_changes or ()),
        tuple(match.troubles or ()),
        tuple(match.events or ()),
        tuple(samples.samples) if samples is not None else (),
    )


def _with_names() -> Select[Match, str, str]:
    a, b = aliased(User), aliased(User)
    return select(Match, a.name, b.name).join(a, a.id == Match.user_a_id).join(b, b.id == Match.user_b_id)


def _row(match: Match, name_a: str, name_b: str) -> MatchRow:
    return MatchRow(
        match_id=match.id,
        users=((match.user_a_id, name_a), (match.user_b_id, name_b)),
        started_at=match.started_at,
        ended_at=match.ended_at,
        end_reason=match.end_reason,
        ended_by=match.ended_by,
        routes=tuple(match.routes),
        connect_ms=match.connect_ms,
        bytes_a_to_b=match.bytes_a_to_b,
        bytes_b_to_a=match.bytes_b_to_a,
    )


def _start_row(match: MatchStarted) -> dict[str, Any]:
    return {
        "id": match.match_id,
        "user_a_id": match.user_a_id,
        "user_b_id": match.user_b_id,
        "started_at": match.started_at,
    }
