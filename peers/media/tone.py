"""Sound that a machine can time: a quiet steady tone with a beep at every whole second of a clock.

The beep of second *s* has the frequency ``BEEPS_HZ[s % 5]``, so that a recording's sound can be laid beside
its picture (whose marks carry the same clock) without mistaking one second for another.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 48_000
STEADY_HZ = 220.0
BEEPS_HZ = (700.0, 1000.0, 1400.0, 1900.0, 2500.0)
BEEP_SECONDS = 0.1
_STEADY_LEVEL, _BEEP_LEVEL = 0.05, 0.5
_WINDOW, _HOP = 480, 120

Samples = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float64]


def tone(time_us: int, count: int) -> Samples:
    """``count`` mono samples whose first one belongs to ``time_us`` of the clock that the marks use."""
    at = time_us / 1e6 + np.arange(count) / SAMPLE_RATE
    second = np.floor(at)
    phase = at - second
    frequency = np.asarray(BEEPS_HZ)[second.astype(np.int64) % len(BEEPS_HZ)]
    wave = _STEADY_LEVEL * np.sin(2 * np.pi * STEADY_HZ * phase)
    beeping = phase < BEEP_SECONDS
    wave += np.where(beeping, _BEEP_LEVEL * np.sin(2 * np.pi * frequency * phase), 0.0)
    return (wave * 32767).astype(np.int16)


def find_beeps(samples: Floats) -> list[tuple[float, int]]:
    """Beeps in mono samples at :data:`SAMPLE_RATE`: (onset in seconds from the first sample, index in
    ``BEEPS_HZ``). Onsets are right to about 3 ms. What is shorter than half a beep is none."""
    if len(samples) < _WINDOW:
        return []
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    angle = 2 * np.pi * np.outer(np.arange(_WINDOW), BEEPS_HZ) / SAMPLE_RATE
    window = np.hanning(_WINDOW)[:, None]
    # One bin of a Fourier transform for each of the five frequencies (Goertzel's sum, written out).
    level = np.abs(frames @ (np.cos(angle) * window) - 1j * (frames @ (np.sin(angle) * window)))
    loudest = level.max(axis=1)
    peak = loudest.max()
    if peak <= 0:
        return []
    # A tone alone would give a quarter of the window's length; other sound leaks far less into the five.
    whole = np.sqrt(2 * (frames**2).mean(axis=1)) * _WINDOW / 4
    loud = (loudest > peak / 5) & (loudest > whole * 0.3)
    beeps: list[tuple[float, int]] = []
    start: int | None = None
    for i, on in enumerate([*loud.tolist(), False]):
        if on and start is None:
            start = i
        elif not on and start is not None:
            if (i - start) * _HOP >= BEEP_SECONDS * SAMPLE_RATE / 2:
                # Half of the beep's level is reached when half of the window is inside it.
                within = loudest[start:i]
                half = start + int((within > np.median(within) / 2).argmax())
                onset = (half * _HOP + (_WINDOW - _HOP) / 2) / SAMPLE_RATE
                beeps.append((onset, int(level[start:i].sum(axis=0).argmax())))
            start = None
    return beeps
