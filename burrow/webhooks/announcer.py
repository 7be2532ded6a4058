"""Between the live part and its stores: what passes is announced to every receiver that wants to know."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence, Set

import aiohttp

from burrow.config import WebhookSettings
from burrow.webhooks import notice
from burrow.webhooks.notice import Notice
from burrow.webhooks.sender import TRY_SECONDS, WAITS_SECONDS, Receiver
from signaling.core.effects import StoreBlock, StoreReport
from signaling.core.record import MatchEnded, MatchStarted
from signaling.live.ports import MatchRecords, SafetyStore


class Announcer:
    """Owns the receivers and their tasks. :meth:`start`, then :meth:`stop`."""

    def __init__(
        self,
        settings: WebhookSettings,
        *,
        try_seconds: float = TRY_SECONDS,
        waits_seconds: Sequence[float] = WAITS_SECONDS,
    ) -> None:
        self._settings = settings
        self._try_seconds, self._waits_seconds = try_seconds, waits_seconds
        self._session: aiohttp.ClientSession | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.receivers: tuple[Receiver, ...] = ()

    async def start(self) -> None:
        settings = self._settings
        if not settings.urls:
            return
        # No cookies kept, and no proxy or password from the process's surroundings.
        session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        self._session = session
        self.receivers = tuple(
            Receiver(
                session, url, settings.secret, settings.queue,
                try_seconds=self._try_seconds, waits_seconds=self._waits_seconds,
            )
            for url in settings.urls
        )  # fmt: skip
        self._tasks = [
            asyncio.create_task(receiver.run(), name=f"webhook {receiver.name}")
            for receiver in self.receivers
        ]

    async def stop(self, seconds: float) -> None:
        """Deliver what can be within ``seconds``, and leave no task."""
        if self._session is None:
            return
        try:
            async with asyncio.timeout(seconds):
                for receiver in self.receivers:
                    await receiver.idle()
        except TimeoutError:
            for receiver in self.receivers:
                receiver.outcomes["dropped"] += receiver.waiting
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._session.close()

    def started(self, match: MatchStarted) -> None:
        self._announce(notice.started(_new_id(), match))

    def ended(self, match: MatchEnded) -> None:
        self._announce(notice.ended(_new_id(), match))

    def reported(self, report: StoreReport) -> None:
        self._announce(notice.reported(_new_id(), report, time.time()))

    def _announce(self, what: Notice) -> None:
        if what.kind in self._settings.events:
            for receiver in self.receivers:
                receiver.add(what)


class AnnouncedRecords:
    """:class:`signaling.live.ports.MatchRecords` that are announced as well."""

    def __init__(self, records: MatchRecords, announcer: Announcer) -> None:
        self._records, self._announcer = records, announcer

    def started(self, match: MatchStarted) -> None:
        self._records.started(match)
        self._announcer.started(match)

    def ended(self, match: MatchEnded) -> None:
        self._records.ended(match)
        self._announcer.ended(match)


class AnnouncedSafety:
    """:class:`signaling.live.ports.SafetyStore` whose reports are announced when they are stored."""

    def __init__(self, safety: SafetyStore, announcer: Announcer) -> None:
        self._safety, self._announcer = safety, announcer

    async def blocks_of(self, user: str) -> Set[str]:
        return await self._safety.blocks_of(user)

    async def store_block(self, block: StoreBlock) -> None:
        await self._safety.store_block(block)

    async def store_report(self, report: StoreReport) -> None:
        await self._safety.store_report(report)
        self._announcer.reported(report)


def _new_id() -> str:
    return secrets.token_hex(16)
