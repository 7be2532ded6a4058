"""Names of namespaces: which run made them, so that the next can remove what a dead one left."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

PREFIX = "burrow-lab"


@dataclass(frozen=True, slots=True)
class Run:
    """One lab of one process. ``started``: the process's start in clock ticks since boot, because a
    process id is used again."""

    pid: int
    started: int
    serial: int

    def namespace(self, host: str) -> str:
        """The namespace of one of the lab's hosts."""
        return f"{PREFIX}.{self.pid}.{self.started}.{self.serial}.{host}"


def run_of(namespace: str) -> Run | None:
    """Who made a namespace; ``None``: not a lab."""
    parts = namespace.split(".")
    if len(parts) != 5 or parts[0] != PREFIX or not all(part.isdecimal() for part in parts[1:4]):
        return None
    return Run(int(parts[1]), int(parts[2]), int(parts[3]))


def stale(namespaces: Iterable[str], start_of: Callable[[int], int | None]) -> list[str]:
    """The namespaces whose process is gone. ``start_of`` gives when the process with an id started,
    ``None`` when there is none."""
    found = []
    for namespace in namespaces:
        run = run_of(namespace)
        if run is not None and start_of(run.pid) != run.started:
            found.append(namespace)
    return found


def process_start(pid: int) -> int | None:
    """When a process started (proc(5), ``/proc/pid/stat`` field 22), ``None`` when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command's name before it is in parentheses and may hold blanks and parentheses itself.
    return int(stat.rpartition(")")[2].split()[19])
