"""One list of everything that happened in a match, from the three lists of its record. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from signaling.core.side import Side
from signaling.core.watch import CallSteps
from signaling.messages import RouteName
from signaling.operators.bodies import SideName, StepBody


def live_steps(steps: CallSteps) -> tuple[StepBody, ...]:
    """Of a match in progress."""
    return _in_order(
        [
            *(StepBody(c.at_ms, c.state, _side(c.side), c.route, c.reason) for c in steps.changes),
            *(StepBody(e.at_ms, e.event, _side(e.side), None, e.detail) for e in steps.events),
            *(StepBody(t.at_ms, "trouble", _side(t.side), t.route, t.step) for t in steps.troubles),
        ]
    )


def stored_steps(
    changes: Iterable[Mapping[str, Any]],
    troubles: Iterable[Mapping[str, Any]],
    events: Iterable[Mapping[str, Any]],
    ended: StepBody | None,
) -> tuple[StepBody, ...]:
    """Of a match in the database."""
    return _in_order(
        [
            *(_step(c, c.get("state"), c.get("reason")) for c in changes),
            *(_step(e, e.get("event"), e.get("detail")) for e in events),
            *(_step(t, "trouble", t.get("step")) for t in troubles),
            *((ended,) if ended is not None else ()),
        ]
    )


def _in_order(steps: list[StepBody]) -> tuple[StepBody, ...]:
    return (StepBody(0, "matched"), *sorted(steps, key=lambda step: step.at_ms))


def _step(row: Mapping[str, Any], step: object, detail: object) -> StepBody:
    side: SideName | None = row["side"] if row.get("side") in ("a", "b") else None
    route: RouteName | None = row["route"] if row.get("route") in ("direct", "relay") else None
    return StepBody(int(row["at_ms"]), str(step), side, route, None if detail is None else str(detail))


def _side(side: Side | None) -> SideName | None:
    return None if side is None else ("a" if side is Side.A else "b")
