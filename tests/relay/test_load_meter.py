"""Load over what the machine carries: shares, bursts, levels, and what is learned. Time is an argument."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.load import NodeLimits
from relay.load_meter import CALM_SECONDS, LoadMeter, LoadPlan, LoadSample

PLAN = LoadPlan(cores=2, packets_capacity=10_000, learns=False)
LIMITS = NodeLimits(soft=0.7, hard=0.95, max_legs=100, max_egress_bps=0)
NOTHING = LoadSample(0, 0, 0.0, 0.0, 0, 0, 0.0, 0)


@dataclass
class Machine:
    """Adds up what a machine under a steady load would show, a sample a second."""

    meter: LoadMeter
    now: float = 100.0
    sums: LoadSample = NOTHING

    def run(
        self,
        seconds: int = 1,
        *,
        packets: int = 0,
        bps: int = 0,
        cpu: float = 0.0,
        loop: float = 0.0,
        steal: float = 0.0,
        lag_ms: float = 0.0,
        legs: int = 0,
    ) -> None:
        for _ in range(seconds):
            self.now += 1.0
            s = self.sums
            self.sums = LoadSample(
                s.packets_out + packets,
                s.bytes_out + bps // 8,
                s.cpu_seconds + cpu,
                s.loop_cpu_seconds + loop,
                s.steal_ticks + round(200 * steal),
                s.total_ticks + 200,
                lag_ms,
                legs,
            )
            self.meter.measured(self.sums, self.now)

    @property
    def level(self) -> str:
        return self.meter.level

    @property
    def stress(self) -> float:
        return self.meter.reading(self.now).stress


def machine(plan: LoadPlan = PLAN, limits: NodeLimits = LIMITS) -> Machine:
    new = Machine(LoadMeter(plan, limits))
    new.meter.measured(new.sums, new.now)
    return new


def test_nothing_measured_is_no_stress() -> None:
    new = machine()
    assert (new.stress, new.level) == (0.0, "normal")


def test_the_largest_share_is_the_stress_and_is_not_clamped() -> None:
    here = machine(limits=replace(LIMITS, max_egress_bps=1_000_000))
    here.run(30, packets=5_000, bps=3_000_000, cpu=0.4, loop=0.3, lag_ms=15)
    reading = here.meter.reading(here.now)
    assert reading.shares["packets"] == pytest.approx(0.5)
    assert reading.shares["cpu"] == pytest.approx(0.3)
    assert reading.shares["lag"] == pytest.approx(0.1)
    assert reading.stress == reading.shares["egress"] == pytest.approx(3.0)


def test_the_event_loop_is_full_with_one_core_and_all_threads_with_all() -> None:
    loop_bound, all_bound = machine(), machine()
    loop_bound.run(30, cpu=1.0, loop=0.9)
    all_bound.run(30, cpu=1.8, loop=0.2)
    assert loop_bound.stress == pytest.approx(0.9)
    assert all_bound.stress == pytest.approx(0.9)


def test_stolen_time_makes_the_same_work_a_larger_share() -> None:
    here = machine()
    here.run(30, cpu=0.6, loop=0.5, steal=0.5)
    assert here.stress == pytest.approx(1.0)


def test_a_burst_of_legs_is_seen_before_it_is_measured_and_decays() -> None:
    here = machine()
    here.run(5)
    for _ in range(100):
        here.meter.opened(here.now)
    burst = here.stress
    assert burst > 1.0
    assert here.level == "hard"
    assert here.meter.reading(here.now).legs == 100
    here.run(5, legs=100)
    assert 0.3 * burst < here.stress < 0.5 * burst
    here.run(60, legs=100)
    assert here.stress < 0.01


def test_a_leg_that_is_gone_is_counted_no_longer() -> None:
    here = machine()
    here.run(5)
    for _ in range(1_000):
        here.meter.opened(here.now)
        here.meter.closed(here.now, here.now)
    assert here.stress == pytest.approx(0.0, abs=1e-9)
    assert (here.level, here.meter.reading(here.now).legs) == ("normal", 0)
    # Of one that closes later only what is still counted of it is taken back, and nothing of the others.
    for _ in range(10):
        here.meter.opened(here.now)
    then = here.now
    here.run(3, legs=10)
    both = here.meter.reading(here.now).opening
    here.meter.closed(then, here.now)
    assert here.meter.reading(here.now).opening == pytest.approx(both * 0.9)
    here.run(3_600, legs=9)
    here.meter.closed(then, here.now)
    assert here.meter.reading(here.now).opening >= 0.0


def test_one_slow_second_is_no_overload_but_a_slow_minute_is() -> None:
    here = machine()
    here.run(10)
    here.run(1, lag_ms=400)
    assert here.level != "hard"
    here.run(10, lag_ms=400)
    assert here.level == "hard"


def test_levels_rise_at_once_and_fall_late() -> None:
    here = machine()
    here.run(30, packets=7_200)
    assert here.level == "soft"
    # Just below the limit is not calm enough, however long.
    here.run(60, packets=6_500)
    assert here.level == "soft"
    here.run(12, packets=9_800)
    assert here.level == "hard"
    here.run(round(CALM_SECONDS) + 1, packets=8_800)
    assert here.level == "hard"
    here.run(40, packets=7_000)
    assert here.level == "soft"
    here.run(40, packets=1_000)
    assert here.level == "normal"


def test_a_load_that_swings_around_a_limit_does_not_flap() -> None:
    here = machine()
    here.run(30, packets=7_200)
    levels = set()
    for _ in range(30):
        here.run(2, packets=6_600)
        here.run(2, packets=7_400)
        levels.add(here.level)
    assert levels == {"soft"}


def test_limits_that_an_operator_changes_hold_at_once() -> None:
    here = machine()
    here.run(30, packets=9_800)
    assert here.level == "hard"
    here.meter.set_limits(replace(LIMITS, soft=2.0, hard=3.0), here.now)
    assert here.level == "normal"
    here.meter.set_limits(replace(LIMITS, soft=0.1, hard=0.5), here.now)
    assert here.level == "hard"


def test_a_machine_that_carries_more_is_found_to() -> None:
    here = machine(replace(PLAN, learns=True))
    here.run(60, packets=20_000, cpu=1.0, loop=0.8)
    reading = here.meter.reading(here.now)
    assert reading.packets_capacity == pytest.approx(25_000, rel=0.02)
    assert reading.stress == pytest.approx(0.8, rel=0.02)


def test_nothing_is_learned_from_a_machine_that_is_late_or_idle() -> None:
    late, idle = machine(replace(PLAN, learns=True)), machine(replace(PLAN, learns=True))
    late.run(60, packets=20_000, cpu=1.0, loop=0.8, lag_ms=100)
    idle.run(60, packets=1_000, cpu=0.01, loop=0.01)
    for meter in (late.meter, idle.meter):
        assert meter.reading(200.0).packets_capacity == 10_000


@given(st.lists(st.tuples(st.integers(0, 30_000), st.floats(0, 2), st.booleans()), max_size=40))
def test_stress_and_level_hold_together(seconds: list[tuple[int, float, bool]]) -> None:
    here = machine(replace(PLAN, learns=True))
    for packets, cpu, opened in seconds:
        if opened:
            here.meter.opened(here.now)
        here.run(packets=packets, cpu=cpu, loop=min(cpu, 1.0))
        reading = here.meter.reading(here.now)
        assert reading.stress == max(reading.shares.values()) >= 0
        assert reading.packets_capacity >= 10_000
        assert reading.stress < LIMITS.hard or reading.level == "hard"
        assert reading.stress < LIMITS.soft or reading.level != "normal"
