"""What the native engine promises beyond the conformance suite."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections.abc import AsyncIterator

import burrow_native
import psutil
import pytest

from relay.door import LegId
from relay.engine.interface import IceCredentials, LegPlan, SrtpKeys, SrtpProfile, TrackPlan
from relay.engine.native import NativeEngine
from relay.errors import BindError
from relay.settings import NativeSettings
from tests.relay.engine.far_end import config, plan

GCM = SrtpProfile.AEAD_AES_128_GCM
MAX_BYTES_PER_IDLE_LEG = 8192


def open_load_leg(engine: NativeEngine, number: int, profile: SrtpProfile = GCM) -> LegId:
    """A leg as the load generator expects it."""
    ufrag, password, ingress, egress, ingress_ssrc, egress_ssrc = burrow_native.load_leg(
        number, profile.value
    )
    leg = LegId(f"load-{number}")
    engine.open_leg(leg, IceCredentials(ufrag, password))
    engine.set_keys(leg, SrtpKeys(profile, ingress, egress))
    video = TrackPlan("1", "video", {96: 90_000}, {}, ingress_ssrc, None, egress_ssrc, None)
    engine.set_plan(leg, LegPlan((video,), "load", 1, 3))
    return leg


def load(engine: NativeEngine, legs: int, train: int = 1, gso: bool = False) -> burrow_native.Load:
    return burrow_native.Load(
        host="127.0.0.1", port=engine.bound[0].port, legs=legs, profile=GCM.value,
        packet_bytes=1200, train=train, gso=gso, sample=1,
    )  # fmt: skip


@pytest.fixture
async def engine() -> AsyncIterator[NativeEngine]:
    engine = NativeEngine(config(leg_max_bps=10**10), NativeSettings(workers=2))
    await engine.start(lambda _event: None)
    yield engine
    await engine.close()


async def test_closing_leaves_no_thread_and_no_descriptor() -> None:
    process = psutil.Process()
    threads, descriptors = process.num_threads(), process.num_fds()
    for _ in range(5):
        engine = NativeEngine(config(addresses=("127.0.0.1", "::1")), NativeSettings(workers=3))
        await engine.start(lambda _event: None)
        assert process.num_threads() == threads + 3
        engine.open_leg(LegId("left open"), IceCredentials("ufrag", "password"))
        await engine.close()
        await engine.close()
    assert (process.num_threads(), process.num_fds()) == (threads, descriptors)


async def test_a_second_engine_on_the_port_is_refused(engine: NativeEngine) -> None:
    """Sockets shared among workers must not be shared with another relay, which would take packets."""
    second = NativeEngine(config(udp_port=engine.bound[0].port), NativeSettings(workers=2))
    with pytest.raises(BindError, match=r"127\.0\.0\.1 port \d+"):
        await second.start(lambda _event: None)


async def test_an_idle_leg_is_small(engine: NativeEngine) -> None:
    """Keys, plan, link and all; the sum over many, since memory is handed out in pages."""
    many = 4000
    gc.collect()
    before = psutil.Process().memory_info().rss
    for number in range(many):
        open_load_leg(engine, number)
    for number in range(0, many, 2):
        engine.link(LegId(f"load-{number}"), LegId(f"load-{number + 1}"))
    grown = psutil.Process().memory_info().rss - before
    assert grown / many <= MAX_BYTES_PER_IDLE_LEG


@pytest.mark.parametrize(("train", "gso"), [(1, False), (4, False), (8, True)])
async def test_two_workers_forward_every_packet(engine: NativeEngine, train: int, gso: bool) -> None:
    """Legs of a link are on either worker as the kernel hashes them; trains come single or gathered."""
    legs = [open_load_leg(engine, number) for number in range(64)]
    for a, b in zip(legs[::2], legs[1::2], strict=True):
        engine.link(a, b)
    generator = await asyncio.to_thread(load, engine, 64, train, gso)
    report = await asyncio.to_thread(generator.run, 0.5, 8000.0)
    assert report["received"] == report["sent"] > 2000
    assert report["bad"] == 0
    assert engine.faults() == (0, 0)
    assert sum(count for _, count in engine.latency()) >= report["sent"]


@pytest.mark.parametrize("profile", SrtpProfile)
async def test_relinking_under_load_loses_only_what_came_while_unlinked(
    engine: NativeEngine, profile: SrtpProfile
) -> None:
    a, b = open_load_leg(engine, 0, profile), open_load_leg(engine, 1, profile)
    engine.link(a, b)
    generator = await asyncio.to_thread(
        lambda: burrow_native.Load(
            host="127.0.0.1",
            port=engine.bound[0].port,
            legs=2,
            profile=profile.value,
            packet_bytes=300,
            train=1,
            gso=False,
            sample=1,
        )
    )
    done = threading.Event()
    relinked = 0

    def relink() -> None:
        nonlocal relinked
        while not done.wait(0.001):
            engine.unlink(a)
            engine.link(a, b)
            relinked += 1

    relinking = asyncio.create_task(asyncio.to_thread(relink))
    report = await asyncio.to_thread(generator.run, 1.0, 10_000.0)
    done.set()
    await relinking
    drops = [engine.counters(leg).drops for leg in (a, b)]
    explained = sum(d.get("unlinked", 0) + d.get("before_link", 0) for d in drops)
    assert relinked > 100
    assert report["bad"] == 0
    assert report["sent"] - report["received"] == explained


async def test_what_no_engine_can_use_is_refused(engine: NativeEngine) -> None:
    leg = LegId("leg")
    engine.open_leg(leg, IceCredentials("ufrag", "password"))
    with pytest.raises(ValueError, match="takes 28 octets"):
        engine.set_keys(leg, SrtpKeys(GCM, bytes(30), bytes(28)))
    with pytest.raises(ValueError, match="CnameLength"):
        engine.set_plan(leg, LegPlan(plan(1).tracks, "c" * 256, 1, 3))
    with pytest.raises(ValueError, match="TrackCount"):
        engine.set_plan(leg, LegPlan((), "cname", 1, 3))
    with pytest.raises(ValueError, match=r"Leg leg has no keys or no plan yet\."):
        engine.link(leg, open_load_leg(engine, 0))
    assert engine.counters(leg).ingress == ()


async def test_packets_go_on_while_python_keeps_its_lock(engine: NativeEngine) -> None:
    legs = [open_load_leg(engine, number) for number in range(2)]
    engine.link(*legs)
    generator = await asyncio.to_thread(load, engine, 2)
    running = asyncio.create_task(asyncio.to_thread(generator.run, 1.5, 2000.0))
    while engine.totals().packets_out < 100:  # noqa: ASYNC110  # counters are threads' and tell no event
        await asyncio.sleep(0.01)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(60.0)
    try:
        before = engine.totals().packets_out
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            pass
        assert engine.totals().packets_out - before > 300
    finally:
        sys.setswitchinterval(interval)
    report = await running
    assert report["received"] == report["sent"]
