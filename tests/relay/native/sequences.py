"""Random sequences of what can happen to two legs, as values that run on any engine."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.relay.rtp_packets import MID, OPUS, TRANSPORT_CC, VP8, VP8_RTX, one_byte, rtp, two_byte

SIDES = st.sampled_from((0, 1))


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet of a side. ``step`` moves the stream's sequence number on, or back."""

    side: int
    stream: str
    """``audio``, ``video``, ``rtx``, or ``other``: a video SSRC that was not declared."""
    step: int
    payload_type: int | None
    """``None``: the stream's own."""
    mid: bytes | None
    transport_cc: int | None
    two_byte: bool
    csrcs: int
    padding: int
    payload: bytes
    damage: int | None
    """An octet of the protected packet to flip."""


@dataclass(frozen=True, slots=True)
class Report:
    """One compound RTCP packet of a side."""

    side: int
    blocks: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Again:
    """A datagram of a side sent once more, so many before the last."""

    side: int
    back: int


@dataclass(frozen=True, slots=True)
class Relink:
    """Unlink and link the same two."""


@dataclass(frozen=True, slots=True)
class Unlink:
    """End the link until the next :class:`Relink`."""


@dataclass(frozen=True, slots=True)
class Reoffer:
    """A new answer of a side: the same tracks, with or without its declared SSRCs."""

    side: int
    declared: bool


Step = Packet | Report | Again | Relink | Unlink | Reoffer

STREAMS = {"audio": (OPUS, 1), "video": (VP8, 2), "rtx": (VP8_RTX, 3), "other": (VP8, 4)}
"""Payload type, and what is added to ten times the leg's number."""
MIDS = {"audio": b"0", "video": b"1", "rtx": b"1", "other": b"1"}

_steps = st.one_of(
    st.just(1), st.just(1), st.just(1), st.integers(-6, 8), st.integers(-1100, 1100), st.just(30_000)
)


@st.composite
def good_packets(draw: st.DrawFn) -> Packet:
    """What a browser sends, with the network's reordering and loss."""
    stream = draw(st.sampled_from(("audio", "video", "video", "rtx")))
    return Packet(
        side=draw(SIDES),
        stream=stream,
        step=draw(st.sampled_from((1, 1, 1, 1, 2, 3, 7, -1, -2))),
        payload_type=None,
        mid=draw(st.sampled_from((None, None, MIDS[stream]))),
        transport_cc=draw(st.one_of(st.none(), st.integers(65_520, 65_535), st.integers(0, 20))),
        two_byte=draw(st.booleans()),
        csrcs=0,
        padding=draw(st.sampled_from((0, 0, 0, 5))),
        payload=draw(
            st.one_of(st.integers(0, 40).map(lambda n: n.to_bytes(2, "big") + b"x"), st.just(b"vp8"))
        ),
        damage=None,
    )


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    """Anything."""
    stream = draw(st.sampled_from(("audio", "video", "video", "rtx", "other")))
    mid = draw(st.sampled_from((None, None, MIDS[stream], b"0", b"9")))
    return Packet(
        side=draw(SIDES),
        stream=stream,
        step=draw(_steps),
        payload_type=draw(st.sampled_from((None, None, None, None, OPUS, VP8, VP8_RTX, 100))),
        mid=mid,
        transport_cc=draw(st.one_of(st.none(), st.integers(0, 0xFFFF), st.integers(65_530, 65_535))),
        two_byte=draw(st.booleans()),
        csrcs=draw(st.sampled_from((0, 0, 0, 2))),
        padding=draw(st.sampled_from((0, 0, 0, 1, 4, 255))),
        payload=draw(st.binary(max_size=24)),
        damage=draw(st.sampled_from((None, None, None, None, None, 0, 1, 11, 14, -1))),
    )


def build(packet: Packet, number: int, sequence: int) -> bytes:
    """The packet of leg ``number`` before protection."""
    payload_type, ssrc = STREAMS[packet.stream]
    elements: list[tuple[int, bytes]] = []
    if packet.mid is not None:
        elements.append((MID, packet.mid))
    if packet.transport_cc is not None:
        elements.append((TRANSPORT_CC, struct.pack("!H", packet.transport_cc)))
    form = two_byte if packet.two_byte else one_byte
    return rtp(
        number * 10 + ssrc, sequence, sequence * 3000, packet.payload,
        payload_type=payload_type if packet.payload_type is None else packet.payload_type,
        csrcs=tuple(range(packet.csrcs)), extension=form(*elements) if elements else None,
        profile=0x1000 if packet.two_byte else 0xBEDE, padding=packet.padding,
    )  # fmt: skip


_ssrcs = st.sampled_from([n * 10 + k for n in (1, 2) for k in range(1, 9)] + [4711])
_words = st.binary(max_size=40)


def _block(first: int, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack("!BBH", 0x80 | first, kind, len(body) // 4) + body


@st.composite
def blocks(draw: st.DrawFn) -> bytes:
    a, b = draw(_ssrcs), draw(_ssrcs)
    two = struct.pack("!II", a, b)
    reports = b"".join(
        struct.pack("!IIIIII", draw(_ssrcs), 5, draw(st.integers(0, 0xFFFFFFFF)), 7, 8, 9)
        for _ in range(draw(st.integers(0, 2)))
    )
    count = len(reports) // 24
    number = draw(st.integers(0, 0xFFFF))
    what = draw(st.integers(0, 13))
    match what:
        case 0:
            return _block(count, 200, struct.pack("!IIIIII", a, 1, 2, number, 3, 4) + reports)
        case 1:
            return _block(count, 201, struct.pack("!I", a) + reports)
        case 2:
            return _block(1, 202, struct.pack("!IBB", a, 1, 4) + b"name\0\0")
        case 3:
            return _block(1, 203, struct.pack("!I", a))
        case 4:
            return _block(1, 205, two + struct.pack("!HHHH", number, 5, number ^ 1, 0))
        case 5:
            return _block(15, 205, two + struct.pack("!HHIHH", number, 3, 1, 0x2003, 0x1122))
        case 6:
            return _block(1, 206, two)
        case 7:
            return _block(4, 206, struct.pack("!IIIBxxx", a, 0, b, number & 0xFF))
        case 8:
            return _block(15, 206, struct.pack("!II4sBBHII", a, 0, b"REMB", 2, 1, 2, b, a))
        case 9:
            return _block(draw(st.integers(0, 31)), draw(st.integers(198, 209)), two + draw(_words))
        case 10:
            return _block(3, 201, struct.pack("!I", a) + draw(_words))
        case 11:
            return _block(2, 202, struct.pack("!I", a) + draw(_words))
        case 12:
            padded = _block(15, 205, two + struct.pack("!HHIHBB", number, 3, 1, 0x2003, 0, 2))
            return bytes((padded[0] | 0x20,)) + padded[1:]
        case _:
            return draw(st.binary(min_size=8, max_size=40))


reports = st.builds(Report, SIDES, st.lists(blocks(), min_size=1, max_size=4).map(tuple))
steps = st.one_of(
    good_packets(), good_packets(), good_packets(), good_packets(), good_packets(),
    packets(), packets(), reports, reports,
    st.builds(Again, SIDES, st.integers(0, 5)),
    st.builds(Relink), st.builds(Unlink), st.builds(Reoffer, SIDES, st.booleans()),
)  # fmt: skip
sequences = st.lists(steps, min_size=10, max_size=80)
STARTS = st.sampled_from((0, 100, 32_000, 65_500))
