"""From counters that only grow to what happened between two looks. Pure; time is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from relay.door import LegId, LegSnapshot, RelaySnapshot, Transport
from signaling.operators.bodies import Traffic


@dataclass(frozen=True, slots=True)
class LegRates:
    """Of one leg. ``loss_permille`` is of what came from its browser; ``None`` when nothing did."""

    ingress_bps: int
    egress_bps: int
    loss_permille: int | None
    jitter_ms: float | None
    transport: Transport | None = None
    """Of its selected path at this look: a leg may have moved since it connected."""


@dataclass(frozen=True, slots=True)
class _Sums:
    ingress_bytes: int
    egress_bytes: int
    packets: int
    lost: int
    jitter_ms: float | None
    """Of the track that has most."""
    transport: Transport | None


NOTHING = Traffic(0.0, 0.0, 0.0, 0.0, 0.0)


class Rates:
    """:meth:`look` at a snapshot, then ask :attr:`traffic` and :attr:`legs`. A leg has rates from its second
    look on; one that is gone is forgotten."""

    def __init__(self) -> None:
        self.traffic = NOTHING
        self.legs: Mapping[LegId, LegRates] = {}
        self.drops: Mapping[str, int] = {}
        """By reason, since the node's start."""
        self._sums: dict[LegId, _Sums] = {}
        self._last: tuple[RelaySnapshot, int, float] | None = None

    def look(self, snapshot: RelaySnapshot, now: float) -> None:
        drops = dict(snapshot.drops)
        for leg in snapshot.legs:
            for reason, count in leg.drops.items():
                drops[reason] = drops.get(reason, 0) + count
        self.drops = drops
        dropped = sum(drops.values())
        before, self._sums = self._sums, {leg.leg: _sum(leg) for leg in snapshot.legs}
        if self._last is not None and now > self._last[2]:
            last, dropped_before, at = self._last
            seconds = now - at
            self.traffic = Traffic(
                packets_in_per_second=(snapshot.packets_in - last.packets_in) / seconds,
                packets_out_per_second=(snapshot.packets_out - last.packets_out) / seconds,
                in_bps=(snapshot.bytes_in - last.bytes_in) * 8 / seconds,
                out_bps=(snapshot.bytes_out - last.bytes_out) * 8 / seconds,
                # A closed leg's drops go over to the node's, and may be missing for a moment on the way.
                drops_per_second=max(0.0, (dropped - dropped_before) / seconds),
            )
            self.legs = {
                leg: _rates(sums, before[leg], seconds) for leg, sums in self._sums.items() if leg in before
            }
        self._last = snapshot, dropped, now


def _sum(leg: LegSnapshot) -> _Sums:
    ingress_bytes = egress_bytes = packets = lost = 0
    jitter_ms: float | None = None
    for track in leg.tracks:
        if track.direction == "egress":
            egress_bytes += track.bytes
            continue
        ingress_bytes += track.bytes
        packets += track.packets
        lost += track.lost
        if track.packets and (jitter_ms is None or track.jitter_ms > jitter_ms):
            jitter_ms = track.jitter_ms
    return _Sums(ingress_bytes, egress_bytes, packets, lost, jitter_ms, leg.transport)


def _rates(now: _Sums, before: _Sums, seconds: float) -> LegRates:
    # A packet that was counted lost and came late after all takes one back.
    lost, packets = max(0, now.lost - before.lost), now.packets - before.packets
    expected = lost + packets
    return LegRates(
        ingress_bps=round((now.ingress_bytes - before.ingress_bytes) * 8 / seconds),
        egress_bps=round((now.egress_bytes - before.egress_bytes) * 8 / seconds),
        loss_permille=round(1000 * lost / expected) if expected > 0 else None,
        jitter_ms=None if now.jitter_ms is None else round(now.jitter_ms, 1),
        transport=now.transport,
    )
