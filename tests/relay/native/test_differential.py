"""Both engines do the same with the same random packets, down to every octet after decryption."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any

import pylibsrtp
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from relay.engine.interface import LegCounters, PacketEngine, SrtpProfile
from relay.engine.native import NativeEngine
from relay.engine.python import PythonEngine
from relay.settings import NativeSettings
from tests.relay.engine.far_end import FarEnd, config, plan
from tests.relay.native.sequences import (
    STARTS,
    STREAMS,
    Again,
    Packet,
    Relink,
    Reoffer,
    Report,
    Step,
    Unlink,
    build,
    sequences,
)

NO_SECOND_REQUEST_MS = 3_600_000
"""How often keyframes are asked for must not depend on how fast a test runs."""


@dataclass
class Outcome:
    """What an engine made of a sequence: what each side got, and what was counted of it."""

    got: tuple[list[bytes], list[bytes]] = field(default_factory=lambda: ([], []))
    counted: list[Any] = field(default_factory=list)


def engines() -> tuple[PacketEngine, PacketEngine]:
    limits = config(keyframe_interval_ms=NO_SECOND_REQUEST_MS)
    # One worker, or packets of the two sides could overtake each other.
    return PythonEngine(limits), NativeEngine(limits, NativeSettings(workers=1))


class Run:
    """One sequence on one engine."""

    def __init__(self, engine: PacketEngine, profiles: tuple[SrtpProfile, SrtpProfile], start: int) -> None:
        self.engine = engine
        self.far = tuple(FarEnd(engine, n + 1, profile=profile) for n, profile in enumerate(profiles))
        self.sequence = [dict.fromkeys(STREAMS, start) for _ in self.far]
        self.sent: tuple[list[bytes], list[bytes]] = ([], [])
        self.outcome = Outcome()
        self.linked = False
        self.bases: dict[int, int] = {}

    async def prepare(self) -> None:
        for number, far in enumerate(self.far):
            self.engine.open_leg(far.leg, far.ice)
            await far.check(nominate=True)
            self.engine.set_keys(far.leg, far.keys)
            self.engine.set_plan(far.leg, plan(number + 1))
        self.link()

    def link(self) -> None:
        if self.linked:
            self.engine.unlink(self.far[0].leg)
        self.engine.link(self.far[0].leg, self.far[1].leg)
        self.linked = True

    async def settle(self) -> None:
        """Wait until everything sent is handled, and keep what came of it."""
        for side, far in enumerate(self.far):
            request = bytes(far.request())
            far.send(request)
            while True:
                datagram = await far.receive()
                if datagram[0] >= 4:
                    self.keep(side, datagram)
                elif datagram[8:20] == request[8:20]:
                    break
        # What the first side's barrier overtook on its way to the second, and the other way round.
        for side, far in enumerate(self.far):
            with contextlib.suppress(BlockingIOError):
                while True:
                    self.keep(side, far.socket.recv(2048))

    def keep(self, side: int, datagram: bytes) -> None:
        down = self.far[side].down
        if 192 <= datagram[1] < 224:
            self.outcome.got[side].append(down.unprotect_rtcp(datagram))
        else:
            self.outcome.got[side].append(down.unprotect(datagram))

    async def step(self, step: Step) -> None:
        match step:
            case Packet():
                self.send_rtp(step)
            case Report():
                self.send(step.side, self.far[step.side].up.protect_rtcp(b"".join(step.blocks)))
            case Again():
                sent = self.sent[step.side]
                if len(sent) > step.back:
                    self.far[step.side].send(sent[-1 - step.back])
            case Relink():
                await self.settle()
                self.link()
            case Unlink():
                await self.settle()
                self.engine.unlink(self.far[0].leg)
                self.linked = False
            case Reoffer():
                await self.settle()
                far = self.far[step.side]
                self.engine.set_plan(far.leg, plan(step.side + 1, declared=step.declared))

    def send_rtp(self, packet: Packet) -> None:
        numbers = self.sequence[packet.side]
        sequence = (numbers[packet.stream] + packet.step) & 0xFFFF
        numbers[packet.stream] = sequence
        far = self.far[packet.side]
        try:
            protected = far.protect(build(packet, packet.side + 1, sequence))
        except pylibsrtp.Error:
            return  # too far back for the sender to protect: nothing is sent, on either engine
        if packet.damage is not None and packet.damage < len(protected):
            damaged = bytearray(protected)
            damaged[packet.damage] ^= 0x41
            protected = bytes(damaged)
        self.send(packet.side, protected)

    def send(self, side: int, datagram: bytes) -> None:
        self.sent[side].append(datagram)
        self.far[side].send(datagram)

    async def finish(self) -> Outcome:
        await self.settle()
        self.outcome.counted = [countable(self.engine.counters(far.leg)) for far in self.far]
        return self.outcome


def countable(counters: LegCounters) -> object:
    """Without what depends on the clock."""
    streams = [
        [(s.kind, s.packets, s.bytes, s.lost, s.retransmissions, s.keyframe_requests) for s in side]
        for side in (counters.ingress, counters.egress)
    ]
    return streams, counters.link_packets, counters.link_bytes, counters.link_lost, counters.drops


async def run(
    engine: PacketEngine, profiles: tuple[SrtpProfile, SrtpProfile], start: int, steps: list[Step]
) -> Outcome:
    await engine.start(lambda _event: None)
    driven = Run(engine, profiles, start)
    try:
        await driven.prepare()
        for step in steps:
            await driven.step(step)
        return await driven.finish()
    finally:
        for far in driven.far:
            far.close()
        await engine.close()


def without_time(packets: list[bytes]) -> list[bytes]:
    """Timestamps go on by the time that passed between links, which no two runs share: each RTP
    timestamp is taken relative to the first of its stream and link, told by its distance."""
    bases: dict[bytes, int] = {}
    out = []
    for packet in packets:
        if 192 <= packet[1] < 224:
            out.append(without_report_time(packet))
            continue
        timestamp = int.from_bytes(packet[4:8], "big")
        sequence = int.from_bytes(packet[2:4], "big")
        # Every packet here has 3,000 times its own number as timestamp: what is left is the offset.
        offset = (timestamp - sequence * 3000) & 0xFFFFFFFF
        ssrc = packet[8:12]
        known = bases.get(ssrc)
        changed = known is not None and known != offset
        bases[ssrc] = offset
        out.append(packet[:4] + (b"new " if changed else b"same") + packet[8:])
    return out


def of_kind(packets: list[bytes], rtcp: bool) -> list[bytes]:
    return [packet for packet in without_time(packets) if (192 <= packet[1] < 224) == rtcp]


def without_report_time(packet: bytes) -> bytes:
    """RTCP without the RTP timestamps of its sender reports."""
    out, at = bytearray(packet), 0
    while at + 4 <= len(out):
        if out[at + 1] == 200:
            out[at + 16 : at + 20] = bytes(4)
        at += 4 * (int.from_bytes(out[at + 2 : at + 4], "big") + 1)
    return bytes(out)


PROFILES = st.tuples(st.sampled_from(SrtpProfile), st.sampled_from(SrtpProfile))
GCM = (SrtpProfile.AEAD_AES_128_GCM, SrtpProfile.AEAD_AES_128_GCM)


def packet(side: int = 0, stream: str = "video", step: int = 1, **other: Any) -> Packet:
    """A plain packet, for sequences that have been seen to matter."""
    values: dict[str, Any] = {
        "payload_type": None, "mid": None, "transport_cc": None, "two_byte": False, "csrcs": 0,
        "padding": 0, "payload": b"\0\x05payload", "damage": None,
    }  # fmt: skip
    return Packet(side, stream, step, **{**values, **other})


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(PROFILES, STARTS, sequences)
@example(GCM, 65_534, [packet(), packet(step=3), packet(step=-1), Relink(), packet(), packet(stream="rtx")])
@example(GCM, 0, [packet(stream="other"), packet(stream="other", mid=b"1"), packet(), packet(mid=b"1")])
@example(GCM, 100, [packet(), Unlink(), packet(step=500), Relink(), packet(), packet(step=-3)])
def test_both_engines_make_the_same_of_everything(
    profiles: tuple[SrtpProfile, SrtpProfile], start: int, steps: list[Step]
) -> None:
    async def both() -> tuple[Outcome, Outcome]:
        reference, native = engines()
        return await run(reference, profiles, start, steps), await run(native, profiles, start, steps)

    reference, native = asyncio.run(both())
    for side in (0, 1):
        # RTP and RTCP apart: an engine that works in batches may let one overtake the other.
        for rtcp in (False, True):
            assert of_kind(native.got[side], rtcp) == of_kind(reference.got[side], rtcp)
    assert native.counted == reference.counted
