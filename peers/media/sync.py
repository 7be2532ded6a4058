"""How far sound and picture lie apart in a file whose picture is marked and whose sound beeps."""

from __future__ import annotations

from pathlib import Path

import av
import msgspec
import numpy as np

from peers.errors import MediaUnusable
from peers.media.pattern import read_frame
from peers.media.tone import BEEPS_HZ, SAMPLE_RATE, Floats, find_beeps


class Sync(msgspec.Struct, frozen=True):
    """``late_ms`` holds one value a beep: by how much the sound comes after its picture, in milliseconds."""

    frames: int
    marked: int
    numbers: int
    """Different frame numbers seen."""
    last_number: int
    """The highest of them."""
    late_ms: tuple[float, ...]

    @property
    def worst_ms(self) -> float:
        """The largest distance either way. Raises ``ValueError`` when no beep was heard."""
        return max(abs(value) for value in self.late_ms)


def measure_sync(path: Path) -> Sync:
    """Measure the file at ``path``. Raises :class:`MediaUnusable` when it cannot be read or has only one
    stream."""
    try:
        frames, times, clock, numbers = _picture(path)
        start, sound = _sound(path)
    except (OSError, av.FFmpegError, IndexError) as error:
        raise MediaUnusable(f"Cannot measure {path}: {error}.") from error
    late: list[float] = []
    if times:
        for onset, index in find_beeps(sound):
            at = start + onset
            if not times[0] <= at <= times[-1]:
                continue
            shown = float(np.interp(at, times, clock))
            # The whole second nearest to what the picture says, among those that beep with this tone.
            second = index + len(BEEPS_HZ) * round((shown - index) / len(BEEPS_HZ))
            late.append((shown - second) * 1000)
    return Sync(
        frames=frames,
        marked=len(times),
        numbers=len(numbers),
        last_number=max(numbers, default=0),
        late_ms=tuple(late),
    )


def _picture(path: Path) -> tuple[int, list[float], list[float], set[int]]:
    frames, times, clock, numbers = 0, [], [], set()
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.video[0]):
            frames += 1
            mark = read_frame(frame)
            if mark is not None and frame.time is not None:
                times.append(frame.time)
                clock.append(mark.time_us / 1e6)
                numbers.add(mark.number)
    return frames, times, clock, numbers


def _sound(path: Path) -> tuple[float, Floats]:
    start: float | None = None
    pieces: list[Floats] = []
    length = 0
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("dblp", "mono", SAMPLE_RATE)
        for decoded in container.decode(container.streams.audio[0]):
            if decoded.time is None:
                continue
            if start is None:
                start = decoded.time
            # Where the file leaves sound out there is silence; times in the file are rounded to 1 ms.
            missing = round((decoded.time - start) * SAMPLE_RATE) - length
            if missing > SAMPLE_RATE // 200:
                pieces.append(np.zeros(missing))
                length += missing
            for frame in resampler.resample(decoded):
                piece = frame.to_ndarray().astype(np.float64).reshape(-1)
                pieces.append(piece)
                length += len(piece)
    return start or 0.0, np.concatenate(pieces) if pieces else np.zeros(0)
