"""Blocks and reports."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Block, Report
from db.records import BlockMade, ReportMade
from db.repositories.upsert import insert_into


async def add_blocks(session: AsyncSession, blocks: Iterable[BlockMade]) -> None:
    """Insert blocks; one that is there already stays as it is."""
    rows = [
        {"blocker_id": b.blocker_id, "blocked_id": b.blocked_id, "created_at": b.created_at} for b in blocks
    ]
    if rows:
        await session.execute(insert_into(session, Block).on_conflict_do_nothing(), rows)


async def add_reports(session: AsyncSession, reports: Iterable[ReportMade]) -> None:
    """Insert reports; one that is there already stays as it is."""
    rows = [
        {
            "id": r.report_id,
            "match_id": r.match_id,
            "reporter_id": r.reporter_id,
            "reported_id": r.reported_id,
            "reason": r.reason,
            "text": r.text.replace("\0", ""),  # PostgreSQL's text holds no NUL
            "created_at": r.created_at,
        }
        for r in reports
    ]
    if rows:
        await session.execute(insert_into(session, Report).on_conflict_do_nothing(), rows)


async def apart(session: AsyncSession, user_id: str) -> frozenset[str]:
    """The users this one must not meet: blocked by them, or blocking them."""
    blocked = select(Block.blocked_id).where(Block.blocker_id == user_id)
    blocking = select(Block.blocker_id).where(Block.blocked_id == user_id)
    return frozenset((await session.execute(blocked.union(blocking))).scalars())
