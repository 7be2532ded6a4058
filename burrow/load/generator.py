"""What sends and counts once a leg is up: the interface, and the one that needs nothing but Python."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import importlib.util
import secrets
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Protocol

import pylibsrtp

from burrow.bench.bare_leg import BareLeg
from relay.engine.choose import NATIVE_WHEEL
from relay.engine.python import srtp

PACKET_BYTES = 1200
FRAME_RATE = 30
SAMPLE = 16
"""One packet of so many of a leg is decrypted, and its latency taken."""
VP8, TRANSPORT_CC = 96, 3
"""As the relay's table has them."""
CHECK_SECONDS = 2.5
LATE_SECONDS = 0.01
"""A frame that leaves so long after its time says that the generator does not keep up."""
MOST_BEHIND = 5
"""Frames; what is further behind is left out."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Everything since the start: packets unless a name says otherwise."""

    legs: list[tuple[int, int]]
    """Sent and received, by the number that :meth:`Generator.add` gave."""
    refused: int
    bad: int
    frames: int
    late: int
    latency_us: tuple[float, float, float]
    """Median, 95th and 99th percentile, from one far end's clock to the other's in this process."""


class Generator(Protocol):
    """Sends video frames at a bit rate from each of its legs, and counts what comes to each."""

    name: str

    def add(self, leg: BareLeg) -> int:
        """Take a leg over whose handshake is done: its consent checks too. Gives its number, from 0."""

    def begin(self, leg: int) -> None:
        """Let it send."""

    def stop_all(self) -> None:
        """Let nothing send any more; what is on its way is still counted."""

    def counts(self) -> Counts: ...

    async def close(self) -> None: ...


def make_generator(name: str, bit_rate: int) -> Generator:
    """``native``, ``python``, or ``auto``: native where it is installed."""
    if name == "native" or (name == "auto" and importlib.util.find_spec(NATIVE_WHEEL)):
        from burrow.load.native_generator import NativeGenerator

        return NativeGenerator(bit_rate)
    return PythonGenerator(bit_rate)


@dataclass(slots=True, eq=False)
class _Leg:
    bare: BareLeg
    socket: socket.socket
    incoming: pylibsrtp.Session
    outgoing: pylibsrtp.Session
    expected_ssrc: bytes
    sequence: int = 0
    transport_cc: int = 0
    credit: float = 0.0
    active: bool = False
    sent: int = 0
    received: int = 0


@dataclass(slots=True)
class _Totals:
    refused: int = 0
    bad: int = 0
    frames: int = 0
    late: int = 0
    latencies: list[float] = field(default_factory=list)


LATENCIES_MAX = 200_000
"""Kept; what comes after that many is not."""


class PythonGenerator:
    """:class:`Generator` on asyncio and pylibsrtp: a few calls' worth of a core."""

    name = "python"

    def __init__(self, bit_rate: int) -> None:
        self._bit_rate = bit_rate
        self._legs: list[_Leg] = []
        self._due: list[tuple[float, int, bool]] = []
        """When, which leg, and whether a frame is due rather than a check."""
        self._more = asyncio.Event()
        self._totals = _Totals()
        self._payload = secrets.token_bytes(PACKET_BYTES)
        self._task = asyncio.create_task(self._run(), name="load generator")

    def add(self, leg: BareLeg) -> int:
        assert leg.keys is not None
        incoming, outgoing = srtp.sessions(leg.keys)
        number = len(self._legs)
        expected = leg.video.ssrc[0].ssrc.to_bytes(4, "big")
        taken = _Leg(leg, leg.hand_over(), incoming, outgoing, expected)
        self._legs.append(taken)
        asyncio.get_running_loop().add_reader(taken.socket.fileno(), self._receive, taken)
        self._push(time.monotonic() + CHECK_SECONDS * (number % 16) / 16, number, frame=False)
        return number

    def begin(self, leg: int) -> None:
        if not self._legs[leg].active:
            self._legs[leg].active = True
            self._push(time.monotonic() + (leg * 7 % 32) / 32 / FRAME_RATE, leg, frame=True)

    def stop_all(self) -> None:
        for leg in self._legs:
            leg.active = False

    def counts(self) -> Counts:
        totals = self._totals
        ordered = sorted(totals.latencies)
        return Counts(
            legs=[(leg.sent, leg.received) for leg in self._legs],
            refused=totals.refused,
            bad=totals.bad,
            frames=totals.frames,
            late=totals.late,
            latency_us=(_at(ordered, 0.5), _at(ordered, 0.95), _at(ordered, 0.99)),
        )

    async def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        loop = asyncio.get_running_loop()
        for leg in self._legs:
            loop.remove_reader(leg.socket.fileno())

    def _push(self, at: float, leg: int, *, frame: bool) -> None:
        heapq.heappush(self._due, (at, leg, frame))
        self._more.set()

    async def _run(self) -> None:
        while True:
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                at, number, frame = heapq.heappop(self._due)
                if frame:
                    self._frame(at, number, now)
                else:
                    self._legs[number].bare.check()
                    heapq.heappush(self._due, (at + CHECK_SECONDS, number, False))
            self._more.clear()
            wait = self._due[0][0] - time.monotonic() if self._due else None
            # Not wait_for: in Python 3.11 it can lose a cancellation.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait if wait is None else max(wait, 0)):
                    await self._more.wait()

    def _frame(self, at: float, number: int, now: float) -> None:
        leg, totals = self._legs[number], self._totals
        if not leg.active:
            return
        totals.frames += 1
        totals.late += now - at > LATE_SECONDS
        following = at + 1 / FRAME_RATE
        missed = int((now - at) * FRAME_RATE)
        if missed > MOST_BEHIND:
            totals.frames += missed
            totals.late += missed
            following += missed / FRAME_RATE
        heapq.heappush(self._due, (following, number, True))
        leg.credit += self._bit_rate / FRAME_RATE
        count = int(leg.credit // (PACKET_BYTES * 8))
        leg.credit -= count * PACKET_BYTES * 8
        for place in range(count):
            self._send(leg, int(at * 90_000) & 0xFFFF_FFFF, last=place == count - 1)

    def _send(self, leg: _Leg, timestamp: int, *, last: bool) -> None:
        header = struct.pack(
            ">BBHIIHHBHB",
            *(0x90, VP8 | (0x80 if last else 0), leg.sequence & 0xFFFF, timestamp, leg.bare.video_ssrc),
            *(0xBEDE, 1, TRANSPORT_CC << 4 | 1, leg.transport_cc & 0xFFFF, 0),
        )
        stamp = struct.pack(">d", time.monotonic())
        packet = header + stamp + self._payload[: PACKET_BYTES - len(header) - len(stamp)]
        leg.sequence += 1
        leg.transport_cc += 1
        try:
            leg.socket.send(leg.outgoing.protect(packet))
        except OSError:
            self._totals.refused += 1
            return
        leg.sent += 1

    def _receive(self, leg: _Leg) -> None:
        for _ in range(64):
            try:
                datagram = leg.socket.recv(2048)
            except OSError:  # nothing more, or an ICMP message of before
                return
            # RTCP, such as the request for a keyframe, and STUN are not what is counted.
            if len(datagram) < 12 or datagram[1] & 0x7F != VP8 or datagram[8:12] != leg.expected_ssrc:
                continue
            leg.received += 1
            if leg.received % SAMPLE == 0:
                self._sample(leg, datagram)

    def _sample(self, leg: _Leg, datagram: bytes) -> None:
        try:
            packet = leg.incoming.unprotect(datagram)
        except pylibsrtp.Error:
            self._totals.bad += 1
            return
        if len(self._totals.latencies) < LATENCIES_MAX:
            (sent,) = struct.unpack_from(">d", packet, 20)
            self._totals.latencies.append((time.monotonic() - sent) * 1e6)


def _at(ordered: list[float], share: float) -> float:
    """A percentile by nearest rank, 0 of nothing."""
    return (
        ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * int(share * 100) // 100) - 1))]
        if ordered
        else 0.0
    )
