"""The generator of the native wheel: a thread of its own that no interpreter lock slows."""

from __future__ import annotations

import burrow_native

from burrow.bench.bare_leg import BareLeg
from burrow.load.generator import FRAME_RATE, PACKET_BYTES, SAMPLE, Counts


class NativeGenerator:
    """:class:`burrow.load.generator.Generator` on ``burrow_native.Calls``."""

    name = "native"

    def __init__(self, bit_rate: int) -> None:
        self._calls = burrow_native.Calls(
            bit_rate=bit_rate, frame_rate=FRAME_RATE, packet_bytes=PACKET_BYTES, sample=SAMPLE
        )

    def add(self, leg: BareLeg) -> int:
        assert leg.keys is not None
        return self._calls.add(
            socket=leg.hand_over().fileno(),
            username=leg.username,
            password=leg.relay_password,
            profile=leg.keys.profile.value,
            outgoing=leg.keys.egress,
            incoming=leg.keys.ingress,
            ssrc=leg.video_ssrc,
            expected_ssrc=leg.video.ssrc[0].ssrc,
        )

    def begin(self, leg: int) -> None:
        self._calls.begin(leg)

    def stop_all(self) -> None:
        self._calls.stop_all()

    def counts(self) -> Counts:
        report = self._calls.report()
        return Counts(
            legs=report["legs"],
            refused=report["refused"],
            bad=report["bad"],
            frames=report["frames"],
            late=report["late"],
            latency_us=(report["latency_us_p50"], report["latency_us_p95"], report["latency_us_p99"]),
        )

    async def close(self) -> None:
        self._calls.close()
