"""Counters as plain values, taken on a tick and never per packet."""

from __future__ import annotations

from typing import Literal

from relay import door
from relay.door import LegId
from relay.engine.interface import Drop, PacketEngine, StreamCounters
from relay.leg import Leg


class BitRate:
    """Egress bits per second between the last two measurements."""

    def __init__(self) -> None:
        self.bps = 0.0
        self._last: tuple[int, float] | None = None

    def measure(self, total_bytes: int, now: float) -> None:
        """Take the node's sent bytes so far at ``now`` (seconds)."""
        if self._last is not None and now > self._last[1]:
            self.bps = (total_bytes - self._last[0]) * 8 / (now - self._last[1])
        self._last = total_bytes, now


def snapshot_leg(leg: Leg, linked_to: LegId | None, engine: PacketEngine) -> door.LegSnapshot:
    """One leg's counters at this moment."""
    counters = engine.counters(leg.id)
    return door.LegSnapshot(
        leg=leg.id,
        state=leg.state.value,
        transport=leg.transport,
        linked_to=linked_to,
        tracks=tuple(_track(c, "ingress") for c in counters.ingress)
        + tuple(_track(c, "egress") for c in counters.egress),
        drops=_drops(counters.drops, leg.dtls_dropped),
    )


def _drops(counted: dict[str, int], dtls_dropped: int) -> dict[str, int]:
    reason = Drop.DTLS_QUEUE_FULL.value
    return {**counted, reason: counted.get(reason, 0) + dtls_dropped} if dtls_dropped else counted


def _track(counters: StreamCounters, direction: Literal["ingress", "egress"]) -> door.TrackSnapshot:
    return door.TrackSnapshot(
        kind=counters.kind,
        direction=direction,
        packets=counters.packets,
        bytes=counters.bytes,
        lost=counters.lost,
        jitter_ms=counters.jitter_ms,
        retransmissions=counters.retransmissions,
        keyframe_requests=counters.keyframe_requests,
        last_packet_at=counters.last_packet_at,
    )
