from __future__ import annotations

import asyncio

import pytest

from relay import door
from relay.door import LegId, LinkId
from relay.event_queue import EventQueue

A, B = LegId("a"), LegId("b")


async def test_events_come_in_order_and_the_last_word_stays() -> None:
    queue = EventQueue()
    flowing = door.LinkFlowing(LinkId("l"), A, "video")
    for event in (door.LegInterrupted(A), door.LegResumed(A), door.LegInterrupted(B), flowing):
        queue.put(event)
    queue.put(door.LegInterrupted(A))
    assert [await queue.get() for _ in range(4)] == [
        door.LegResumed(A),
        door.LegInterrupted(B),
        flowing,
        door.LegInterrupted(A),
    ]
    with pytest.raises(asyncio.QueueEmpty):
        queue.get_nowait()


async def test_queue_is_bounded_by_its_subjects() -> None:
    queue = EventQueue()
    for _ in range(10_000):
        queue.put(door.LegInterrupted(A))
        queue.put(door.LegResumed(A))
    assert [queue.get_nowait(), queue.get_nowait()] == [door.LegInterrupted(A), door.LegResumed(A)]
    with pytest.raises(asyncio.QueueEmpty):
        queue.get_nowait()


async def test_get_waits() -> None:
    queue = EventQueue()
    waiting = asyncio.create_task(queue.get())
    await asyncio.wait({waiting}, timeout=0)
    queue.put(door.LegInterrupted(A))
    assert await waiting == door.LegInterrupted(A)
