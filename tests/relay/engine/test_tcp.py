"""docs/packet-engine.md section 9: ICE-TCP. Each test runs on every engine that has it."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aioice import stun

from relay.engine.interface import DtlsReceived, PathInterrupted, PathLost, PathResumed, PathSelected
from relay.ice.framing import frame
from tests.relay.engine.conftest import Bench, MakeBench
from tests.relay.engine.far_end import FarEnd, TcpFarEnd
from tests.relay.rtp_packets import rtp

UNTIL_SECONDS = 5.0


@pytest.fixture
async def bench(make_bench: MakeBench) -> Bench:
    return await make_bench(tcp_port=0)


def tcp(bench: Bench, number: int = 1) -> TcpFarEnd:
    far = bench.far_end(number, TcpFarEnd)
    assert isinstance(far, TcpFarEnd)
    return far


async def linked(bench: Bench) -> tuple[TcpFarEnd, FarEnd]:
    """A leg over TCP linked to one over UDP, with the link's keyframe requests taken."""
    a, b = await bench.connected(1, kind=TcpFarEnd), await bench.connected(2)
    bench.engine.link(a.leg, b.leg)
    await a.receive_rtcp()
    await b.receive_rtcp()
    assert isinstance(a, TcpFarEnd)
    return a, b


async def dropped(bench: Bench, reason: str, count: int) -> None:
    async with asyncio.timeout(UNTIL_SECONDS):
        while bench.engine.totals().drops.get(reason, 0) < count:  # noqa: ASYNC110 - counters have no event
            await asyncio.sleep(0)
    assert bench.engine.totals().drops[reason] == count


async def ended(far: TcpFarEnd) -> bool:
    """Whether the engine ends the connection before it sends anything more."""
    try:
        await far.receive()
    except EOFError:
        return True
    return False


# --- STUN, DTLS and media over it ---------------------------------------------------------------


async def test_check_over_tcp_selects_a_tcp_path(bench: Bench) -> None:
    far = tcp(bench)
    answer = await far.check(nominate=True)
    assert answer.check_message_integrity(far.ice.password.encode())
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == (far.address.host, far.address.port)
    assert await bench.events.next() == PathSelected(far.leg, "tcp", far.address)


async def test_plain_binding_request_is_answered_over_tcp_too(bench: Bench) -> None:
    far = tcp(bench)
    answer = await far.check(username=False, password="")
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == (far.address.host, far.address.port)


async def test_dtls_goes_both_ways(bench: Bench) -> None:
    far = tcp(bench)
    far.send(bytes((22,)) + b"from a stranger")
    await far.check()
    far.send(bytes((22,)) + b"hello")
    assert await bench.events.next(DtlsReceived) == DtlsReceived(far.leg, bytes((22,)) + b"hello")
    # Before there is a selected path it goes to where the last came from.
    bench.engine.send_dtls(far.leg, bytes((22,)) + b"answer")
    assert await far.receive() == bytes((22,)) + b"answer"
    await far.check(nominate=True)
    bench.engine.send_dtls(far.leg, bytes((22,)) + b"second")
    assert await far.receive() == bytes((22,)) + b"second"
    assert bench.engine.totals().drops == {"unknown_source": 1}


async def test_media_goes_from_tcp_to_udp_and_back(bench: Bench) -> None:
    a, b = await linked(bench)
    a.send_rtp(rtp(a.video, 1, payload=b"from tcp"))
    assert (await b.receive_rtp()).endswith(b"from tcp")
    b.send_rtp(rtp(b.video, 1, payload=b"to tcp"))
    assert (await a.receive_rtp()).endswith(b"to tcp")


async def test_frames_may_be_cut_and_joined_anywhere(bench: Bench) -> None:
    a, b = await linked(bench)
    stream = b"".join(
        frame(a.protect(rtp(a.video, number, payload=bytes((number,))))) for number in range(1, 6)
    )
    for at in range(0, len(stream), 7):
        a.send_octets(stream[at : at + 7])
        await asyncio.sleep(0)
    assert [(await b.receive_rtp())[-1] for _ in range(5)] == [1, 2, 3, 4, 5]


async def test_udp_is_taken_before_tcp_whatever_the_priorities(bench: Bench) -> None:
    far = tcp(bench)
    await far.check(nominate=True, priority=9_000)
    over_udp = FarEnd(bench.engine, 1)
    over_udp.leg, over_udp.ice = far.leg, far.ice
    await over_udp.check(nominate=True, priority=1)
    await far.check(nominate=True, priority=9_000)
    selected = [event for event in bench.events.seen if isinstance(event, PathSelected)]
    assert [event.transport for event in selected] == ["tcp", "udp"]
    over_udp.close()


# --- the connection's end ------------------------------------------------------------------------


async def test_path_goes_with_its_connection_and_a_new_one_takes_its_place(make_bench: MakeBench) -> None:
    bench = await make_bench(tcp_port=0, interrupted_after_ms=600, consent_ms=60_000)
    a, b = await linked(bench)
    a.socket.close()
    assert (await bench.events.next(PathInterrupted)).leg in (a.leg, b.leg)
    a.socket = a.new_socket()
    await a.check(nominate=True)
    assert await bench.events.next(PathSelected) == PathSelected(a.leg, "tcp", a.address)
    assert PathResumed(a.leg) in bench.events.seen
    b.send_rtp(rtp(b.video, 1, payload=b"to the new one"))
    assert (await a.receive_rtp()).endswith(b"to the new one")


async def test_connection_ends_with_the_last_word_when_its_leg_closes(bench: Bench) -> None:
    a, b = await linked(bench)
    bench.engine.send_dtls(a.leg, bytes((21,)) + b"close_notify")
    bench.engine.close_leg(a.leg)
    assert await a.receive() == bytes((21,)) + b"close_notify"
    assert await ended(a)
    b.send_rtp(rtp(b.video, 1))
    await b.settled()
    assert b.drops() == {"unlinked": 1}


async def test_lost_consent_closes_the_connection(make_bench: MakeBench) -> None:
    bench = await make_bench(tcp_port=0, interrupted_after_ms=300, consent_ms=600)
    far = tcp(bench)
    await far.check(nominate=True)
    assert await bench.events.next(PathLost) == PathLost(far.leg)
    assert await ended(far)


async def test_engine_that_closes_ends_every_connection(bench: Bench) -> None:
    stranger, a = tcp(bench, 1), tcp(bench, 2)
    await a.check(nominate=True)
    await stranger.check(username=False, password="")
    await bench.engine.close()
    for far in (stranger, a):
        assert await ended(far)


# --- strangers -----------------------------------------------------------------------------------


async def test_connection_that_does_not_authenticate_in_time_is_closed(make_bench: MakeBench) -> None:
    bench = await make_bench(tcp_port=0, tcp_auth_ms=300)
    silent, wrong, right = tcp(bench, 1), tcp(bench, 2), tcp(bench, 3)
    await right.check(nominate=True)
    wrong.send(bytes(wrong.request(password="guessed", nominate=True)))
    for stranger in (silent, wrong):
        assert await ended(stranger)
    await dropped(bench, "tcp_unauthenticated", 2)
    assert (await right.check()).message_class is stun.Class.RESPONSE


@pytest.mark.parametrize("limit", ["tcp_max_strangers", "tcp_max_strangers_per_prefix"])
async def test_strangers_at_once_are_bounded_and_the_authenticated_do_not_count(
    make_bench: MakeBench, limit: str
) -> None:
    bench = await make_bench(tcp_port=0, **{limit: 2})
    known = [tcp(bench, number) for number in (1, 2)]
    for far in known:
        await far.check()
    strangers = [tcp(bench, number) for number in (3, 4, 5, 6)]
    await dropped(bench, "tcp_refused", 2)
    for refused in strangers[2:]:
        assert await ended(refused)
    # One that proves itself makes room for another.
    await strangers[0].check()
    late = tcp(bench, 7)
    assert (await late.check()).message_class is stun.Class.RESPONSE
    # So does one that leaves.
    strangers[1].socket.close()
    later = tcp(bench, 8)
    assert (await later.check()).message_class is stun.Class.RESPONSE


async def test_frame_longer_than_any_datagram_ends_the_connection(bench: Bench) -> None:
    stranger = tcp(bench, 1)
    stranger.send_octets(b"\xff\xffno frame is that long")
    assert await ended(stranger)
    await dropped(bench, "tcp_malformed", 1)
    a, b = await linked(bench)
    a.send_octets(b"\x08\x01")
    assert await ended(a)
    assert a.drops() == {"tcp_malformed": 1}
    b.send_rtp(rtp(b.video, 1))
    await b.settled()
    assert b.drops() == {"no_path": 1}


async def test_garbage_in_frames_is_counted_and_the_connection_goes_on(bench: Bench) -> None:
    a, b = await linked(bench)
    for datagram in (b"", b"\x04", bytes((80,)) * 30, bytes((128, 96)) * 20, b"\x00\x01\x00"):
        a.send(datagram)
    await a.settled()
    assert a.drops() == {"empty": 1, "unknown_protocol": 2, "srtp_bad_auth": 1}
    assert bench.engine.totals().drops == {"stun_malformed": 1}
    a.send_rtp(rtp(a.video, 1, payload=b"goes on"))
    assert (await b.receive_rtp()).endswith(b"goes on")


# --- a client that does not keep up ----------------------------------------------------------------


class SlowFarEnd(TcpFarEnd):
    """Takes little before the other side must wait."""

    def prepare(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)


async def test_old_video_goes_before_audio_and_nothing_grows(make_bench: MakeBench) -> None:
    bench = await make_bench(tcp_port=0, tcp_queue_bytes=65_536)
    slow, b = await bench.connected(1, kind=SlowFarEnd), await bench.connected(2)
    bench.engine.link(slow.leg, b.leg)
    await b.receive_rtcp()
    frames, per_frame = 300, 4
    for number in range(frames):
        for packet in range(per_frame):
            b.send_rtp(
                rtp(b.video, number * per_frame + packet + 1, number * 3000, payload=bytes(1000) + b"video")
            )
        b.send_rtp(rtp(b.audio, number + 1, number * 960, payload_type=111, payload=bytes(60) + b"audio"))
        await b.settled()
    # Far more was sent than the queue and the kernel hold, and nothing was read.
    lost = slow.drops()["tcp_queue_full"]
    assert lost > frames * per_frame // 2
    audio: list[int] = []
    video: dict[int, int] = {}
    while len(audio) < frames:
        received = await slow.receive_rtp()
        timestamp = int.from_bytes(received[4:8], "big")
        if received.endswith(b"audio"):
            audio.append(timestamp)
        else:
            video[timestamp] = video.get(timestamp, 0) + 1
    assert len(set(audio)) == frames, "no audio was dropped"
    assert sum(video.values()) == frames * per_frame - lost
    # Whole frames: only the one that was partly on its way when the connection stopped can be cut.
    assert sum(count != per_frame for count in video.values()) <= 1
    # The old ones went: the newest is there.
    assert max(video) - min(video) == (frames - 1) * 3000
    # And the connection is as good as new.
    b.send_rtp(rtp(b.video, frames * per_frame + 1, frames * 3000, payload=b"and on"))
    assert (await slow.receive_rtp()).endswith(b"and on")


async def test_client_that_never_reads_costs_its_queue_and_not_the_link(make_bench: MakeBench) -> None:
    bench = await make_bench(tcp_port=0, tcp_queue_bytes=16_384)
    deaf, b = await bench.connected(1, kind=SlowFarEnd), await bench.connected(2)
    bench.engine.link(deaf.leg, b.leg)
    await b.receive_rtcp()
    for number in range(1, 3000):
        b.send_rtp(rtp(b.audio, number, number * 960, payload_type=111, payload=bytes(1000)))
        if number % 50 == 0:
            await b.settled()
    assert deaf.drops()["tcp_queue_full"] > 1000
    deaf.send_rtp(rtp(deaf.video, 1, payload=b"still heard"))
    assert (await b.receive_rtp()).endswith(b"still heard")


async def test_flood_of_one_connection_lets_others_have_their_turn(bench: Bench) -> None:
    """Very many datagrams of somebody who has proved nothing hold up nobody else."""
    stranger, other = tcp(bench), bench.far_end(2)
    await asyncio.get_running_loop().sock_sendall(stranger.socket, frame(b"\x00" * 20) * 10_000)
    await other.check(nominate=True)
    assert isinstance(await bench.events.next(PathSelected), PathSelected)


async def test_leg_that_sends_much_at_once_loses_nothing(bench: Bench) -> None:
    """No more than the receiver's socket keeps while this test is still sending."""
    a, b = await linked(bench)
    packets = [a.protect(rtp(a.video, number)) for number in range(200)]
    flood = b"".join(frame(packet) for packet in packets)
    await asyncio.get_running_loop().sock_sendall(a.socket, flood)
    for number in range(200):
        assert (await b.receive_rtp())[2:4] == number.to_bytes(2, "big")
