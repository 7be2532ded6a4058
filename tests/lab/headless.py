"""``burrow peer`` on a host of the lab."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

from tests.lab.host import Host
from tests.lab.lab import ROOT


@contextlib.asynccontextmanager
async def peer(host: Host, url: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """It looks for a stranger at once, and ends with its match."""
    process = await asyncio.create_subprocess_exec(
        *host.inside(sys.executable, "-m", "burrow.cli", "peer", "--url", url, "--json", *arguments),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def report(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """What it says of its match, once that has ended."""
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    said: dict[str, Any] = json.loads(out)
    return said
