"""One task for each receiver: takes notices from a bounded queue and tries until they are taken."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
from urllib.parse import urlsplit

import aiohttp
import structlog

from burrow.webhooks.notice import Notice, headers

TRY_SECONDS = 10.0
"""For one try, from the look-up of the name to the answer's first line."""
WAITS_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0, 120.0)
"""Between two tries; after the last of them the notice is given up."""
AGAIN = frozenset({408, 425, 429})
"""Refusals that mean later, not never."""

_log = structlog.get_logger(__name__)


class Receiver:
    """Notices for one address, in order.

    Drop policy: over ``most`` waiting notices the oldest is dropped and counted, since a receiver that was
    away for long is served best by what happens now. A redirect is not followed: a signed body goes to the
    address that the operator wrote and to no other, so that no receiver can point it into a private network.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        secret: str,
        most: int,
        *,
        try_seconds: float = TRY_SECONDS,
        waits_seconds: Sequence[float] = WAITS_SECONDS,
    ) -> None:
        self._session, self._url, self._secret = session, url, secret
        self._most = most
        self._timeout = aiohttp.ClientTimeout(total=try_seconds)
        self._waits = tuple(waits_seconds)
        self._queue: deque[Notice] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._warned = False
        self.name = urlsplit(url).hostname or "?"
        self.outcomes: Counter[str] = Counter()
        """Notices by what became of them: ``delivered``, ``failed``, ``dropped``."""

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def add(self, notice: Notice) -> None:
        """Never waits."""
        if len(self._queue) >= self._most:
            self._queue.popleft()
            self.outcomes["dropped"] += 1
            if not self._warned:
                self._warned = True
                _log.warning("webhook_dropped", webhook=self.name, waiting=len(self._queue))
        self._queue.append(notice)
        self._idle.clear()
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not self._queue:
                self._warned = False
                self._idle.set()
                self._wake.clear()
                await self._wake.wait()
            notice = self._queue.popleft()
            self.outcomes[await self._deliver(notice)] += 1

    async def idle(self) -> None:
        """Until nothing waits."""
        await self._idle.wait()

    async def _deliver(self, notice: Notice) -> str:
        body = notice.body()
        attempts = 0
        for wait in (*self._waits, None):
            attempts += 1
            reason, again = await self._try(notice, body)
            if reason is None:
                return "delivered"
            if not again or wait is None:
                break
            await asyncio.sleep(wait)
        _log.warning(
            "webhook_failed", webhook=self.name, event_kind=notice.kind, reason=reason, attempts=attempts
        )
        return "failed"

    async def _try(self, notice: Notice, body: bytes) -> tuple[str | None, bool]:
        """Why it was not taken (``None``: it was), and whether to try again."""
        try:
            async with self._session.post(
                self._url,
                data=body,
                headers=headers(self._secret, notice, body, int(time.time())),
                timeout=self._timeout,
                allow_redirects=False,
            ) as answer:
                # The answer's body is nobody's business, and may be without end: it is not read.
                status = answer.status
        except TimeoutError:
            return "timeout", True
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return type(error).__name__, True
        if 200 <= status < 300:
            return None, False
        if 300 <= status < 400:
            return "redirect", False
        return f"status_{status}", status >= 500 or status in AGAIN
