"""The wheel's call generator: what it refuses, and that it ends."""

from __future__ import annotations

import socket
from typing import Any

import burrow_native
import pytest


def calls() -> burrow_native.Calls:
    return burrow_native.Calls(bit_rate=1_000_000, frame_rate=30, packet_bytes=1200, sample=16)


def far_end(**changes: Any) -> dict[str, Any]:
    """What :meth:`burrow_native.Calls.add` takes."""
    values = {
        "socket": -1, "username": "a:b", "password": "p", "profile": "SRTP_AEAD_AES_128_GCM",
        "outgoing": bytes(28), "incoming": bytes(28), "ssrc": 1, "expected_ssrc": 2,
    }  # fmt: skip
    return {**values, **changes}


def test_two_far_ends_send_to_each_other_and_count() -> None:
    generator = calls()
    with socket.socket(type=socket.SOCK_DGRAM) as a, socket.socket(type=socket.SOCK_DGRAM) as b:
        for one in (a, b):
            one.bind(("127.0.0.1", 0))
        a.connect(b.getsockname())
        b.connect(a.getsockname())
        assert generator.add(**far_end(socket=a.fileno())) == 0
        assert generator.add(**far_end(socket=b.fileno(), ssrc=2, expected_ssrc=1)) == 1
        generator.begin(0)
        while len((seen := generator.report())["legs"]) < 2 or seen["legs"][1][1] < 50:
            pass
        generator.stop_all()
    (sent, _), (sent_by_other, received) = seen["legs"]
    assert sent_by_other == 0
    assert 50 <= received <= sent < received + 10
    assert seen["bad"] == seen["refused"] == 0
    assert 0 < seen["latency_us_p50"] <= seen["latency_us_p95"] <= seen["latency_us_p99"]
    generator.close()


@pytest.mark.parametrize(
    "changes",
    [{"socket": -1}, {"profile": "SRTP_NULL"}, {"outgoing": bytes(27)}, {"incoming": b""}],
)
def test_what_cannot_be_a_far_end_is_refused(changes: dict[str, Any]) -> None:
    generator = calls()
    with pytest.raises(ValueError, match=r"closed|No SRTP profile|length"):
        generator.add(**far_end(**changes))
    generator.close()


def test_closed_is_closed() -> None:
    generator = calls()
    generator.close()
    generator.close()
    with pytest.raises(RuntimeError, match="closed"):
        generator.report()
    with pytest.raises(ValueError, match="No such rate"):
        burrow_native.Calls(bit_rate=1, frame_rate=0, packet_bytes=1200, sample=1)
