"""docs/packet-engine.md section 2, selection: a client that moves without nominating. Each test runs on every
engine that knows this."""

from __future__ import annotations

import pytest

from relay.engine.interface import PathSelected
from tests.relay.engine.conftest import MakeBench
from tests.relay.rtp_packets import rtp

ENGINES_THAT_FOLLOW = ("python",)


@pytest.fixture(params=ENGINES_THAT_FOLLOW)
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_client_heard_only_from_a_new_address_is_followed_there(make_bench: MakeBench) -> None:
    """Consent checks need not nominate (RFC 7675), and after a NAT rebinding nothing else may come."""
    bench = await make_bench(path_stale_ms=300)
    a, b = await bench.linked()
    old, b.socket = b.socket, b.new_socket()
    moved = PathSelected(b.leg, "udp", b.address)
    while moved not in bench.events.seen:
        await b.check(nominate=False)
    a.send_rtp(rtp(a.video, 1, payload=b"followed"))
    assert (await b.receive_rtp()).endswith(b"followed")
    old.close()


async def test_client_heard_from_two_addresses_stays_where_it_nominated(make_bench: MakeBench) -> None:
    bench = await make_bench(path_stale_ms=300)
    a, b = await bench.linked()
    selected, backup = b.socket, b.new_socket()
    for _ in range(3):
        for b.socket in (selected, backup):
            await b.check(nominate=False)
    b.socket = selected
    a.send_rtp(rtp(a.video, 1, payload=b"stays"))
    assert (await b.receive_rtp()).endswith(b"stays")
    backup.close()
