"""One direction of a link: which stream a packet belongs to, and where it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from relay.door import Kind
from relay.engine.interface import Drop, LegPlan, TrackPlan
from relay.packet.keyframe import KeyframeThrottle
from relay.packet.stream import EgressStream, Flow, IngressStream


@dataclass(slots=True, eq=False)
class Track:
    """One media section of a leg with its plan and the streams that live as long as the leg."""

    plan: TrackPlan
    ingress: IngressStream
    ingress_rtx: IngressStream
    egress: EgressStream
    egress_rtx: EgressStream | None


@dataclass(slots=True, eq=False)
class LegStreams:
    """Everything about a leg's tracks that outlives links."""

    cname: str
    mid_extension: int
    transport_cc_extension: int
    tracks: tuple[Track, ...]
    transport_cc_highest: int = -1
    """Highest transport-wide sequence number sent to the leg's browser, -1 before the first."""
    absent: dict[str, Track] = field(default_factory=dict)
    """Tracks of earlier plans that this one leaves out, by MID: an SSRC that comes back must go on, because
    a number used twice under one key breaks SRTP (RFC 3711 section 9.1)."""
    fir_number: int = 0
    """Next command sequence number of FIR towards the leg's browser (RFC 5104 section 4.3.1.1)."""

    @classmethod
    def from_plan(cls, plan: LegPlan, previous: LegStreams | None = None) -> LegStreams:
        """Streams for a plan. A plan that replaces another keeps each track's numbers and counters,
        because egress SSRCs never change."""
        kept = {**previous.absent, **{t.plan.mid: t for t in previous.tracks}} if previous else {}
        tracks = []
        for track in plan.tracks:
            mid = track.mid.encode()
            old = kept.pop(track.mid, None)
            ingress = IngressStream(track.kind, mid, track.ingress_ssrc, False, track.ingress_ssrc)
            rtx = IngressStream(track.kind, mid, track.ingress_rtx_ssrc, True, track.ingress_rtx_ssrc)
            if old:
                ingress, rtx = old.ingress, old.ingress_rtx
                ingress.declared, rtx.declared = track.ingress_ssrc, track.ingress_rtx_ssrc
            egress = old.egress if old else EgressStream(track.egress_ssrc, track.kind)
            egress_rtx = old.egress_rtx if old else None
            if egress_rtx is None and track.egress_rtx_ssrc is not None:
                egress_rtx = EgressStream(track.egress_rtx_ssrc, track.kind)
            tracks.append(Track(track, ingress, rtx, egress, egress_rtx))
        streams = cls(plan.cname, plan.mid_extension, plan.transport_cc_extension, tuple(tracks))
        if previous:
            streams.transport_cc_highest = previous.transport_cc_highest
            streams.fir_number = previous.fir_number
            streams.absent = kept
        return streams


@dataclass(slots=True, eq=False)
class Direction:
    """From one leg to the other, for the life of one link."""

    source: LegStreams
    target: LegStreams
    throttle: KeyframeThrottle
    flows: dict[int, Flow] = field(default_factory=dict)
    """By current ingress SSRC."""
    all_flows: list[Flow] = field(default_factory=list)
    by_payload_type: dict[int, Flow] = field(default_factory=dict)
    known_payload_types: frozenset[int] = frozenset()
    transport_cc_offset: int | None = None
    packets: int = 0
    octets: int = 0
    want_keyframe: bool = False
    """The link's own keyframe request could not be sent yet, for want of an SSRC to name."""
    kinds: set[Kind] = field(default_factory=set)
    """Of which a packet was forwarded."""
    first_kinds: list[Kind] = field(default_factory=list)
    """Those of which the first packet has just been: the engine takes them from here."""
    lost_before: int = 0

    @classmethod
    def between(cls, source: LegStreams, target: LegStreams, throttle: KeyframeThrottle) -> Direction:
        """Flows for every track both legs have, with the payload types that both accept."""
        direction = cls(source, target, throttle)
        by_kind = {track.plan.kind: track for track in target.tracks}
        known: set[int] = set()
        for track in source.tracks:
            known |= set(track.plan.clock_rates) | set(track.plan.rtx)
            other = by_kind.get(track.plan.kind)
            if other is None:
                continue
            rates = track.plan.clock_rates
            shared = {pt: rate for pt, rate in rates.items() if pt in other.plan.clock_rates}
            media = Flow(track.ingress, other.egress, shared)
            direction._add(media)
            if other.egress_rtx is not None:
                same = _shared_rtx(track.plan, other.plan)
                repairs = {pt: shared[apt] for pt, apt in same.items() if apt in shared}
                direction._add(Flow(track.ingress_rtx, other.egress_rtx, repairs, media))
        direction.known_payload_types = frozenset(known)
        return direction

    def _add(self, flow: Flow) -> None:
        self.all_flows.append(flow)
        for payload_type in flow.payload_types:
            self.by_payload_type[payload_type] = flow
        if flow.ingress.ssrc is not None:
            self.flows[flow.ingress.ssrc] = flow

    def classify(self, ssrc: int, payload_type: int, mid: bytes | None) -> Flow | Drop:
        """The flow of a packet whose SSRC is not, or not with this payload type, a current one
        (docs/packet-engine.md section 5; RFC 8843 section 9.2)."""
        flow = self.by_payload_type.get(payload_type)
        if flow is None:
            if payload_type in self.known_payload_types:
                return Drop.UNSHARED_PAYLOAD_TYPE
            return Drop.UNKNOWN_PAYLOAD_TYPE
        ingress = flow.ingress
        if mid is not None and mid != ingress.mid:
            return Drop.MID_MISMATCH
        if ssrc in self.flows or any(
            ssrc == other.declared and other is not ingress
            for track in self.source.tracks
            for other in (track.ingress, track.ingress_rtx)
        ):
            return Drop.UNKNOWN_SSRC
        if not (ssrc == ingress.declared or mid is not None or ingress.declared is None):
            return Drop.UNKNOWN_SSRC
        if ingress.ssrc is not None:
            self.flows.pop(ingress.ssrc, None)
        ingress.ssrc = ssrc
        flow.restart()
        self.flows[ssrc] = flow
        return flow

    def media_flow(self, kind: str) -> Flow | None:
        """The media flow of a kind, if both legs have such a track."""
        return next((f for f in self.all_flows if f.ingress.kind == kind and f.media is None), None)

    @property
    def lost(self) -> int:
        """Media packets lost on the way in over this link; RTX apart."""
        return self.lost_before + sum(flow.lost for flow in self.all_flows if flow.media is None)

    def carry_on(self, before: Direction) -> None:
        """Go on with the counts of the direction that this one replaces in mid-link."""
        before.finish()
        self.packets, self.octets, self.lost_before = before.packets, before.octets, before.lost
        self.kinds, self.throttle = before.kinds, before.throttle
        self.want_keyframe = before.want_keyframe

    def mark_first(self, kind: Kind) -> None:
        if kind not in self.kinds:
            self.kinds.add(kind)
            self.first_kinds.append(kind)

    def finish(self) -> None:
        """Fold a finished link's losses into the leg's counters."""
        for flow in self.all_flows:
            flow.ingress.lost += flow.lost


def _shared_rtx(source: TrackPlan, target: TrackPlan) -> Mapping[int, int]:
    return {pt: apt for pt, apt in source.rtx.items() if target.rtx.get(pt) == apt}
