"""The real service, so that a test can stop it and start it again at the same address."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.service import RunningService, running_service

ROOT = Path(__file__).resolve().parents[3]


class WebService:
    """``burrow serve`` with the built client. ``settings``: ``SECTION_KEY`` to value."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._folder = folder
        self._settings = dict(settings)
        self._stack = AsyncExitStack()
        self._running: RunningService | None = None
        self.url = ""

    async def start(self) -> None:
        """Start, or start again with the same data at the same address."""
        self._running = await self._stack.enter_async_context(running_service(self._folder, **self._settings))
        self.url = self._running.url
        self._settings["SERVER_PORT"] = self.url.rpartition(":")[2]

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop it as an operator would, or with SIGKILL as a power cut would."""
        running, self._running = self._running, None
        with contextlib.suppress(ProcessLookupError):
            if running is not None:
                await running.stop(number)
        await self._stack.aclose()


@asynccontextmanager
async def web_service(folder: Path, **settings: str) -> AsyncIterator[WebService]:
    """A running service; for example ``RELAY_MAX_LEGS="1"`` changes ``relay.max_legs``."""
    service = WebService(folder, settings)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()
