"""A leg's far end without a media stack: one check, one DTLS handshake, SRTP packets as given.

What a browser is to the relay, at the cost of a socket: benchmarks and the relay's own tests drive
hundreds of these. Real media is the job of ``peers``.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from typing import Any

import pylibsrtp
from aioice import stun
from aiortc import RTCIceCandidate
from aiortc.sdp import MediaDescription, SessionDescription

from relay.dtls.endpoint import Certificate, DtlsEndpoint
from relay.engine.interface import SrtpKeys
from relay.engine.python import srtp
from relay.sdp.answer import Fingerprint

CHECK_INTERVAL_SECONDS = 0.1
PRIORITY = 110 << 24 | 0xFFFF << 8 | 255
"""Of a peer-reflexive candidate (RFC 8445 section 5.1.2.2)."""


class BareLeg:
    """Answers one relay offer. ``audio_ssrc``, ``video_ssrc`` and ``video_rtx_ssrc`` are its own; ``host`` is
    where its socket is bound."""

    def __init__(self, offer: str, certificate: Certificate, host: str = "127.0.0.1") -> None:
        self.offer = offer
        description = SessionDescription.parse(offer)
        self.audio, self.video = description.media
        """The offer's sections: egress SSRCs, payload types."""
        self.audio_ssrc, self.video_ssrc, self.video_rtx_ssrc = (
            secrets.randbits(31) + 0x10000 for _ in range(3)
        )
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(12)
        self._certificate = certificate
        ice = self.audio.ice
        assert ice is not None
        self._relay_ufrag, self._relay_password = str(ice.usernameFragment), str(ice.password)
        candidate = _choose(self.audio.ice_candidates, host)
        self.relay_address = (candidate.ip, candidate.port)
        self._fingerprints = tuple(
            Fingerprint(f.algorithm, f.value)
            for f in (self.audio.dtls.fingerprints if self.audio.dtls else [])
        )
        version6 = ":" in candidate.ip
        self.socket = socket.socket(socket.AF_INET6 if version6 else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((host if version6 == (":" in host) else "::" if version6 else "0.0.0.0", 0))  # noqa: S104 - a client's socket
        self._dtls = DtlsEndpoint(certificate, "client", self.send)
        self._checked = asyncio.Event()
        self.keys: SrtpKeys | None = None
        self._sessions: tuple[pylibsrtp.Session, pylibsrtp.Session] | None = None
        self.rtp: asyncio.Queue[bytes] = asyncio.Queue()
        self.rtcp: asyncio.Queue[bytes] = asyncio.Queue()
        self.stun: asyncio.Queue[bytes] = asyncio.Queue()

    def answer(self) -> str:
        """The SDP answer: every payload type of the offer, ``setup:active``, the leg's own SSRCs."""
        lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0 1"]
        for section in (self.audio, self.video):
            lines += self._section(section)
        return "\r\n".join(lines) + "\r\n"

    def _section(self, section: MediaDescription) -> list[str]:
        lines = [
            f"m={section.kind} 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, section.fmt))}",
            "c=IN IP4 0.0.0.0",
            f"a=ice-ufrag:{self.ufrag}",
            f"a=ice-pwd:{self.password}",
            f"a=fingerprint:sha-256 {self._certificate.sha256}",
            "a=setup:active",
            f"a=mid:{section.rtp.muxId}",
            "a=sendrecv",
            "a=rtcp-mux",
        ]
        for codec in section.rtp.codecs:
            lines.append(f"a=rtpmap:{codec.payloadType} {codec}")
            if codec.name == "rtx":
                lines.append(f"a=fmtp:{codec.payloadType} apt={codec.parameters['apt']}")
        if section.kind == "audio":
            return [*lines, f"a=ssrc:{self.audio_ssrc} cname:bare"]
        lines.append(f"a=ssrc-group:FID {self.video_ssrc} {self.video_rtx_ssrc}")
        return lines + [f"a=ssrc:{s} cname:bare" for s in (self.video_ssrc, self.video_rtx_ssrc)]

    def restart(self, offer: str) -> None:
        """Take an offer that restarts ICE: the next :meth:`answer` and checks are by new credentials."""
        self.offer = offer
        ice = SessionDescription.parse(offer).media[0].ice
        assert ice is not None
        self._relay_ufrag, self._relay_password = str(ice.usernameFragment), str(ice.password)
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(12)

    async def connect(self) -> SrtpKeys:
        """Check until the relay answers, then agree on keys. The answer must be on its way.

        Raises :class:`relay.dtls.endpoint.DtlsError`; has no time limit of its own.
        """
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self._drain)
        while not self._checked.is_set():
            self.check()
            # Not wait_for: in Python 3.11 it can lose a cancellation that comes with the answer.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHECK_INTERVAL_SECONDS):
                    await self._checked.wait()
        self.keys = await self._dtls.handshake(self._fingerprints)
        self._sessions = srtp.sessions(self.keys)
        return self.keys

    @property
    def username(self) -> str:
        """Of its checks."""
        return f"{self._relay_ufrag}:{self.ufrag}"

    @property
    def relay_password(self) -> str:
        """Of its checks."""
        return self._relay_password

    def hand_over(self) -> socket.socket:
        """Read nothing any more: what comes to the socket, connected to the relay, is another's now."""
        asyncio.get_running_loop().remove_reader(self.socket.fileno())
        self.socket.connect(self.relay_address)
        return self.socket

    def check(self, nominate: bool = True, **attributes: Any) -> bytes:
        """Send one connectivity check; returns its transaction id."""
        message = stun.Message(
            stun.Method.BINDING,
            stun.Class.REQUEST,
            attributes={
                "USERNAME": self.username,
                "PRIORITY": PRIORITY,
                "ICE-CONTROLLING": 1,
            },
        )
        if nominate:
            message.attributes["USE-CANDIDATE"] = None
        message.attributes.update(attributes)
        message.add_message_integrity(self._relay_password.encode())
        self.send(bytes(message))
        return message.transaction_id

    def send(self, datagram: bytes) -> None:
        """Send a datagram as it is."""
        self.socket.sendto(datagram, self.relay_address)

    def protect(self, packet: bytes) -> bytes:
        """An RTP packet as SRTP, not sent."""
        assert self._sessions is not None
        return self._sessions[1].protect(packet)

    def send_rtp(self, packet: bytes) -> None:
        """Protect and send one RTP packet."""
        self.send(self.protect(packet))

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send one RTCP packet."""
        assert self._sessions is not None
        self.send(self._sessions[1].protect_rtcp(packet))

    async def close(self) -> None:
        """End DTLS and close the socket."""
        await self._dtls.close()
        self.drop()

    def drop(self) -> None:
        """Close the socket without a word, as a vanished browser does."""
        asyncio.get_running_loop().remove_reader(self.socket.fileno())
        self.socket.close()

    def _drain(self) -> None:
        while True:
            try:
                datagram = self.socket.recv(2048)
            except BlockingIOError:
                return
            self._received(datagram)

    def _received(self, datagram: bytes) -> None:
        first = datagram[0]
        if first < 4:
            self._checked.set()
            self.stun.put_nowait(datagram)
        elif 20 <= first < 64:
            self._dtls.feed(datagram)
        elif self._sessions is not None:
            ingress = self._sessions[0]
            if 192 <= datagram[1] < 224:
                self.rtcp.put_nowait(ingress.unprotect_rtcp(datagram))
            else:
                self.rtp.put_nowait(ingress.unprotect(datagram))


def _choose(candidates: list[RTCIceCandidate], host: str) -> RTCIceCandidate:
    """Of the relay's UDP candidates the one at this address, else the first of its family, else the first."""
    udp = [candidate for candidate in candidates if candidate.protocol.lower() == "udp"]
    return min(udp, key=lambda c: (c.ip != host, (":" in c.ip) != (":" in host)))
