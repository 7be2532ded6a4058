from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from peers.media.observer import Latencies, Observer
from peers.media.pattern import RECORDED, Mark


def see(observer: Observer, run: int, number: int, *, late_us: int = 40_000) -> None:
    sent_us = number * 33_333
    observer.frame(
        Mark(run, number, 0 if run == RECORDED else sent_us), now=number / 30, now_us=sent_us + late_us
    )


@given(st.sets(st.integers(1, 500), min_size=1))
def test_gaps_count_as_lost_from_the_runs_first_frame_on(numbers: set[int]) -> None:
    observer = Observer()
    for number in sorted(numbers):
        see(observer, 7, number)
    report = observer.video_report()
    assert report.frames_received == len(numbers)
    assert report.frames_lost == max(numbers) - len(numbers)
    assert report.latency_ms_p50 == 40.0


def test_repeated_frames_are_counted_apart() -> None:
    observer = Observer()
    for number in (1, 2, 2, 2, 3):
        see(observer, 7, number)
    assert observer.video_report().frames_received == 3
    assert observer.duplicates == 2


def test_the_last_frame_of_the_stranger_before_is_not_the_first_of_this_one() -> None:
    observer = Observer(ignore_run=6)
    see(observer, 6, 900)
    assert observer.first_frame_at is None
    see(observer, 7, 1)
    assert observer.first_frame_at is not None
    assert observer.video_report().frames_lost == 0
    assert observer.video_report().frames_received == 1


def test_a_file_is_met_anywhere_begins_again_and_has_no_latency() -> None:
    observer = Observer()
    for number in (50, 51, 53, 1, 2):
        see(observer, RECORDED, number)
    report = observer.video_report()
    assert (report.frames_received, report.frames_lost, report.latency_ms_p50) == (5, 1, None)


def test_pictures_without_marks_are_counted_but_their_losses_are_not_known() -> None:
    observer = Observer()
    for _ in range(3):
        observer.frame(None, now=1.0, now_us=0)
    report = observer.video_report()
    assert (report.frames_received, report.frames_lost) == (3, None)


def test_a_mark_that_could_not_be_read_is_a_lost_frame() -> None:
    observer = Observer()
    see(observer, 7, 1)
    observer.frame(None, now=1.0, now_us=0)
    see(observer, 7, 3)
    report = observer.video_report()
    assert (report.frames_received, report.frames_lost) == (2, 1)


@given(st.lists(st.floats(0, 100), min_size=1))
def test_percentiles_are_nearest_rank_to_half_a_millisecond(values: list[float]) -> None:
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    for percent in (50, 99, 100):
        exact = sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]
        measured = latencies.percentile(percent)
        assert measured is not None
        assert abs(measured - exact) <= 0.5
    assert Latencies().percentile(50) is None
