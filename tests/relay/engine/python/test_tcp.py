"""What the reference engine does beyond docs/packet-engine.md section 9, which leaves it free to."""

from __future__ import annotations

import asyncio

import pytest

from relay.engine.python.tcp import BATCH, STRANGER_DATAGRAMS
from relay.ice.framing import frame
from tests.relay.engine.conftest import MakeBench
from tests.relay.engine.far_end import TcpFarEnd


@pytest.fixture
def engine_name() -> str:
    return "python"


async def test_stranger_is_cut_off_after_a_few_datagrams(make_bench: MakeBench) -> None:
    bench = await make_bench(tcp_port=0)
    stranger = bench.far_end(1, TcpFarEnd)
    flood = frame(b"\x00" * 20) * (STRANGER_DATAGRAMS + 10 * BATCH)
    await asyncio.get_running_loop().sock_sendall(stranger.socket, flood)
    with pytest.raises(EOFError):
        await stranger.receive()
    totals = bench.engine.totals()
    assert totals.drops["tcp_unauthenticated"] == 1
    assert totals.packets_in == STRANGER_DATAGRAMS
