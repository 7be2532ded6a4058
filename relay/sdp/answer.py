"""Read a browser's answer: what it accepts, or why it cannot be used (RFC 8829 section 5.11).

Parsing is aiortc's. Its parser asserts and indexes as it goes, so anything it raises on a hostile
text means the same here: this is not SDP.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from aiortc.sdp import MediaDescription, SessionDescription

from relay.door import Kind
from relay.engine.interface import LegPlan, TrackPlan
from relay.errors import AnswerRejected
from relay.sdp.offer import EgressSsrcs
from relay.sdp.table import MID_EXTENSION, MIDS, TRANSPORT_CC_EXTENSION, codecs_of

MAX_CHARS: Final = 32_768
MAX_LINES: Final = 400
"""A browser's answer has some 130."""
_FEEDBACK_LINE = re.compile(r"^a=rtcp-fb:.*\r?\n?", re.MULTILINE)
KINDS: tuple[Kind, Kind] = ("audio", "video")
_DIGESTS = frozenset({"sha-256", "sha-384", "sha-512"})
_PARSER_ERRORS = (ValueError, AssertionError, KeyError, IndexError, AttributeError, TypeError, StopIteration)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Of the browser's DTLS certificate (RFC 8122)."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class Answer:
    """``codecs``: a kind's payload types in the browser's order, without RTX; the first is the one it will
    send. Empty: it has rejected that section."""

    fingerprints: tuple[Fingerprint, ...]
    plan: LegPlan
    codecs: dict[Kind, tuple[int, ...]]


def read_answer(sdp: str, ssrcs: EgressSsrcs, cname: str) -> Answer:
    """Check and read an answer.

    Raises :class:`relay.errors.AnswerRejected` with code ``sdp_too_long``, ``not_sdp``,
    ``wrong_sections``, ``no_ice``, ``no_fingerprint``, ``wrong_setup`` or ``no_codec``.
    """
    if len(sdp) > MAX_CHARS or sdp.count("\n") > MAX_LINES:
        raise AnswerRejected(
            "sdp_too_long", f"The answer has more than {MAX_CHARS} characters or {MAX_LINES} lines."
        )
    try:
        if not sdp.startswith("v=0"):
            raise ValueError("RFC 8866 section 5.1")
        # Feedback is as offered. aiortc's parser takes codecs times feedback lines for it: enough of both
        # would hold up the event loop, and every call with it.
        description = SessionDescription.parse(_FEEDBACK_LINE.sub("", sdp))
    except _PARSER_ERRORS as error:
        raise AnswerRejected("not_sdp", "The answer is not SDP.") from error
    sections = description.media
    expected = [(kind, MIDS[kind]) for kind in KINDS]
    if [(section.kind, section.rtp.muxId) for section in sections] != expected:
        raise AnswerRejected(
            "wrong_sections", "The answer must have the offer's sections, audio (mid 0) and video (mid 1)."
        )
    accepted = [section for section in sections if section.port != 0]
    if not accepted:
        raise AnswerRejected("wrong_sections", "The answer rejects both sections.")
    transport = accepted[0]
    if transport.ice is None or not transport.ice.usernameFragment or not transport.ice.password:
        raise AnswerRejected("no_ice", "The answer has no ICE ufrag or password.")
    tracks = tuple(_track(section, ssrcs) for section in accepted)
    for track in tracks:
        if not track.clock_rates:
            raise AnswerRejected("no_codec", f"The answer accepts none of the offered {track.kind} codecs.")
    plan = LegPlan(tracks, cname, MID_EXTENSION, TRANSPORT_CC_EXTENSION)
    codecs: dict[Kind, tuple[int, ...]] = dict.fromkeys(KINDS, ())
    for track, section in zip(tracks, accepted, strict=True):
        codecs[track.kind] = tuple(pt for pt in section.fmt if pt in track.clock_rates)
    return Answer(_fingerprints(transport), plan, codecs)


def _fingerprints(section: MediaDescription) -> tuple[Fingerprint, ...]:
    dtls = section.dtls
    if dtls is None:
        raise AnswerRejected("wrong_setup", "The answer has no setup attribute.")
    fingerprints = tuple(
        Fingerprint(f.algorithm.lower(), f.value)
        for f in dtls.fingerprints
        if f.algorithm.lower() in _DIGESTS
    )
    if not fingerprints:
        raise AnswerRejected("no_fingerprint", "The answer has no certificate fingerprint (sha-256).")
    if dtls.role != "client":
        raise AnswerRejected("wrong_setup", "The answer must say setup:active: the relay is the DTLS server.")
    return fingerprints


def _track(section: MediaDescription, ssrcs: EgressSsrcs) -> TrackPlan:
    kind: Kind = "audio" if section.kind == "audio" else "video"
    offered = {codec.payload_type: codec for codec in codecs_of(kind)}
    rates: dict[int, int] = {}
    rtx: dict[int, int] = {}
    named = {codec.payloadType: codec for codec in section.rtp.codecs}
    for payload_type in section.fmt:
        codec, meant = named.get(payload_type), offered.get(payload_type)
        # A payload type that the answer gives another meaning is not accepted.
        if (
            codec
            and meant
            and (codec.name.lower(), codec.clockRate) == (meant.name.lower(), meant.clock_rate)
        ):
            rates[payload_type] = meant.clock_rate
    for ours in offered.values():
        repair_type = ours.rtx_payload_type
        repair = named.get(repair_type)
        if (
            repair_type is not None
            and repair is not None
            and repair.name.lower() == "rtx"
            and repair.parameters.get("apt") == ours.payload_type
            and repair_type in section.fmt
            and ours.payload_type in rates
        ):
            rtx[repair_type] = ours.payload_type
    media_ssrc, rtx_ssrc = _ingress_ssrcs(section)
    return TrackPlan(
        mid=MIDS[kind],
        kind=kind,
        clock_rates=rates,
        rtx=rtx,
        ingress_ssrc=media_ssrc,
        ingress_rtx_ssrc=rtx_ssrc,
        egress_ssrc=ssrcs.audio if kind == "audio" else ssrcs.video,
        egress_rtx_ssrc=None if kind == "audio" else ssrcs.video_rtx,
    )


def _ingress_ssrcs(section: MediaDescription) -> tuple[int | None, int | None]:
    for group in section.ssrc_group:
        if group.semantic == "FID" and len(group.items) == 2:
            return _ssrc(int(group.items[0])), _ssrc(int(group.items[1]))
    return (_ssrc(section.ssrc[0].ssrc) if section.ssrc else None), None


def _ssrc(number: int) -> int:
    if not 0 <= number <= 0xFFFFFFFF:
        raise AnswerRejected("not_sdp", "The answer names an SSRC that is none.")
    return number
