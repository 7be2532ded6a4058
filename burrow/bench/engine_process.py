"""A packet engine in a process of its own, with the legs of a load opened and linked two by two.

Run with ``python -m burrow.bench.engine_process`` and one JSON object as argument; prints the bound
port, then answers each line ``usage`` with its CPU, memory and counters, each line ``relink`` by
linking every pair anew, until standard input ends.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
from typing import Any

import burrow_native
import psutil

from burrow.cli_serve import event_loop
from relay.door import LegId
from relay.engine.interface import (
    EngineConfig,
    IceCredentials,
    LegPlan,
    PacketEngine,
    SrtpKeys,
    SrtpProfile,
    TrackPlan,
)
from relay.engine.native import NativeEngine
from relay.engine.python import PythonEngine
from relay.settings import NativeSettings

VP8, VP8_RTX, MID, TRANSPORT_CC = 96, 97, 1, 3
RTX_BIT = 0x0800_0000
"""What sets an RTX SSRC of a load's leg apart from that of its media."""


def _config() -> EngineConfig:
    """Limits that no load meets."""
    return EngineConfig(
        addresses=("127.0.0.1",), udp_port=0, max_legs=100_000, leg_max_bps=10**11,
        leg_burst_bytes=10**9, leg_max_paths=8, interrupted_after_ms=3_600_000, consent_ms=7_200_000,
        path_stale_ms=3000, keyframe_interval_ms=300, stun_per_second=20, socket_buffer_bytes=1 << 22,
    )  # fmt: skip


def _engine(name: str, tuning: dict[str, Any]) -> PacketEngine:
    if name == "python":
        return PythonEngine(_config())
    return NativeEngine(_config(), NativeSettings(**tuning))


def _open(engine: PacketEngine, number: int, profile: SrtpProfile) -> LegId:
    ufrag, password, ingress, egress, ingress_ssrc, egress_ssrc = burrow_native.load_leg(
        number, profile.value
    )
    leg = LegId(f"load-{number}")
    engine.open_leg(leg, IceCredentials(ufrag, password))
    engine.set_keys(leg, SrtpKeys(profile, ingress, egress))
    video = TrackPlan(
        mid="1", kind="video", clock_rates={VP8: 90_000}, rtx={VP8_RTX: VP8},
        ingress_ssrc=ingress_ssrc, ingress_rtx_ssrc=ingress_ssrc | RTX_BIT,
        egress_ssrc=egress_ssrc, egress_rtx_ssrc=egress_ssrc | RTX_BIT,
    )  # fmt: skip
    engine.set_plan(leg, LegPlan((video,), f"load-{number}", MID, TRANSPORT_CC))
    return leg


def _usage(engine: PacketEngine) -> dict[str, Any]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    totals = engine.totals()
    return {
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "rss_bytes": psutil.Process().memory_info().rss,
        "packets_in": totals.packets_in,
        "packets_out": totals.packets_out,
        "drops": totals.drops,
    }


def _run_bare() -> None:
    """Not an engine: the kernel's part of any relay."""
    bare = burrow_native.Bare()
    _say({"port": bare.port(), "rss_bytes_per_leg": 0})
    for _ in sys.stdin:
        used = resource.getrusage(resource.RUSAGE_SELF)
        _say({"cpu_seconds": used.ru_utime + used.ru_stime, "packets_out": bare.packets()})
    bare.close()


async def _run(what: dict[str, Any]) -> None:
    engine = _engine(what["engine"], what.get("tuning", {}))
    await engine.start(lambda _event: None)
    profile = SrtpProfile(what["profile"])
    gc.collect()
    before = _usage(engine)["rss_bytes"]
    legs = [_open(engine, number, profile) for number in range(what["legs"])]
    pairs = list(zip(legs[::2], legs[1::2], strict=True))
    for a, b in pairs:
        engine.link(a, b)
    grown = _usage(engine)["rss_bytes"] - before
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    _say({"port": engine.bound[0].port, "rss_bytes_per_leg": grown / max(len(legs), 1)})
    turn = 0
    while line := await reader.readline():
        command = json.loads(line)
        if command["do"] == "relink":
            for _ in range(command["times"]):
                a, b = pairs[turn % len(pairs)]
                engine.unlink(a)
                engine.link(a, b)
                turn += 1
        _say(_usage(engine))
    await engine.close()


def _say(reply: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Start the engine that the argument describes."""
    what = json.loads(sys.argv[1])
    if what.get("cpus"):
        os.sched_setaffinity(0, set(what["cpus"]))
    if what["engine"] == "bare":
        _run_bare()
        return
    with asyncio.Runner(loop_factory=event_loop) as runner:
        runner.run(_run(what))


if __name__ == "__main__":
    main()
