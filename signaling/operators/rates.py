"""From counters that only grow to what happened between two looks. Pure; time is an argument."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from relay.door import LegId, LegSnapshot, RelaySnapshot
from signaling.operators.bodies import Traffic


@dataclass(frozen=True, slots=True)
class LegRates:
    """Of one leg. ``loss_permille`` is of what came from its browser; ``None`` when nothing did."""

    ingress_bps: int
    egress_bps: int
    loss_permille: int | None
    jitter_ms: float | None


@dataclass(frozen=True, slots=True)
class _Sums:
    ingress_bytes: int
    egress_bytes: int
    packets: int
    lost: int


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
        drops = Counter(snapshot.drops)
        for leg in snapshot.legs:
            drops.update(leg.drops)
        self.drops = drops
        dropped = drops.total()
        if self._last is not None and now > self._last[2]:
            before, dropped_before, at = self._last
            seconds = now - at
            self.traffic = Traffic(
                packets_in_per_second=(snapshot.packets_in - before.packets_in) / seconds,
                packets_out_per_second=(snapshot.packets_out - before.packets_out) / seconds,
                in_bps=(snapshot.bytes_in - before.bytes_in) * 8 / seconds,
                out_bps=(snapshot.bytes_out - before.bytes_out) * 8 / seconds,
                # A closed leg's drops go over to the node's, and may be missing for a moment on the way.
                drops_per_second=max(0.0, (dropped - dropped_before) / seconds),
            )
            self.legs = {
                leg.leg: _rates(leg, self._sums[leg.leg], seconds)
                for leg in snapshot.legs
                if leg.leg in self._sums
            }
        self._sums = {leg.leg: _sum(leg) for leg in snapshot.legs}
        self._last = snapshot, dropped, now


def _sum(leg: LegSnapshot) -> _Sums:
    ingress = [track for track in leg.tracks if track.direction == "ingress"]
    return _Sums(
        ingress_bytes=sum(track.bytes for track in ingress),
        egress_bytes=sum(track.bytes for track in leg.tracks if track.direction == "egress"),
        packets=sum(track.packets for track in ingress),
        lost=sum(track.lost for track in ingress),
    )


def _rates(leg: LegSnapshot, before: _Sums, seconds: float) -> LegRates:
    now = _sum(leg)
    # A packet that was counted lost and came late after all takes one back.
    lost, packets = max(0, now.lost - before.lost), now.packets - before.packets
    expected = lost + packets
    jitters = [t.jitter_ms for t in leg.tracks if t.direction == "ingress" and t.packets]
    return LegRates(
        ingress_bps=round((now.ingress_bytes - before.ingress_bytes) * 8 / seconds),
        egress_bps=round((now.egress_bytes - before.egress_bytes) * 8 / seconds),
        loss_permille=round(1000 * lost / expected) if expected > 0 else None,
        jitter_ms=round(max(jitters), 1) if jitters else None,
    )
