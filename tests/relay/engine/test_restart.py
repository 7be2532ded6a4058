"""docs/packet-engine.md section 2, restart: new credentials on a leg that carries media."""

from __future__ import annotations

import pytest

from relay.engine.interface import Address, IceCredentials, PathLost, PathSelected
from relay.errors import UnknownLeg
from tests.relay.engine.conftest import Bench, MakeBench
from tests.relay.engine.far_end import FarEnd
from tests.relay.rtp_packets import rtp

NEW = IceCredentials("fresh", "a-password-of-the-restart")


def selected(bench: Bench, far: FarEnd) -> list[Address]:
    return [e.remote for e in bench.events.seen if isinstance(e, PathSelected) and e.leg == far.leg]


async def test_old_path_carries_media_until_a_pair_of_the_new_credentials_is_nominated(bench: Bench) -> None:
    a, b = await bench.linked()
    before, old_ice, old_socket = b.address, b.ice, b.socket
    bench.engine.restart(b.leg, NEW)
    await b.check(nominate=True)  # by the old ones: consent is answered
    a.send_rtp(rtp(a.video, 1, payload=b"old"))
    assert (await b.receive_rtp()).endswith(b"old")
    b.ice, b.socket = NEW, b.new_socket()
    answer = await b.check(nominate=False)
    assert answer.check_message_integrity(NEW.password.encode())
    # Validated is not nominated: media from here is taken, none is sent here.
    b.send_rtp(rtp(b.video, 1, payload=b"early"))
    assert (await a.receive_rtp()).endswith(b"early")
    assert selected(bench, b) == [before]
    # The new nomination wins over the old one, also with a lower priority.
    await b.check(nominate=True, priority=1)
    assert selected(bench, b) == [before, b.address]
    a.send_rtp(rtp(a.video, 2, payload=b"new"))
    assert (await b.receive_rtp()).endswith(b"new")
    # What was on its way from the old address still arrives; the old credentials are over.
    new_socket, b.socket = b.socket, old_socket
    b.send_rtp(rtp(b.video, 2, payload=b"late"))
    assert (await a.receive_rtp()).endswith(b"late")
    b.send(bytes(b.request(ufrag=old_ice.ufrag, password=old_ice.password, nominate=True, priority=9999)))
    b.socket = new_socket
    await b.settled()
    assert bench.engine.totals().drops == {"stun_unknown_ufrag": 1}
    assert selected(bench, b) == [before, b.address]
    old_socket.close()


async def test_old_credentials_nominate_no_more(bench: Bench) -> None:
    far = await bench.connected(1)
    before = far.address
    bench.engine.restart(far.leg, NEW)
    other, far.socket = far.socket, far.new_socket()
    await far.check(nominate=True, priority=1 << 30)
    assert selected(bench, far) == [before]
    other.close()


async def test_restart_from_the_same_address_changes_nothing_else(bench: Bench) -> None:
    a, b = await bench.linked()
    bench.engine.restart(b.leg, NEW)
    b.ice = NEW
    await b.check(nominate=True)
    a.send_rtp(rtp(a.video, 1, payload=b"on"))
    assert (await b.receive_rtp()).endswith(b"on")
    assert selected(bench, b) == [b.address]
    assert b.drops() == a.drops() == {}


async def test_restart_that_nothing_answers_gives_way_to_the_next(bench: Bench) -> None:
    far = await bench.connected(1)
    bench.engine.restart(far.leg, IceCredentials("abandoned", "whatever"))
    bench.engine.restart(far.leg, NEW)
    far.send(bytes(far.request(ufrag="abandoned", password="whatever", nominate=True)))
    await far.settled()  # by the old credentials
    far.ice = NEW
    await far.check(nominate=True)
    assert bench.engine.totals().drops == {"stun_unknown_ufrag": 1}


async def test_consent_goes_on_with_either_and_ends_without_both(make_bench: MakeBench) -> None:
    bench = await make_bench(consent_ms=600, interrupted_after_ms=100_000)
    far = await bench.connected(1)
    bench.engine.restart(far.leg, NEW)
    await far.check()
    far.ice = NEW
    await far.check(nominate=True)
    assert await bench.events.next(PathLost) == PathLost(far.leg)


async def test_closing_in_the_middle_of_a_restart_ends_both_credentials(bench: Bench) -> None:
    far, other = await bench.connected(1), await bench.connected(2)
    bench.engine.restart(far.leg, NEW)
    bench.engine.close_leg(far.leg)
    for ice in (far.ice, NEW):
        other.send(bytes(other.request(ufrag=ice.ufrag, password=ice.password)))
    await other.settled()
    assert bench.engine.totals().drops == {"stun_unknown_ufrag": 2}
    with pytest.raises(UnknownLeg):
        bench.engine.restart(far.leg, NEW)
