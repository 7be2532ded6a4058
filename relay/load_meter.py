"""Measured load over what this machine was found to carry, and the level that follows from it.

Pure: samples and the time come in, a reading comes out (docs/decisions/0110).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from relay.load import LoadLevel, LoadReading, LoadShare, NodeLimits

SMOOTHING_SECONDS = 3.0
"""Time constant of the average that a measurement goes into: one slow second is no overload."""
OPENING_SECONDS = 5.0
"""Time constant with which a newly opened leg stops being counted apart, since by then it is measured."""
HYSTERESIS = 0.1
"""A level is left when stress is this share below its limit ..."""
CALM_SECONDS = 5.0
"""... and has been for this long."""
LEARN_FROM = 0.5
"""CPU share from which on the packet rate says what a full machine carries: below it waking up costs more
than the packets do."""
LEARN_SECONDS = 10.0
MAX_STEAL = 0.9
_RANK: dict[LoadLevel, int] = {"normal": 0, "soft": 1, "hard": 2}


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What is known of the machine before anything is measured."""

    cores: float
    """A quota may leave a part of one."""
    packets_capacity: float
    """Forwarded packets per second that fill it."""
    learns: bool = True
    """Whether more than that may be found."""
    lag_full_ms: float = 150.0
    """Event-loop lag that counts as a full machine."""
    leg_bps: float = 1_000_000.0
    leg_packets_per_second: float = 175.0
    """What a newly opened leg is expected to bring."""
    handshake_cpu_seconds: float = 0.002
    """CPU time of the event loop that bringing a leg up takes."""


@dataclass(frozen=True, slots=True)
class LoadSample:
    """Sums since some beginning; ``lag_ms`` and ``legs`` as of now."""

    packets_out: int
    """Sent, so that what is thrown away counts neither as load nor as something that was carried."""
    bytes_out: int
    cpu_seconds: float
    """Of all threads of the process."""
    loop_cpu_seconds: float
    """Of the event loop's thread alone: it is on one core, however many there are."""
    steal_ticks: int
    total_ticks: int
    """The machine's, of all cores, in the kernel's unit."""
    lag_ms: float
    legs: int


@dataclass(slots=True)
class _Averages:
    packets: float = 0.0
    bps: float = 0.0
    cpu: float = 0.0
    loop_cpu: float = 0.0
    steal: float = 0.0
    lag_ms: float = 0.0


class LoadMeter:
    """Times in seconds of one clock that never goes back. The level is judged whenever something comes in."""

    def __init__(self, plan: LoadPlan, limits: NodeLimits) -> None:
        self._plan = plan
        self._limits = limits
        self._capacity = plan.packets_capacity
        self._last: tuple[LoadSample, float] | None = None
        self._now_is: _Averages | None = None
        self._legs = 0
        self._opening = 0.0
        self._opening_at = 0.0
        self._calm_since: float | None = None
        self.level: LoadLevel = "normal"

    @property
    def limits(self) -> NodeLimits:
        return self._limits

    def set_limits(self, limits: NodeLimits, now: float) -> None:
        """They hold at once, downwards too: an operator has looked."""
        self._limits = limits
        self._calm_since = None
        self.level = self._level_at(self.reading(now).stress)

    def measured(self, sample: LoadSample, now: float) -> None:
        """Take a sample in; the first only starts the counting."""
        self._legs = sample.legs
        if self._last is not None and now > self._last[1]:
            before, then = self._last
            self._average(before, sample, now - then)
            if self._plan.learns:
                self._learn(now - then)
        self._last = sample, now
        self._judge(now)

    def opened(self, now: float) -> None:
        """A leg was opened: it counts from now on, though it cannot be measured yet."""
        self._opening = self._opening_now(now) + 1.0
        self._opening_at = now
        self._legs += 1
        self._judge(now)

    def closed(self, opened_at: float, now: float) -> None:
        """A leg that was opened then is gone: what of it is still counted apart will not come."""
        left = math.exp(-max(0.0, now - opened_at) / OPENING_SECONDS)
        self._opening = max(0.0, self._opening_now(now) - left)
        self._opening_at = now
        self._legs = max(0, self._legs - 1)
        self._judge(now)

    def reading(self, now: float) -> LoadReading:
        is_, plan = self._now_is or _Averages(), self._plan
        opening = self._opening_now(now)
        packets_each = plan.leg_packets_per_second / self._capacity
        cpu_each = packets_each + plan.handshake_cpu_seconds / OPENING_SECONDS
        shares: dict[LoadShare, float] = {
            "packets": is_.packets / self._capacity + opening * packets_each,
            "cpu": self._cpu_share(is_) + opening * cpu_each,
            "lag": is_.lag_ms / plan.lag_full_ms,
        }
        cap = self._limits.max_egress_bps
        if cap:
            shares["egress"] = (is_.bps + opening * plan.leg_bps) / cap
        return LoadReading(
            stress=max(shares.values()),
            level=self.level,
            shares=shares,
            packets_per_second=is_.packets,
            packets_capacity=self._capacity,
            cpu=is_.cpu,
            steal=is_.steal,
            lag_ms=is_.lag_ms,
            egress_bps=is_.bps,
            egress_cap_bps=cap,
            legs=self._legs,
            opening=opening,
        )

    # --- inside -----------------------------------------------------------------------------------

    def _opening_now(self, now: float) -> float:
        return self._opening * math.exp(-max(0.0, now - self._opening_at) / OPENING_SECONDS)

    def _cpu_share(self, averages: _Averages) -> float:
        """Of what others leave of the machine; the loop's thread is full when it fills one core."""
        busiest = max(averages.cpu / self._plan.cores, averages.loop_cpu)
        return busiest / (1.0 - min(averages.steal, MAX_STEAL))

    def _average(self, before: LoadSample, sample: LoadSample, seconds: float) -> None:
        ticks = sample.total_ticks - before.total_ticks
        measured = _Averages(
            packets=(sample.packets_out - before.packets_out) / seconds,
            bps=(sample.bytes_out - before.bytes_out) * 8 / seconds,
            cpu=(sample.cpu_seconds - before.cpu_seconds) / seconds,
            loop_cpu=(sample.loop_cpu_seconds - before.loop_cpu_seconds) / seconds,
            steal=(sample.steal_ticks - before.steal_ticks) / ticks if ticks > 0 else 0.0,
            lag_ms=sample.lag_ms,
        )
        if self._now_is is None:
            self._now_is = measured
            return
        share = 1.0 - math.exp(-seconds / SMOOTHING_SECONDS)
        for name in _Averages.__slots__:
            old = getattr(self._now_is, name)
            setattr(self._now_is, name, old + (getattr(measured, name) - old) * share)

    def _learn(self, seconds: float) -> None:
        """Upwards only: a machine that carries less than was assumed shows that by its CPU and its lag."""
        is_ = self._now_is
        if is_ is None or is_.lag_ms > self._plan.lag_full_ms / 2:
            return
        found = is_.packets / max(self._cpu_share(is_), LEARN_FROM)
        if found > self._capacity:
            self._capacity += (found - self._capacity) * (1.0 - math.exp(-seconds / LEARN_SECONDS))

    def _level_at(self, stress: float, ease: float = 0.0) -> LoadLevel:
        if stress >= self._limits.hard * (1.0 - ease):
            return "hard"
        return "soft" if stress >= self._limits.soft * (1.0 - ease) else "normal"

    def _judge(self, now: float) -> None:
        """Up at once, down when it has been calm for a while."""
        stress = self.reading(now).stress
        if _RANK[self._level_at(stress)] > _RANK[self.level]:
            self.level, self._calm_since = self._level_at(stress), None
            return
        calmer = self._level_at(stress, HYSTERESIS)
        if _RANK[calmer] >= _RANK[self.level]:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        elif now - self._calm_since >= CALM_SECONDS:
            self.level, self._calm_since = calmer, None
