"""``burrow peer`` as a process: what it prints, how it ends, and what it says when it cannot."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from burrow.cli import app
from peers import PeerError, SyntheticMedia
from signaling import messages as wire
from tests.peers.offerer import Offerer
from tests.peers.scripted import Socket, scripted

QUEUED = wire.Queued(position=1, waiting=1, online=2, estimate_seconds=None)
ESCAPE = "\x1b[2J"


@asynccontextmanager
async def burrow_peer(*arguments: str | Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "burrow.cli",
        "peer",
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def run(*arguments: str | Path) -> tuple[int, str, str]:
    async with burrow_peer(*arguments) as process:
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()


async def one_match(socket: Socket) -> None:
    """A match with a stranger who sends media, greets, and stays until the peer leaves."""
    await socket.welcome()
    await socket.expect(wire.Join)
    await socket.tell(QUEUED)
    async with Offerer() as offerer:
        await socket.tell(wire.LegOffer(leg="leg-1", sdp=await offerer.offer()))
        await offerer.answered((await socket.expect(wire.LegAnswer)).sdp)
        await offerer.connected()
        await socket.tell(
            wire.LegState(leg="leg-1", state="connected", transport="udp"),
            wire.Matched(match="m1", stranger=wire.Stranger(name=f"Bob{ESCAPE}")),
            wire.Route(match="m1", attempt=1, state="linked", route="relay", leg="leg-1"),
        )
        offerer.put(SyntheticMedia().start())
        await offerer.marked(10)
        await socket.tell(wire.Route(match="m1", attempt=1, state="connected", route="relay", leg="leg-1"))
        await socket.tell(wire.Chat(match="m1", id="c1", text=f"hi{ESCAPE}", at_ms=1))
        await socket.expect(wire.ChatReceived)
        await socket.expect(wire.Leave)
        offerer.take()
        await socket.tell(wire.Ended(match="m1", reason="left", by="you", message=""), wire.Idle())
        await socket.gone()


async def test_json_is_one_object_a_match_with_the_named_fields() -> None:
    async with scripted(one_match) as service:
        code, out, err = await run("--url", service.url, "--seconds", "1", "--json")
    assert code == 0, err
    report = json.loads(out)
    assert {key: sorted(value) if isinstance(value, dict) else None for key, value in report.items()} == {
        "match_id": None,
        "route": None,
        "connect_ms": None,
        "first_frame_ms": None,
        "video": sorted(["codec", "frames_received", "frames_lost", "latency_ms_p50", "latency_ms_p99"]),
        "audio": ["packets_lost", "packets_received"],
        "ended": None,
    }
    assert (report["match_id"], report["route"], report["ended"]) == ("m1", "relay", "left")
    assert report["video"]["frames_received"] > 20
    assert report["video"]["frames_lost"] == 0
    assert report["audio"]["packets_received"] > 30


async def test_a_person_is_told_what_happens_and_a_strangers_text_cannot_touch_the_terminal() -> None:
    async with scripted(one_match) as service:
        code, out, err = await run("--url", service.url, "--seconds", "1")
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    for words in (
        "Signed in as Ada (guest).",
        "Waiting: place 1 of 1, 2 online.",
        "Matched with Bob",
        "is connected by relay.",
        ": hi",
        "The match ended (left, by you).",
        "sound: ",
    ):
        assert words in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_leaves_the_match_reports_and_ends_well(number: signal.Signals) -> None:
    async with (
        scripted(one_match) as service,
        burrow_peer("--url", service.url, "--json") as process,
    ):
        assert process.stderr is not None
        while b"hi" not in await process.stderr.readline():
            pass
        process.send_signal(number)
        out, err = await process.communicate()
    assert process.returncode == 0, err
    assert b"Traceback" not in err
    assert json.loads(out)["ended"] == "left"


async def test_a_signal_while_waiting_leaves_the_queue() -> None:
    async def script(socket: Socket) -> None:
        await socket.welcome()
        await socket.expect(wire.Join)
        await socket.tell(QUEUED)
        await socket.expect(wire.Leave)
        await socket.tell(wire.Idle())
        await socket.gone()

    async with scripted(script) as service, burrow_peer("--url", service.url, "--json") as process:
        assert process.stderr is not None
        while b"Waiting" not in await process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    assert (process.returncode, out) == (0, b""), err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--url", "nonsense://"], "not an address"),
        (["--url", "http://127.0.0.1:9", "--media", "none.mp4"], r"none\.mp4"),
        (["--url", "http://127.0.0.1:9", "--record", "film.avi"], "must end in"),
        (["--url", "http://127.0.0.1:9", "--record", "no/such/film.mkv"], "no folder"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_sent(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(app, ["peer", *arguments])
    assert isinstance(result.exception, PeerError)
    assert re.search(words, str(result.exception))
    assert result.exception.exit_code in (66, 69)


def test_an_account_needs_its_password() -> None:
    result = CliRunner().invoke(app, ["peer", "--url", "http://127.0.0.1:9", "--email", "a@example.org"])
    assert result.exit_code == 2
    assert "--password-file" in result.output


async def test_a_failure_is_one_sentence_and_a_code() -> None:
    async with scripted() as service:
        problem = {"code": "rate_limited", "message": "Slow down.", "details": {}}
        service.answers["auth/guest"] = (429, problem)
        assert_sentence(await run("--url", service.url), 75, "Slow down.")
    assert_sentence(await run("--url", service.url), 69, "Cannot reach")


def assert_sentence(result: tuple[int, str, str], code: int, words: str) -> None:
    got, out, err = result
    assert (got, out) == (code, ""), err
    assert words in err
    assert len(err.strip().splitlines()) == 1, err


async def test_a_lost_match_is_still_reported(tmp_path: Path) -> None:
    async def stops(socket: Socket) -> None:
        await socket.welcome()
        await socket.expect(wire.Join)
        await socket.tell(QUEUED, wire.Matched(match="m1", stranger=wire.Stranger(name="Bob")))
        await socket.tell(wire.Closing(message="Back at nine.", retry_after_seconds=3))
        await socket.raw.close(code=1012)

    secret = tmp_path / "password"
    secret.write_text("correct horse\n")
    async with scripted(stops) as service:
        code, out, err = await run(
            "--url", service.url, "--email", "a@example.org", "--password-file", secret, "--json"
        )
        assert service.rest[0] == ("auth/login", {"email": "a@example.org", "password": "correct horse"})
    assert code == 75
    assert json.loads(out)["ended"] == "lost"
    assert err.strip().splitlines()[-1] == "burrow: Back at nine."
