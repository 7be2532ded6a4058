"""What the load is measured by."""

from __future__ import annotations

import asyncio
import math
import os
import time
from pathlib import Path

import pytest

from relay import load_probe
from relay.load_probe import LagProbe, cgroups, cores, machine_ticks, quota_cores
from relay.node_load import PACKETS_PER_CORE, plan_for
from relay.settings import RelaySettings


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


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("50000 100000\n", 0.5),
        ("400000 100000\n", 4.0),
        ("max 100000\n", math.inf),
        ("", math.inf),
        ("100000\n", math.inf),
        ("-1 100000\n", math.inf),
        ("100000 0\n", math.inf),
        ("many words here\n", math.inf),
    ],
)
def test_a_quota_is_read_in_cores(text: str, allowed: float) -> None:
    assert quota_cores(text) == allowed


@pytest.mark.parametrize(
    ("own", "groups"),
    [
        ("0::/\n", [""]),  # in a container: its own group is the root of what it sees
        ("0::/system.slice/burrow.service\n", ["system.slice/burrow.service", "system.slice", ""]),
        ("1:cpu:/old\n0::/new\n", ["new", ""]),
        ("0::/../elsewhere\n", ["elsewhere", ""]),
        ("", [""]),
    ],
)
def test_quotas_are_looked_for_in_the_own_group_and_all_around_it(own: str, groups: list[str]) -> None:
    assert cgroups(own) == groups


def test_a_quota_makes_fewer_cores_than_the_process_may_run_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_probe, "_CGROUPS", tmp_path)
    monkeypatch.setattr(load_probe, "_OWN_CGROUP", tmp_path / "own")
    machine = len(os.sched_getaffinity(0))
    assert cores() == machine
    (tmp_path / "own").write_text("0::/a/b\n")
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "cpu.max").write_text("max 100000\n")
    assert cores() == machine
    (tmp_path / "a" / "cpu.max").write_text("25000 100000\n")
    assert cores() == 0.25
    plan = plan_for(RelaySettings(), "python")
    assert (plan.cores, plan.packets_capacity) == (0.25, PACKETS_PER_CORE["python"] / 4)


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
