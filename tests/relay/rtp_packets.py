"""RTP packets for tests, written out plainly."""

from __future__ import annotations

import struct

MID, TRANSPORT_CC = 1, 3
VP8, VP8_RTX, OPUS = 96, 97, 111


def rtp(
    ssrc: int,
    sequence: int,
    timestamp: int = 0,
    payload: bytes = b"payload",
    *,
    payload_type: int = VP8,
    marker: bool = False,
    csrcs: tuple[int, ...] = (),
    extension: bytes | None = None,
    profile: int = 0xBEDE,
    padding: int = 0,
) -> bytes:
    """One packet. ``extension`` is the block's content (padded here to whole words); ``padding`` the
    number of padding octets (RFC 3550 section 5.1)."""
    first = 0x80 | (0x20 if padding else 0) | (0x10 if extension is not None else 0) | len(csrcs)
    packet = struct.pack(
        "!BBHII", first, marker << 7 | payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc
    )
    packet += b"".join(struct.pack("!I", c) for c in csrcs)
    if extension is not None:
        extension += bytes(-len(extension) % 4)
        packet += struct.pack("!HH", profile, len(extension) // 4) + extension
    packet += payload
    if padding:
        packet += bytes(padding - 1) + bytes((padding,))
    return packet


def one_byte(*elements: tuple[int, bytes]) -> bytes:
    """RFC 8285 section 4.2."""
    return b"".join(bytes((number << 4 | len(data) - 1,)) + data for number, data in elements)


def two_byte(*elements: tuple[int, bytes]) -> bytes:
    """RFC 8285 section 4.3."""
    return b"".join(bytes((number, len(data))) + data for number, data in elements)


def transport_cc(number: int) -> tuple[int, bytes]:
    return TRANSPORT_CC, struct.pack("!H", number & 0xFFFF)


def header(packet: bytes) -> tuple[int, int, int, int]:
    """(payload type, sequence number, timestamp, SSRC)."""
    _, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", packet)
    return second & 0x7F, sequence, timestamp, ssrc
