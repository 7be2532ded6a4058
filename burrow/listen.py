"""Listen for HTTP, or say in a sentence why that is not possible."""

from __future__ import annotations

from aiohttp import web

SERVER_PORT = "set server.port (0 takes a free one)"
METRICS_PORT = "set metrics.port (0 takes a free one, -1 listens on none)"


class StartError(Exception):
    """The service cannot start; the sentence says why and what to do."""

    code = "start_failed"


async def listen(runner: web.AppRunner, host: str, port: int, remedy: str) -> int:
    """Serve ``runner``'s application there; the port taken. Raises :class:`StartError` with ``remedy``."""
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise StartError(
            f"Cannot listen on {host} port {port}: {error.strerror or error}. Stop what uses it, or {remedy}."
        ) from error
    taken: int = runner.addresses[0][1]
    return taken
