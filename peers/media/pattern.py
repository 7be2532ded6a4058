"""Marks in the picture: a number and a time drawn as blocks that survive lossy compression.

The frame is divided as a 640x360 one is into cells of 32x32 (other sizes scale), 14 across and 8 down,
each black or white: two macroblocks wide, so that a codec at its lowest quality still keeps its average.
The 112 cells are, row by row: 8 of a fixed sync word, 16 of the run, 24 of the number, 48 of the time in
microseconds, 16 of a CRC over those. A picture without sync word or with a wrong CRC carries no mark.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass

import av
import numpy as np
import numpy.typing as npt

COLUMNS, ROWS = 14, 8
SYNC = 0b10110010
RUN_BITS, NUMBER_BITS, TIME_BITS, CRC_BITS = 16, 24, 48, 16
TIME_MODULUS = 1 << TIME_BITS
RECORDED = 0
"""The run of marks that were drawn into a file: their time is the file's, not a clock's."""

_LEFT, _TOP, _CELL_X, _CELL_Y = 96 / 640, 48 / 360, 32 / 640, 32 / 360
_DARK, _LIGHT = 32, 216
_LEAST_CONTRAST = 40

Plane = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Mark:
    """``run`` tells one sender's stream from another's (:data:`RECORDED` for a file's), ``number`` counts the
    run's frames from 1, ``time_us`` is the sender's wall clock in microseconds (a file's own time for files),
    modulo :data:`TIME_MODULUS`."""

    run: int
    number: int
    time_us: int


def draw(luma: Plane, mark: Mark) -> None:
    """Draw ``mark`` into a luma plane (rows, columns). Raises ``ValueError`` when a field does not fit."""
    height, width = luma.shape
    bits = _bits(mark)
    xs, ys = _edges(width, height)
    for row in range(ROWS):
        for column in range(COLUMNS):
            luma[ys[row] : ys[row + 1], xs[column] : xs[column + 1]] = (
                _LIGHT if bits[row * COLUMNS + column] else _DARK
            )


def read(luma: Plane) -> Mark | None:
    """The mark in a luma plane, or ``None``. Never raises for what the picture shows."""
    height, width = luma.shape
    if width < 8 * COLUMNS or height < 8 * ROWS:
        return None
    xs, ys = _edges(width, height)
    # The middle half of each cell: its borders ring and are moved by scaling.
    lefts, rights = _middle(xs)
    tops, bottoms = _middle(ys)
    means = np.empty((ROWS, COLUMNS))
    for row in range(ROWS):
        sums = np.cumsum(luma[tops[row] : bottoms[row]].sum(axis=0, dtype=np.int64))
        means[row] = (sums[rights - 1] - sums[lefts - 1]) / ((rights - lefts) * (bottoms[row] - tops[row]))
    cells = means.reshape(-1)
    # The sync word holds both colours, so its own cells give the threshold under any contrast or brightness.
    ones = [cells[i] for i in range(8) if SYNC >> (7 - i) & 1]
    zeros = [cells[i] for i in range(8) if not SYNC >> (7 - i) & 1]
    if min(ones) - max(zeros) < _LEAST_CONTRAST:
        return None
    threshold = (sum(ones) / len(ones) + sum(zeros) / len(zeros)) / 2
    value = int.from_bytes(np.packbits(cells > threshold).tobytes(), "big")
    body, crc = value >> CRC_BITS, value & ((1 << CRC_BITS) - 1)
    if _crc(body) != crc:
        return None
    time_us = body & (TIME_MODULUS - 1)
    number = body >> TIME_BITS & ((1 << NUMBER_BITS) - 1)
    run = body >> (TIME_BITS + NUMBER_BITS) & ((1 << RUN_BITS) - 1)
    return Mark(run=run, number=number, time_us=time_us)


def read_frame(frame: av.VideoFrame) -> Mark | None:
    """The mark in a decoded frame of any planar YUV format."""
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)
    return read(rows[: frame.height, : frame.width])


def elapsed_us(now_us: int, mark: Mark) -> int:
    """Microseconds from the mark's time to ``now_us``, the same clock, over the wrap of the mark's time."""
    behind = (now_us - mark.time_us) % TIME_MODULUS
    return behind - TIME_MODULUS if behind > TIME_MODULUS // 2 else behind


def _bits(mark: Mark) -> list[int]:
    for name, value, width in (
        ("run", mark.run, RUN_BITS),
        ("number", mark.number, NUMBER_BITS),
        ("time_us", mark.time_us, TIME_BITS),
    ):
        if not 0 <= value < 1 << width:
            raise ValueError(f"{name} = {value} does not fit {width} bits")
    body = ((SYNC << RUN_BITS | mark.run) << NUMBER_BITS | mark.number) << TIME_BITS | mark.time_us
    value = body << CRC_BITS | _crc(body)
    return [value >> (COLUMNS * ROWS - 1 - i) & 1 for i in range(COLUMNS * ROWS)]


def _crc(body: int) -> int:
    return binascii.crc_hqx(body.to_bytes((COLUMNS * ROWS - CRC_BITS) // 8, "big"), 0xFFFF)


def _edges(width: int, height: int) -> tuple[list[int], list[int]]:
    xs = [round((_LEFT + _CELL_X * i) * width) for i in range(COLUMNS + 1)]
    ys = [round((_TOP + _CELL_Y * i) * height) for i in range(ROWS + 1)]
    return xs, ys


def _middle(edges: list[int]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    starts, ends = np.asarray(edges[:-1], dtype=np.int64), np.asarray(edges[1:], dtype=np.int64)
    quarters = (ends - starts) // 4
    return starts + quarters, ends - quarters
