from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from peers.errors import MediaUnusable
from peers.media.file import FileMedia, FileRun
from peers.media.pattern import read_frame
from peers.media.tone import find_beeps
from tests.peers.media.clip import make_clip


async def pictures(run: FileRun) -> list[tuple[int, float, float]]:
    """(number, time in the run, monotonic time given out) of every frame."""
    out = []
    while (frame := await run.video()) is not None:
        mark = read_frame(frame)
        assert mark is not None
        assert frame.time is not None
        out.append((mark.number, frame.time, time.monotonic()))
    return out


async def sound(run: FileRun) -> list[tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], int]]:
    out = []
    while (frame := await run.audio()) is not None:
        assert frame.pts is not None
        assert (frame.samples, frame.format.name, frame.sample_rate) == (960, "s16", 48_000)
        out.append((frame.to_ndarray().reshape(-1, 2)[:, 0].astype(np.float64), frame.pts))
    return out


async def test_both_tracks_are_paced_by_one_clock_and_end_with_the_file(tmp_path: Path) -> None:
    frames = make_clip(tmp_path / "clip.mp4", seconds=2)
    run = FileMedia(tmp_path / "clip.mp4", loop=False).start()
    shown, heard = await asyncio.gather(pictures(run), sound(run))
    await run.close()
    assert [number for number, _, _ in shown] == list(range(1, frames + 1))
    assert shown[-1][1] == pytest.approx((frames - 1) / 30, abs=0.002)
    took = shown[-1][2] - shown[0][2]
    assert took == pytest.approx((frames - 1) / 30, abs=0.1)
    # The beep of second 1 is heard when the picture of second 1 is shown.
    start = heard[0][1] / 48_000
    onsets = [start + onset for onset, _ in find_beeps(np.concatenate([s for s, _ in heard]))]
    assert min(abs(onset - 1.0) for onset in onsets) < 0.03
    assert [pts for _, pts in heard] == [heard[0][1] + 960 * i for i in range(len(heard))]


async def test_a_loop_repeats_both_tracks_together(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", seconds=0.5)
    run = FileMedia(tmp_path / "clip.mp4").start()
    numbers: list[int] = []
    times: list[float | None] = []
    while len(numbers) < 35:
        frame = await run.video()
        assert frame is not None
        mark = read_frame(frame)
        assert mark is not None
        numbers.append(mark.number)
        times.append(frame.time)
    await run.close()
    assert numbers == [*range(1, 16), *range(1, 16), *range(1, 6)]
    assert all(a is not None and b is not None and a < b for a, b in pairwise(times))


async def test_a_run_can_be_closed_while_it_is_read(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", seconds=1)
    run = FileMedia(tmp_path / "clip.mp4").start()
    reading = asyncio.ensure_future(run.video())
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait({reading})
    await run.close()


async def test_sixty_frames_a_second_are_halved_and_large_pictures_scaled(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", seconds=0.5, fps=60, size=(1920, 1080))
    run = FileMedia(tmp_path / "clip.mp4", loop=False).start()
    sizes, count = set(), 0
    while (frame := await run.video()) is not None:
        sizes.add((frame.width, frame.height))
        count += 1
    await run.close()
    assert sizes == {(1280, 720)}
    assert 13 <= count <= 16


def test_what_is_no_media_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("this is not a film")
    for name in ("missing.mp4", "text.mp4"):
        with pytest.raises(MediaUnusable, match=name):
            FileMedia(tmp_path / name)
