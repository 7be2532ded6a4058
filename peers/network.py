"""A headless peer's network check: does UDP reach the relay, and how does the NAT map (RFC 4787)?"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import Any, Literal, cast

from aioice import stun
from yarl import URL

from signaling import messages as wire

SEND_AT_SECONDS = (0.0, 0.5, 1.0)
"""A request is sent again at these times (RFC 8489 section 6.2.1, with fewer of them)."""
WAIT_SECONDS = 2.0
"""Without any answer by then UDP counts as blocked."""
Server = tuple[str, int]


async def check_network(urls: tuple[str, ...], wait_seconds: float = WAIT_SECONDS) -> wire.Network | None:
    """Ask the relay's STUN addresses (``welcome.stun``), all of one host from one socket; ``None`` when there
    are none. Whether TCP reaches the relay is left out: headless peers speak no ICE-TCP."""
    by_host: dict[str, list[Server]] = {}
    for url in urls:
        parsed = URL(url.replace("stun:", "stun://", 1))
        if parsed.host is not None and parsed.port is not None:
            by_host.setdefault(parsed.host, []).append((parsed.host, parsed.port))
    if not by_host:
        return None
    asked = await asyncio.gather(*(_ask(servers, wait_seconds) for servers in by_host.values()))
    answered = [answers for answers in asked if answers is not None and answers.mapped]
    if not answered:
        return wire.Network(udp=False)
    mappings = [mapping for answers in answered if (mapping := answers.mapping()) is not None]
    rtt_ms = min(answers.rtt_ms for answers in answered)
    return wire.Network(udp=True, mapping=mappings[0] if mappings else None, rtt_ms=round(rtt_ms, 1))


class _Answers(asyncio.DatagramProtocol):
    """What the servers of one host said to one socket."""

    def __init__(self, servers: list[Server], own_host: str) -> None:
        self.mapped: dict[Server, tuple[str, int]] = {}
        self.rtt_ms = float("inf")
        self.done = asyncio.Event()
        self._own_host = own_host
        self._own_port = 0
        self._requests = {server: stun.Message(stun.Method.BINDING, stun.Class.REQUEST) for server in servers}
        self._sent_at: dict[bytes, float] = {}
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Neither asyncio's selector transport nor uvloop's is a subclass of what it is.
        self._transport = cast(asyncio.DatagramTransport, transport)
        self._own_port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        del addr  # the transaction id says whose answer it is
        # An answer is input: what cannot be read, or has no address in it, is none.
        with contextlib.suppress(ValueError, KeyError, IndexError):
            message = stun.parse_message(data)
            asked = (s for s, r in self._requests.items() if r.transaction_id == message.transaction_id)
            server = next(asked, None)
            if server is None or message.message_class is not stun.Class.RESPONSE:
                return
            host, port = message.attributes["XOR-MAPPED-ADDRESS"]
            self.mapped.setdefault(server, (str(host), int(port)))
            elapsed = time.monotonic() - self._sent_at[message.transaction_id]
            self.rtt_ms = min(self.rtt_ms, elapsed * 1000)
            if len(self.mapped) == len(self._requests):
                self.done.set()

    def ask(self) -> None:
        assert self._transport is not None
        for server, request in self._requests.items():
            if server not in self.mapped:
                self._sent_at[request.transaction_id] = time.monotonic()
                self._transport.sendto(bytes(request), server)

    def mapping(self) -> Literal["open", "independent", "symmetric"] | None:
        """One port alone tells no more than whether there is a NAT."""
        mapped = set(self.mapped.values())
        if mapped == {(self._own_host, self._own_port)}:
            return "open"
        if len(self.mapped) < 2:
            return None
        return "independent" if len(mapped) == 1 else "symmetric"


async def _ask(servers: list[Server], wait_seconds: float) -> _Answers | None:
    """``None`` where this machine has no way to that host at all."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in servers[0][0] else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(servers[0])
            own = str(probe.getsockname()[0])
        transport, answers = await loop.create_datagram_endpoint(
            lambda: _Answers(servers, own), local_addr=(own, 0)
        )
    except OSError:
        return None
    repeats = [loop.call_later(at, answers.ask) for at in SEND_AT_SECONDS]
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_seconds):
                await answers.done.wait()
    finally:
        for repeat in repeats:
            repeat.cancel()
        transport.close()
    return answers
