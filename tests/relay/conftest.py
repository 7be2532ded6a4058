"""A relay node on loopback, and far ends that only know its offers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import pytest

from burrow.bench.bare_leg import BareLeg
from relay import door
from relay.door import LegId, LinkId
from relay.dtls.endpoint import Certificate
from relay.node import RelayNode
from relay.settings import RelaySettings
from tests.engines import Engine

E = TypeVar("E", bound=door.Event)
WAIT_SECONDS = 10.0


@pytest.fixture(scope="session")
def certificate() -> Certificate:
    return Certificate.generateCertificate()


class Node:
    """A running node with its door, seen from the asker's side."""

    def __init__(self, relay: RelayNode, certificate: Certificate) -> None:
        self.relay, self._certificate = relay, certificate
        self.far_ends: list[BareLeg] = []

    async def next(self, kind: type[E]) -> E:
        """The next event of this type; others before it are passed over."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                event = await self.relay.events.get()
                if isinstance(event, kind):
                    return event

    async def open(self, leg: str) -> BareLeg:
        """A leg that is offered and not answered."""
        self.relay.ask(door.OpenLeg(LegId(leg)))
        far = BareLeg((await self.next(door.LegOffered)).sdp, self._certificate)
        self.far_ends.append(far)
        return far

    async def connect(self, leg: str, edit: Callable[[str], str] = lambda sdp: sdp) -> BareLeg:
        """A connected leg; ``edit`` may change its answer."""
        far = await self.open(leg)
        self.relay.ask(door.AnswerLeg(LegId(leg), edit(far.answer())))
        async with asyncio.timeout(WAIT_SECONDS):
            await far.connect()
        assert (await self.next(door.LegConnected)).leg == leg
        return far

    async def link(self, link: str, a: str, b: str) -> None:
        self.relay.ask(door.LinkLegs(LinkId(link), LegId(a), LegId(b)))
        assert (await self.next(door.LinkUp)).link == link

    def drops(self, leg: str) -> dict[str, int]:
        return next(s.drops for s in self.relay.snapshot().legs if s.leg == leg)


MakeNode = Callable[..., Awaitable[Node]]


@pytest.fixture
async def make_node(certificate: Certificate, service_engine: Engine) -> AsyncIterator[MakeNode]:
    made: list[Node] = []

    async def make(**changes: Any) -> Node:
        ports = {"udp_port": 0, "tcp_port": 0, "stun_port": 0}
        # The far ends share this process, so its load says nothing; tests of the limits set their own.
        settings: dict[str, Any] = {
            "engine": service_engine,
            "addresses": ("127.0.0.1",),
            "soft_stress": 100.0,
            "hard_stress": 100.0,
            "self_test": False,
            **ports,
        }
        node = Node(RelayNode(RelaySettings(**{**settings, **changes})), certificate)
        await node.relay.start()
        made.append(node)
        return node

    yield make
    for node in made:
        for far in node.far_ends:
            if far.socket.fileno() >= 0:
                far.drop()
        await node.relay.close()


@pytest.fixture
async def node(make_node: MakeNode) -> Node:
    return await make_node()
