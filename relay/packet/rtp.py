"""RTP fixed header and header extensions (RFC 3550 section 5.1, RFC 8285)."""

from __future__ import annotations

import struct

HEADER = struct.Struct("!BBHII")
"""Version, padding, extension and CSRC count; marker and payload type; sequence; timestamp; SSRC."""
U16 = struct.Struct("!H")

HEADER_BYTES = 12
ONE_BYTE_PROFILE = 0xBEDE
TWO_BYTE_PROFILE = 0x1000


class MalformedPacketError(ValueError):
    """The header's own lengths pass the packet's end."""


def payload_bounds(packet: bytes) -> tuple[int, int]:
    """Where the payload begins and ends, without header, extensions and padding.

    Raises :class:`MalformedPacketError` when a CSRC list, extension or padding does not fit.
    """
    size = len(packet)
    if size < HEADER_BYTES or packet[0] >> 6 != 2:
        raise MalformedPacketError
    begin = HEADER_BYTES + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10:
        if begin + 4 > size:
            raise MalformedPacketError
        begin += 4 + 4 * U16.unpack_from(packet, begin + 2)[0]
    end = size
    if packet[0] & 0x20:
        if begin >= size:
            raise MalformedPacketError
        padding = packet[-1]
        if padding == 0:
            raise MalformedPacketError
        end -= padding
    if begin > end:
        raise MalformedPacketError
    return begin, end


def find_extensions(packet: bytes, mid_id: int, transport_cc_id: int) -> tuple[bytes | None, int]:
    """The MID element's data (``None``: absent) and the offset of the transport-wide sequence
    number's two octets (0: absent). The packet's bounds must have been checked.

    An element that passes the block's end ends the walk: what came before it counts (RFC 8285
    section 4.2 lets a receiver ignore the rest).
    """
    at = HEADER_BYTES + 4 * (packet[0] & 0x0F)
    profile, words = packet[at] << 8 | packet[at + 1], packet[at + 2] << 8 | packet[at + 3]
    at += 4
    end = at + 4 * words
    mid: bytes | None = None
    transport_cc = 0
    if profile == ONE_BYTE_PROFILE:
        while at < end:
            first = packet[at]
            if first == 0:  # padding
                at += 1
                continue
            identifier = first >> 4
            if identifier == 15:  # reserved: stop (RFC 8285 section 4.2)
                break
            size = (first & 0x0F) + 1
            at += 1
            if at + size > end:
                break
            if identifier == transport_cc_id:
                if size == 2:
                    transport_cc = at
            elif identifier == mid_id:
                mid = packet[at : at + size]
            at += size
    elif profile & 0xFFF0 == TWO_BYTE_PROFILE:
        while at < end:
            identifier = packet[at]
            if identifier == 0:
                at += 1
                continue
            if at + 2 > end:
                break
            size = packet[at + 1]
            at += 2
            if at + size > end:
                break
            if identifier == transport_cc_id:
                if size == 2:
                    transport_cc = at
            elif identifier == mid_id:
                mid = packet[at : at + size]
            at += size
    return mid, transport_cc
