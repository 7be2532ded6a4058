"""One DTLS endpoint on aiortc's ``RTCDtlsTransport``: datagrams in and out, SRTP keys as the result.

All contact with aiortc's non-public names is in this file; ``tests/relay/dtls/test_contract.py``
fails when one of them changes. They are needed because aiortc keeps the keys to itself: its own
receive path decodes every packet, and Burrow's packet engine must sit under it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal, cast

from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
    State,
)
from aiortc.rtcicetransport import RTCIceGatherer, RTCIceTransport
from OpenSSL import SSL

from relay.engine.interface import SrtpKeys, SrtpProfile
from relay.errors import RelayError
from relay.sdp.answer import Fingerprint

Role = Literal["server", "client"]

QUEUE_DATAGRAMS = 16
"""Datagrams kept for a handshake that has not taken them yet; a flight has two or three."""
MTU_BYTES = 1200
"""Largest datagram made of handshake records: fits every path WebRTC is used on."""
RECORD_HEADER_BYTES = 13

_PROFILES: dict[bytes, SrtpProfile] = {
    SRTP_AEAD_AES_128_GCM.openssl_profile: SrtpProfile.AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80.openssl_profile: SrtpProfile.AES128_CM_SHA1_80,
}
# The server's order decides: GCM where the browser has it, CM with SHA-1 for old ones.
_PREFERENCE: list[SRTPProtectionProfile] = [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80]


class DtlsError(RelayError):
    """The handshake failed: no common parameters, a wrong fingerprint, or closed by the other side."""

    code = "dtls_failed"


class Certificate(RTCCertificate):
    """A certificate that makes one OpenSSL context for all its endpoints: a context is some 40 KiB."""

    _context: SSL.Context | None = None

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if self._context is None:
            context = super()._create_ssl_context(srtp_profiles)
            # No endpoint ever resumes, and a cached session is memory that never goes.
            context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            context.set_mode(SSL.MODE_RELEASE_BUFFERS)
            self._context = context
        return self._context

    @property
    def sha256(self) -> str:
        """The fingerprint as SDP writes it."""
        return next(f.value for f in self.getFingerprints() if f.algorithm == "sha-256")


class _Connection:
    """What ``RTCIceTransport`` asks of aioice's ``Connection``, over two plain functions."""

    ice_controlling = False
    local_username = ""
    local_password = ""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send_datagram = send
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUE_DATAGRAMS + 1)

    def feed(self, datagram: bytes) -> bool:
        """Drop policy: when the queue is full the new datagram is lost, as a network would lose it;
        DTLS sends its flight again."""
        if self._queue.qsize() >= QUEUE_DATAGRAMS:
            return False
        self._queue.put_nowait(datagram)
        return True

    async def recv(self) -> bytes:
        datagram = await self._queue.get()
        if datagram is None:
            raise ConnectionError
        return datagram

    async def send(self, data: bytes) -> None:
        self._send_datagram(data)

    async def close(self) -> None:
        if not self._queue.full():
            self._queue.put_nowait(None)


class _Gatherer:
    """As much of ``RTCIceGatherer`` as a transport that never gathers needs."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def remove_all_listeners(self) -> None:
        """Nobody listens."""


class _Transport(RTCDtlsTransport):
    """aiortc's transport, keeping the keys and sending whole records."""

    keys: SrtpKeys | None = None

    def _setup_srtp(self) -> None:
        ssl = cast(Any, self._ssl)  # aiortc types it as optional; it is set when the handshake is done
        profile = next((p for p in _PREFERENCE if p.openssl_profile == ssl.get_selected_srtp_profile()), None)
        if profile is None:
            self._set_state(State.FAILED)
            return
        material = ssl.export_keying_material(
            b"EXTRACTOR-dtls_srtp", 2 * (profile.key_length + profile.salt_length)
        )
        client, server = profile.get_key_and_salt(material, 0), profile.get_key_and_salt(material, 1)
        ingress, egress = (client, server) if self._role == "server" else (server, client)
        self.keys = SrtpKeys(_PROFILES[profile.openssl_profile], ingress, egress)

    async def _write_ssl(self) -> None:
        """OpenSSL's memory BIO keeps no datagram borders: take all, and cut between records."""
        ssl = cast(Any, self._ssl)
        pending = b""
        while True:
            try:
                pending += ssl.bio_read(16_384)
            except SSL.Error:
                break
        for datagram in datagrams_of(pending):
            await self.transport._send(datagram)


def datagrams_of(records: bytes) -> list[bytes]:
    """Pack whole DTLS records (RFC 6347 section 4.1) into datagrams of at most ``MTU_BYTES``."""
    datagrams: list[bytes] = []
    at, begin = 0, 0
    while at < len(records):
        size = RECORD_HEADER_BYTES + int.from_bytes(records[at + 11 : at + 13], "big")
        if at > begin and at + size - begin > MTU_BYTES:
            datagrams.append(records[begin:at])
            begin = at
        at += size
    if begin < len(records):
        datagrams.append(records[begin:])
    return datagrams


class DtlsEndpoint:
    """A handshake and what follows it, for one leg. ``send`` takes each outgoing datagram."""

    def __init__(self, certificate: Certificate, role: Role, send: Callable[[bytes], None]) -> None:
        self._connection = _Connection(send)
        ice = RTCIceTransport(cast(RTCIceGatherer, _Gatherer(self._connection)))
        self._transport = _Transport(ice, [certificate])
        self._transport._srtp_profiles = _PREFERENCE
        self._transport._set_role(role)

    def feed(self, datagram: bytes) -> bool:
        """Take a datagram, also before :meth:`handshake`. ``False``: the queue is full."""
        return self._connection.feed(datagram)

    async def handshake(self, fingerprints: tuple[Fingerprint, ...]) -> SrtpKeys:
        """Agree on keys with the peer whose certificate has one of these fingerprints.

        Raises :class:`DtlsError`. Has no time limit of its own: cancel it.
        """
        parameters = RTCDtlsParameters(
            fingerprints=[RTCDtlsFingerprint(algorithm=f.algorithm, value=f.value) for f in fingerprints]
        )
        try:
            await self._transport.start(parameters)
        # The edge to aiortc: a certificate that OpenSSL takes can still fail in any way when it is read.
        # A cancellation is no Exception and passes.
        except Exception as error:
            raise DtlsError("The DTLS handshake failed.") from error
        if self._transport.keys is None or self._transport.state != "connected":
            raise DtlsError("The DTLS handshake failed.")
        return self._transport.keys

    def on_closed(self, callback: Callable[[], None]) -> None:
        """Call back when the other side ends the association (close_notify)."""

        def changed() -> None:
            if self._transport.state == "closed":
                callback()

        self._transport.on("statechange", changed)

    async def close(self) -> None:
        """Send close_notify and end the association's task. Idempotent."""
        self._transport.remove_all_listeners()
        task = self._transport._task
        await self._transport.stop()
        await self._transport.transport.stop()
        if task is not None:
            await asyncio.wait([task])
