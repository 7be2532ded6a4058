"""Write the relay's offer for a leg (RFC 8829, RFC 8839 for ICE, RFC 8843 for BUNDLE)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from relay.door import Kind
from relay.engine.interface import Address
from relay.sdp.table import MIDS, Codec, extensions_of, feedback_of

HOST_TYPE_PREFERENCE = 126
"""RFC 8445 section 5.1.2.2."""
TCP_HOST_TYPE_PREFERENCE = 90
"""Below every UDP candidate (RFC 6544 section 4.2)."""
PASSIVE_DIRECTION_PREFERENCE = 4
"""RFC 6544 section 4.2."""


@dataclass(frozen=True, slots=True)
class EgressSsrcs:
    """The SSRCs towards a leg's browser; constant for the leg's life."""

    audio: int
    video: int
    video_rtx: int


@dataclass(frozen=True, slots=True)
class OfferParts:
    """All that differs between two legs' offers. ``version`` grows with each offer of a leg;
    ``codecs``, all of the table at first, are narrowed by a later offer."""

    session: int
    version: int
    ufrag: str
    password: str
    fingerprint: str
    candidates: tuple[Address, ...]
    ssrcs: EgressSsrcs
    cname: str
    codecs: Mapping[Kind, tuple[Codec, ...]]
    tcp_candidates: tuple[Address, ...] = ()


def write_offer(parts: OfferParts) -> str:
    """The SDP text of an offer."""
    lines = [
        "v=0",
        f"o=- {parts.session} {parts.version} IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        f"a=group:BUNDLE {' '.join(MIDS.values())}",
        "a=extmap-allow-mixed",
        "a=msid-semantic:WMS *",
    ]
    for kind in MIDS:
        lines += _section(kind, parts.codecs[kind], parts)
    return "\r\n".join(lines) + "\r\n"


def candidate_priority(index: int) -> int:
    """RFC 8445 section 5.1.2.1: host candidates, in the order in which addresses are configured."""
    return HOST_TYPE_PREFERENCE << 24 | (0xFFFF - index) << 8 | 255


def tcp_candidate_priority(index: int) -> int:
    """RFC 6544 section 4.2: passive TCP host candidates, in the same order."""
    local = PASSIVE_DIRECTION_PREFERENCE << 13 | (0x1FFF - index)
    return TCP_HOST_TYPE_PREFERENCE << 24 | local << 8 | 255


def _section(kind: Kind, codecs: tuple[Codec, ...], parts: OfferParts) -> list[str]:
    formats: list[int] = []
    for codec in codecs:
        formats.append(codec.payload_type)
        if codec.rtx_payload_type is not None:
            formats.append(codec.rtx_payload_type)
    default = parts.candidates[0]
    lines = [
        f"m={kind} {default.port} UDP/TLS/RTP/SAVPF {' '.join(map(str, formats))}",
        f"c=IN IP{ipaddress.ip_address(default.host).version} {default.host}",
        "a=rtcp:9 IN IP4 0.0.0.0",
    ]
    lines += [
        f"a=candidate:{index + 1} 1 udp {candidate_priority(index)} {address.host} {address.port} typ host"
        for index, address in enumerate(parts.candidates)
    ]
    lines += [
        f"a=candidate:{len(parts.candidates) + index + 1} 1 tcp {tcp_candidate_priority(index)} "
        f"{address.host} {address.port} typ host tcptype passive"
        for index, address in enumerate(parts.tcp_candidates)
    ]
    lines += [
        "a=end-of-candidates",
        f"a=ice-ufrag:{parts.ufrag}",
        f"a=ice-pwd:{parts.password}",
        f"a=fingerprint:sha-256 {parts.fingerprint}",
        "a=setup:actpass",
        f"a=mid:{MIDS[kind]}",
        "a=sendrecv",
        f"a=msid:{parts.cname} {kind}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
    ]
    lines += [f"a=extmap:{number} {uri}" for number, uri in extensions_of(kind)]
    for codec in codecs:
        lines += _codec(codec)
    return lines + _ssrcs(kind, parts)


def _codec(codec: Codec) -> list[str]:
    channels = f"/{codec.channels}" if codec.channels else ""
    payload_type = codec.payload_type
    lines = [f"a=rtpmap:{payload_type} {codec.name}/{codec.clock_rate}{channels}"]
    lines += [f"a=rtcp-fb:{payload_type} {feedback}" for feedback in feedback_of(codec.kind)]
    if codec.parameters:
        lines.append(f"a=fmtp:{payload_type} {codec.parameters}")
    if codec.rtx_payload_type is not None:
        lines.append(f"a=rtpmap:{codec.rtx_payload_type} rtx/{codec.clock_rate}")
        lines.append(f"a=fmtp:{codec.rtx_payload_type} apt={payload_type}")
    return lines


def _ssrcs(kind: Kind, parts: OfferParts) -> list[str]:
    ssrcs = parts.ssrcs
    if kind == "audio":
        named = [ssrcs.audio]
        lines = []
    else:
        named = [ssrcs.video, ssrcs.video_rtx]
        lines = [f"a=ssrc-group:FID {ssrcs.video} {ssrcs.video_rtx}"]
    for ssrc in named:
        lines += [f"a=ssrc:{ssrc} cname:{parts.cname}", f"a=ssrc:{ssrc} msid:{parts.cname} {kind}"]
    return lines
