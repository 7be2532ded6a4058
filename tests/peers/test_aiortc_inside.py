"""The contract with aiortc's and aioice's non-public names: what a new version may not change unnoticed."""

from __future__ import annotations

import inspect

import aioice.ice
import pytest
from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCRtpSender
from aiortc.rtp import RtpPacket

from peers import aiortc_inside
from tests.peers.offerer import Offerer


async def test_the_names_that_are_used_exist() -> None:
    async with Offerer() as offerer:
        await offerer.offer()
        transceiver = offerer.pc.getTransceivers()[0]
        receiver, sender = transceiver.receiver, transceiver.sender
        assert hasattr(receiver, "_RTCRtpReceiver__timestamp_mapper")
        assert hasattr(sender, "_RTCRtpSender__encoder")
        assert hasattr(transceiver, "_RTCRtpTransceiver__sender")
        assert transceiver._codecs
        ice = receiver.transport.transport._connection
        assert ice._local_candidates == ice.local_candidates
    assert list(inspect.signature(RTCRtpReceiver._handle_rtp_packet).parameters) == [
        "self",
        "packet",
        "arrival_time_ms",
    ]
    assert list(inspect.signature(RTCRtpReceiver._handle_rtcp_packet).parameters) == ["self", "packet"]
    assert callable(RTCRtpSender._send_keyframe)
    assert inspect.iscoroutinefunction(aioice.ice.Connection.get_component_candidates)
    assert "CONSENT_INTERVAL" in inspect.getsource(aioice.ice.Connection.query_consent)


async def test_frames_carry_unwrapped_rtp_timestamps_also_when_the_first_was_lost() -> None:
    async with Offerer() as offerer:
        receiver = offerer.pc.getTransceivers()[1].receiver
        timestamps = aiortc_inside.watch(
            receiver, on_packet=lambda packet: None, on_sender_report=lambda seconds, timestamp: None
        )
        mapper = getattr(receiver, "_RTCRtpReceiver__timestamp_mapper")  # noqa: B009 - keeps mypy out
        packet = RtpPacket(payload_type=127, sequence_number=1, timestamp=2**32 - 3000)
        await receiver._handle_rtp_packet(packet, arrival_time_ms=0)
        assert timestamps.highest == 2**32 - 3000
        assert mapper.map(0) == 2**32
        assert mapper.map(2**32 - 3000) == 2**32 - 3000


@pytest.mark.parametrize("kind", aiortc_inside.ENCODERS)
def test_encoders_follow_an_estimate_in_wide_steps(
    kind: type[aiortc_inside.SteppedVp8Encoder | aiortc_inside.SteppedH264Encoder],
) -> None:
    encoder = kind()
    assert encoder.target_bitrate == aiortc_inside.START_BPS
    for estimate, target in ((10, 300_000), (599_999, 300_000), (700_000, 600_000), (9_000_000, 1_500_000)):
        encoder.target_bitrate = estimate
        assert encoder.target_bitrate == target


async def test_loopback_is_gathered_only_on_request() -> None:
    for loopback in ((), ("127.0.0.1",), ("127.0.0.1", "::1")):
        connection = RTCPeerConnection(aiortc_inside.configuration())
        connection.addTransceiver("audio")
        await aiortc_inside.gather(connection, loopback=loopback)
        gatherer = connection.getTransceivers()[0].receiver.transport.transport.iceGatherer
        hosts = {candidate.ip for candidate in gatherer.getLocalCandidates()}
        assert {host for host in hosts if host in ("127.0.0.1", "::1")} == set(loopback)
        await connection.close()


async def test_only_what_aiortc_can_ask_is_a_stun_server() -> None:
    urls = ("stun:[2001:db8::1]:3478", "stun:192.0.2.1:3478")
    servers = aiortc_inside.configuration(urls).iceServers
    assert servers is not None
    assert [server.urls for server in servers] == ["stun:192.0.2.1:3478"]
    connection = RTCPeerConnection(aiortc_inside.configuration(urls))
    connection.addTransceiver("audio")
    await connection.close()


def test_loopback_is_matched_by_family() -> None:
    addresses = ["192.0.2.1", "127.0.0.2", "::1", "2001:db8::1", "relay.example"]
    assert aiortc_inside.loopback_to(addresses) == {"127.0.0.1", "::1"}
    assert aiortc_inside.loopback_to(addresses[:1]) == set()
