"""A line between two namespaces as a process: two TUN devices and a :class:`tests.lab.shaping.Line` each way.

``python -m tests.lab.wire SEED NAMESPACE DEVICE NAMESPACE DEVICE``. Conditions come as one JSON object a line
on standard input, each line answered with the counts so far; its end ends the process.
"""

from __future__ import annotations

import fcntl
import heapq
import json
import os
import select
import struct
import sys
import time
from dataclasses import asdict

from tests.lab.namespace import enter
from tests.lab.shaping import Conditions, Line

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
PACKET_BYTES = 65_535
BATCH = 64


def open_tun(namespace: str, device: str) -> int:
    """A TUN device in a namespace. Leaves the thread in that namespace."""
    enter(namespace)
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
    return tun


class Wire:
    """Two devices and what is on its way between them."""

    def __init__(self, seed: int, ends: tuple[int, int]) -> None:
        self._lines = {ends[0]: Line(Conditions(), seed), ends[1]: Line(Conditions(), seed + 1)}
        self._other = {ends[0]: ends[1], ends[1]: ends[0]}
        self._under_way: list[tuple[float, int, int, bytes]] = []
        self._number = 0

    def set(self, conditions: Conditions) -> dict[str, int]:
        """Change both directions; returns the counts so far, both directions together."""
        for line in self._lines.values():
            line.conditions = conditions
        lines = self._lines.values()
        return {name: sum(getattr(line, name) for line in lines) for name in ("passed", "lost", "overflowed")}

    def run(self) -> None:
        """Carry packets until standard input ends."""
        poll = select.poll()
        for tun in self._lines:
            poll.register(tun, select.POLLIN)
        poll.register(sys.stdin.fileno(), select.POLLIN | select.POLLHUP)
        while True:
            wait_ms = None
            if self._under_way:
                wait_ms = max(0.0, (self._under_way[0][0] - time.monotonic()) * 1000)
            for ready, _event in poll.poll(wait_ms):
                if ready in self._lines:
                    self._take(ready)
                elif not self._command():
                    return
            self._deliver()

    def _take(self, tun: int) -> None:
        line, out = self._lines[tun], self._other[tun]
        for _ in range(BATCH):
            try:
                packet = os.read(tun, PACKET_BYTES)
            except BlockingIOError:
                return
            arrives = line.take(len(packet), time.monotonic())
            if arrives is not None:
                self._number += 1
                heapq.heappush(self._under_way, (arrives, self._number, out, packet))

    def _deliver(self) -> None:
        now = time.monotonic()
        while self._under_way and self._under_way[0][0] <= now:
            _, _, out, packet = heapq.heappop(self._under_way)
            try:
                os.write(out, packet)
            except OSError:  # the device is down: so is the line
                continue

    def _command(self) -> bool:
        line = sys.stdin.readline()
        if not line:
            return False
        say(self.set(Conditions(**json.loads(line))))
        return True


def say(answer: dict[str, int]) -> None:
    """One line on standard output."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def command(conditions: Conditions) -> str:
    """The line that sets ``conditions``."""
    return json.dumps(asdict(conditions)) + "\n"


def main() -> None:
    """See the module."""
    seed, namespace_a, device_a, namespace_b, device_b = sys.argv[1:]
    wire = Wire(int(seed), (open_tun(namespace_a, device_a), open_tun(namespace_b, device_b)))
    say({})
    wire.run()


if __name__ == "__main__":
    main()
