"""Rewrite one RTP packet of a linked leg for the other leg (docs/packet-engine.md section 6).

This is the reference of the media path: it is written straight through, in the order in which a
packet is looked at, because it runs for every packet.
"""

from __future__ import annotations

from relay.engine.interface import Drop
from relay.packet.link import Direction
from relay.packet.rtp import HEADER, HEADER_BYTES, U16, MalformedPacketError, find_extensions, payload_bounds
from relay.packet.stream import SETTLED, Flow


def rewrite(direction: Direction, packet: bytes, now: float) -> bytes | Drop:
    """The packet as it leaves, or why it does not. ``now`` in seconds."""
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(packet)
    payload_type = second & 0x7F

    # The few packets with padding or CSRCs have more lengths that may lie.
    if first & 0x3F:
        try:
            begin, end = payload_bounds(packet)
        except MalformedPacketError:
            return Drop.SRTP_MALFORMED
    else:
        begin, end = HEADER_BYTES, len(packet)
    mid: bytes | None = None
    transport_cc = 0
    if first & 0x10:
        source = direction.source
        mid, transport_cc = find_extensions(packet, source.mid_extension, source.transport_cc_extension)

    flow = direction.flows.get(ssrc)
    if flow is None or payload_type not in flow.payload_types:
        outcome = direction.classify(ssrc, payload_type, mid)
        if isinstance(outcome, Drop):
            return outcome
        flow = outcome
    elif mid is not None and mid != flow.ingress.mid:
        return Drop.MID_MISMATCH
    clock_rate = flow.payload_types[payload_type]

    media = flow.media
    if media is not None and not media.started:
        return Drop.BEFORE_LINK
    if not flow.started:
        flow.start(sequence, timestamp, clock_rate, now)
    egress = flow.egress
    mapped = (sequence + flow.offset) & 0xFFFF
    ahead = (mapped - egress.highest) & 0xFFFF
    mapped_timestamp = (timestamp + (flow if media is None else media).timestamp_offset) & 0xFFFFFFFF
    if 0 < ahead < 0x8000:
        if flow.received:
            flow.advanced += ahead
        egress.highest = mapped
        egress.timestamp = mapped_timestamp
        egress.sent_at = now
        if flow.begin is not None and (mapped - flow.begin) & 0xFFFF > SETTLED:
            flow.begin = None
    elif flow.began_after(mapped):
        return Drop.BEFORE_LINK

    out = bytearray(packet)
    HEADER.pack_into(out, 0, first, second, mapped, mapped_timestamp, egress.ssrc)
    if media is not None and end - begin >= 2:
        original = (U16.unpack_from(packet, begin)[0] + media.offset) & 0xFFFF
        if media.began_after(original):
            return Drop.BEFORE_LINK
        U16.pack_into(out, begin, original)
    if transport_cc:
        U16.pack_into(out, transport_cc, _transport_cc(direction, U16.unpack_from(packet, transport_cc)[0]))

    if not flow.received:
        direction.mark_first(flow.ingress.kind)
    _count(flow, len(packet), timestamp, clock_rate, now)
    return bytes(out)


def _transport_cc(direction: Direction, number: int) -> int:
    """The transport-wide sequence number as it leaves (draft-holmer-rmcat-transport-wide-cc)."""
    target = direction.target
    highest = target.transport_cc_highest
    if direction.transport_cc_offset is None:
        direction.transport_cc_offset = 0 if highest < 0 else (highest + 1 - number) & 0xFFFF
        if highest < 0:
            target.transport_cc_highest = highest = (number - 1) & 0xFFFF
    mapped = (number + direction.transport_cc_offset) & 0xFFFF
    if 0 < (mapped - highest) & 0xFFFF < 0x8000:
        target.transport_cc_highest = mapped
    return mapped


def _count(flow: Flow, size: int, timestamp: int, clock_rate: int, now: float) -> None:
    """Count on both sides; jitter as RFC 3550 appendix A.8, in seconds."""
    ingress, egress = flow.ingress, flow.egress
    flow.received += 1
    ingress.packets += 1
    ingress.octets += size
    ingress.last_at = now
    egress.packets += 1
    egress.octets += size
    transit = now - timestamp / clock_rate
    if flow.transit is not None:
        difference = abs(transit - flow.transit)
        # A timestamp that wrapped or jumped is no jitter.
        if difference < 10.0:
            ingress.jitter += (difference - ingress.jitter) / 16
    flow.transit = transit
