"""The relay in a process of its own, driven by one JSON object a line, so that only its CPU is charged.

Commands on standard input: ``open``, ``answer``, ``link``, ``usage``, ``stop``; one answer a line.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import resource
import sys
from typing import Any

import psutil
import structlog

from burrow.cli_serve import event_loop
from relay import door
from relay.door import LegId, LinkId
from relay.node import RelayNode
from relay.settings import RelaySettings


def _usage(node: RelayNode) -> dict[str, Any]:
    gc.collect()
    used = resource.getrusage(resource.RUSAGE_SELF)
    snapshot = node.snapshot()
    return {
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "rss_bytes": psutil.Process().memory_info().rss,
        "packets_in": snapshot.packets_in,
        "packets_out": snapshot.packets_out,
        "engine": snapshot.engine,
        "legs": len(snapshot.legs),
    }


async def _run(settings: RelaySettings) -> None:
    node = RelayNode(settings)
    await node.start()
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )

    async def answer(*kinds: type[door.Event]) -> door.Event:
        while True:
            event = await node.events.get()
            if isinstance(event, (*kinds, door.LegClosed, door.LegRefused, door.AnswerRefused)):
                return event

    while line := await reader.readline():
        command = json.loads(line)
        reply: dict[str, Any]
        match command["do"]:
            case "open":
                node.ask(door.OpenLeg(LegId(command["leg"])))
                offered = await answer(door.LegOffered)
                assert isinstance(offered, door.LegOffered), offered
                reply = {"sdp": offered.sdp}
            case "answer":
                node.ask(door.AnswerLeg(LegId(command["leg"]), command["sdp"]))
                connected = await answer(door.LegConnected)
                assert isinstance(connected, door.LegConnected), connected
                reply = {"profile": connected.srtp_profile}
            case "link":
                node.ask(door.LinkLegs(LinkId(command["link"]), LegId(command["a"]), LegId(command["b"])))
                up = await answer(door.LinkUp, door.LinkDown)
                assert isinstance(up, door.LinkUp), up
                reply = {}
            case "usage":
                reply = _usage(node)
            case _:
                break
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()
    await node.close()


def main() -> None:
    """Run with ``python -m burrow.bench.relay_process ENGINE CPU MAX_LEGS``."""
    engine, cpu, max_legs = sys.argv[1:4]
    if cpu != "-":
        os.sched_setaffinity(0, {int(cpu)})
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    settings = RelaySettings(
        engine=engine,  # type: ignore[arg-type]  # from the command line; an unknown one fails in make_engine
        udp_port=0,
        tcp_port=-1,
        stun_port=-1,
        addresses=("127.0.0.1",),
        max_legs=int(max_legs),
        leg_max_bps=10_000_000_000,
        leg_burst_bytes=1 << 30,
        consent_ms=3_600_000,
        interrupted_after_ms=3_599_000,
        socket_buffer_bytes=1 << 24,
    )
    with asyncio.Runner(loop_factory=event_loop) as runner:
        runner.run(_run(settings))


if __name__ == "__main__":
    main()
