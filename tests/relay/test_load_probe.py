"""What the load is measured by."""

from __future__ import annotations

import asyncio
import time

import pytest

from relay.load_probe import LagProbe, machine_ticks


@pytest.mark.parametrize(
    ("text", "ticks"),
    [
        ("cpu  100 5 50 1000 10 1 4 30 7 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n", (30, 1200)),
        ("cpu  100 5 50 1000\n", (0, 0)),
        ("", (0, 0)),
    ],
)
def test_steal_is_read_from_the_kernels_line(text: str, ticks: tuple[int, int]) -> None:
    assert machine_ticks(text) == ticks


def test_this_machine_tells_its_ticks() -> None:
    steal, total = machine_ticks()
    assert 0 <= steal <= total
    assert total > 0


async def test_a_blocked_loop_is_seen_as_lag() -> None:
    probe = LagProbe()
    probe.start()
    try:
        time.sleep(0.4)  # noqa: ASYNC251  # blocking the loop is what is tested
        woken = asyncio.Event()
        asyncio.get_running_loop().call_later(0, woken.set)
        await woken.wait()
        assert probe.take_ms() > 200
        assert probe.take_ms() == 0.0
    finally:
        probe.stop()
