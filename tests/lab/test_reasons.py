"""A match that fails says at which step and at whose side, to both users and to the operator."""

from __future__ import annotations

import asyncio

import pytest

from tests.lab.match_rows import matched_row
from tests.lab.town import ANOTHER_BY_443, Town

CONNECT_SECONDS = 3

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(120)]


@pytest.mark.parametrize(
    ("site", "step", "sentence"),
    [
        ("only_443", "ice_tls", "Your network blocks UDP and TCP to the relay."),
        (
            "udp_blocked_b",
            "ice_tcp",
            "Your network blocks UDP and let no media through to the relay over TCP either.",
        ),
    ],
)
async def test_who_cannot_reach_the_relay_is_told_what_was_left(
    town: Town, site: str, step: str, sentence: str
) -> None:
    """A service without a TURN server; where UDP is blocked its TCP port does not answer either."""
    async with town.another_service(
        live_connect_seconds=str(CONNECT_SECONDS), relay_tcp_port="-1" if step == "ice_tcp" else "3480"
    ) as service:
        a, b = await asyncio.gather(
            town.browsers.caller(site, url=ANOTHER_BY_443),
            town.browsers.caller("cone_a", url=service.url),
        )
        await asyncio.gather(a.network_known(town.lab[site].kind), b.leg_up())
        await b.join()
        await a.join()
        await asyncio.gather(*(caller.until("lab.last('ended')") for caller in (a, b)))
        for caller, by in ((a, "you"), (b, "stranger")):
            ended = (await caller.heard("ended"))[-1]
            assert (ended["by"], ended["step"]) == (by, step)
            if caller is a:
                assert ended["message"] == sentence
        row = await matched_row(town.folder / "another", (await a.heard("matched"))[-1]["match"])
        assert row["ended_by"] == "b"
        assert {"step": step, "side": "b", "route": "relay"}.items() <= row["troubles"][-1].items()
