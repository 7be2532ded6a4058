"""The numbers of one stream: what left on an SSRC so far, and the offsets of one link onto it."""

from __future__ import annotations

from dataclasses import dataclass

from relay.door import Kind

SETTLED = 0x4000
"""Sequence numbers after which nothing older than the link's first packet can still be told from a
wrapped newer one, nor can it still come (the replay window is 1,024)."""


@dataclass(slots=True, eq=False)
class EgressStream:
    """One constant SSRC towards a leg's browser. Lives as long as the leg, so its sequence and
    timestamps go on over every link. Counters start with the leg."""

    ssrc: int
    kind: Kind
    highest: int = -1
    """Highest sequence number sent, -1 before the first."""
    timestamp: int = 0
    sent_at: float = 0.0
    """Of the highest sequence number, in seconds."""
    packets: int = 0
    octets: int = 0
    keyframe_requests: int = 0


@dataclass(slots=True, eq=False)
class IngressStream:
    """One kind of packet (media, or its RTX) of one track as it comes in, counted since the leg
    was opened. ``ssrc`` is the current one, ``None`` until one is adopted."""

    kind: Kind
    mid: bytes
    declared: int | None
    is_rtx: bool
    ssrc: int | None = None
    packets: int = 0
    octets: int = 0
    lost: int = 0
    """Of finished links; a running link's are in its flow."""
    jitter: float = 0.0
    """RFC 3550 appendix A.8, in seconds."""
    keyframe_requests: int = 0
    last_at: float | None = None


@dataclass(slots=True, eq=False)
class Flow:
    """One ingress stream over one link: the offsets that map it onto its egress stream."""

    ingress: IngressStream
    egress: EgressStream
    payload_types: dict[int, int]
    """Payload types this stream may use on this link, and the clock rate in Hz of each."""
    media: Flow | None = None
    """For an RTX flow: the flow it repairs."""
    started: bool = False
    """Whether the link's first packet has come and the offsets are chosen."""
    offset: int = 0
    """Added to sequence numbers modulo 2^16."""
    timestamp_offset: int = 0
    begin: int | None = None
    """Egress number of the link's first packet, while older ones can still come."""
    received: int = 0
    advanced: int = 0
    """By how much the highest ingress number grew since the first packet: expected = advanced + 1."""
    transit: float | None = None
    lost_before: int = 0
    """Lost over this link under earlier SSRCs of the stream."""

    @property
    def lost(self) -> int:
        """Packets expected and not received (RFC 3550 appendix A.3); duplicates never get here."""
        if not self.started:
            return self.lost_before
        return self.lost_before + max(self.advanced + 1 - self.received, 0)

    def start(self, sequence: int, timestamp: int, clock_rate: int, now: float) -> None:
        """Choose the offsets at the link's first packet, so that the egress stream has no gap."""
        egress = self.egress
        self.started = True
        if egress.highest < 0:
            self.offset = 0
            self.begin = sequence
            egress.highest = (sequence - 1) & 0xFFFF
            if self.media is None:
                self.timestamp_offset = 0
        else:
            self.begin = (egress.highest + 1) & 0xFFFF
            self.offset = (self.begin - sequence) & 0xFFFF
            if self.media is None:
                elapsed = max(int((now - egress.sent_at) * clock_rate), 1)
                self.timestamp_offset = (egress.timestamp + elapsed - timestamp) & 0xFFFFFFFF
        self.transit = None

    def restart(self) -> None:
        """Forget the offsets: the sender's SSRC changed, the next packet chooses new ones."""
        self.lost_before = self.lost
        self.started = False
        self.received = self.advanced = 0

    def began_after(self, mapped: int) -> bool:
        """Whether a mapped sequence number lies before the link's first packet."""
        return self.begin is not None and (mapped - self.begin) & 0xFFFF >= 0x8000
