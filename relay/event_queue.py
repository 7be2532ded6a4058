"""The relay's events on one queue, bounded by what they are about.

Of two pending events of one type about the same leg or link only the later is kept: the state it
tells has replaced the earlier one's, and of two refused answers the last says enough. So the queue
holds at most one event per type and leg or link, and never drops the last word on anything.
"""

from __future__ import annotations

import asyncio

from relay import door


def _subject(event: door.Event) -> tuple[object, ...]:
    match event:
        case door.LinkFlowing():
            return type(event), event.link, event.leg, event.kind
        case door.LinkUp() | door.LinkDown():
            return type(event), event.link
        case door.LoadChanged():
            return (type(event),)
        case _:
            return type(event), event.leg


class EventQueue:
    """Put on the relay's event loop, taken by one reader."""

    def __init__(self) -> None:
        self._pending: dict[tuple[object, ...], door.Event] = {}
        self._some = asyncio.Event()

    def put(self, event: door.Event) -> None:
        """Add an event at the end, in place of an earlier one with the same subject."""
        subject = _subject(event)
        self._pending.pop(subject, None)
        self._pending[subject] = event
        self._some.set()

    async def get(self) -> door.Event:
        """Wait for and take the oldest event."""
        await self._some.wait()
        return self.get_nowait()

    def get_nowait(self) -> door.Event:
        """Take the oldest event; raises :class:`asyncio.QueueEmpty` when there is none."""
        if not self._pending:
            raise asyncio.QueueEmpty
        event = self._pending.pop(next(iter(self._pending)))
        if not self._pending:
            self._some.clear()
        return event
