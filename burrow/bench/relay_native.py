"""What a forwarded packet costs a packet engine, measured by a generator that can outrun it.

The generator (Rust, ``burrow_native.Load``) is pinned to one core and drives real SRTP legs; the engine
runs in a process of its own on the other. Every figure is the median of several runs.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import burrow_native

PACKET_BYTES = 1200
SATURATED_SHARE = 0.9
"""Below this share of its cores the engine was not the limit."""
RELAY_CPU, LOAD_CPU = 0, 1


@dataclass(frozen=True, slots=True)
class Scenario:
    """One load on one engine. ``rate`` in packets a second, ``None``: as many as go."""

    engine: str = "native"
    """``native``, ``python``, or ``bare``: forwarding without looking, the kernel's part of any relay."""
    profile: str = "SRTP_AEAD_AES_128_GCM"
    legs: int = 200
    train: int = 1
    gso: bool = False
    """The generator hands trains to the kernel as one message."""
    rate: float | None = None
    tuning: dict[str, Any] = field(default_factory=lambda: {"workers": 1})


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one run. ``limit`` names which of the two was busy."""

    packets_per_second: float
    cpu_us_per_packet: float
    latency_us_p50: float
    latency_us_p99: float
    loss: float
    bad: int
    relay_share: float
    generator_us_per_packet: float
    rss_bytes_per_leg: float
    limit: str


class _Engine:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The engine's process ended; its error is above.")
        return dict(json.loads(line))

    def do(self, what: str, **arguments: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self._process.stdin.flush()
        return self.read()


@contextmanager
def engine_process(scenario: Scenario, cpus: list[int]) -> Iterator[tuple[_Engine, dict[str, Any]]]:
    """An engine with the scenario's legs open and linked, and what it said at its start."""
    what = {
        "engine": scenario.engine, "profile": scenario.profile, "legs": scenario.legs,
        "tuning": scenario.tuning, "cpus": cpus,
    }  # fmt: skip
    process = subprocess.Popen(  # noqa: S603  # this interpreter, and arguments made here
        [sys.executable, "-m", "burrow.bench.engine_process", json.dumps(what)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        engine = _Engine(process)
        yield engine, engine.read()
    finally:
        if process.stdin is not None:
            process.stdin.close()
        process.wait()


def _load(scenario: Scenario, port: int) -> burrow_native.Load:
    return burrow_native.Load(
        host="127.0.0.1", port=port, legs=scenario.legs, profile=scenario.profile,
        packet_bytes=PACKET_BYTES, train=scenario.train, gso=scenario.gso,
        sample=32 if scenario.rate is None else 4,
    )  # fmt: skip


def measure(scenario: Scenario, seconds: float, runs: int) -> Figures:
    """The median of ``runs`` runs of ``seconds`` each, after one to warm up."""
    cores = sorted(os.sched_getaffinity(0))
    relay_cpus = [cores[RELAY_CPU]] if scenario.tuning.get("workers", 1) == 1 else cores
    try:
        os.sched_setaffinity(0, {cores[min(LOAD_CPU, len(cores) - 1)]})
        with engine_process(scenario, relay_cpus) as (engine, started):
            load = _load(scenario, started["port"])
            load.run(0.3, scenario.rate or 20_000)
            every = [_once(engine, load, scenario, seconds, len(relay_cpus)) for _ in range(runs)]
    finally:
        os.sched_setaffinity(0, set(cores))
    names = [name for name in every[0] if name != "bad"]
    middle = {name: statistics.median(run[name] for run in every) for name in names}
    return Figures(
        **middle,
        bad=int(sum(run["bad"] for run in every)),
        rss_bytes_per_leg=round(started["rss_bytes_per_leg"]),
        limit="relay" if middle["relay_share"] >= SATURATED_SHARE else "generator",
    )


def _once(
    engine: _Engine, load: burrow_native.Load, scenario: Scenario, seconds: float, cores: int
) -> dict[str, float]:
    before = engine.do("usage")
    report = load.run(seconds, scenario.rate)
    after = engine.do("usage")
    cpu = after["cpu_seconds"] - before["cpu_seconds"]
    return {
        "packets_per_second": round(report["received"] / report["seconds"]),
        "cpu_us_per_packet": round(cpu / max(report["received"], 1) * 1e6, 3),
        "latency_us_p50": report["latency_us_p50"],
        "latency_us_p99": report["latency_us_p99"],
        "loss": round(1 - report["received"] / max(report["sent"], 1), 6),
        "bad": report["bad"],
        "relay_share": round(cpu / report["seconds"] / cores, 3),
        "generator_us_per_packet": round(report["cpu_seconds"] / max(report["sent"], 1) * 1e6, 3),
    }


def highest_lossless(scenario: Scenario, seconds: float, loss: float = 0.001) -> float:
    """The highest rate in packets a second at which no more than ``loss`` is lost, by bisection."""
    low, high = 20_000.0, 1_000_000.0
    while high / low > 1.02:
        rate = (low * high) ** 0.5
        figures = measure(Scenario(**{**_fields(scenario), "rate": rate}), seconds, 1)
        if figures.loss <= loss:
            low = rate
        else:
            high = rate
    return round(low)


def _fields(scenario: Scenario) -> dict[str, Any]:
    return asdict(scenario)


def main() -> None:
    """``python -m burrow.bench.relay_native '{"legs": 200}' [SECONDS [RUNS]]``: one scenario as JSON."""
    scenario = Scenario(**json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}"))
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 2.0
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    sys.stdout.write(json.dumps(asdict(measure(scenario, seconds, runs))) + "\n")


if __name__ == "__main__":
    main()
