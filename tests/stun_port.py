"""A relay in this process, for its STUN port."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from relay.node import RelayNode
from relay.settings import RelaySettings


@contextlib.asynccontextmanager
async def stun_port() -> AsyncIterator[tuple[str, int]]:
    """Where it answers plain Binding requests."""
    settings = RelaySettings(engine="python", udp_port=0, tcp_port=-1, stun_port=-1, addresses=("127.0.0.1",))
    relay = RelayNode(settings, with_loopback=True)
    await relay.start()
    try:
        yield relay.bound[0].host, relay.bound[0].port
    finally:
        await relay.close()
