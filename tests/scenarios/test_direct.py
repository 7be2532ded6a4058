"""Two headless peers meet directly, and go on by relay when the direct link is cut."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from pathlib import Path

import pytest
from yarl import URL

from peers import Match, Peer, SyntheticMedia
from signaling import messages as wire
from tests.service import RunningService, running_service

pytestmark = pytest.mark.media


async def until_route(match: Match, route: str, state: str) -> wire.Route:
    """Iterate the match's events up to this change of route."""
    async for event in match:
        if isinstance(event, wire.Route) and (event.route, event.state) == (route, state):
            return event
    raise AssertionError(f"the match ended before {route} {state}")


@pytest.mark.timeout(120)
async def test_two_meet_directly_and_move_to_the_relay_when_the_link_is_cut(tmp_path: Path) -> None:
    async with (
        # Without a time limit for the direct attempt, so that a busy machine does not decide.
        running_service(tmp_path, routes_relay_after_ms="20000") as service,
        Peer.guest(service.url, media=SyntheticMedia()) as ada,
        Peer.guest(service.url, media=SyntheticMedia()) as bob,
    ):
        first, second = await asyncio.gather(ada.meet(), bob.meet())
        await asyncio.gather(
            until_route(first, "direct", "connected"), until_route(second, "direct", "connected")
        )
        assert (first.route, second.route) == ("direct", "direct")
        addresses = [URL(url.replace("stun:", "stun://")) for url in ada._seat.stun]
        assert {address.host for address in addresses} == {"127.0.0.1"}
        assert len({address.port for address in addresses}) == 2, "two ports tell how a NAT maps"
        await seen(first, 30)
        await seen(second, 30)
        direct = ada._seat._direct
        assert direct is not None
        await direct._connection.close()  # the cut: nothing is heard from here any more
        lost = await until_route(second, "direct", "interrupted")
        assert lost.reason == "direct_lost"
        await asyncio.gather(
            until_route(first, "relay", "connected"), until_route(second, "relay", "connected")
        )
        await asyncio.gather(
            until_route(first, "direct", "unlinked"), until_route(second, "direct", "unlinked")
        )
        before = first.summary().video.frames_received, second.summary().video.frames_received
        await seen(first, before[0] + 30)
        await seen(second, before[1] + 30)
        report, _ = await asyncio.gather(first.leave(), second.over())
        assert await service.stop() == 0
    assert (report.route, report.ended) == ("relay", "left")
    # The row tells an operator the same story, and where it went wrong.
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "burrow.sqlite3")) as database:
        [row] = database.execute("SELECT routes, route_changes, troubles FROM matches").fetchall()
    routes, changes, troubles = map(json.loads, row)
    assert routes == ["direct", "relay"]
    assert [(c["route"], c["state"]) for c in changes if c["state"] in ("connected", "unlinked")] == [
        ("direct", "connected"),
        ("relay", "connected"),
        ("direct", "unlinked"),
    ]
    assert {"route": "direct", "step": "ice_udp", "side": None} in [
        {name: trouble[name] for name in ("route", "step", "side")} for trouble in troubles
    ]


async def test_who_hides_is_relayed(service: RunningService) -> None:
    async with (
        Peer.guest(service.url, media=SyntheticMedia(), hide_address=True) as ada,
        Peer.guest(service.url, media=SyntheticMedia()) as bob,
    ):
        first, second = await asyncio.gather(ada.meet(), bob.meet())
        told = await until_route(second, "relay", "trying")
        assert told.reason == "address_hidden"
        await asyncio.gather(first.connected(), second.connected())
        assert (first.route, second.route) == ("relay", "relay")
        await asyncio.gather(first.leave(), second.over())


async def seen(match: Match, frames: int) -> None:
    """Wait until the match has brought so many pictures."""
    async with asyncio.timeout(20):
        while match.summary().video.frames_received < frames:  # noqa: ASYNC110 - pictures are no events
            await asyncio.sleep(0.05)
