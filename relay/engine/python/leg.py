"""What the reference engine keeps of one leg."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from relay.door import LegId
from relay.engine.interface import Address, Drop, IceCredentials, LegCounters, StreamCounters
from relay.ice.paths import LegPaths
from relay.packet.link import Direction, LegStreams
from relay.packet.stream import EgressStream, IngressStream

SocketAddress = tuple[Any, ...]
"""As ``recvfrom`` gives it: (host, port) or (host, port, flow, scope)."""
PairAddress = tuple[int, SocketAddress]
"""Index of the local socket or TCP listener, and the remote address."""
SendTo = Callable[[bytes, SocketAddress], int]


def remote_address(pair: PairAddress) -> Address:
    """The remote end of a pair."""
    return Address(pair[1][0], pair[1][1])


@dataclass(slots=True, eq=False)
class EngineLeg:
    id: LegId
    ice: IceCredentials
    """The newest."""
    paths: LegPaths[PairAddress]
    tokens: float
    """Of the ingress token bucket, in bytes."""
    tokens_at: float
    old_ice: IceCredentials | None = None
    """Those before a restart, until a pair is nominated with the newest."""
    send: SendTo | None = None
    """``sendto`` of the selected pair's socket; ``None`` while no pair is selected."""
    remote: SocketAddress = ()
    dtls_pair: PairAddress | None = None
    unprotect: Callable[[bytes], bytes] | None = None
    unprotect_rtcp: Callable[[bytes], bytes] | None = None
    protect: Callable[[bytes], bytes] | None = None
    protect_rtcp: Callable[[bytes], bytes] | None = None
    ssrcs: set[bytes] = field(default_factory=set)
    """Ingress SSRCs that an authentic packet has come with, as packets have them."""
    streams: LegStreams | None = None
    video_ssrcs: frozenset[bytes] = frozenset()
    """Egress SSRCs of video and its RTX, as octets."""
    peer: EngineLeg | None = None
    direction: Direction | None = None
    """From this leg to its peer; ``None`` while unlinked."""
    last_link: tuple[int, int, int] = (0, 0, 0)
    """Packets, bytes and losses of the link that ended last."""
    drops: dict[Drop, int] = field(default_factory=dict)

    def drop(self, reason: Drop) -> None:
        self.drops[reason] = self.drops.get(reason, 0) + 1

    def link_totals(self) -> tuple[int, int, int]:
        direction = self.direction
        if direction is None:
            return self.last_link
        return direction.packets, direction.octets, direction.lost

    def counters(self) -> LegCounters:
        tracks = self.streams.tracks if self.streams else ()
        running = {id(f.ingress): f.lost for f in self.direction.all_flows} if self.direction else {}
        packets, octets, lost = self.link_totals()
        return LegCounters(
            ingress=tuple(_ingress(t.ingress, t.ingress_rtx, running.get(id(t.ingress), 0)) for t in tracks),
            egress=tuple(_egress(t.egress, t.egress_rtx) for t in tracks),
            link_packets=packets,
            link_bytes=octets,
            link_lost=lost,
            drops={reason.value: count for reason, count in self.drops.items()},
        )


def _ingress(media: IngressStream, rtx: IngressStream, running_lost: int) -> StreamCounters:
    return StreamCounters(
        kind=media.kind,
        packets=media.packets,
        bytes=media.octets + rtx.octets,
        lost=media.lost + running_lost,
        jitter_ms=media.jitter * 1000,
        retransmissions=rtx.packets,
        keyframe_requests=media.keyframe_requests,
        last_packet_at=media.last_at,
    )


def _egress(media: EgressStream, rtx: EgressStream | None) -> StreamCounters:
    return StreamCounters(
        kind=media.kind,
        packets=media.packets,
        bytes=media.octets + (rtx.octets if rtx else 0),
        lost=0,
        jitter_ms=0.0,
        retransmissions=rtx.packets if rtx else 0,
        keyframe_requests=media.keyframe_requests,
        last_packet_at=media.sent_at if media.packets else None,
    )
