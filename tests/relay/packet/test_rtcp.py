"""RTCP mapping holds against anything an authenticated sender may write."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from relay.engine.interface import Drop
from relay.packet.rewrite import rewrite
from relay.packet.rtcp import map_rtcp
from tests.relay.packet.test_rewrite import legs, link
from tests.relay.rtp_packets import one_byte, rtp, transport_cc

KINDS = st.sampled_from([200, 201, 202, 203, 204, 205, 206, 207])
SSRCS = st.sampled_from([11, 12, 13, 21, 22, 23, 26, 27, 28, 1])


@st.composite
def block(draw: st.DrawFn) -> bytes:
    body = struct.pack("!II", draw(SSRCS), draw(SSRCS)) + draw(st.binary(max_size=60))
    body = body[: len(body) // 4 * 4]
    padded = draw(st.sampled_from([0x80, 0xA0]))
    return struct.pack("!BBH", padded | draw(st.integers(0, 31)), draw(KINDS), len(body) // 4) + body


@given(st.lists(block(), min_size=1, max_size=4), st.binary(max_size=3))
def test_outcome_is_well_formed_and_names_no_foreign_ssrc(blocks: list[bytes], stump: bytes) -> None:
    a, b = legs(2)
    there, back = link(a, b), link(b, a)
    extension = one_byte(transport_cc(9))
    for direction, ssrc in ((there, 12), (back, 22)):
        assert isinstance(rewrite(direction, rtp(ssrc, 100, extension=extension), 1.0), bytes)
    mapped = map_rtcp(back, there, b"".join(blocks) + stump, 1.0)
    assert all(isinstance(drop, Drop) for drop in mapped.drops)
    at = 0
    while at < len(mapped.packet):
        first, kind, words = struct.unpack_from("!BBH", mapped.packet, at)
        assert first >> 6 == 2
        assert kind in (200, 201, 202, 205, 206)
        # The sender is one of leg a's egress SSRCs: b's own never reach a.
        assert struct.unpack_from("!I", mapped.packet, at + 4)[0] in (16, 17, 18)
        at += 4 * (words + 1)
    assert at == len(mapped.packet)
