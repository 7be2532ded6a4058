"""SRTP and SRTCP of one leg by libsrtp (RFC 3711, 7714)."""

from __future__ import annotations

import pylibsrtp

from relay.engine.interface import Drop, SrtpKeys, SrtpProfile

RTP_WINDOW = 1024
"""Replay window in packets; libsrtp's SRTCP window is 128."""

_PROFILES = {
    SrtpProfile.AEAD_AES_128_GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    SrtpProfile.AEAD_AES_256_GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
    SrtpProfile.AES128_CM_SHA1_80: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
}
_REPLAYED = {
    "replay check failed (bad index)",
    "replay check failed (index too old)",
    "packet index is too old to consider",
}
_BAD_AUTH = "authentication failure"


def sessions(keys: SrtpKeys) -> tuple[pylibsrtp.Session, pylibsrtp.Session]:
    """The ingress and the egress session. Raises :class:`ValueError` for keys of a wrong length."""
    return (
        _session(keys.profile, keys.ingress, pylibsrtp.Policy.SSRC_ANY_INBOUND),
        _session(keys.profile, keys.egress, pylibsrtp.Policy.SSRC_ANY_OUTBOUND),
    )


def _session(profile: SrtpProfile, key: bytes, direction: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key=key, ssrc_type=direction, srtp_profile=_PROFILES[profile])
    policy.window_size = RTP_WINDOW
    # An RTX-less sender may be asked for the very same packet again (RFC 4585 NACK without RFC 4588).
    policy.allow_repeat_tx = True
    return pylibsrtp.Session(policy)


def why(error: pylibsrtp.Error) -> Drop:
    """The drop reason for what libsrtp says."""
    text = str(error)
    if text == _BAD_AUTH:
        return Drop.SRTP_BAD_AUTH
    if text in _REPLAYED:
        return Drop.SRTP_REPLAYED
    return Drop.SRTP_MALFORMED
