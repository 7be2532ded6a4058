"""The table of what the native packet engine must show, each figure beside the bare loop of the same run.

The bare loop reads a batch and sends it on without looking: the kernel's part of any relay. Kernels and
machines differ more than engines do, so a figure is to be read with it: on the machine that the limits were
set on, the bare loop took 2.0 microseconds saturated and 12.5 at 20,000 packets/s.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from burrow.bench.relay_native import Figures, Scenario, compare, highest_lossless, middle, with_engine

BARE_US_WHERE_SET, QUIET_US_WHERE_SET = 2.0, 12.5
FEW, MANY = 200, 2_000
QUIET_RATE = 20_000.0
TWO_WORKERS_RATE = 120_000.0
"""Low enough that the generator, which shares a core with one of the two workers, keeps it."""
IDLE_LEGS = 4_000


@dataclass(frozen=True, slots=True)
class Row:
    """One line: ``value`` is held against ``must``; ``bare`` is the same of the bare loop."""

    figure: str
    must: str
    value: float
    unit: str
    met: bool
    bare: float | None = None
    note: str = ""
    limit: str = "relay"
    """What was busy: ``relay``, ``generator``, or ``rate`` where the load had one."""
    bare_where_set: float = BARE_US_WHERE_SET

    @property
    def times_bare(self) -> float | None:
        return None if not self.bare else round(self.value / self.bare, 2)

    @property
    def where_set(self) -> float | None:
        """What a CPU cost would be where the limits were set, if it goes with the bare loop's."""
        if self.unit != "µs" or not self.bare:
            return None
        return round(self.value / self.bare * self.bare_where_set, 2)


@dataclass(frozen=True, slots=True)
class Effort:
    """Seconds of each run, and runs whose median is taken."""

    seconds: float = 1.0
    runs: int = 5


Measure = Callable[[Effort], Iterator[Row]]


def _cpu(figures: Sequence[Figures]) -> float:
    return median(one.cpu_us_per_packet for one in figures)


def _ratio(those: Sequence[Figures], others: Sequence[Figures]) -> float:
    """The median of what each pair of neighbouring runs says."""
    pairs = zip(those, others, strict=True)
    return round(median(one.cpu_us_per_packet / other.cpu_us_per_packet for one, other in pairs), 2)


def _beside_bare(scenario: Scenario, effort: Effort) -> tuple[Figures, float]:
    native, bare = compare([scenario, with_engine(scenario, "bare")], effort.seconds, effort.runs)
    return middle(native), _cpu(bare)


def _at_most(figure: str, scenario: Scenario, most: float, effort: Effort, note: str = "") -> Row:
    native, bare = _beside_bare(scenario, effort)
    cost = native.cpu_us_per_packet
    return Row(figure, f"≤ {most} µs", cost, "µs", cost <= most, bare, note, native.limit)


def _saturated(effort: Effort) -> Iterator[Row]:
    yield _at_most("CPU a packet, GCM, saturated, 200 legs", Scenario(legs=FEW), 2.9, effort)


def _trains(effort: Effort) -> Iterator[Row]:
    gathered = Scenario(train=4, gso=True)
    yield _at_most("trains of 4, sent one by one", Scenario(train=4), 2.1, effort)
    native, bare, coturn = compare(
        [gathered, with_engine(gathered, "bare"), with_engine(gathered, "coturn")],
        effort.seconds,
        effort.runs,
    )
    cost, other = _cpu(native), _cpu(coturn)
    note = f"coturn {other:.2f} µs"
    met = cost <= 2.1 and cost < other
    yield Row(
        "trains of 4, as a path delivers them gathered", "≤ 2.1 µs, less than coturn", cost, "µs", met,
        _cpu(bare), note, middle(native).limit,
    )  # fmt: skip


def _quiet(effort: Effort) -> Iterator[Row]:
    figures, bare = _beside_bare(Scenario(rate=QUIET_RATE), effort)
    cost, late = figures.cpu_us_per_packet, figures.latency_us_p99
    yield Row(
        "CPU a packet at 20,000 packets/s", "≤ 7 µs, ≤ 300 µs late", cost, "µs",
        cost <= 7 and late <= 300, bare,
        f"added latency p50 {figures.latency_us_p50:.0f}, p99 {late:.0f} µs", "rate", QUIET_US_WHERE_SET,
    )  # fmt: skip


def _many(effort: Effort) -> Iterator[Row]:
    few, many, bare_few, bare_many = compare(
        [Scenario(legs=FEW), Scenario(legs=MANY), Scenario("bare", legs=FEW), Scenario("bare", legs=MANY)],
        effort.seconds, effort.runs,
    )  # fmt: skip
    ratio = _ratio(many, few)
    note = (
        f"{_cpu(few):.2f} and {_cpu(many):.2f} µs; bare loop {_cpu(bare_few):.2f} and {_cpu(bare_many):.2f}"
    )
    yield Row(
        "2,000 legs against 200, saturated", "≤ 1.15 times", ratio, "times", ratio <= 1.15,
        _ratio(bare_many, bare_few), note, middle(many).limit,
    )  # fmt: skip


def _counter_mode(effort: Effort) -> Iterator[Row]:
    scenario = Scenario(profile="SRTP_AES128_CM_HMAC_SHA1_80")
    yield _at_most("CPU a packet, AES-CM/SHA1, saturated, 200 legs", scenario, 4.0, effort)


def _highest(effort: Effort) -> Iterator[Row]:
    rates = [highest_lossless(Scenario(engine), effort.seconds) for engine in ("native", "bare")]
    met = rates[0] >= 330_000
    yield Row("packets/s before 0.1 % loss", "≥ 330,000", rates[0], "/s", met, rates[1], limit="rate")


def _half_load(effort: Effort) -> Iterator[Row]:
    (saturated,) = compare([Scenario()], effort.seconds, effort.runs)
    rate = float(round(middle(saturated).packets_per_second / 2))
    figures, bare = _beside_bare(Scenario(rate=rate), effort)
    half, late = figures.latency_us_p50, figures.latency_us_p99
    note = f"at {rate:,.0f} packets/s; {figures.cpu_us_per_packet:.2f} µs CPU a packet, bare loop {bare:.2f}"
    must = "median ≤ 60, p99 ≤ 300 µs"
    yield Row("added latency at half load, median", must, half, "µs", half <= 60, None, note, "rate")
    yield Row("added latency at half load, 99th percentile", must, late, "µs", late <= 300, None, "", "rate")


def _beside_coturn(effort: Effort) -> Iterator[Row]:
    for legs, most in ((FEW, 1.2), (MANY, 1.0)):
        scenario = Scenario(legs=legs)
        native, coturn, bare = compare(
            [scenario, with_engine(scenario, "coturn"), with_engine(scenario, "bare")],
            effort.seconds, effort.runs,
        )  # fmt: skip
        ratio = _ratio(native, coturn)
        note = f"native {_cpu(native):.2f}, coturn {_cpu(coturn):.2f}, bare loop {_cpu(bare):.2f} µs"
        met = ratio <= most if legs == FEW else ratio < most
        must = f"{'≤' if legs == FEW else '<'} {most:g} times"
        limit = middle(coturn).limit
        yield Row(f"beside coturn, {legs:,} legs / allocations", must, ratio, "times", met, None, note, limit)


def _beside_python(effort: Effort) -> Iterator[Row]:
    native, python = compare([Scenario(), Scenario("python")], effort.seconds, effort.runs)
    ratio = _ratio(python, native)
    note = f"Python engine {_cpu(python):.1f} µs, native {_cpu(native):.2f} µs"
    must = "≥ 4 times less"
    yield Row("beside the Python engine (uvloop)", must, ratio, "times", ratio >= 4, None, note)


def _two_workers(effort: Effort) -> Iterator[Row]:
    one = Scenario()
    two = replace(one, tuning={"workers": 2}, rate=TWO_WORKERS_RATE)
    slow, twos = compare([replace(one, rate=TWO_WORKERS_RATE), two], effort.seconds, effort.runs)
    gained = round(2 / _ratio(twos, slow), 2)
    note = f"{_cpu(twos):.2f} and {_cpu(slow):.2f} µs a packet at {TWO_WORKERS_RATE:,.0f}/s"
    met = gained >= 1.8
    figure = "two workers, work done for each CPU second"
    yield Row(figure, "≥ 1.8 times one", gained, "times", met, None, note, "rate")


def _memory(_: Effort) -> Iterator[Row]:
    (figures,) = compare([Scenario(legs=IDLE_LEGS, rate=QUIET_RATE)], 0.3, 1)
    kib = round(figures[0].rss_bytes_per_leg / 1024, 1)
    yield Row("memory per idle leg in the engine", "≤ 8 KiB", kib, "KiB", kib <= 8, limit="rate")


ROWS: dict[str, Measure] = {
    "saturated": _saturated,
    "trains": _trains,
    "quiet": _quiet,
    "many": _many,
    "counter-mode": _counter_mode,
    "highest": _highest,
    "half-load": _half_load,
    "coturn": _beside_coturn,
    "python": _beside_python,
    "two-workers": _two_workers,
    "memory": _memory,
}


def run(names: Sequence[str] = (), effort: Effort | None = None) -> Iterator[Row]:
    """The rows named, all when none is, each as it is ready.

    Raises :class:`burrow.bench.relay.BenchError` when something it needs does not start, ``KeyError`` for a
    name that is none of :data:`ROWS`.
    """
    for name in names or ROWS:
        yield from ROWS[name](effort or Effort())


def go_first() -> None:
    """Let relay and generator go before everything else on the machine, where this user may say so."""
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
