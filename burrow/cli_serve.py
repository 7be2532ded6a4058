"""``burrow serve``: the whole service in one process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer

from burrow.cli_accounts import DEFAULT_CONFIG, data_dir_of
from burrow.config import load_config
from burrow.logs import configure_logs
from burrow.service import Service

STOPPED_AT_ONCE = 130


def serve(
    config: Annotated[
        Path | None,
        typer.Option(help="Configuration file. Default: config.toml here, if there is one."),
    ] = None,
) -> None:
    """Serve until a signal. SIGTERM makes no new matches and waits for the calls that go on
    (server.drain_seconds); SIGINT, and any second signal, stops at once."""
    path = config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    loaded = load_config(path, os.environ)
    configure_logs(loaded.log)
    service = Service(loaded, data_dir_of(loaded, path))
    with asyncio.Runner(loop_factory=event_loop) as runner:
        runner.run(_serve(service))
    # Everything is closed and written: to take the interpreter apart takes longer than the whole stop.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


async def _serve(service: Service) -> None:
    stop = asyncio.Event()

    signals: list[signal.Signals] = []

    def on_signal(number: signal.Signals) -> None:
        """The first SIGTERM drains. Whatever comes after that, and SIGINT, stops now, and once more kills."""
        signals.append(number)
        if stop.is_set():
            os._exit(STOPPED_AT_ONCE)
        if signals == [signal.SIGTERM] and service.running:
            service.drain()
        else:
            stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    await service.start()
    print(f"Burrow is at {service.url} - stop it with Ctrl-C.", flush=True)  # noqa: T201  # for whoever started it
    try:
        await service.run_until(stop)
    finally:
        await service.stop()
    structlog.get_logger("burrow").info("stopped")


def event_loop() -> asyncio.AbstractEventLoop:
    """uvloop where it runs, else asyncio's own."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # not installed on Windows

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
