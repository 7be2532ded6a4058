"""What the node has counted since its start: sums that outlive the legs they came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal

from relay.door import Kind, RelayTotals, StreamTotals, Transport
from relay.engine.interface import LegCounters, MeasuresLatency, PacketEngine, StreamCounters
from relay.histogram import Histogram, HistogramSnapshot, cumulative

CONNECT_BOUNDS_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
_Key = tuple[Kind, Literal["ingress", "egress"]]


@dataclass(slots=True)
class _Stream:
    packets: int = 0
    bytes: int = 0
    lost: int = 0
    retransmissions: int = 0
    keyframe_requests: int = 0

    def add(self, counted: StreamCounters | _Stream) -> None:
        for name in _STREAM_FIELDS:
            setattr(self, name, getattr(self, name) + getattr(counted, name))


_STREAM_FIELDS = tuple(field.name for field in fields(_Stream))


class Totals:
    """The relay's own test legs are never handed in here."""

    def __init__(self) -> None:
        self._closed: dict[_Key, _Stream] = {}
        self._dtls_dropped = 0
        self._opened = 0
        self._ends: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._connect: dict[Transport, Histogram] = {
            "udp": Histogram(CONNECT_BOUNDS_SECONDS),
            "tcp": Histogram(CONNECT_BOUNDS_SECONDS),
        }

    def opened(self) -> None:
        self._opened += 1

    def refused(self, code: str) -> None:
        self._refused[code] += 1

    def connected(self, transport: Transport, seconds: float) -> None:
        self._connect[transport].observe(seconds)

    def ended(self, reason: str) -> None:
        self._ends[reason] += 1

    def gone(self, counters: LegCounters, dtls_dropped: int) -> None:
        """Take over what a leg has counted that the engine is about to forget."""
        _add(self._closed, counters)
        self._dtls_dropped += dtls_dropped

    def snapshot(
        self,
        live: Iterable[tuple[LegCounters, int]],
        engine: PacketEngine,
        lag: HistogramSnapshot,
    ) -> RelayTotals:
        """With the counters, and the dropped DTLS datagrams, of all legs that the engine still has."""
        streams = {key: _copy(stream) for key, stream in self._closed.items()}
        totals = engine.totals()
        drops = Counter(totals.drops)
        dtls_dropped = self._dtls_dropped
        for counters, dropped in live:
            _add(streams, counters)
            drops.update(counters.drops)
            dtls_dropped += dropped
        if dtls_dropped:
            drops["dtls_queue_full"] += dtls_dropped
        return RelayTotals(
            streams=tuple(
                StreamTotals(kind, direction, *(getattr(stream, name) for name in _STREAM_FIELDS))
                for (kind, direction), stream in sorted(streams.items())
            ),
            packets_in=totals.packets_in,
            packets_out=totals.packets_out,
            bytes_in=totals.bytes_in,
            bytes_out=totals.bytes_out,
            drops=dict(drops),
            legs_opened=self._opened,
            legs_refused=dict(self._refused),
            legs_ended=dict(self._ends),
            leg_connect_seconds={t: histogram.snapshot() for t, histogram in self._connect.items()},
            latency_seconds=_latency(engine),
            lag_seconds=lag,
        )


def _add(streams: dict[_Key, _Stream], counters: LegCounters) -> None:
    both: tuple[tuple[Literal["ingress", "egress"], tuple[StreamCounters, ...]], ...] = (
        ("ingress", counters.ingress),
        ("egress", counters.egress),
    )
    for direction, counted in both:
        for stream in counted:
            streams.setdefault((stream.kind, direction), _Stream()).add(stream)


def _copy(stream: _Stream) -> _Stream:
    copy = _Stream()
    copy.add(stream)
    return copy


def _latency(engine: PacketEngine) -> HistogramSnapshot | None:
    """The engine counts by bucket and keeps no sum: it is taken from the buckets' upper bounds, so it is
    never too good."""
    if not isinstance(engine, MeasuresLatency):
        return None
    buckets = engine.latency()
    bounds = tuple(bound / 1e6 for bound, _ in buckets if bound is not None)
    counts = tuple(count for _, count in buckets)
    total = sum(bound * count for bound, count in zip((*bounds, bounds[-1]), counts, strict=True))
    return cumulative(bounds, counts, total)
