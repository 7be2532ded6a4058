"""What operators did: written once, never changed, and read the newest first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import OperatorAction
from db.records import ActionTaken
from db.repositories.upsert import insert_into


async def add(session: AsyncSession, taken: Iterable[ActionTaken]) -> None:
    """Insert actions; one that is there already stays as it is."""
    rows = [
        {
            "id": a.action_id,
            "at": a.at,
            "operator_id": a.operator_id,
            "operator_name": a.operator_name,
            "action": a.action,
            "target": a.target,
            "before": None if a.before is None else dict(a.before),
            "after": None if a.after is None else dict(a.after),
            "outcome": a.outcome,
        }
        for a in taken
    ]
    if rows:
        await session.execute(insert_into(session, OperatorAction).on_conflict_do_nothing(), rows)


async def latest(
    session: AsyncSession, *, before: tuple[datetime, str] | None, most: int
) -> list[ActionTaken]:
    """The newest first, from the one after ``before`` (its time and id) on."""
    chosen = select(OperatorAction)
    if before is not None:
        at, action_id = before
        chosen = chosen.where(
            or_(OperatorAction.at < at, and_(OperatorAction.at == at, OperatorAction.id < action_id))
        )
    chosen = chosen.order_by(OperatorAction.at.desc(), OperatorAction.id.desc()).limit(most)
    return [
        ActionTaken(
            action_id=row.id,
            at=row.at,
            operator_id=row.operator_id,
            operator_name=row.operator_name,
            action=row.action,
            target=row.target,
            outcome=row.outcome,
            before=row.before,
            after=row.after,
        )
        for row in (await session.execute(chosen)).scalars()
    ]
