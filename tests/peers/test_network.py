"""The headless peers' network check, against the relay's own STUN ports and against NATs of each kind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aioice import stun

from peers.network import check_network
from relay.engine.python import PythonEngine
from tests.relay.engine.far_end import config


class Mapper(asyncio.DatagramProtocol):
    """A STUN server behind a NAT that shows it ``mapped``; ``deaf`` to its first requests."""

    def __init__(self, mapped: tuple[str, int], deaf: int = 0) -> None:
        self.mapped, self.deaf = mapped, deaf

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self.deaf:
            self.deaf -= 1
            return
        request = stun.parse_message(data)
        answer = stun.Message(
            stun.Method.BINDING,
            stun.Class.RESPONSE,
            request.transaction_id,
            {"XOR-MAPPED-ADDRESS": self.mapped},
        )
        self.transport.sendto(b"\x01\x01 no answer", addr)
        self.transport.sendto(bytes(answer), addr)


@contextlib.asynccontextmanager
async def servers(*mappers: Mapper, host: str = "127.0.0.1") -> AsyncIterator[tuple[str, ...]]:
    loop = asyncio.get_running_loop()
    transports = [
        (await loop.create_datagram_endpoint(lambda m=mapper: m, local_addr=(host, 0)))[0]  # type: ignore[misc]  # a default that binds
        for mapper in mappers
    ]
    yield tuple(f"stun:{host}:{transport.get_extra_info('sockname')[1]}" for transport in transports)
    for transport in transports:
        transport.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_the_relays_own_ports_tell_that_there_is_no_nat(host: str) -> None:
    engine = PythonEngine(config(addresses=(host,), stun_port=0))
    await engine.start(lambda _event: None)
    name = f"[{host}]" if ":" in host else host
    ports = (engine.bound[0].port, engine.bound_stun[0].port)
    found = await check_network(tuple(f"stun:{name}:{port}" for port in ports))
    await engine.close()
    assert found is not None
    assert (found.udp, found.mapping, found.tcp) == (True, "open", None)
    assert found.rtt_ms is not None


@pytest.mark.parametrize(
    ("mapped", "mapping"),
    [
        ([("192.0.2.1", 1000), ("192.0.2.1", 1000)], "independent"),
        ([("192.0.2.1", 1000), ("192.0.2.1", 1001)], "symmetric"),
        ([("192.0.2.1", 1000), ("192.0.2.2", 1000)], "symmetric"),
        ([("192.0.2.1", 1000)], None),
    ],
)
async def test_two_ports_tell_how_a_nat_maps(mapped: list[tuple[str, int]], mapping: str | None) -> None:
    async with servers(*map(Mapper, mapped)) as urls:
        found = await check_network(urls)
    assert found is not None
    assert (found.udp, found.mapping) == (True, mapping)


async def test_a_lost_request_is_sent_again() -> None:
    mapped = ("192.0.2.1", 1000)
    async with servers(Mapper(mapped, deaf=1), Mapper(mapped)) as urls:
        found = await check_network(urls)
    assert found is not None
    assert found.mapping == "independent"


class Impostor(Mapper):
    """Answers with an id that nobody asked with, and with what is no answer; and then as it should."""

    def datagram_received(self, data: bytes, addr: Any) -> None:
        asked = stun.parse_message(data).transaction_id
        wrong = {"XOR-MAPPED-ADDRESS": ("192.0.2.99", 99)}
        for kind, transaction in (
            (stun.Class.RESPONSE, b"unknown id.."),
            (stun.Class.REQUEST, asked),
            (stun.Class.INDICATION, asked),
            (stun.Class.ERROR, asked),
        ):
            self.transport.sendto(bytes(stun.Message(stun.Method.BINDING, kind, transaction, wrong)), addr)
        super().datagram_received(data, addr)


async def test_what_answers_no_request_of_ours_is_ignored() -> None:
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context))
    mapped = ("192.0.2.1", 1000)
    # With one of the two, a wrong address taken for its answer would be another than the other's.
    async with servers(Impostor(mapped), Mapper(mapped)) as urls:
        found = await check_network(urls)
    assert found is not None
    assert (found.udp, found.mapping) == (True, "independent")
    assert failures == []


async def test_silence_is_blocked_udp_and_no_servers_are_no_news() -> None:
    async with servers(Mapper(("192.0.2.1", 1), deaf=99)) as urls:
        found = await check_network(urls, wait_seconds=0.2)
    assert found is not None
    assert (found.udp, found.mapping, found.rtt_ms) == (False, None, None)
    assert await check_network(()) is None
