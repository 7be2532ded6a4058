"""A match that fails says at which step and at whose side, to both users and to the operator."""

from __future__ import annotations

import asyncio

import pytest

from tests.lab.match_rows import matched_row
from tests.lab.plan import Kind
from tests.lab.town import ANOTHER_BY_443, Town

CONNECT_SECONDS = 3

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(120)]


async def test_who_has_no_way_to_the_relay_is_told_which_one_was_left(town: Town) -> None:
    """Behind a filter that lets out port 443 alone, and the service has no TURN server."""
    async with town.another_service(live_connect_seconds=str(CONNECT_SECONDS)) as service:
        a, b = await asyncio.gather(
            town.browsers.caller("only_443", url=ANOTHER_BY_443),
            town.browsers.caller("cone_a", url=service.url),
        )
        await asyncio.gather(a.network_known(Kind.ONLY_443), b.leg_up())
        await b.join()
        await a.join()
        await asyncio.gather(*(caller.until("lab.last('ended')") for caller in (a, b)))
        for caller, by, whose in ((a, "you", "Your"), (b, "stranger", "The stranger's")):
            ended = (await caller.heard("ended"))[-1]
            assert (ended["by"], ended["step"]) == (by, "ice_tls")
            assert ended["message"] == f"{whose} network blocks UDP and TCP to the relay."
        row = await matched_row(town.folder / "another", (await a.heard("matched"))[-1]["match"])
        assert row["ended_by"] == "b"
        assert {"step": "ice_tls", "side": "b", "route": "relay"}.items() <= row["troubles"][-1].items()
