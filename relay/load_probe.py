"""What the load is measured by: the kernel's clocks and how late the event loop is."""

from __future__ import annotations

import asyncio
import math
import os
import time
from pathlib import Path

from relay.histogram import Histogram

LAG_TICK_SECONDS = 0.1
LAG_BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_STAT = Path("/proc/stat")
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


class LagProbe:
    """Wakes ten times a second and notes how late it is woken."""

    def __init__(self) -> None:
        self.histogram = Histogram(LAG_BOUNDS_SECONDS)
        self._sum = 0.0
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._next()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def take_ms(self) -> float:
        """The mean lag since the last time it was asked for; 0 where there was nothing to measure."""
        mean = self._sum / self._count * 1000 if self._count else 0.0
        self._sum, self._count = 0.0, 0
        return mean

    def _next(self) -> None:
        due = self._loop.time() + LAG_TICK_SECONDS
        self._timer = self._loop.call_at(due, self._woken, due)

    def _woken(self, due: float) -> None:
        lag = max(0.0, self._loop.time() - due)
        self.histogram.observe(lag)
        self._sum += lag
        self._count += 1
        self._next()


def cpu_seconds() -> float:
    """CPU time of all threads of this process."""
    return time.process_time()


def thread_cpu_seconds() -> float:
    """CPU time of the calling thread."""
    return time.thread_time()


def machine_ticks(stat: str | None = None) -> tuple[int, int]:
    """Ticks stolen from the machine's cores, and all of theirs (proc(5), ``/proc/stat``); ``(0, 0)`` on a
    system that does not tell."""
    if stat is None:
        try:
            stat = _STAT.read_text()
        except OSError:
            return 0, 0
    names = stat.partition("\n")[0].split()
    if len(names) < 9 or names[0] != "cpu":
        return 0, 0
    # Guest time is in user time already.
    ticks = [int(name) for name in names[1:9]]
    return ticks[7], sum(ticks)


def cores() -> float:
    """How many cores this process can have all of: those it may run on, or less where a CPU quota says so."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    files = [_CGROUPS / name / "cpu.max" for name in cgroups(_read(_OWN_CGROUP))]
    return min([float(allowed), *(quota_cores(_read(file)) for file in files)])


def cgroups(own: str) -> list[str]:
    """From ``/proc/self/cgroup``, the process's own group of the unified hierarchy and all around it, as
    paths below its root, which comes last (cgroups(7)). Each may have a quota, and the least holds."""
    path = next((line[4:] for line in own.splitlines() if line.startswith("0::/")), "")
    parts = [part for part in path.split("/") if part not in ("", "..")]
    return ["/".join(parts[:count]) for count in range(len(parts), -1, -1)]


def quota_cores(cpu_max: str) -> float:
    """What ``cpu.max`` allows, in cores: microseconds of CPU time in each period of so many (the kernel's
    cgroup-v2). No limit, or nothing that can be read as one, is ``inf``."""
    fields = cpu_max.split()
    if len(fields) != 2 or not (fields[0].isdecimal() and fields[1].isdecimal()):
        return math.inf
    quota, period = int(fields[0]), int(fields[1])
    return quota / period if quota and period else math.inf


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
