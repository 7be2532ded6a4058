"""How one match went, for an operator: its steps one by one, and what each side last said of the quality."""

from __future__ import annotations

from dataclasses import dataclass

from signaling.core.leg import Answered, Connected, Interrupted, Leg, Offered
from signaling.core.side import Side
from signaling.messages import Quality, QualityLevel

EVENTS = 96
"""Kept for one match; later ones are left out: the first tell how it began, the end stands in the record."""

QUALITY_EVENTS = 32
"""Of those, changes of quality: a line that wavers must not leave no room for the rest."""


@dataclass(frozen=True, slots=True)
class CallEvent:
    """A step that is neither a change of route nor a trouble, which the record has already. ``at_ms`` counts
    from the match; ``side`` is ``None`` when it is about neither alone."""

    at_ms: int
    event: str
    side: Side | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A side's newest word on the quality, ``at`` seconds of the core's clock."""

    said: Quality
    at: float


class Course:
    """Times in seconds of the core's clock; ``started`` is the match's own."""

    def __init__(self, started: float) -> None:
        self.quality: list[Judged | None] = [None, None]
        self._started = started
        self._events: list[CallEvent] = []
        self._legs: list[tuple[str, str | None] | None] = [None, None]
        self._levels: list[QualityLevel | None] = [None, None]
        self._wavered = 0

    @property
    def events(self) -> tuple[CallEvent, ...]:
        return tuple(self._events)

    def note(self, event: str, side: Side | None, now: float, detail: str | None = None) -> None:
        if len(self._events) < EVENTS:
            self._events.append(CallEvent(round((now - self._started) * 1000), event, side, detail))

    def leg(self, side: Side, leg: Leg | None, now: float) -> None:
        """The side's leg is in this state: noted when it was in another."""
        step = None if leg is None else _leg_step(leg)
        if step is not None and step != self._legs[side]:
            self._legs[side] = step
            self.note(step[0], side, now, step[1])

    def leg_gone(self, event: str, side: Side, now: float, detail: str | None = None) -> None:
        self._legs[side] = None
        self.note(event, side, now, detail)

    def judged(self, side: Side, said: Quality, now: float) -> None:
        """Keep a side's word; a change of its level is a step."""
        self.quality[side] = Judged(said, now)
        if said.level != self._levels[side] and self._wavered < QUALITY_EVENTS:
            self._levels[side] = said.level
            self._wavered += 1
            self.note(f"quality_{said.level}", side, now, said.reason or None)


def _leg_step(leg: Leg) -> tuple[str, str | None] | None:
    match leg:
        case Offered():
            return "leg_offered", None
        case Answered():
            return "leg_answered", None
        case Connected():
            return "leg_connected", leg.transport
        case Interrupted():
            return "leg_interrupted", leg.transport
        case _:
            return None
