"""``burrow load`` as a process, against the real service: what it reports must be what happened."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from burrow.load.run import LoadPlan, run_load
from relay.engine.choose import NATIVE_WHEEL
from tests.service import RunningService, running_service

GENERATORS = ["python", *(["native"] if importlib.util.find_spec(NATIVE_WHEEL) else [])]


async def load(url: str, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "burrow.cli", "load", "--url", url, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode(), err.decode()


async def report(url: str, *arguments: str) -> tuple[int, dict[str, Any]]:
    code, out, err = await load(url, "--json", *arguments)
    assert out, err
    return code, json.loads(out)


@pytest.mark.media
@pytest.mark.parametrize("generator", GENERATORS)
async def test_calls_connect_and_nothing_is_lost(service: RunningService, generator: str) -> None:
    code, seen = await report(
        service.url, "--calls", "3", "--seconds", "2", "--ramp", "0.3", "--generator", generator
    )
    assert (code, seen["connected"], seen["success"], seen["failures"]) == (0, 3, 1.0, {})
    assert seen["sent"] == seen["received"] > 0
    assert (seen["loss"], seen["undecryptable"], seen["generator"]) == (0.0, 0, generator)
    # A busy machine sends less, and never more.
    assert 400_000 < seen["bit_rate"] < 1_100_000
    assert 0 < seen["connect_ms"]["median"] <= seen["connect_ms"]["p95"] <= seen["connect_ms"]["p99"]
    assert 0 < seen["latency_ms"]["median"] <= seen["latency_ms"]["p99"] < 1000
    assert len(re.findall("leg_connected", service.log)) == 6
    assert len(re.findall("match_ended", service.log)) == 3
    # Everything that the service counts as lost or refused of it would stand here.
    for drops in re.findall(r"leg_closed.*drops=(\{.*?\})", service.log):
        assert set(re.findall(r"'(\w+)'", drops)) <= {"unlinked", "no_keys"}, drops


async def test_a_table_is_for_people(service: RunningService) -> None:
    code, out, _ = await load(service.url, "--calls", "1", "--seconds", "0.5")
    assert code == 0
    for words in ("1 of 1", "100.0% connected", "match to media", "0.0000%", "cores"):
        assert words in out


async def test_calls_that_fail_are_counted_with_their_reason(tmp_path: Path) -> None:
    async with running_service(tmp_path, relay_max_legs="2") as service:
        code, seen = await report(service.url, "--calls", "2", "--seconds", "0.5", "--ramp", "0")
    assert (code, seen["connected"], seen["success"]) == (1, 1, 0.5)
    assert seen["failures"] == {"leg: relay_full": 2}


async def test_a_call_that_ends_before_its_time_is_no_success(service: RunningService) -> None:
    holding = asyncio.Event()
    plan = LoadPlan(url=service.url, calls=1, seconds=3, ramp=0, bit_rate=500_000)
    loading = asyncio.create_task(
        run_load(plan, lambda now: holding.set() if now.connected == 2 and now.held >= 0 else None)
    )
    await holding.wait()
    assert await service.stop() == 0
    seen = await loading
    assert (seen.connected, seen.success) == (1, 0.0)
    assert seen.failures == {"call: ended: service_stopping": 2}


async def test_the_limit_of_sign_ups_is_named_with_its_key(tmp_path: Path) -> None:
    async with running_service(tmp_path, auth_signups_per_minute="2") as service:
        code, out, err = await load(service.url, "--calls", "3", "--seconds", "1")
    assert (code, out) == (75, "")
    assert "auth.signups_per_minute" in err
    assert "Traceback" not in err


async def test_a_service_that_is_not_there_is_one_sentence() -> None:
    code, out, err = await load("http://127.0.0.1:9", "--calls", "1")
    assert (code, out) == (69, "")
    assert err.startswith("burrow: Cannot reach http://127.0.0.1:9")
    assert len(err.splitlines()) == 1
