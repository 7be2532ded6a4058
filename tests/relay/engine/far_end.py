"""The far end of one engine leg: a socket, ICE credentials and SRTP keys, and nothing else."""

from __future__ import annotations

import asyncio
import secrets
import socket
from typing import Any

import pylibsrtp
from aioice import stun

from relay.door import LegId
from relay.engine.interface import (
    Address,
    EngineConfig,
    EngineEvent,
    IceCredentials,
    LegPlan,
    MoreListeners,
    PacketEngine,
    SrtpKeys,
    SrtpProfile,
    TrackPlan,
)
from relay.ice.framing import Deframer, frame
from tests.relay.rtp_packets import MID, OPUS, TRANSPORT_CC, VP8, VP8_RTX

KEY_BYTES = {
    SrtpProfile.AEAD_AES_128_GCM: 28,
    SrtpProfile.AEAD_AES_256_GCM: 44,
    SrtpProfile.AES128_CM_SHA1_80: 30,
}
_LIBSRTP = {
    SrtpProfile.AEAD_AES_128_GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    SrtpProfile.AEAD_AES_256_GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
    SrtpProfile.AES128_CM_SHA1_80: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
}
REPLY_SECONDS = 5.0


def config(**changes: Any) -> EngineConfig:
    """An engine on loopback and a free port, with limits no test meets by chance."""
    values: dict[str, Any] = {
        "addresses": ("127.0.0.1",),
        "udp_port": 0,
        "max_legs": 1000,
        "leg_max_bps": 100_000_000,
        "leg_burst_bytes": 10_000_000,
        "leg_max_paths": 4,
        "interrupted_after_ms": 60_000,
        "consent_ms": 120_000,
        "path_stale_ms": 3_000,
        "keyframe_interval_ms": 300,
        "stun_per_second": 20,
        "socket_buffer_bytes": 1 << 20,
    }
    return EngineConfig(**{**values, **changes})


def plan(
    number: int, *, video: bool = True, declared: bool = True, codecs: tuple[int, ...] = (VP8,)
) -> LegPlan:
    """A leg's tracks. SSRCs come in as ten times ``number`` plus 1 (audio), 2 (video), 3 (RTX)
    and go out as plus 6, 7, 8."""
    base = number * 10
    audio = TrackPlan("0", "audio", {OPUS: 48_000}, {}, base + 1 if declared else None, None, base + 6, None)
    tracks = [audio]
    if video:
        rates = dict.fromkeys(codecs, 90_000)
        rtx = {VP8_RTX: VP8} if VP8 in codecs else {}
        media, repair = (base + 2, base + 3) if declared else (None, None)
        tracks.append(TrackPlan("1", "video", rates, rtx, media, repair, base + 7, base + 8))
    return LegPlan(tuple(tracks), f"cname-{number}", MID, TRANSPORT_CC)


async def events_taken() -> None:
    """An engine with threads of its own has told its events before it answers; the loop takes them in
    its next turn."""
    for _ in range(2):
        await asyncio.sleep(0)


class FarEnd:
    """What a browser is to the engine. ``number`` names the leg and its SSRCs (see :func:`plan`)."""

    def __init__(
        self,
        engine: PacketEngine,
        number: int,
        profile: SrtpProfile = SrtpProfile.AEAD_AES_128_GCM,
        host: str = "127.0.0.1",
    ) -> None:
        self.engine = engine
        self.leg = LegId(f"leg-{number}")
        self.audio, self.video, self.rtx = number * 10 + 1, number * 10 + 2, number * 10 + 3
        self.out_audio, self.out_video, self.out_rtx = number * 10 + 6, number * 10 + 7, number * 10 + 8
        self.ice = IceCredentials(secrets.token_hex(4), secrets.token_hex(12))
        up, down = (secrets.token_bytes(KEY_BYTES[profile]) for _ in range(2))
        self.keys = SrtpKeys(profile, ingress=up, egress=down)
        self.up = _session(profile, up, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self.down = _session(profile, down, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        self.relay = next(a for a in self.listeners(engine) if (":" in a.host) == (":" in host))
        self.socket = self.new_socket(host)

    def listeners(self, engine: PacketEngine) -> tuple[Address, ...]:
        return engine.bound

    def new_socket(self, host: str = "127.0.0.1") -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind((host, 0))
        return sock

    @property
    def address(self) -> Address:
        name = self.socket.getsockname()
        return Address(name[0], name[1])

    # --- sending ---

    def send(self, datagram: bytes) -> None:
        self.socket.sendto(datagram, (self.relay.host, self.relay.port))

    def protect(self, packet: bytes) -> bytes:
        return self.up.protect(packet)

    def send_rtp(self, packet: bytes) -> bytes:
        protected = self.protect(packet)
        self.send(protected)
        return protected

    def send_rtcp(self, packet: bytes) -> None:
        self.send(self.up.protect_rtcp(packet))

    def request(
        self,
        *,
        ufrag: str | None = None,
        password: str | None = None,
        nominate: bool = False,
        priority: int = 1000,
        controlled: bool = False,
        username: bool = True,
        fingerprint: bool = True,
    ) -> stun.Message:
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        if username:
            message.attributes["USERNAME"] = f"{ufrag or self.ice.ufrag}:far"
            message.attributes["PRIORITY"] = priority
            message.attributes["ICE-CONTROLLED" if controlled else "ICE-CONTROLLING"] = 1
        if nominate:
            message.attributes["USE-CANDIDATE"] = None
        if password != "":
            message.add_message_integrity((password or self.ice.password).encode())
            if not fingerprint:
                del message.attributes["FINGERPRINT"]
        elif fingerprint:
            message.add_fingerprint()
        return message

    async def check(self, **how: Any) -> stun.Message:
        """One connectivity check and its answer."""
        request = self.request(**how)
        self.send(bytes(request))
        answer = stun.parse_message(await self.receive())
        assert answer.transaction_id == request.transaction_id
        await events_taken()
        return answer

    # --- receiving ---

    async def receive(self) -> bytes:
        async with asyncio.timeout(REPLY_SECONDS):
            return await asyncio.get_running_loop().sock_recv(self.socket, 2048)

    async def receive_rtp(self) -> bytes:
        """The next RTP packet, decrypted; RTCP before it is passed over."""
        while True:
            datagram = await self.receive()
            if not 192 <= datagram[1] < 224:
                return self.down.unprotect(datagram)

    async def receive_rtcp(self) -> bytes:
        """The next RTCP packet, decrypted; RTP before it is passed over."""
        while True:
            datagram = await self.receive()
            if 192 <= datagram[1] < 224:
                return self.down.unprotect_rtcp(datagram)

    async def settled(self) -> None:
        """Return when the engine has handled all that was sent before: its answer to a check comes
        after everything it forwarded for earlier datagrams of this socket."""
        request = self.request()
        self.send(bytes(request))
        while True:
            datagram = await self.receive()
            if datagram[0] < 4 and stun.parse_message(datagram).transaction_id == request.transaction_id:
                break
        await events_taken()

    def drops(self) -> dict[str, int]:
        return self.engine.counters(self.leg).drops

    def close(self) -> None:
        self.socket.close()


class TcpFarEnd(FarEnd):
    """A far end whose path is a TCP connection (RFC 6544 active, RFC 4571 framing)."""

    def listeners(self, engine: PacketEngine) -> tuple[Address, ...]:
        assert isinstance(engine, MoreListeners)
        return engine.bound_tcp

    def new_socket(self, host: str = "127.0.0.1") -> socket.socket:
        self.deframer = Deframer(0xFFFF)
        self.arrived: list[bytes] = []
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        sock.bind((host, 0))
        self.prepare(sock)
        # Loopback: the kernel accepts it at once, whether or not the engine has its turn.
        sock.connect((self.relay.host, self.relay.port))
        sock.setblocking(False)
        return sock

    def prepare(self, sock: socket.socket) -> None:
        """What a test wants set before the connection is there."""

    def send(self, datagram: bytes) -> None:
        self.send_octets(frame(datagram))

    def send_octets(self, octets: bytes) -> None:
        assert self.socket.send(octets) == len(octets)

    async def receive(self) -> bytes:
        """Raises :class:`EOFError` when the engine has ended the connection."""
        async with asyncio.timeout(REPLY_SECONDS):
            while not self.arrived:
                try:
                    octets = await asyncio.get_running_loop().sock_recv(self.socket, 65_536)
                except ConnectionResetError:
                    octets = b""
                if not octets:
                    raise EOFError
                self.arrived, _ = self.deframer.feed(octets)
        return self.arrived.pop(0)


def _session(profile: SrtpProfile, key: bytes, kind: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key=key, ssrc_type=kind, srtp_profile=_LIBSRTP[profile])
    policy.window_size = 1024
    policy.allow_repeat_tx = True
    return pylibsrtp.Session(policy)


class Events:
    """The engine's events as they come, waited for by type."""

    def __init__(self) -> None:
        self.seen: list[EngineEvent] = []
        self._queue: asyncio.Queue[EngineEvent] = asyncio.Queue()

    def __call__(self, event: EngineEvent) -> None:
        self.seen.append(event)
        self._queue.put_nowait(event)

    async def next(self, *kinds: type[EngineEvent]) -> EngineEvent:
        """The next event of these types (any, when none is given); others are passed over."""
        async with asyncio.timeout(REPLY_SECONDS):
            while True:
                event = await self._queue.get()
                if not kinds or isinstance(event, kinds):
                    return event
