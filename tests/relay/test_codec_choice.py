from __future__ import annotations

from relay.codec_choice import CodecChoice, choose_codecs
from relay.sdp.table import H264, VP8

ALL = (96, 102, 98, 45)


def test_first_codecs_that_both_take_need_no_offer() -> None:
    assert choose_codecs(ALL, ALL, (96, 102), (96, 102)) == CodecChoice(True)
    assert choose_codecs(ALL, ALL, (102, 96), (102, 96)) == CodecChoice(True)


def test_sender_of_an_unshared_codec_is_narrowed() -> None:
    assert choose_codecs(ALL, ALL, (102,), (102,)) == CodecChoice(True, (H264,), None)


def test_leg_narrowed_by_an_earlier_match_is_widened_again() -> None:
    choice = choose_codecs((102,), ALL, (96,), (96, 102))
    assert choice == CodecChoice(True, (VP8, H264), (VP8, H264))


def test_nothing_shared_is_impossible_and_no_video_is_fine() -> None:
    assert choose_codecs((96,), (96,), (102,), (102,)) == CodecChoice(False)
    assert choose_codecs((), (), (102,), (102,)) == CodecChoice(True)
