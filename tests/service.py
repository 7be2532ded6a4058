"""The real service in a process of its own, on free ports and an empty folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 30.0
STOP_SECONDS = 20.0
engine = "auto"
"""The packet engine of services started from here on: ``service_engine`` sets it for each test."""


@dataclass(slots=True)
class RunningService:
    """``url`` without a slash at its end; ``folder`` holds its data and its log."""

    url: str
    folder: Path
    process: asyncio.subprocess.Process

    @property
    def log(self) -> str:
        return (self.folder / "service.log").read_text()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and wait; returns its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(STOP_SECONDS):
            return await self.process.wait()


def environment(changes: Mapping[str, str]) -> dict[str, str]:
    """The service's environment: loopback only, free ports, the engine under test, and ``changes``."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("BURROW_")}
    return {
        **own,
        "BURROW_SERVER_PORT": "0",
        "BURROW_RELAY_UDP_PORT": "0",
        "BURROW_RELAY_TCP_PORT": "0",
        "BURROW_RELAY_STUN_PORT": "0",
        "BURROW_RELAY_ADDRESSES": "127.0.0.1",
        "BURROW_METRICS_PORT": "-1",
        # A test's peers share the machine, and nobody waits for calls at a stop unless the test is about it.
        "BURROW_RELAY_SOFT_STRESS": "100",
        "BURROW_RELAY_HARD_STRESS": "100",
        "BURROW_SERVER_DRAIN_SECONDS": "0",
        "BURROW_RELAY_ENGINE": engine,
        "BURROW_AUTH_REQUESTS_PER_MINUTE": "100000",
        "BURROW_AUTH_SIGNUPS_PER_MINUTE": "100000",
        "BURROW_AUTH_LOGINS_PER_MINUTE": "100000",
        **changes,
    }


@contextlib.asynccontextmanager
async def running_service(
    folder: Path, inside: Sequence[str] = (), **settings: str
) -> AsyncIterator[RunningService]:
    """Start ``burrow serve`` in ``folder``; ``settings`` are BURROW_… variables without the prefix.
    ``inside`` is a command that runs it (:meth:`tests.lab.host.Host.inside`).
    At the end it must stop cleanly, unless the test has stopped it itself."""
    variables = environment({f"BURROW_{name.upper()}": value for name, value in settings.items()})
    with (folder / "service.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *inside, sys.executable, "-m", "burrow.cli", "serve",
            cwd=folder, env={**variables, "PYTHONPATH": str(Path(__file__).parents[1])},
            stdout=asyncio.subprocess.PIPE, stderr=log,
        )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            line = (await process.stdout.readline()).decode()
        found = re.search(r"http://\S+", line)
        assert found, f"the service did not start: {(folder / 'service.log').read_text()}"
        service = RunningService(found.group(), folder, process)
        yield service
        if process.returncode is None:
            assert await service.stop() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        # The pipe's transport is closed only when it has been read to its end.
        await process.stdout.read()
