from __future__ import annotations

import time

import numpy as np
import pytest

from peers.media.pattern import elapsed_us, read_frame
from peers.media.synthetic import SyntheticMedia, wall_us
from peers.media.tone import find_beeps


async def test_frames_are_numbered_and_say_when_they_were_drawn() -> None:
    run = SyntheticMedia(fps=30).start()
    started = time.monotonic()
    pts = []
    for number in range(1, 16):
        frame = await run.video()
        assert frame is not None
        mark = read_frame(frame)
        assert mark is not None
        assert (mark.run, mark.number) == (run.run, number)
        assert 0 <= elapsed_us(wall_us(), mark) < 20_000
        pts.append(frame.pts)
    assert pts == [i * 3000 for i in range(15)]
    assert 14 / 30 - 0.005 <= time.monotonic() - started < 14 / 30 + 0.5


async def test_sound_beeps_by_the_clock_of_the_marks() -> None:
    run = SyntheticMedia().start()
    began_us = wall_us()
    samples = []
    for index in range(60):
        frame = await run.audio()
        assert frame is not None
        assert frame.pts == index * 960
        samples.append(frame.to_ndarray().reshape(-1).astype(np.float64))
    onsets = [onset for onset, _ in find_beeps(np.concatenate(samples)) if onset > 0.02]
    assert onsets
    second = began_us % (1 << 48) / 1e6 + onsets[0]
    assert abs(second - round(second)) < 0.02


async def test_each_run_is_another_stream() -> None:
    media = SyntheticMedia()
    assert media.start().run != media.start().run


@pytest.mark.parametrize(
    ("width", "height", "fps"), [(641, 360, 30), (80, 60, 30), (640, 360, 0), (640, 360, 60)]
)
def test_what_no_encoder_would_take_is_refused(width: int, height: int, fps: int) -> None:
    with pytest.raises(ValueError, match="not"):
        SyntheticMedia(width=width, height=height, fps=fps)
