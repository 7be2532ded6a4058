"""The mark has to be read back from what codecs at their worst leave of it, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np
import pytest
from aiortc.codecs.base import Decoder, Encoder
from aiortc.codecs.h264 import H264Decoder, H264Encoder, h264_depayload
from aiortc.codecs.vpx import Vp8Decoder, Vp8Encoder, vp8_depayload
from aiortc.jitterbuffer import JitterFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from peers.media.pattern import TIME_MODULUS, Mark, Plane, draw, elapsed_us, read, read_frame

MARKS = st.builds(
    Mark,
    run=st.integers(0, (1 << 16) - 1),
    number=st.integers(0, (1 << 24) - 1),
    time_us=st.integers(0, TIME_MODULUS - 1),
)


def picture(mark: Mark, width: int = 640, height: int = 360) -> Plane:
    luma = np.full((height, width), 128, dtype=np.uint8)
    draw(luma, mark)
    return luma


def frame(mark: Mark, pts: int) -> av.VideoFrame:
    image = np.full((540, 640), 128, dtype=np.uint8)
    image[:360] = picture(mark)
    out = av.VideoFrame.from_ndarray(image, format="yuv420p")
    out.pts, out.time_base = pts, Fraction(1, 90000)
    return out


def through(codec: str, bits_per_second: int, marks: Iterable[Mark]) -> list[Mark | None]:
    """Encode and decode as aiortc does, at a bit rate far below its own least one."""
    encoder: Encoder
    decoder: Decoder
    if codec == "VP8":
        encoder, decoder, depayload = Vp8Encoder(), Vp8Decoder(), vp8_depayload
    else:
        encoder, decoder, depayload = H264Encoder(), H264Decoder(), h264_depayload
    setattr(encoder, f"_{type(encoder).__name__}__target_bitrate", bits_per_second)
    out: list[Mark | None] = []
    for index, mark in enumerate(marks):
        payloads, timestamp = encoder.encode(frame(mark, index * 3000))
        data = b"".join(depayload(payload) for payload in payloads)
        for decoded in decoder.decode(JitterFrame(data, timestamp)):
            assert isinstance(decoded, av.VideoFrame)
            out.append(read_frame(decoded))
    return out


@pytest.mark.parametrize("codec", ["VP8", "H264"])
@settings(max_examples=15, deadline=None)
@given(marks=st.lists(MARKS, min_size=1, max_size=12))
def test_any_sequence_of_marks_survives_a_hundred_kilobits(codec: str, marks: list[Mark]) -> None:
    assert through(codec, 100_000, marks) == marks


@given(MARKS, st.sampled_from([(160, 90), (320, 180), (426, 240), (640, 480), (1280, 720), (1920, 1080)]))
@settings(deadline=None)
def test_any_mark_is_read_back_at_any_size(mark: Mark, size: tuple[int, int]) -> None:
    assert read(picture(mark, *size)) == mark


@given(MARKS)
@settings(deadline=None, max_examples=25)
def test_it_survives_scaling_noise_and_a_change_of_contrast(mark: Mark) -> None:
    image = np.full((540, 640), 128, dtype=np.uint8)
    image[:360] = picture(mark)
    small = av.VideoFrame.from_ndarray(image, format="yuv420p").reformat(width=320, height=180)
    luma = small.to_ndarray()[:180].astype(np.float64)
    noise = np.random.default_rng(mark.number).normal(0, 12, luma.shape)
    assert read(np.clip(luma * 0.5 + 60 + noise, 0, 255).astype(np.uint8)) == mark


@given(MARKS, st.integers(0, 111))
@settings(deadline=None)
def test_a_cell_that_flipped_is_noticed(mark: Mark, cell: int) -> None:
    luma = picture(mark)
    row, column = divmod(cell, 14)
    block = luma[48 + 32 * row : 80 + 32 * row, 96 + 32 * column : 128 + 32 * column]
    block[:] = 248 - block
    assert read(luma) is None


def test_pictures_without_a_mark_have_none() -> None:
    random = np.random.default_rng(1)
    for _ in range(200):
        assert read(random.integers(0, 256, (180, 320), dtype=np.uint8)) is None
    for level in (0, 128, 255):
        assert read(np.full((360, 640), level, dtype=np.uint8)) is None
    assert read(np.zeros((10, 10), dtype=np.uint8)) is None


@pytest.mark.parametrize(
    "bad", [Mark(1 << 16, 0, 0), Mark(0, 1 << 24, 0), Mark(0, 0, TIME_MODULUS), Mark(-1, 0, 0)]
)
def test_what_does_not_fit_is_refused(bad: Mark) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        picture(bad)


def test_elapsed_time_goes_over_the_wrap() -> None:
    assert elapsed_us(TIME_MODULUS + 50, Mark(1, 1, TIME_MODULUS - 50)) == 100
    assert elapsed_us(1000, Mark(1, 1, 3000)) == -2000
