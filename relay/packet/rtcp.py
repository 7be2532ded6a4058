"""Map RTCP from one leg to the other: end to end, with the inverse of what RTP got.

The table of docs/packet-engine.md section 7 as code: one function a block type, each returning the
mapped block or ``None`` after counting why. ``own`` is the direction in which this leg's media goes
(its sender reports are about it), ``back`` the opposite one (its receiver reports and feedback are).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from relay.engine.interface import Drop
from relay.packet.link import Direction
from relay.packet.stream import Flow

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
_COMMON = struct.Struct("!BBH")
_U16 = struct.Struct("!H")
_U32 = struct.Struct("!I")
_SSRCS = struct.Struct("!II")
_REPORT = struct.Struct("!II I")
REPORT_BYTES = 24
_REMB = b"REMB"


@dataclass(slots=True)
class Mapped:
    """What becomes of one RTCP packet: the packet to send (empty: none) and what was dropped."""

    packet: bytes = b""
    drops: list[Drop] = field(default_factory=list)


@dataclass(slots=True)
class _Context:
    own: Direction
    back: Direction
    now: float
    first: bool
    drops: list[Drop]
    padding: int = 0
    """Octets of padding at the end of the block in hand (only a packet's last block may have any)."""

    def sender(self, ssrc: int) -> int:
        """A report's or feedback's sender as the other browser may see it."""
        flow = self.own.flows.get(ssrc)
        if flow is not None:
            return flow.egress.ssrc
        return self.own.target.tracks[0].egress.ssrc

    def source(self, ssrc: int) -> tuple[Flow, int] | None:
        """The flow whose egress SSRC a report or feedback names, if this link has carried it, and
        the SSRC it came in with. Counts the one that maps to nothing."""
        for flow in self.back.all_flows:
            if flow.egress.ssrc == ssrc and flow.started and flow.ingress.ssrc is not None:
                return flow, flow.ingress.ssrc
        self.drops.append(Drop.RTCP_UNMAPPED)
        return None


def map_rtcp(own: Direction, back: Direction, packet: bytes, now: float) -> Mapped:
    """Map one unprotected, possibly compound, RTCP packet. ``now`` in seconds."""
    blocks = _split(packet)
    if blocks is None:
        return Mapped(b"", [Drop.RTCP_MALFORMED])
    context = _Context(own, back, now, True, [])
    out: list[bytes] = []
    for block, padding in blocks:
        context.first = not out
        context.padding = padding
        handler = _HANDLERS.get(block[1])
        if handler is None:
            context.drops.append(Drop.RTCP_UNKNOWN_TYPE)
            continue
        mapped = handler(context, block)
        if mapped is not None:
            out.append(mapped)
    if len(out) == 1 and _is_empty_report(out[0]):
        out = []
    return Mapped(b"".join(out), context.drops)


def _split(packet: bytes) -> list[tuple[bytes, int]] | None:
    """The blocks of a compound packet, each with its number of padding octets (RFC 3550 section 6.4.1,
    appendix A.2). Not only multiples of four: browsers pad transport-wide feedback by one to three."""
    blocks: list[tuple[bytes, int]] = []
    at, size = 0, len(packet)
    while at < size:
        if at + 4 > size or packet[at] >> 6 != 2:
            return None
        first, kind, words = _COMMON.unpack_from(packet, at)
        end = at + 4 * (words + 1)
        if end > size or end - at < _LEAST.get(kind, 4):
            return None
        padding = 0
        if first & 0x20:
            padding = packet[end - 1]
            if end != size or padding == 0 or end - at - padding < _LEAST.get(kind, 4):
                return None
        blocks.append((packet[at:end], padding))
        at = end
    return blocks or None


def _is_empty_report(block: bytes) -> bool:
    return block[1] == RR and block[0] & 0x1F == 0


def _reports(context: _Context, block: bytes, at: int) -> list[bytes] | None:
    count = block[0] & 0x1F
    if at + count * REPORT_BYTES > len(block):
        context.drops.append(Drop.RTCP_MALFORMED)
        return None
    kept: list[bytes] = []
    for index in range(count):
        begin = at + index * REPORT_BYTES
        ssrc, loss, highest = _REPORT.unpack_from(block, begin)
        found = context.source(ssrc)
        if found is None:
            continue
        flow, ingress_ssrc = found
        # The offset was added modulo 2^16; taking it away may borrow from the cycle count.
        cycles, low = highest >> 16, highest & 0xFFFF
        if low < flow.offset and cycles:
            cycles -= 1
        highest = cycles << 16 | (low - flow.offset) & 0xFFFF
        kept.append(_REPORT.pack(ingress_ssrc, loss, highest) + block[begin + 12 : begin + REPORT_BYTES])
    return kept


def _receiver_report(context: _Context, sender: int, reports: list[bytes]) -> bytes | None:
    if not reports and not context.first:
        return None
    body = _U32.pack(sender) + b"".join(reports)
    return _COMMON.pack(0x80 | len(reports), RR, len(body) // 4) + body


def _map_sr(context: _Context, block: bytes) -> bytes | None:
    ssrc, ntp_high, ntp_low, timestamp = struct.unpack_from("!IIII", block, 4)
    reports = _reports(context, block, 28)
    if reports is None:
        return None
    flow = context.own.flows.get(ssrc)
    media = flow.media or flow if flow is not None else None
    if flow is None or media is None or not flow.started or not media.started:
        context.drops.append(Drop.RTCP_UNMAPPED)
        return _receiver_report(context, context.sender(ssrc), reports)
    timestamp = (timestamp + media.timestamp_offset) & 0xFFFFFFFF
    body = (
        struct.pack("!IIII", flow.egress.ssrc, ntp_high, ntp_low, timestamp)
        + block[20:28]
        + b"".join(reports)
    )
    return _COMMON.pack(0x80 | len(reports), SR, len(body) // 4) + body


def _map_rr(context: _Context, block: bytes) -> bytes | None:
    reports = _reports(context, block, 8)
    if reports is None:
        return None
    return _receiver_report(context, context.sender(_U32.unpack_from(block, 4)[0]), reports)


def _map_sdes(context: _Context, block: bytes) -> bytes | None:
    """Chunks anew, with the egress leg's own CNAME and nothing else (RFC 3550 section 6.5)."""
    cname = context.own.target.cname.encode()
    chunks: list[bytes] = []
    at = 4
    for _ in range(block[0] & 0x1F):
        if at + 4 > len(block):
            context.drops.append(Drop.RTCP_MALFORMED)
            return None
        flow = context.own.flows.get(_U32.unpack_from(block, at)[0])
        if flow is not None:
            item = _U32.pack(flow.egress.ssrc) + bytes((1, len(cname))) + cname
            chunks.append(item + bytes(4 - len(item) % 4))
        else:
            context.drops.append(Drop.RTCP_UNMAPPED)
        at = _next_chunk(block, at + 4)
    if not chunks:
        return None
    body = b"".join(chunks)
    return _COMMON.pack(0x80 | len(chunks), SDES, len(body) // 4) + body


def _next_chunk(block: bytes, at: int) -> int:
    """Where the chunk whose items begin at ``at`` ends, on a word's border."""
    while at + 1 < len(block) and block[at] != 0:
        at += 2 + block[at + 1]
    return (at // 4 + 1) * 4


def _map_bye(context: _Context, _block: bytes) -> None:
    context.drops.append(Drop.RTCP_UNMAPPED)


def _map_rtpfb(context: _Context, block: bytes) -> bytes | None:
    kind = block[0] & 0x1F
    if kind not in (1, 15):
        context.drops.append(Drop.RTCP_UNKNOWN_TYPE)
        return None
    sender, media_ssrc = _SSRCS.unpack_from(block, 4)
    found = context.source(media_ssrc)
    if found is None:
        return None
    flow, ingress_ssrc = found
    out = bytearray(block)
    _SSRCS.pack_into(out, 4, context.sender(sender), ingress_ssrc)
    if kind == 1:  # generic NACK: pairs of PID and bit mask (RFC 4585 section 6.2.1)
        for at in range(12, len(out) - context.padding - 3, 4):
            _U16.pack_into(out, at, (_U16.unpack_from(out, at)[0] - flow.offset) & 0xFFFF)
        return bytes(out)
    offset = context.back.transport_cc_offset
    if offset is None or len(out) - context.padding < 20:
        context.drops.append(Drop.RTCP_MALFORMED if offset is not None else Drop.RTCP_UNMAPPED)
        return None
    _U16.pack_into(out, 12, (_U16.unpack_from(out, 12)[0] - offset) & 0xFFFF)
    return bytes(out)


def _map_psfb(context: _Context, block: bytes) -> bytes | None:
    kind = block[0] & 0x1F
    if kind == 1:
        return _map_pli(context, block)
    if kind == 4:
        return _map_fir(context, block)
    if kind == 15 and block[12:16] == _REMB:
        return _map_remb(context, block)
    context.drops.append(Drop.RTCP_UNKNOWN_TYPE)
    return None


def _may_ask(context: _Context, flow: Flow) -> bool:
    flow.egress.keyframe_requests += 1
    if not context.back.throttle.allow(context.now):
        context.drops.append(Drop.KEYFRAME_THROTTLED)
        return False
    flow.ingress.keyframe_requests += 1
    return True


def _map_pli(context: _Context, block: bytes) -> bytes | None:
    sender, media_ssrc = _SSRCS.unpack_from(block, 4)
    found = context.source(media_ssrc)
    if found is None or not _may_ask(context, found[0]):
        return None
    return block[:4] + _SSRCS.pack(context.sender(sender), found[1]) + block[12:]


def _map_fir(context: _Context, block: bytes) -> bytes | None:
    """FIR names its streams in the FCI, and numbers its commands (RFC 5104 section 4.3.1)."""
    entries: list[bytes] = []
    for at in range(12, len(block) - context.padding - 7, 8):
        found = context.source(_U32.unpack_from(block, at)[0])
        if found is not None and _may_ask(context, found[0]):
            target = context.own.target
            target.fir_number = (target.fir_number + 1) & 0xFF
            entries.append(struct.pack("!IB3x", found[1], target.fir_number))
    if not entries:
        return None
    sender = context.sender(_U32.unpack_from(block, 4)[0])
    body = _SSRCS.pack(sender, 0) + b"".join(entries)
    return _COMMON.pack(0x84, PSFB, len(body) // 4) + body


def _map_remb(context: _Context, block: bytes) -> bytes | None:
    """draft-alvestrand-rmcat-remb-03 section 2.2."""
    if len(block) < 20 or 20 + 4 * block[16] > len(block):
        context.drops.append(Drop.RTCP_MALFORMED)
        return None
    kept: list[bytes] = []
    for index in range(block[16]):
        found = context.source(_U32.unpack_from(block, 20 + 4 * index)[0])
        if found is not None:
            kept.append(_U32.pack(found[1]))
    if not kept:
        return None
    sender = context.sender(_U32.unpack_from(block, 4)[0])
    body = _SSRCS.pack(sender, 0) + _REMB + bytes((len(kept),)) + block[17:20] + b"".join(kept)
    return _COMMON.pack(0x8F, PSFB, len(body) // 4) + body


_HANDLERS: dict[int, Callable[[_Context, bytes], bytes | None]] = {
    SR: _map_sr,
    RR: _map_rr,
    SDES: _map_sdes,
    BYE: _map_bye,
    RTPFB: _map_rtpfb,
    PSFB: _map_psfb,
}
_LEAST = {SR: 28, RR: 8, SDES: 4, BYE: 4, RTPFB: 12, PSFB: 12}
"""The fixed part of each block type in octets."""
