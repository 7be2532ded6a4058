"""The systemd unit: its syntax, its hardening, and that the service lives within it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import aiohttp

from tests.service import running_service

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "burrow.service"
EXPOSURE_AT_MOST = 2.1
"""Of 10."""


def lines(key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)


def test_systemd_understands_every_line(tmp_path: Path) -> None:
    # The one thing that is not on this machine is the installation that the unit starts.
    here = UNIT.read_text().replace("/opt/burrow/.venv/bin/burrow", sys.executable)
    unit = tmp_path / "burrow.service"
    unit.write_text(here.replace("WorkingDirectory=/opt/burrow", "WorkingDirectory=/"))
    verdict = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", "--man=no", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (verdict.returncode, verdict.stderr) == (0, "")


def test_it_is_hardened() -> None:
    verdict = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--json=short",
         f"--threshold={EXPOSURE_AT_MOST * 10:.0f}", str(UNIT)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    exposed = [line["name"] for line in json.loads(verdict.stdout) if line["set"] is False]
    assert verdict.returncode == 0, f"more exposed than {EXPOSURE_AT_MOST}: {exposed}"


def allowed_calls() -> set[str]:
    """The system calls that the unit's filters leave, with the groups taken apart by systemd itself."""
    allowed: set[str] = set()
    for line in lines("SystemCallFilter"):
        calls = {call for group in line.removeprefix("~").split() for call in members(group)}
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    return allowed


def members(group: str) -> set[str]:
    if not group.startswith("@"):
        return {group}
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True
    ).stdout
    names = [line.strip() for line in listed.splitlines()[1:]]
    return {call for name in names if name and not name.startswith("#") for call in members(name)}


async def test_the_service_needs_nothing_that_the_unit_forbids(tmp_path: Path) -> None:
    """Without systemd to run it, every call it makes is recorded and held against the unit."""
    trace = tmp_path / "trace"
    os.mkfifo(trace)
    reading = asyncio.create_task(asyncio.to_thread(trace.read_text))
    # -D: the service is this test's child and gets the signal that stops it; strace ends after it.
    inside = ["strace", "-D", "-f", "-qq", "-o", str(trace)]
    async with running_service(tmp_path, inside=inside) as service, aiohttp.ClientSession() as session:
        body = {"name": "Ada", "age_confirmed": True, "terms_version": "2026-11"}
        async with session.post(f"{service.url}/api/v1/auth/guest", json=body) as answer:
            assert answer.status == 201
        async with session.get(f"{service.url}/ready") as answer:
            assert answer.status == 200
    text = await reading
    made = set(re.findall(r"^\d+ +(\w+)\(", text, re.MULTILINE))
    assert {"socket", "bind", "execve"} <= made, "the trace is empty"
    assert made - allowed_calls() == set()
    families = set(re.findall(r"socket\((AF_\w+)", text))
    assert families <= set(lines("RestrictAddressFamilies")[0].split())
    # Callbacks of pyOpenSSL are such pages: with this line in the unit no DTLS handshake would succeed.
    assert re.findall(r"PROT_WRITE\|PROT_EXEC", text)
    assert lines("MemoryDenyWriteExecute") in ([], ["no"])
