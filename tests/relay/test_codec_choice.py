from __future__ import annotations

from relay.codec_choice import CodecChoice, choose_codecs
from relay.sdp.table import H264, OPUS, RED, VP8

ALL = (96, 102, 98, 45)


def test_first_codecs_that_both_take_need_no_offer() -> None:
    assert choose_codecs("video", ALL, ALL, (96, 102), (96, 102)) == CodecChoice(True)
    assert choose_codecs("video", ALL, ALL, (102, 96), (102, 96)) == CodecChoice(True)


def test_sender_of_an_unshared_codec_is_narrowed() -> None:
    assert choose_codecs("video", ALL, ALL, (102,), (102,)) == CodecChoice(True, (H264,), None)


def test_leg_narrowed_by_an_earlier_match_is_widened_again() -> None:
    choice = choose_codecs("video", (102,), ALL, (96,), (96, 102))
    assert choice == CodecChoice(True, (VP8, H264), (VP8, H264))


def test_nothing_shared_is_impossible_and_no_video_is_fine() -> None:
    assert choose_codecs("video", (96,), (96,), (102,), (102,)) == CodecChoice(False)
    assert choose_codecs("video", (), (), (102,), (102,)) == CodecChoice(True)


def test_sound_with_redundancy_goes_to_those_who_take_it_only() -> None:
    both, plain = (63, 111), (111,)
    assert choose_codecs("audio", both, both, both, both) == CodecChoice(True)
    assert choose_codecs("audio", both, both, plain, plain) == CodecChoice(True, (OPUS,), None)
    # The next stranger takes it again.
    assert choose_codecs("audio", plain, both, both, both) == CodecChoice(True, (RED, OPUS), None)
