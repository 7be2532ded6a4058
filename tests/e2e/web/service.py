"""The real service in a process of its own, so that a test can stop it and start it again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 30.0
STOP_SECONDS = 15.0


class WebService:
    """``burrow serve`` on free ports and embedded defaults. ``settings``: ``SECTION_KEY`` to value."""

    def __init__(self, data_dir: Path, settings: Mapping[str, str]) -> None:
        self._environment = {
            **os.environ,
            "BURROW_SERVER_DATA_DIR": str(data_dir),
            "BURROW_SERVER_PORT": "0",
            "BURROW_RELAY_UDP_PORT": "0",
            "BURROW_AUTH_SIGNUPS_PER_MINUTE": "1000",
            "BURROW_AUTH_LOGINS_PER_MINUTE": "1000",
            **{f"BURROW_{key}": value for key, value in settings.items()},
        }
        self._process: asyncio.subprocess.Process | None = None
        self._drain: asyncio.Task[None] | None = None
        self.lines: list[str] = []
        self.url = ""

    async def start(self) -> None:
        """Start, or start again at the same address."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.e2e.web.serve",
            "serve",
            "--config",
            "config.toml",
            cwd=ROOT,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(START_SECONDS):
            self.url = await self._address(self._process)
        self._environment["BURROW_SERVER_PORT"] = self.url.rpartition(":")[2]
        self._drain = asyncio.create_task(self._read_on(self._process))

    async def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop it as an operator would, or with SIGKILL as a power cut would."""
        process, drain = self._process, self._drain
        if process is None or drain is None:
            return
        self._process = self._drain = None
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await drain

    async def _address(self, process: asyncio.subprocess.Process) -> str:
        assert process.stdout is not None
        while line := (await process.stdout.readline()).decode():
            self.lines.append(line.rstrip())
            if found := re.search(r"Burrow is at (http://\S+)", line):
                return found[1]
        raise AssertionError("The service did not start:\n" + "\n".join(self.lines))

    async def _read_on(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := (await process.stdout.readline()).decode():
            self.lines.append(line.rstrip())


@asynccontextmanager
async def web_service(data_dir: Path, **settings: str) -> AsyncIterator[WebService]:
    """A running service; for example ``RELAY_MAX_LEGS="1"`` changes ``relay.max_legs``."""
    service = WebService(data_dir, settings)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()
