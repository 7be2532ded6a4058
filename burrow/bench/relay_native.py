"""What a forwarded packet costs a relay, measured by a generator that can outrun it.

The generator (Rust, ``burrow_native.Load``) is pinned to one core and drives real SRTP legs; what it measures
runs in a process of its own on the other. What is compared takes turns, run by run, so that a neighbour of
this machine hits all alike.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import burrow_native
import psutil

from burrow.bench.relay import BenchError

PACKET_BYTES = 1200
TAG_BYTES = 16
"""What AES-GCM adds: coturn is given packets of the same size."""
SATURATED_SHARE = 0.9
"""Below this share of its cores the relay was not the limit."""
RELAY_CPU, LOAD_CPU = 0, 1
TURN_HOST = "127.0.0.9"
"""Nobody else's, so that its port is free."""
WARM_SECONDS, WARM_RATE = 0.3, 20_000.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One load on one relay. ``rate`` in packets a second, ``None``: as many as go."""

    engine: str = "native"
    """``native``, ``python``, ``bare`` (forwarding without looking: the kernel's part of any relay), or
    ``coturn`` (its channels; ``legs`` are its allocations)."""
    profile: str = "SRTP_AEAD_AES_128_GCM"
    legs: int = 200
    train: int = 1
    gso: bool = False
    """The generator hands trains to the kernel as one message."""
    rate: float | None = None
    tuning: dict[str, Any] = field(default_factory=lambda: {"workers": 1})

    @property
    def cores(self) -> int:
        """How many cores the relay gets."""
        return 1 if self.engine == "coturn" else max(1, int(self.tuning.get("workers", 1)))


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


_Usage = Callable[[], float]
"""CPU seconds used so far."""


class _Generator(Protocol):
    def run(self, seconds: float, rate: float | None = None) -> Any: ...


class Runner:
    """A relay with its legs up, and a generator on it."""

    def __init__(self, scenario: Scenario, usage: _Usage, generator: _Generator, rss: float) -> None:
        self._scenario, self._usage, self._generator = scenario, usage, generator
        self._rss = rss

    def run(self, seconds: float, rate: float | None = None) -> Figures:
        """One run, at the scenario's rate unless another is given."""
        rate = rate or self._scenario.rate
        before = self._usage()
        report = self._generator.run(seconds, rate)
        cpu = self._usage() - before
        share = cpu / report["seconds"] / self._scenario.cores
        return Figures(
            packets_per_second=round(report["received"] / report["seconds"]),
            cpu_us_per_packet=round(cpu / max(report["received"], 1) * 1e6, 3),
            latency_us_p50=report["latency_us_p50"],
            latency_us_p99=report["latency_us_p99"],
            loss=round(1 - report["received"] / max(report["sent"], 1), 6),
            bad=report["bad"],
            relay_share=round(share, 3),
            generator_us_per_packet=round(report["cpu_seconds"] / max(report["sent"], 1) * 1e6, 3),
            rss_bytes_per_leg=round(self._rss),
            limit="rate" if rate else "relay" if share >= SATURATED_SHARE else "generator",
        )


@contextmanager
def _on_core(cpu: int) -> Iterator[None]:
    """This process, and so the generator's thread, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def runner(scenario: Scenario) -> Iterator[Runner]:
    """Start what the scenario names. Raises :class:`BenchError` when it does not start."""
    with _coturn(scenario) if scenario.engine == "coturn" else _engine(scenario) as started:
        yield started


@contextmanager
def _engine(scenario: Scenario) -> Iterator[Runner]:
    cores = sorted(os.sched_getaffinity(0))
    what = {
        "engine": scenario.engine, "profile": scenario.profile, "legs": scenario.legs,
        "tuning": scenario.tuning, "cpus": [cores[RELAY_CPU]] if scenario.cores == 1 else cores,
    }  # fmt: skip
    process = subprocess.Popen(  # noqa: S603  # this interpreter, and arguments made here
        [sys.executable, "-m", "burrow.bench.engine_process", json.dumps(what)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def read() -> dict[str, Any]:
        line = stdout.readline()
        if not line:
            raise BenchError("The engine's process ended; its error is above.")
        return dict(json.loads(line))

    def usage() -> float:
        stdin.write('{"do": "usage"}\n')
        stdin.flush()
        return float(read()["cpu_seconds"])

    try:
        started = read()
        load = burrow_native.Load(
            host="127.0.0.1", port=started["port"], legs=scenario.legs, profile=scenario.profile,
            packet_bytes=PACKET_BYTES, train=scenario.train, gso=scenario.gso,
            sample=32 if scenario.rate is None else 4,
        )  # fmt: skip
        yield Runner(scenario, usage, load, started["rss_bytes_per_leg"])
    finally:
        stdin.close()
        process.wait()
        stdout.close()


@contextmanager
def _coturn(scenario: Scenario) -> Iterator[Runner]:
    relay_cpu = str(sorted(os.sched_getaffinity(0))[RELAY_CPU])
    with TemporaryDirectory() as folder, ExitStack() as stack:
        log = Path(folder) / "log"
        try:
            process = subprocess.Popen(  # noqa: S603  # arguments made here
                [  # noqa: S607  # Debian's, wherever it is
                    "taskset", "-c", relay_cpu, "turnserver", "-n", "--no-auth", "--no-tls", "--no-dtls",
                    "--no-cli", "--allow-loopback-peers", "--relay-threads=1", "-L", TURN_HOST,
                    "-E", TURN_HOST, "-p", "3478", "--log-file=stdout", "--simple-log",
                    f"--pidfile={folder}/pid", f"--userdb={folder}/db",
                ],
                stdout=stack.enter_context(log.open("w")), stderr=subprocess.STDOUT,
            )  # fmt: skip
        except OSError as error:
            raise BenchError("There is no coturn to measure beside: apt-get install coturn.") from error
        stack.callback(process.wait)
        stack.callback(process.terminate)
        coturn = psutil.Process(process.pid)

        def usage() -> float:
            used = coturn.cpu_times()
            return float(used.user + used.system)

        try:
            load = burrow_native.TurnLoad(
                host=TURN_HOST, port=3478, allocations=scenario.legs,
                packet_bytes=PACKET_BYTES + TAG_BYTES, train=scenario.train, gso=scenario.gso,
            )  # fmt: skip
        except RuntimeError as error:
            raise BenchError(
                f"coturn does not do its part: {error} It says: {log.read_text()[-500:]}"
            ) from error
        yield Runner(scenario, usage, load, 0)


def compare(scenarios: Sequence[Scenario], seconds: float, runs: int) -> list[list[Figures]]:
    """All scenarios' runs, one after the other in turn; of each the list of its runs.

    Raises :class:`BenchError` when one of them cannot be started.
    """
    cores = sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:
        started = [stack.enter_context(runner(scenario)) for scenario in scenarios]
        with _on_core(cores[min(LOAD_CPU, len(cores) - 1)]):
            for one, scenario in zip(started, scenarios, strict=True):
                one.run(WARM_SECONDS, min(WARM_RATE, scenario.rate or WARM_RATE))
            rounds = [[one.run(seconds) for one in started] for _ in range(runs)]
    return [list(figures) for figures in zip(*rounds, strict=True)]


def middle(figures: Sequence[Figures]) -> Figures:
    """The median of each figure."""
    values = {
        name: statistics.median(getattr(one, name) for one in figures)
        for name in Figures.__dataclass_fields__
        if name not in ("bad", "limit")
    }
    limits = [one.limit for one in figures]
    return Figures(**values, bad=sum(one.bad for one in figures), limit=max(set(limits), key=limits.count))


def highest_lossless(scenario: Scenario, seconds: float, loss: float = 0.001) -> float:
    """The highest rate in packets a second at which no more than ``loss`` is lost, by bisection."""
    cores = sorted(os.sched_getaffinity(0))
    low, high = 20_000.0, 1_000_000.0
    with runner(scenario) as one, _on_core(cores[min(LOAD_CPU, len(cores) - 1)]):
        one.run(WARM_SECONDS, WARM_RATE)
        while high / low > 1.03:
            rate = (low * high) ** 0.5
            # One run that a neighbour disturbed says nothing about the rate.
            if min(one.run(seconds, rate).loss for _ in range(2)) <= loss:
                low = rate
            else:
                high = rate
    return round(low)


def with_engine(scenario: Scenario, engine: str) -> Scenario:
    """The same load on another relay."""
    return replace(scenario, engine=engine)


def main() -> None:
    """``python -m burrow.bench.relay_native '{"legs": 200}' [SECONDS [RUNS]]``: one scenario as JSON."""
    scenario = Scenario(**json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}"))
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 2.0
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    (figures,) = compare([scenario], seconds, runs)
    sys.stdout.write(json.dumps(asdict(middle(figures))) + "\n")


if __name__ == "__main__":
    main()
