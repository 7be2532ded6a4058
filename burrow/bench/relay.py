"""What a forwarded packet costs the relay, how late it is, and what an idle leg weighs.

The relay runs in a process of its own; this one opens real legs (ICE, DTLS, SRTP), sends 1,200-byte
packets and counts what comes back. It says when it, not the relay, was the limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import statistics
import struct
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any

from burrow.bench.bare_leg import BareLeg
from relay.dtls.endpoint import Certificate

PACKET_BYTES = 1200
IDLE_LEGS = 500
BURST = 16
"""Packets sent before the answers are read."""
SATURATED_SHARE = 0.9
"""Below this share of its core the relay was not the limit."""
EXTENSION = struct.Struct("!HHBHx")
HEADER = struct.Struct("!BBHII")


class BenchError(Exception):
    """The measurement could not be made; the sentence says why."""

    code = "bench_failed"


@dataclass(frozen=True, slots=True)
class RelayBench:
    """``packets_per_second`` and ``cpu_us_per_packet`` are of the saturated run; ``loss`` and the
    latencies (socket to socket as the generator sees them) of the run at two thirds of that rate."""

    engine: str
    srtp_profile: str
    pairs: int
    packets_per_second: float
    cpu_us_per_packet: float
    added_latency_us_p50: float
    added_latency_us_p99: float
    loss: float
    paced_packets_per_second: float
    rss_bytes_per_leg: float
    limit: str
    """``relay`` or ``generator``: which of the two was busy in the saturated run."""


class _Child:
    """The relay's process and its line of commands."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def do(self, what: str, **arguments: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write((json.dumps({"do": what, **arguments}) + "\n").encode())
        line = await self._process.stdout.readline()
        if not line:
            raise BenchError("The relay's process ended; its error is above.")
        return dict(json.loads(line))


@contextlib.asynccontextmanager
async def _relay(engine: str, cpu: str, max_legs: int) -> AsyncIterator[_Child]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "burrow.bench.relay_process", engine, cpu, str(max_legs),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20,
    )  # fmt: skip
    try:
        yield _Child(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


async def _connect(relay: _Child, name: str, certificate: Certificate) -> tuple[BareLeg, str]:
    offer = await relay.do("open", leg=name)
    leg = BareLeg(offer["sdp"], certificate)
    connecting = asyncio.create_task(leg.connect())
    answered = await relay.do("answer", leg=name, sdp=leg.answer())
    await connecting
    return leg, str(answered["profile"])


class _Flow:
    """One direction of one pair: packets out of ``source``, in at ``sink``."""

    def __init__(self, source: BareLeg, sink: BareLeg) -> None:
        self._source, self.sink = source, sink
        self._sequence = 0
        self._egress = struct.pack("!I", sink.video.ssrc[0].ssrc)
        self.sent_at = [0.0] * 65536
        self.sent = self.received = 0
        self._payload = bytes(PACKET_BYTES - 12 - 8)
        self._destination = source.relay_address
        self._send = source.socket.sendto
        self._protect = source.protect
        self._ssrc = source.video_ssrc

    def send(self) -> bool:
        sequence = self._sequence
        packet = (
            HEADER.pack(0x90, 96, sequence, sequence * 3000 & 0xFFFFFFFF, self._ssrc)
            + EXTENSION.pack(0xBEDE, 1, 0x31, sequence)
            + self._payload
        )
        protected = self._protect(packet)
        self.sent_at[sequence] = time.perf_counter()
        try:
            self._send(protected, self._destination)
        except BlockingIOError:
            return False
        self._sequence = (sequence + 1) & 0xFFFF
        self.sent += 1
        return True

    def drain(self, latencies: list[float]) -> None:
        receive = self.sink.socket.recv
        while True:
            try:
                datagram = receive(2048)
            except BlockingIOError:
                return
            if datagram[8:12] == self._egress and not 192 <= datagram[1] < 224:
                self.received += 1
                # A stream that starts keeps its sender's numbers, so they name the send time.
                latencies.append(time.perf_counter() - self.sent_at[datagram[2] << 8 | datagram[3]])


def _drive(flows: list[_Flow], seconds: float, rate: float | None) -> tuple[int, int, list[float]]:
    """Send for ``seconds`` at ``rate`` packets a second, ``None``: as many as go. Returns sent and
    received packets and their latencies in seconds."""
    poll = select.epoll()
    by_descriptor = {flow.sink.socket.fileno(): flow for flow in flows}
    for descriptor in by_descriptor:
        poll.register(descriptor, select.EPOLLIN)
    latencies: list[float] = []
    before_sent, before_received = sum(f.sent for f in flows), sum(f.received for f in flows)
    start = time.perf_counter()
    sent = turn = 0
    while (now := time.perf_counter()) - start < seconds:
        due = BURST if rate is None else min(int((now - start) * rate) - sent, BURST)
        for _ in range(max(due, 0)):
            if flows[turn].send():
                sent += 1
            turn = (turn + 1) % len(flows)
        for descriptor, _ in poll.poll(0):
            by_descriptor[descriptor].drain(latencies)
    deadline = time.perf_counter() + 0.5
    while time.perf_counter() < deadline:
        for descriptor, _ in poll.poll(0.05):
            by_descriptor[descriptor].drain(latencies)
    poll.close()
    return (
        sum(f.sent for f in flows) - before_sent,
        sum(f.received for f in flows) - before_received,
        latencies,
    )


async def run(engine: str, pairs: int, seconds: float, idle_legs: int = IDLE_LEGS) -> RelayBench:
    """Measure one engine (``auto``, ``python`` or ``native``)."""
    relay_cpu = "-"
    if (os.cpu_count() or 1) > 1:
        relay_cpu = "0"
        os.sched_setaffinity(0, set(range(1, os.cpu_count() or 1)))
    certificate = Certificate.generateCertificate()
    async with _relay(engine, relay_cpu, max(2 * pairs, idle_legs) + 20) as relay:
        legs = [await _connect(relay, f"warm-{n}", certificate) for n in range(10)]
        light = await relay.do("usage")
        wanted = max(2 * pairs, idle_legs)
        legs += [await _connect(relay, f"leg-{n}", certificate) for n in range(wanted)]
        full = await relay.do("usage")
        used = [leg for leg, _ in legs[10 : 10 + 2 * pairs]]
        loop = asyncio.get_running_loop()
        flows: list[_Flow] = []
        for n in range(pairs):
            a, b = used[2 * n], used[2 * n + 1]
            await relay.do("link", link=f"link-{n}", a=f"leg-{2 * n}", b=f"leg-{2 * n + 1}")
            flows += [_Flow(a, b), _Flow(b, a)]
        for leg in used:
            loop.remove_reader(leg.socket.fileno())
        _drive(flows, min(seconds, 1.0), 2000.0)  # warm up: first packets choose offsets

        before = await relay.do("usage")
        _, received, _ = _drive(flows, seconds, None)
        after = await relay.do("usage")
        cpu = after["cpu_seconds"] - before["cpu_seconds"]
        rate = received / seconds
        paced_rate = rate * 2 / 3
        sent_paced, received_paced, latencies = _drive(flows, seconds, paced_rate)
        cuts = statistics.quantiles(latencies, n=100)
        for leg, _ in legs:
            leg.socket.close()
    return RelayBench(
        engine=str(full["engine"]),
        srtp_profile=legs[0][1],
        pairs=pairs,
        packets_per_second=round(rate, 1),
        cpu_us_per_packet=round(cpu / received * 1e6, 2),
        added_latency_us_p50=round(cuts[49] * 1e6, 1),
        added_latency_us_p99=round(cuts[98] * 1e6, 1),
        loss=round(1 - received_paced / sent_paced, 6),
        paced_packets_per_second=round(sent_paced / seconds, 1),
        rss_bytes_per_leg=round((full["rss_bytes"] - light["rss_bytes"]) / wanted, 1),
        limit="relay" if cpu / seconds >= SATURATED_SHARE else "generator",
    )


def as_dict(result: RelayBench) -> dict[str, Any]:
    """For JSON output."""
    return asdict(result)
