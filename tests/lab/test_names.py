from __future__ import annotations

import os

from tests.lab.names import Run, process_start, run_of, stale


def test_name_says_who_made_it() -> None:
    run = Run(4711, 123456, 2)
    assert run_of(run.namespace("a-router")) == run
    for foreign in ("burrow", "burrow-lab", "burrow-lab.x.1.1.a", "other.1.2.3.a", "burrow-lab.1.2.3"):
        assert run_of(foreign) is None


def test_two_labs_of_one_process_and_of_two_never_share_a_name() -> None:
    names = {Run(pid, 9, serial).namespace("a") for pid in (1, 2) for serial in (1, 2)}
    assert len(names) == 4


def test_stale_is_what_no_living_process_made() -> None:
    alive, dead, reused = Run(10, 500, 1), Run(11, 600, 1), Run(12, 700, 1)
    names = [run.namespace("net") for run in (alive, dead, reused)]
    starts = {10: 500, 12: 999}  # another process has the id 12 by now
    assert stale([*names, "docker0", "burrow-lab"], starts.get) == names[1:]


def test_own_process_has_a_start_and_a_dead_one_none() -> None:
    assert process_start(os.getpid()) == process_start(os.getpid())
    assert (process_start(os.getpid()) or 0) > 0
    assert process_start(2**22 + 1) is None  # above the kernel's largest process id
