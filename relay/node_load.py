"""The node's load: samples on a tick, the meter, and why a leg is refused."""

from __future__ import annotations

from relay import load_probe
from relay.engine.interface import EngineCounters
from relay.histogram import HistogramSnapshot
from relay.load import LoadReading, NodeLimits
from relay.load_meter import LoadMeter, LoadPlan, LoadSample
from relay.settings import RelaySettings

PACKETS_PER_CORE = {"python": 40_000, "native": 120_000}
"""Forwarded packets per second that fill a core: about half of what docs/measurements.md found on a quiet
machine, since more is learned and less only shows when it is too late."""
LEG_AUDIO_PACKETS = 50
LEG_VIDEO_PACKET_BYTES = 1_000

Refusal = tuple[str, str]


def plan_for(settings: RelaySettings, engine: str) -> LoadPlan:
    """What is assumed of this machine. The Python engine runs on the event loop's core alone."""
    cores = load_probe.cores()
    per_core = PACKETS_PER_CORE.get(engine, PACKETS_PER_CORE["python"])
    return LoadPlan(
        cores=cores,
        packets_capacity=settings.packets_capacity
        or per_core * (min(1.0, cores) if engine == "python" else cores),
        learns=settings.packets_capacity == 0,
        lag_full_ms=settings.lag_full_ms,
        leg_bps=settings.leg_expected_bps,
        leg_packets_per_second=LEG_AUDIO_PACKETS + settings.leg_expected_bps / 8 / LEG_VIDEO_PACKET_BYTES,
    )


class NodeLoad:
    """Times in seconds. Called on the event loop's thread, whose CPU time it takes."""

    def __init__(self, settings: RelaySettings, engine: str) -> None:
        limits = NodeLimits(
            settings.soft_stress, settings.hard_stress, settings.max_legs, settings.max_egress_bps
        )
        self.meter = LoadMeter(plan_for(settings, engine), limits)
        self._lag = load_probe.LagProbe()

    @property
    def lag(self) -> HistogramSnapshot:
        """Event-loop lag in seconds."""
        return self._lag.histogram.snapshot()

    def start(self) -> None:
        self._lag.start()

    def stop(self) -> None:
        self._lag.stop()

    def sample(self, totals: EngineCounters, legs: int, now: float) -> None:
        """Measure once; on a tick of about a second."""
        steal, ticks = load_probe.machine_ticks()
        self.meter.measured(
            LoadSample(
                packets_out=totals.packets_out,
                bytes_out=totals.bytes_out,
                cpu_seconds=load_probe.cpu_seconds(),
                loop_cpu_seconds=load_probe.thread_cpu_seconds(),
                steal_ticks=steal,
                total_ticks=ticks,
                lag_ms=self._lag.take_ms(),
                legs=legs,
            ),
            now,
        )

    def reading(self, now: float) -> LoadReading:
        return self.meter.reading(now)

    def refusal(self, legs: int, egress_bps: float) -> Refusal | None:
        """Why no further leg is opened: a code and a sentence; ``None``: one may be."""
        limits = self.meter.limits
        if legs >= limits.max_legs:
            return (
                "relay_full",
                f"The relay has all {limits.max_legs} connections that it takes. Try again in a minute.",
            )
        if limits.max_egress_bps and egress_bps >= limits.max_egress_bps:
            return "relay_bit_rate", "The relay sends as much as its operator allows. Try again in a minute."
        if self.meter.level == "hard":
            return (
                "relay_overloaded",
                "The relay carries as much as it can at the moment. Try again in a minute.",
            )
        return None
