"""What a leg begins with: credentials, SSRCs that no other leg has, and the node's certificate."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from relay.door import LegId
from relay.dtls.endpoint import Certificate, DtlsEndpoint
from relay.engine.interface import IceCredentials
from relay.leg import Leg
from relay.sdp.offer import EgressSsrcs

DAY_SECONDS = 86_400


def new_credentials() -> IceCredentials:
    """A ufrag and password that nobody can guess, in ICE's alphabet (RFC 8839 section 5.4)."""
    return IceCredentials(secrets.token_urlsafe(6).replace("-", "+").replace("_", "/"), secrets.token_hex(16))


class FreshLegs:
    """Makes legs. ``certificate_days``: for how long new ones get the same certificate."""

    def __init__(self, certificate_days: int) -> None:
        self._certificate_seconds = certificate_days * DAY_SECONDS
        self._certificate = Certificate.generateCertificate()
        self._certificate_at = time.monotonic()
        self._ssrcs: set[int] = set()

    def make(self, leg: LegId, ice: IceCredentials, send_dtls: Callable[[bytes], None]) -> Leg:
        """A leg in its first state; its SSRCs are its own until :meth:`gone`."""
        certificate = self._current_certificate()
        return Leg(
            id=leg,
            ice=ice,
            ssrcs=EgressSsrcs(self._new_ssrc(), self._new_ssrc(), self._new_ssrc()),
            cname=secrets.token_hex(8),
            session=secrets.randbits(62),
            certificate=certificate,
            dtls=DtlsEndpoint(certificate, "server", send_dtls),
            offered_at=time.monotonic(),
        )

    def gone(self, leg: Leg) -> None:
        """Its SSRCs may be another's."""
        self._ssrcs -= {leg.ssrcs.audio, leg.ssrcs.video, leg.ssrcs.video_rtx}

    def _new_ssrc(self) -> int:
        while True:
            ssrc = secrets.randbits(32)
            if ssrc > 0xFFFF and ssrc not in self._ssrcs:
                self._ssrcs.add(ssrc)
                return ssrc

    def _current_certificate(self) -> Certificate:
        now = time.monotonic()
        if now - self._certificate_at > self._certificate_seconds:
            self._certificate = Certificate.generateCertificate()
            self._certificate_at = now
        return self._certificate
