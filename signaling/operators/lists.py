"""Pages of lists: where one ends and the next goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

T = TypeVar("T")
Place = tuple[datetime, str]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def cursor_of(at: datetime, id_: str) -> str:
    """A place in a list that is ordered by time, then id."""
    return f"{(at - _EPOCH) // timedelta(microseconds=1)}.{id_}"


def place_of(cursor: str | None) -> Place | None:
    """The place that a cursor names; the farthest one for a time that no calendar has."""
    if cursor is None:
        return None
    micros, _, id_ = cursor.partition(".")
    try:
        return _EPOCH + timedelta(microseconds=int(micros)), id_
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC), id_


def page(found: Sequence[T], limit: int, place: Callable[[T], Place]) -> tuple[Sequence[T], str | None]:
    """Of up to ``limit + 1`` found rows, the page, and the cursor after it if there is more."""
    if len(found) <= limit:
        return found, None
    return found[:limit], cursor_of(*place(found[limit - 1]))
