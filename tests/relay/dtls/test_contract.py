"""aiortc's non-public names that relay.dtls.endpoint leans on: a new aiortc that changes one fails here."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from aiortc import rtcdtlstransport
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceTransport

from relay.dtls.endpoint import MTU_BYTES, Certificate, DtlsEndpoint, DtlsError, datagrams_of
from relay.sdp.answer import Fingerprint


def test_names_are_there() -> None:
    for name in ("_setup_srtp", "_write_ssl", "_set_role", "_set_state"):
        assert callable(getattr(RTCDtlsTransport, name))
    assert list(inspect.signature(RTCCertificate._create_ssl_context).parameters) == ["self", "srtp_profiles"]
    assert inspect.iscoroutinefunction(RTCDtlsTransport._write_ssl)
    assert rtcdtlstransport.State.FAILED
    source = inspect.getsource(RTCDtlsTransport)
    for used in ("self._srtp_profiles", "self._ssl", "self._task", "self._role", "self._setup_srtp()"):
        assert used in source
    assert "gatherer._connection" in inspect.getsource(RTCIceTransport)


class Wire:
    """Two endpoints joined in memory; ``lose`` swallows what the client sends while true."""

    def __init__(self, certificate: Certificate, other: Certificate) -> None:
        self.lose = 0
        self.sent: list[bytes] = []
        self.server = DtlsEndpoint(certificate, "server", lambda d: self._to(self.client, d))
        self.client = DtlsEndpoint(other, "client", lambda d: self._to(self.server, d))
        self.fingerprints = (
            (Fingerprint("sha-256", other.sha256),),
            (Fingerprint("sha-256", certificate.sha256),),
        )

    def _to(self, end: DtlsEndpoint, datagram: bytes) -> None:
        self.sent.append(datagram)
        if self.lose:
            self.lose -= 1
        else:
            end.feed(datagram)

    async def close(self) -> None:
        await self.server.close()
        await self.client.close()


@pytest.fixture
def wire(certificate: Certificate) -> Wire:
    return Wire(certificate, Certificate.generateCertificate())


async def test_both_sides_agree_on_gcm_keys(wire: Wire) -> None:
    async with asyncio.timeout(10):
        server, client = await asyncio.gather(
            wire.server.handshake(wire.fingerprints[0]), wire.client.handshake(wire.fingerprints[1])
        )
    assert server.profile == client.profile == "SRTP_AEAD_AES_128_GCM"
    assert (server.ingress, server.egress) == (client.egress, client.ingress)
    assert "ingress" not in repr(server)
    assert max(len(datagram) for datagram in wire.sent) <= MTU_BYTES
    await wire.close()


async def test_lost_flight_is_sent_again(wire: Wire) -> None:
    wire.lose = 1
    async with asyncio.timeout(10):
        await asyncio.gather(
            wire.server.handshake(wire.fingerprints[0]), wire.client.handshake(wire.fingerprints[1])
        )
    await wire.close()


async def test_other_fingerprint_is_refused(wire: Wire) -> None:
    async with asyncio.timeout(10):
        results = await asyncio.gather(
            wire.server.handshake((Fingerprint("sha-256", "00:11"),)),
            wire.client.handshake(wire.fingerprints[1]),
            return_exceptions=True,
        )
    assert isinstance(results[0], DtlsError)
    await wire.close()


async def test_close_is_heard_on_the_other_side(wire: Wire) -> None:
    async with asyncio.timeout(10):
        await asyncio.gather(
            wire.server.handshake(wire.fingerprints[0]), wire.client.handshake(wire.fingerprints[1])
        )
        closed = asyncio.Event()
        wire.server.on_closed(closed.set)
        await wire.client.close()
        await closed.wait()
    await wire.close()


async def test_queue_before_the_handshake_is_bounded(wire: Wire) -> None:
    assert [wire.server.feed(b"\x16") for _ in range(17)] == [True] * 16 + [False]


def test_flights_are_cut_between_records() -> None:
    def record(size: int) -> bytes:
        return b"\x16\xfe\xfd" + bytes(8) + size.to_bytes(2, "big") + bytes(size)

    flight = record(700) + record(400) + record(100) + record(1400) + record(5)
    assert [len(d) for d in datagrams_of(flight)] == [713 + 413, 113, 1413, 18]
    assert b"".join(datagrams_of(flight)) == flight
    assert datagrams_of(b"") == []
