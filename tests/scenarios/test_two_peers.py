"""Two ``burrow peer`` processes meet through a running service: one plays a film, the other records it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from peers.media.sync import measure_sync
from tests.peers.media.clip import make_clip
from tests.service import RunningService

pytestmark = pytest.mark.media

SECONDS = 30


async def burrow_peer(url: str, *arguments: str | Path) -> tuple[int, str, str]:
    """Run it to its end; its exit code, standard output and standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "burrow.cli",
        "peer",
        "--url",
        url,
        "--json",
        *map(str, arguments),
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


@pytest.mark.timeout(150)
async def test_a_film_with_sound_arrives_whole_and_in_sync_and_both_chat(
    service: RunningService, tmp_path: Path
) -> None:
    film, recording = tmp_path / "film.mp4", tmp_path / "recording.mkv"
    await asyncio.to_thread(make_clip, film, seconds=SECONDS + 10)
    player, recorder = await asyncio.gather(
        burrow_peer(service.url, "--media", film, "--chat", "enjoy the film", "--seconds", str(SECONDS)),
        burrow_peer(service.url, "--record", recording, "--chat", "thanks for the film"),
    )
    reports: list[dict[str, Any]] = []
    for code, out, err in (player, recorder):
        assert code == 0, err
        assert "Traceback" not in err
        reports.append(json.loads(out))
    played, recorded = reports

    # Both sides speak of the same match and say what the issue lists, no more and no less.
    assert played["match_id"] == recorded["match_id"]
    for report in reports:
        assert list(report) == [
            "match_id",
            "route",
            "connect_ms",
            "first_frame_ms",
            "video",
            "audio",
            "ended",
        ]
        assert report["route"] == "relay"
        assert report["ended"] == "left"
        assert 0 < report["connect_ms"] < 5000
        assert 0 < report["first_frame_ms"] < 5000
        # Sound of 30 s is 1,500 packets; each side loses at most the link's first and last moments.
        assert report["audio"]["packets_received"] >= SECONDS * 50 * 0.97
        assert report["audio"]["packets_lost"] <= report["audio"]["packets_received"] * 0.01

    # The film: nearly every frame from its first on.
    video = recorded["video"]
    assert video["frames_received"] >= SECONDS * 30 * 0.97
    assert video["frames_received"] >= 0.99 * (video["frames_received"] + video["frames_lost"])
    # The other way the picture has a send time, so there is a latency.
    assert played["video"]["latency_ms_p50"] < played["video"]["latency_ms_p99"] < 1000
    assert played["video"]["frames_lost"] <= played["video"]["frames_received"] * 0.01

    # The recording holds what was counted, and plays in sync from the first second to the last.
    sync = await asyncio.to_thread(measure_sync, recording)
    assert sync.numbers >= 0.99 * sync.last_number
    assert sync.last_number >= SECONDS * 30 * 0.97
    assert len(sync.late_ms) >= SECONDS - 3
    assert sync.worst_ms < 80

    # Chat both ways: each got the other's words, and knows that its own arrived.
    _, _, player_said = player
    _, _, recorder_said = recorder
    assert ": thanks for the film" in player_said
    assert "You: enjoy the film (delivered)" in player_said
    assert ": enjoy the film" in recorder_said
    assert "You: thanks for the film (delivered)" in recorder_said
