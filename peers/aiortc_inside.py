"""All contact of headless peers with names of aiortc and aioice that are not public.

``tests/peers/test_aiortc_inside.py`` is the contract test: it fails when a new version moves one of them.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any

import aioice.ice
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpSender,
    RTCRtpTransceiver,
)
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.rtp import RtcpSrPacket, RtpPacket

from peers.media.rtp import Timestamps

# aioice checks consent every 4 to 6 s (RFC 7675 section 5.1). The relay calls a leg interrupted that was
# silent for 6 s, as a browser, which checks twice as often, never is.
aioice.ice.CONSENT_INTERVAL = 3

RATE_STEPS_BPS = (300_000, 600_000, 1_000_000, 1_500_000)
START_BPS = 600_000
_NTP_UNIX_SECONDS = 2_208_988_800


def configuration(stun: tuple[str, ...] = ()) -> RTCConfiguration:
    """Without ``stun`` no STUN server, which aiortc would choose by itself: the relay sees the peer's address
    anyway, and nobody else shall. aiortc cannot read a URL with an IPv6 address, and asks by IPv4 only: an
    IPv6 host candidate needs no server."""
    servers = [RTCIceServer(urls=url) for url in stun if "[" not in url]
    return RTCConfiguration(iceServers=servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)


def watch(
    receiver: RTCRtpReceiver,
    *,
    on_packet: Callable[[RtpPacket], None],
    on_sender_report: Callable[[float, int], None],
) -> Timestamps:
    """Show every RTP packet that ``receiver`` gets, and the (Unix seconds, RTP timestamp) of every sender
    report, and make the ``pts`` of its frames unwrapped RTP timestamps instead of counting from its own
    first frame, which differs between audio and video. Before anything was received."""
    timestamps = Timestamps()
    handle_rtp: Callable[..., Awaitable[None]] = receiver._handle_rtp_packet
    handle_rtcp: Callable[..., Awaitable[None]] = receiver._handle_rtcp_packet

    async def rtp(packet: RtpPacket, arrival_time_ms: int) -> None:
        timestamps.unwrap(packet.timestamp)
        on_packet(packet)
        await handle_rtp(packet, arrival_time_ms=arrival_time_ms)

    async def rtcp(packet: Any) -> None:
        if isinstance(packet, RtcpSrPacket) and packet.sender_info.ntp_timestamp:
            ntp = packet.sender_info.ntp_timestamp / (1 << 32)
            on_sender_report(ntp - _NTP_UNIX_SECONDS, packet.sender_info.rtp_timestamp)
        await handle_rtcp(packet)

    inside: Any = receiver
    inside._handle_rtp_packet = rtp
    inside._handle_rtcp_packet = rtcp
    inside._RTCRtpReceiver__timestamp_mapper = _Absolute(timestamps)
    return timestamps


class _Absolute:
    """Takes the place of aiortc's ``TimestampMapper``."""

    def __init__(self, timestamps: Timestamps) -> None:
        self._timestamps = timestamps

    def map(self, timestamp: int) -> int:
        return self._timestamps.unwrap(timestamp)


def request_keyframe(sender: RTCRtpSender) -> None:
    """Make the next frame that ``sender`` encodes a keyframe."""
    sender._send_keyframe()


def set_encoder(transceiver: RTCRtpTransceiver) -> str | None:
    """Give the sender an encoder for the codec that the last answer put first, and that codec's name.

    With aiortc's own encoders each estimate that differs by a tenth restarts the encoder with a keyframe,
    which makes the next estimate differ; these follow it in a few wide steps."""
    if not transceiver._codecs:
        return None
    codec = transceiver._codecs[0]
    inside: Any = transceiver.sender
    if codec.name == "VP8":
        inside._RTCRtpSender__encoder = SteppedVp8Encoder()
    elif codec.name == "H264":
        inside._RTCRtpSender__encoder = SteppedH264Encoder()
    return str(codec.name)


def first_codec(transceiver: RTCRtpTransceiver) -> int | None:
    """Payload type of the codec that the sender uses after the last offer."""
    return transceiver._codecs[0].payloadType if transceiver._codecs else None


def codec_name(transceiver: RTCRtpTransceiver, payload_type: int) -> str | None:
    """The name of a payload type of the last offer that is usable here."""
    return next((c.name for c in transceiver._codecs if c.payloadType == payload_type), None)


async def renew_sender(transceiver: RTCRtpTransceiver) -> RTCRtpSender:
    """Replace the transceiver's sender by a fresh one with the next answer's codec and an SSRC of its own.

    aiortc's sender keeps the codec it began with (and the stream's numbers with it), so a narrowed offer
    needs another one; its SSRC is announced by the answer that follows. Returns it without a track."""
    old: Any = transceiver.sender
    old.replaceTrack(None)
    # Without its BYE: the track goes on under another SSRC, and aiortc's receivers end with any BYE.
    old._send_rtcp = _send_nothing
    await old.stop()
    new = RTCRtpSender(transceiver.kind, old.transport)
    new._stream_id = old._stream_id
    inside: Any = transceiver
    inside._RTCRtpTransceiver__sender = new
    transceiver.receiver._set_rtcp_ssrc(new._ssrc)
    return new


async def _send_nothing(packets: list[object]) -> None:
    del packets


async def gather(connection: RTCPeerConnection, *, loopback: Collection[str] = ()) -> None:
    """Gather candidates. aioice leaves loopback out, which a machine without any other address needs to
    reach a relay on itself: ``loopback`` are the addresses to add."""
    transport = connection.getTransceivers()[0].receiver.transport.transport
    await transport.iceGatherer.gather()
    ice = transport._connection
    known = {candidate.host for candidate in ice.local_candidates}
    missing = sorted(set(loopback) - known)
    if missing:
        ice._local_candidates += await ice.get_component_candidates(1, missing)


def loopback_to(addresses: Iterable[str]) -> set[str]:
    """This machine's loopback addresses from which those of ``addresses`` that are loopback are reached."""
    found = set()
    for address in addresses:
        with contextlib.suppress(ValueError):  # a name
            ip = ipaddress.ip_address(address)
            if ip.is_loopback:
                found.add("127.0.0.1" if ip.version == 4 else "::1")
    return found


def remote_addresses(connection: RTCPeerConnection) -> list[str]:
    """The candidates of the remote description."""
    transport = connection.getTransceivers()[0].receiver.transport.transport
    return [candidate.ip for candidate in transport.getRemoteCandidates()]


def local_address(connection: RTCPeerConnection) -> str | None:
    """This machine's address of the nominated pair; ``None`` before there is one."""
    ice: Any = connection.getTransceivers()[0].receiver.transport.transport._connection
    pair = ice._nominated.get(1)
    return None if pair is None else str(pair.protocol.local_candidate.host)


def stepped(bitrate: int) -> int:
    """The highest step that an estimate of ``bitrate`` bits per second allows, at least the lowest."""
    return max((step for step in RATE_STEPS_BPS if step <= bitrate), default=RATE_STEPS_BPS[0])


class SteppedVp8Encoder(Vp8Encoder):
    """aiortc's, with a target that moves in steps."""

    def __init__(self) -> None:
        super().__init__()
        self.target_bitrate = START_BPS

    @property
    def target_bitrate(self) -> int:
        return int(self._Vp8Encoder__target_bitrate)

    @target_bitrate.setter
    def target_bitrate(self, bitrate: int) -> None:
        self._Vp8Encoder__target_bitrate = stepped(bitrate)


class SteppedH264Encoder(H264Encoder):
    """aiortc's, with a target that moves in steps."""

    def __init__(self) -> None:
        super().__init__()
        self.target_bitrate = START_BPS

    @property
    def target_bitrate(self) -> int:
        return int(self._H264Encoder__target_bitrate)

    @target_bitrate.setter
    def target_bitrate(self, bitrate: int) -> None:
        self._H264Encoder__target_bitrate = stepped(bitrate)


ENCODERS = (SteppedVp8Encoder, SteppedH264Encoder)
