from __future__ import annotations

import pytest

from tests.lab.shaping import Conditions, Line


def arrivals(line: Line, count: int, every: float, size: int = 1200) -> list[float | None]:
    return [line.take(size, number * every) for number in range(count)]


def test_perfect_line_delivers_at_once() -> None:
    assert arrivals(Line(Conditions(), 1), 3, 0.01) == [0.0, 0.01, 0.02]


def test_delay_and_jitter_stay_within_their_bounds_and_keep_the_order() -> None:
    out = arrivals(Line(Conditions(delay_ms=50, jitter_ms=20), 1), 500, 0.001)
    delays = [at - number * 0.001 for number, at in enumerate(out) if at is not None]
    assert len(delays) == 500
    assert min(delays) >= 0.05
    assert max(delays) <= 0.0701
    assert max(delays) - min(delays) > 0.01
    assert out == sorted(at for at in out if at is not None)


def test_loss_is_as_often_as_said_and_repeats_with_its_seed() -> None:
    lossy = Conditions(loss=0.05)
    out = arrivals(Line(lossy, 7), 10_000, 0.001)
    assert 400 < out.count(None) < 600
    assert out == arrivals(Line(lossy, 7), 10_000, 0.001)
    assert out != arrivals(Line(lossy, 8), 10_000, 0.001)


def test_rate_is_kept_and_the_queue_is_bounded() -> None:
    line = Line(Conditions(rate_bps=1_000_000, queue_ms=100), 1)
    out = [at for at in arrivals(line, 1000, 0.001) if at is not None]  # 9.6 Mbit/s for a second
    assert out[-1] <= 1.0 + 0.1 + 0.01
    assert len(out) * 1200 * 8 == pytest.approx(1_100_000, rel=0.03)  # one second's worth and the queue
    assert line.overflowed == 1000 - len(out)


def test_conditions_can_change_while_packets_are_under_way() -> None:
    line = Line(Conditions(delay_ms=100), 1)
    first = line.take(100, 0.0)
    line.conditions = Conditions()
    assert first == 0.1
    assert line.take(100, 0.05) == 0.1  # not before the one it followed
