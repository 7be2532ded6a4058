"""Minute rows: what the node did, kept for a while and read an hour or a day at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import cast

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Minute
from db.records import MinutePassed
from db.repositories.upsert import insert_into

_COLUMNS = tuple(field.name for field in fields(MinutePassed))
_PRUNED_AT_ONCE = 5000


async def add(session: AsyncSession, passed: Iterable[MinutePassed]) -> None:
    """Insert minutes; one that is there already stays as it is."""
    rows = [{name: getattr(minute, name) for name in _COLUMNS} for minute in passed]
    if rows:
        await session.execute(insert_into(session, Minute).on_conflict_do_nothing(), rows)


async def between(session: AsyncSession, since: datetime, until: datetime, most: int) -> list[MinutePassed]:
    """Those that began from ``since`` on and before ``until``, the oldest first; of more than ``most`` the
    newest."""
    chosen = (
        select(Minute).where(Minute.at >= since, Minute.at < until).order_by(Minute.at.desc()).limit(most)
    )
    found = (await session.execute(chosen)).scalars().all()
    return [MinutePassed(**{name: getattr(row, name) for name in _COLUMNS}) for row in reversed(found)]


async def prune(session: AsyncSession, before: datetime) -> int:
    """Delete some of those that began before; answers how many, 0 when there are none left."""
    old = select(Minute.at).where(Minute.at < before).order_by(Minute.at).limit(_PRUNED_AT_ONCE)
    result = await session.execute(delete(Minute).where(Minute.at.in_(old)))
    return cast("CursorResult[object]", result).rowcount
