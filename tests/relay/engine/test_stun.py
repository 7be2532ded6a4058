"""docs/packet-engine.md sections 1 and 2: who is answered, what is validated, which path is taken."""

from __future__ import annotations

import asyncio
import secrets

from aioice import stun

from relay.engine.interface import (
    Address,
    MoreListeners,
    PacketEngine,
    PathInterrupted,
    PathLost,
    PathResumed,
    PathSelected,
)
from tests.relay.engine.conftest import Bench, MakeBench
from tests.relay.engine.far_end import FarEnd
from tests.relay.rtp_packets import rtp


def drops_of(bench: Bench) -> dict[str, int]:
    return bench.engine.totals().drops


async def test_plain_binding_request_gets_its_mapped_address(bench: Bench) -> None:
    far = bench.far_end(1)
    answer = await far.check(username=False, password="")
    assert answer.message_class is stun.Class.RESPONSE
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == (far.address.host, far.address.port)
    assert "FINGERPRINT" in answer.attributes
    without = await far.check(username=False, password="", fingerprint=False)
    assert set(without.attributes) == {"XOR-MAPPED-ADDRESS"}


async def test_plain_binding_requests_are_rate_limited_by_prefix(make_bench: MakeBench) -> None:
    bench = await make_bench(stun_per_second=3)
    far = bench.far_end(1)
    for _ in range(8):
        far.send(bytes(far.request(username=False, password="")))
    await far.settled()
    assert drops_of(bench) == {"stun_rate_limited": 5}


class SecondPort(FarEnd):
    """Asks the second STUN port."""

    def listeners(self, engine: PacketEngine) -> tuple[Address, ...]:
        assert isinstance(engine, MoreListeners)
        return engine.bound_stun


async def test_second_port_tells_the_mapping_and_does_nothing_else(make_bench: MakeBench) -> None:
    bench = await make_bench(stun_port=0, stun_per_second=4)
    far = bench.far_end(1)
    other = SecondPort(bench.engine, 2)
    assert other.relay.host == far.relay.host
    assert other.relay.port != far.relay.port
    other.socket.close()
    other.socket = far.socket
    for asked in (far, other):
        answer = await asked.check(username=False, password="")
        assert answer.attributes["XOR-MAPPED-ADDRESS"] == (far.address.host, far.address.port)
    # A check of an open leg is not for this port, nor is anything that is no STUN.
    other.send(bytes(far.request(nominate=True)))
    for datagram in (b"", bytes((22,)) + bytes(50), bytes((128, 96)) + bytes(50), b"\x00\x01"):
        other.send(datagram)
    for _ in range(3):
        other.send(bytes(far.request(username=False, password="")))
    while drops_of(bench).get("stun_rate_limited", 0) < 1:  # noqa: ASYNC110 - counters have no event
        await asyncio.sleep(0)
    assert drops_of(bench) == {
        "stun_unknown_ufrag": 1,
        "empty": 1,
        "unknown_protocol": 2,
        "stun_malformed": 1,
        "stun_rate_limited": 1,
    }
    assert not bench.events.seen


async def test_without_a_second_port_there_is_none(bench: Bench) -> None:
    engine = bench.engine
    assert not isinstance(engine, MoreListeners) or engine.bound_stun == engine.bound_tcp == ()


async def test_check_validates_but_only_nomination_selects(bench: Bench) -> None:
    far = bench.far_end(1)
    answer = await far.check(nominate=False)
    assert answer.check_message_integrity(far.ice.password.encode())
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == (far.address.host, far.address.port)
    assert not bench.events.seen
    await far.check(nominate=True)
    event = await bench.events.next()
    assert event == PathSelected(far.leg, "udp", far.address)


async def test_wrong_password_unknown_ufrag_and_no_integrity_get_silence(bench: Bench) -> None:
    far = bench.far_end(1)
    far.send(bytes(far.request(password="wrong")))
    far.send(bytes(far.request(password="")))
    far.send(bytes(far.request(ufrag="nobody")))
    await far.settled()  # the first answer to arrive is this one's: the three before got none
    assert far.drops() == {"stun_bad_integrity": 2}
    assert drops_of(bench) == {"stun_unknown_ufrag": 1}


async def test_check_without_fingerprint_is_malformed(bench: Bench) -> None:
    far = bench.far_end(1)
    far.send(bytes(far.request(fingerprint=False)))
    await far.settled()
    assert far.drops() == {"stun_malformed": 1}


async def test_role_conflict_is_answered_487_and_validates_nothing(bench: Bench) -> None:
    far = bench.far_end(1)
    answer = await far.check(controlled=True, nominate=True)
    assert answer.message_class is stun.Class.ERROR
    assert answer.error_code == 487
    assert answer.check_message_integrity(far.ice.password.encode())
    bench.engine.set_keys(far.leg, far.keys)
    far.send_rtp(rtp(far.video, 1))
    await far.settled()
    assert drops_of(bench) == {"unknown_source": 1}


async def test_malformed_and_foreign_stun_is_counted(bench: Bench) -> None:
    far = bench.far_end(1)
    good = bytes(far.request())
    truncated, odd = good[:-4], good + b"\0"
    wrong_cookie = good[:4] + b"\0\0\0\0" + good[8:]
    wrong_fingerprint = good[:-1] + bytes((good[-1] ^ 1,))
    beyond = b"\x00\x01\x00\x08\x21\x12\xa4\x42" + bytes(12) + b"\x00\x06\x00\x40abcd"
    bad = [truncated, odd, wrong_cookie, wrong_fingerprint, beyond, b"\x00", b"\x01\x01"]
    for datagram in bad:
        far.send(datagram)
    allocate = stun.Message(stun.Method.ALLOCATE, stun.Class.REQUEST)
    response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE)
    for message in (allocate, response):
        far.send(bytes(message))
    far.send(bytes(stun.Message(stun.Method.BINDING, stun.Class.INDICATION)))
    await far.settled()
    assert drops_of(bench) == {"stun_malformed": len(bad), "stun_unsupported": 2}


async def test_garbage_is_counted_and_harms_nobody(bench: Bench) -> None:
    a, b = await bench.linked()
    for first in (4, 19, 64, 127, 192, 255):
        a.send(bytes((first,)) + secrets.token_bytes(50))
    a.send(b"")
    stranger = FarEnd(bench.engine, 9)
    stranger.send(bytes((128, 96)) + secrets.token_bytes(50))
    stranger.send(bytes((22,)) + secrets.token_bytes(50))
    stranger.send(bytes((77,)))
    await stranger_done(stranger, bench)
    await a.settled()
    assert a.drops() == {"unknown_protocol": 6, "empty": 1}
    assert drops_of(bench) == {"unknown_source": 2, "unknown_protocol": 1}
    a.send_rtp(rtp(a.video, 1, payload=b"still there"))
    assert (await b.receive_rtp()).endswith(b"still there")


async def stranger_done(stranger: FarEnd, bench: Bench) -> None:
    await stranger.check(username=False, password="")
    stranger.close()
    assert bench.engine


async def test_among_nominated_paths_priority_decides(bench: Bench) -> None:
    far = bench.far_end(1)
    await far.check(nominate=True, priority=500)
    low = far.address
    first = far.socket
    far.socket = far.new_socket()
    await far.check(nominate=True, priority=900)
    high = far.address
    second, far.socket = far.socket, first
    await far.check(nominate=True, priority=500)
    second.close()
    selected = [e.remote for e in bench.events.seen if isinstance(e, PathSelected)]
    assert selected == [low, high]


async def test_new_nomination_from_another_address_moves_the_path(bench: Bench) -> None:
    """NAT rebinding: same priority, other port; media follows without renegotiation."""
    a, b = await bench.linked()
    old, b.socket = b.socket, b.new_socket()
    await b.check(nominate=True)
    old.close()
    a.send_rtp(rtp(a.video, 1, payload=b"moved"))
    assert (await b.receive_rtp()).endswith(b"moved")


async def test_stale_path_yields_to_a_nominated_one_of_lower_priority(make_bench: MakeBench) -> None:
    bench = await make_bench(path_stale_ms=300)
    far = bench.far_end(1)
    await far.check(nominate=True, priority=900)
    await bench.events.next(PathSelected)
    old, far.socket = far.socket, far.new_socket()
    old.close()
    while len([e for e in bench.events.seen if isinstance(e, PathSelected)]) < 2:
        await far.check(nominate=True, priority=500)
    assert (await bench.events.next(PathSelected)) == PathSelected(far.leg, "udp", far.address)


async def test_media_from_a_validated_address_that_is_not_selected_is_taken(bench: Bench) -> None:
    a, b = await bench.linked()
    a.socket, old = a.new_socket(), a.socket
    await a.check(nominate=False)
    a.send_rtp(rtp(a.video, 1, payload=b"from elsewhere"))
    assert (await b.receive_rtp()).endswith(b"from elsewhere")
    old.close()


async def test_addresses_per_leg_are_bounded_and_the_selected_one_stays(make_bench: MakeBench) -> None:
    bench = await make_bench(leg_max_paths=3)
    a = await bench.connected(1)
    b = await bench.connected(2)
    bench.engine.link(a.leg, b.leg)
    first = a.socket
    others = [a.new_socket() for _ in range(5)]
    for other in others:
        a.socket = other
        await a.check()
    a.socket = others[0]  # forgotten
    a.send_rtp(rtp(a.video, 1))
    a.socket = others[-1]
    await a.settled()
    assert drops_of(bench) == {"unknown_source": 1}
    a.socket = first  # selected, so never forgotten
    a.send_rtp(rtp(a.video, 2, payload=b"selected"))
    assert (await b.receive_rtp()).endswith(b"selected")
    for other in others:
        other.close()


async def test_address_belongs_to_the_leg_it_validated_for_last(bench: Bench) -> None:
    a = await bench.connected(1)
    b = await bench.connected(2)
    c = await bench.connected(3)
    bench.engine.link(b.leg, c.leg)
    own, b.socket = b.socket, a.socket
    await b.check(nominate=True)
    b.send_rtp(rtp(b.video, 1, payload=b"taken over"))
    assert (await c.receive_rtp()).endswith(b"taken over")
    b.socket = own


async def test_silence_is_told_twice_and_an_answer_ends_it(make_bench: MakeBench) -> None:
    bench = await make_bench(interrupted_after_ms=300, consent_ms=1200)
    far = bench.far_end(1)
    await far.check(nominate=True)
    assert await bench.events.next() == PathSelected(far.leg, "udp", far.address)
    assert await bench.events.next() == PathInterrupted(far.leg)
    await far.check(nominate=True)
    assert await bench.events.next() == PathResumed(far.leg)
    assert await bench.events.next() == PathInterrupted(far.leg)
    assert await bench.events.next() == PathLost(far.leg)


async def test_leg_that_never_hears_a_check_is_lost_once(make_bench: MakeBench) -> None:
    bench = await make_bench(interrupted_after_ms=300, consent_ms=600)
    far = bench.far_end(1)
    assert await bench.events.next() == PathLost(far.leg)


async def test_answers_leave_from_the_address_that_was_asked(make_bench: MakeBench) -> None:
    bench = await make_bench(addresses=("127.0.0.1", "127.0.0.2", "::1"))
    assert [a.host for a in bench.engine.bound] == ["127.0.0.1", "127.0.0.2", "::1"]
    assert len({a.port for a in bench.engine.bound}) == 1
    for address in bench.engine.bound:
        far = FarEnd(bench.engine, 1, host="::1" if ":" in address.host else "127.0.0.1")
        far.relay = address
        far.socket.connect((address.host, address.port))  # takes datagrams from there only
        far.socket.send(bytes(far.request(username=False, password="")))
        assert stun.parse_message(await far.receive()).message_class is stun.Class.RESPONSE
        far.close()
