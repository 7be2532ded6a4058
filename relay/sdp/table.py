"""The one table of payload types and header extension ids that every offer of every leg has.

Because it is the same for all, nothing about numbering depends on the other side of a link, and no
packet's payload type or extension id is ever rewritten.
"""

from __future__ import annotations

from dataclasses import dataclass

from relay.door import Kind


@dataclass(frozen=True, slots=True)
class Codec:
    """``rtx_payload_type``: the RTX that repairs it (RFC 4588), video only."""

    kind: Kind
    name: str
    payload_type: int
    clock_rate: int
    channels: int | None = None
    rtx_payload_type: int | None = None
    parameters: str = ""


OPUS = Codec("audio", "opus", 111, 48_000, 2, parameters="minptime=10;useinbandfec=1")
# RED's own offsets are relative to its packet, so rewriting does not touch them (RFC 2198).
RED = Codec("audio", "red", 63, 48_000, 2, parameters="111/111")
VP8 = Codec("video", "VP8", 96, 90_000, rtx_payload_type=97)
H264 = Codec(
    "video",
    "H264",
    102,
    90_000,
    rtx_payload_type=103,
    parameters="level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
)
VP9 = Codec("video", "VP9", 98, 90_000, rtx_payload_type=99, parameters="profile-id=0")
AV1 = Codec("video", "AV1", 45, 90_000, rtx_payload_type=46)

CODECS: tuple[Codec, ...] = (RED, OPUS, VP8, H264, VP9, AV1)
"""In the order of preference. RED before Opus: each packet carries the one before it as well, so a single
lost one is not heard (docs/decisions/0042-red-first.md). VP8 first: every browser and every headless peer
has it."""

MIDS: dict[Kind, str] = {"audio": "0", "video": "1"}

MID_EXTENSION = 1
TRANSPORT_CC_EXTENSION = 3
_EXTENSIONS: tuple[tuple[int, str, tuple[Kind, ...]], ...] = (
    (MID_EXTENSION, "urn:ietf:params:rtp-hdrext:sdes:mid", ("audio", "video")),
    (2, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time", ("audio", "video")),
    (
        TRANSPORT_CC_EXTENSION,
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        ("audio", "video"),
    ),
    (4, "urn:ietf:params:rtp-hdrext:ssrc-audio-level", ("audio",)),
    (5, "urn:3gpp:video-orientation", ("video",)),
    (6, "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay", ("video",)),
    (
        7,
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
        ("video",),
    ),
)

_FEEDBACK: dict[Kind, tuple[str, ...]] = {
    "audio": ("transport-cc",),
    # goog-remb is for receivers without transport-cc (aiortc); a browser uses transport-cc when it can.
    "video": ("nack", "nack pli", "ccm fir", "transport-cc", "goog-remb"),
}


def codecs_of(kind: Kind) -> tuple[Codec, ...]:
    """A kind's codecs in the order of preference."""
    return tuple(codec for codec in CODECS if codec.kind == kind)


def extensions_of(kind: Kind) -> tuple[tuple[int, str], ...]:
    """(id, URI) of a kind's header extensions."""
    return tuple((number, uri) for number, uri, kinds in _EXTENSIONS if kind in kinds)


def feedback_of(kind: Kind) -> tuple[str, ...]:
    """The ``rtcp-fb`` values of a kind's media payload types."""
    return _FEEDBACK[kind]
