from __future__ import annotations

import numpy as np
import pytest

from peers.media.tone import BEEPS_HZ, SAMPLE_RATE, find_beeps, tone


@pytest.mark.parametrize("start_us", [0, 300_000, 999_000, 1_790_000_000_123_456 % (1 << 48)])
def test_beeps_are_found_where_the_clock_has_its_seconds(start_us: int) -> None:
    samples = tone(start_us, SAMPLE_RATE * 4).astype(np.float64)
    beeps = find_beeps(samples)
    assert len(beeps) >= 3
    for onset, index in beeps:
        if onset < 0.02:
            continue  # it began before the samples did
        second = start_us / 1e6 + onset
        assert abs(second - round(second)) < 0.003
        assert index == round(second) % len(BEEPS_HZ)


def test_pieces_made_one_after_another_are_one_sound() -> None:
    pieces = [tone(i * 20_000, 960) for i in range(100)]
    assert np.array_equal(np.concatenate(pieces), tone(0, 96_000))


def test_silence_and_a_steady_tone_hold_no_beep() -> None:
    assert find_beeps(np.zeros(SAMPLE_RATE)) == []
    assert find_beeps(np.zeros(10)) == []
    assert find_beeps(tone(300_000, SAMPLE_RATE // 2).astype(np.float64)) == []
