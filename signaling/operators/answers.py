"""From what is stored to what is answered. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from db.records import ActionTaken, MinutePassed
from db.repositories.matches import MatchRow, MatchStory
from signaling.core.watch import CallSteps
from signaling.operators.bodies import (
    ActionBody,
    CallBody,
    MatchBody,
    MinuteBody,
    PersonBody,
    Sample,
    StepBody,
    StoryBody,
)
from signaling.operators.steps import live_steps, stored_steps


def match_body(row: MatchRow) -> MatchBody:
    """A stored match."""
    return MatchBody(
        match=row.match_id,
        a=PersonBody(*row.users[0]),
        b=PersonBody(*row.users[1]),
        started_at=row.started_at.timestamp(),
        ended_at=None if row.ended_at is None else row.ended_at.timestamp(),
        end_reason=row.end_reason,
        ended_by=row.ended_by,
        routes=row.routes,
        connect_ms=row.connect_ms,
        bytes_a_to_b=row.bytes_a_to_b,
        bytes_b_to_a=row.bytes_b_to_a,
    )


def story_of(
    match_id: str,
    call: CallBody | None,
    steps: CallSteps | None,
    stored: MatchStory | None,
    samples: Sequence[Sample],
) -> StoryBody:
    """Of a call in progress what is known now, of one that is over what was kept."""
    told: tuple[StepBody, ...] = ()
    if steps is not None:
        told = live_steps(steps)
    elif stored is not None:
        told = stored_steps(stored.route_changes, stored.troubles, stored.events, _end_of(stored.row))
        samples = msgspec.convert(stored.samples, tuple[Sample, ...])
    return StoryBody(
        match=match_id,
        call=call,
        stored=None if stored is None else match_body(stored.row),
        steps=told,
        samples=tuple(samples),
    )


def minute_body(row: MinutePassed) -> MinuteBody:
    """A minute."""
    return MinuteBody(
        at=row.at.timestamp(),
        **{
            name: getattr(row, name)
            for name in MinuteBody.__struct_fields__
            if name not in ("at", "connect_ms")
        },
        connect_ms={route: tuple(classes) for route, classes in row.connect_ms.items()},
    )


def action_body(row: ActionTaken) -> ActionBody:
    """What an operator did."""
    return ActionBody(
        id=row.action_id,
        at=row.at.timestamp(),
        operator=PersonBody(row.operator_id, row.operator_name),
        action=row.action,
        target=row.target,
        before=None if row.before is None else dict(row.before),
        after=None if row.after is None else dict(row.after),
        outcome=row.outcome,
    )


def _end_of(row: MatchRow) -> StepBody | None:
    if row.ended_at is None:
        return None
    side = row.ended_by if row.ended_by in ("a", "b") else None
    at_ms = round((row.ended_at - row.started_at).total_seconds() * 1000)
    return StepBody(at_ms, "ended", side, None, row.end_reason)  # type: ignore[arg-type]  # just looked at
