"""The node tests itself as a browser would, names what fails, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

import pytest
from aioice import stun

from relay import door, self_test
from relay.door import LegId
from relay.engine.interface import Address
from relay.self_test import SelfTest
from tests.relay.conftest import MakeNode


class Elsewhere:
    """A node whose announced address leads to another place; the rest is real."""

    __test__ = False

    def __init__(self, node: self_test.ProbedNode, address: Address) -> None:
        self._node, self._address = node, address

    @property
    def bound(self) -> tuple[Address, ...]:
        return (self._address,)

    def probe(self, leg: LegId, sink: Callable[[door.Event], None]) -> None:
        self._node.probe(leg, sink)

    def ask(self, request: door.Request) -> None:
        self._node.ask(request)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_test, "STEP_SECONDS", 1.0)


async def test_a_sound_node_passes_and_it_counts_nowhere(make_node: MakeNode) -> None:
    node = await make_node(max_legs=0, hard_stress=0.0001, soft_stress=0.0001)
    report = await SelfTest(node.relay).run_once()
    assert (report.ok, report.failures, report.step) == (True, 0, None)
    totals = node.relay.totals()
    assert (totals.legs_opened, totals.legs_ended, totals.leg_connect_seconds["udp"].count) == (0, {}, 0)
    assert node.relay.snapshot().legs == ()
    with contextlib.suppress(asyncio.QueueEmpty):
        while True:
            assert isinstance(node.relay.events.get_nowait(), door.LoadChanged)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_every_announced_address_is_tested(make_node: MakeNode, host: str) -> None:
    node = await make_node(addresses=(host,))
    assert (await SelfTest(node.relay).run_once()).ok


async def test_an_address_where_nobody_answers_is_named(make_node: MakeNode) -> None:
    node = await make_node()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]
        test = SelfTest(Elsewhere(node.relay, Address("127.0.0.1", port)))
        for failures in (1, 2, 3):
            report = await test.run_once()
            assert (report.ok, report.failures, report.step) == (False, failures, "ice")
    assert report.address == f"127.0.0.1:{port}"
    assert report.message is not None
    assert f"127.0.0.1:{port}" in report.message


async def test_another_relay_at_the_address_is_found_by_its_leg(make_node: MakeNode) -> None:
    """What answers there knows no leg of this node."""
    here, there = await make_node(), await make_node()
    report = await SelfTest(Elsewhere(here.relay, there.relay.bound[0])).run_once()
    assert (report.ok, report.step) == (False, "ice")


@pytest.mark.parametrize("allowed", [0, 1])
async def test_the_limit_of_plain_stun_is_not_the_nodes_failure(make_node: MakeNode, allowed: int) -> None:
    """Whoever shares the node's address prefix, or forges one, may use it up."""
    node = await make_node(stun_per_second=allowed)
    address = node.relay.bound[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.connect((address.host, address.port))
        for _ in range(200):
            stranger.send(bytes(stun.Message(stun.Method.BINDING, stun.Class.REQUEST)))
    assert (await SelfTest(node.relay).run_once()).ok


async def test_a_handshake_that_fails_is_named(make_node: MakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    node = await make_node()
    monkeypatch.setattr(node.relay._engine, "send_dtls", lambda _leg, _datagram: None)
    report = await SelfTest(node.relay).run_once()
    assert (report.ok, report.step) == (False, "dtls")


async def test_it_runs_at_start_and_again_and_forgets_failures(make_node: MakeNode) -> None:
    node = await make_node(self_test=True)
    async with asyncio.timeout(10):
        while node.relay.self_test() is None:
            await node.connect(f"leg-{len(node.far_ends)}")
    first = node.relay.self_test()
    assert first is not None
    assert first.ok
    test = SelfTest(Elsewhere(node.relay, Address("127.0.0.1", 9)), interval_seconds=0.01)
    await test.run_once()
    assert test.report is not None
    assert test.report.failures == 1
    again = SelfTest(node.relay, interval_seconds=0.01)
    again.report = test.report
    assert (await again.run_once()).failures == 0


async def test_a_stop_in_the_middle_of_it_ends_it(make_node: MakeNode) -> None:
    """At whichever step it is: each round stops it a few turns of the loop later."""
    for turns in range(60):
        node = await make_node(self_test=True)
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await node.relay.close()
        assert not any(task.get_name() == "self-test" for task in asyncio.all_tasks())
