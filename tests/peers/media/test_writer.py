"""The recorder's core, with times as arguments: what lines the streams up, and what becomes of gaps."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from peers.errors import MediaUnusable
from peers.media.pattern import RECORDED, Mark, draw
from peers.media.sync import measure_sync
from peers.media.tone import tone
from peers.media.writer import Writer
from tests.peers.media.clip import make_clip


def picture(number: int, pts: int, size: tuple[int, int] = (640, 360)) -> av.VideoFrame:
    image = np.full((size[1] * 3 // 2, size[0]), 128, dtype=np.uint8)
    draw(image[: size[1]], Mark(RECORDED, number, (number - 1) * 1_000_000 // 30))
    frame = av.VideoFrame.from_ndarray(image, format="yuv420p")
    frame.pts, frame.time_base = pts, Fraction(1, 90_000)
    return frame


def sound(index: int, pts: int) -> av.AudioFrame:
    mono = tone(index * 20_000, 960)
    frame = av.AudioFrame.from_ndarray(mono.repeat(2).reshape(1, -1), format="s16", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, pts, Fraction(1, 48_000)
    return frame


def play(
    writer: Writer,
    *,
    seconds: float,
    video_late: float = 0.0,
    reports: bool = True,
    lost: frozenset[int] = frozenset(),
) -> None:
    """A stranger's two streams with unrelated timestamp origins. The picture needs ``video_late`` seconds
    more to arrive than the sound; the reports know when it was taken."""
    video_origin, audio_origin = 3_000_000_000, 77_000
    for tick in range(round(seconds * 100)):
        now = 500 + tick / 100
        if reports and tick % 100 == 50:
            at = tick / 100
            writer.sender_report("audio", 9000 + at, audio_origin + round(at * 48_000))
            writer.sender_report("video", 9000 + at, video_origin + round(at * 90_000))
        if tick % 2 == 0 and tick // 2 not in lost:
            index = tick // 2
            writer.audio(sound(index, audio_origin + index * 960), now)
        if tick % 10 in (0, 3, 6):
            number = tick // 10 * 3 + {0: 0, 3: 1, 6: 2}[tick % 10] + 1
            writer.video(picture(number, video_origin + (number - 1) * 3000), now + video_late)


@pytest.mark.parametrize("name", ["r.mkv", "r.mp4", "r.webm"])
def test_streams_are_lined_up_by_the_senders_reports(tmp_path: Path, name: str) -> None:
    writer = Writer(tmp_path / name)
    play(writer, seconds=7, video_late=0.4)
    recorded = writer.close()
    assert recorded.sync == "reports"
    sync = measure_sync(tmp_path / name)
    assert (sync.frames, sync.numbers) == (210, 210)
    assert len(sync.late_ms) >= 5
    assert sync.worst_ms < 25


def test_a_short_recording_without_reports_is_lined_up_by_arrival(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "r.mkv")
    play(writer, seconds=2.5, reports=False)
    assert writer.close().sync == "arrival"
    assert measure_sync(tmp_path / "r.mkv").worst_ms < 40


def test_lost_sound_becomes_silence_and_moves_nothing(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "r.mkv")
    play(writer, seconds=6, lost=frozenset(range(60, 90)) | frozenset(range(120, 122)))
    recorded = writer.close()
    assert recorded.audio_seconds == pytest.approx(6.0, abs=0.03)
    sync = measure_sync(tmp_path / "r.mkv")
    assert len(sync.late_ms) >= 4
    assert sync.worst_ms < 25


def test_a_picture_that_changes_its_size_is_scaled_to_the_first(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "r.mkv")
    for number in range(1, 31):
        writer.video(picture(number, number * 3000, (640, 360) if number < 15 else (320, 180)), number / 30)
    assert writer.close().sync == "one stream"
    with av.open(str(tmp_path / "r.mkv")) as container:
        frames = list(container.decode(video=0))
    assert {(frame.width, frame.height) for frame in frames} == {(640, 360)}
    assert len(frames) == 30


def test_sound_alone_and_nothing_at_all_are_recordings_too(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "sound.mkv")
    for index in range(100):
        writer.audio(sound(index, index * 960), index / 50)
    assert writer.close().audio_seconds == 2.0
    assert Writer(tmp_path / "nothing.mkv").close().sync == "nothing"


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaUnusable, match="no/such"):
        Writer(tmp_path / "no/such/folder.mkv")
    with pytest.raises(MediaUnusable, match=r"\.webm"):
        Writer(tmp_path / "r.avi")


@pytest.mark.parametrize("late", [-0.2, 0.0, 0.12])
def test_the_measure_of_sync_sees_what_is_wrong(tmp_path: Path, late: float) -> None:
    make_clip(tmp_path / "clip.mp4", seconds=4, sound_late_s=late)
    sync = measure_sync(tmp_path / "clip.mp4")
    assert len(sync.late_ms) >= 2
    for value in sync.late_ms:
        assert value == pytest.approx(late * 1000, abs=25)
