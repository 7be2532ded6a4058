"""Writes blocks and reports beside the live part, which never waits for the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from signaling.core.effects import Store, StoreBlock
from signaling.live.ports import SafetyStore, StorageUnavailable

QUEUE = 1000
"""Writes that may wait. Drop policy: one more is answered as failed at once, and its user told."""
WORKERS = 2

_log = structlog.get_logger(__name__)


class Stores:
    """``done(store, ok)`` is called for every write that was handed in, unless the service stops first."""

    def __init__(self, port: SafetyStore, done: Callable[[Store, bool], None]) -> None:
        self._port = port
        self._done = done
        self._queue: asyncio.Queue[Store] = asyncio.Queue(QUEUE)

    def submit(self, store: Store) -> None:
        try:
            self._queue.put_nowait(store)
        except asyncio.QueueFull:
            self._done(store, False)

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(WORKERS):
                workers.create_task(self._work())

    async def drained(self) -> None:
        """Until everything that was handed in is written, or has failed."""
        await self._queue.join()

    async def _work(self) -> None:
        while True:
            store = await self._queue.get()
            ok = False
            try:
                if isinstance(store, StoreBlock):
                    await self._port.store_block(store)
                else:
                    await self._port.store_report(store)
                ok = True
            except StorageUnavailable:
                _log.warning("store_failed", kind=type(store).__name__)
            except Exception:  # noqa: BLE001  # the worker's edge: one write that cannot be done must not end all others
                _log.exception("store_failed", kind=type(store).__name__)
            self._done(store, ok)
            self._queue.task_done()
