"""What the node keeps of one leg: from its offer to its end. One enum says where it is."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from relay.door import Kind, LegId, LinkId, Transport
from relay.dtls.endpoint import Certificate, DtlsEndpoint
from relay.engine.interface import Address, IceCredentials
from relay.sdp.answer import Answer
from relay.sdp.offer import EgressSsrcs, OfferParts, write_offer
from relay.sdp.table import MIDS, Codec, codecs_of


class LegState(enum.StrEnum):
    OFFERED = "offered"
    """Waiting for a usable answer."""
    CONNECTING = "connecting"
    """ICE and DTLS under way."""
    CONNECTED = "connected"
    INTERRUPTED = "interrupted"
    CLOSED = "closed"


@dataclass(slots=True, eq=False)
class Leg:
    """``offered_at`` in monotonic seconds. ``answer`` is the current one; ``capable`` are the
    payload types of the first, which was to the full offer."""

    id: LegId
    ice: IceCredentials
    ssrcs: EgressSsrcs
    cname: str
    session: int
    certificate: Certificate
    dtls: DtlsEndpoint
    offered_at: float
    state: LegState = LegState.OFFERED
    version: int = 1
    offered: dict[Kind, tuple[Codec, ...]] = field(
        default_factory=lambda: {kind: codecs_of(kind) for kind in MIDS}
    )
    answer: Answer | None = None
    capable: dict[Kind, tuple[int, ...]] = field(default_factory=dict)
    transport: Transport | None = None
    srtp_profile: str = ""
    dtls_dropped: int = 0
    """DTLS datagrams that found the handshake's queue full."""
    link: LinkId | None = None

    def offer(self, candidates: tuple[Address, ...], tcp_candidates: tuple[Address, ...]) -> str:
        """The SDP of the leg's current offer."""
        return write_offer(
            OfferParts(
                session=self.session,
                version=self.version,
                ufrag=self.ice.ufrag,
                password=self.ice.password,
                fingerprint=self.certificate.sha256,
                candidates=candidates,
                tcp_candidates=tcp_candidates,
                ssrcs=self.ssrcs,
                cname=self.cname,
                codecs=self.offered,
            )
        )

    def restart(self, ice: IceCredentials) -> None:
        """The next offer, and each after it, has these credentials. All else of it stays, ``setup:actpass``
        too: it keeps a DTLS association whose fingerprints and roles go on (RFC 8842 section 5.5)."""
        self.ice = ice
        self.version += 1

    def narrow(self, codecs: dict[Kind, tuple[Codec, ...]]) -> None:
        """The next offer names these codecs only, of the kinds that are there."""
        self.offered |= codecs
        self.version += 1
