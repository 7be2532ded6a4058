"""The feed: who may read it, that only the newest counts, and that twenty pages cost one encoding."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from db.repositories import users
from signaling.accounts.tokens import Identity
from signaling.live.operations import NodeStatus
from signaling.operators import feed as feed_module
from signaling.operators.bodies import CallCounts, FeedState
from signaling.operators.feed import NOT_AUTHENTICATED, PROTOCOL_VIOLATION, Feed
from signaling.operators.rates import NOTHING
from tests.signaling.operators.desk import API, OPERATOR, Desk

Socket = aiohttp.ClientWebSocketResponse


async def opened(here: Desk, hello: Any = None, **options: Any) -> Socket:
    socket: Socket = await here.session.ws_connect(f"{here.service.url}{API}/feed", **options)
    await socket.send_json(hello or {"type": "hello", "token": here.token(OPERATOR, "operator")})
    return socket


async def refused(socket: Socket) -> tuple[str, int | None]:
    """The error's code, and that of the close."""
    error = await socket.receive_json(timeout=10)
    assert error["type"] == "error"
    assert error["message"]
    assert (await socket.receive(timeout=10)).type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING)
    return error["code"], socket.close_code


async def test_a_page_is_shown_the_calls_and_each_later_state(here: Desk) -> None:
    await here.pair("anna", "bert")
    socket = await opened(here)
    first, second = await socket.receive_json(timeout=10), await socket.receive_json(timeout=10)
    assert first["type"] == "state"
    assert second["at"] > first["at"]
    assert (first["counts"]["direct"], first["calls_total"]) == (1, 1)
    (call,) = first["calls"]
    assert {call["a"]["user"], call["b"]["user"]} == {"anna", "bert"}
    assert first["node"]["limits"]["hard"] > 0
    await here.ask("POST", f"/calls/{call['match']}/end")
    async with asyncio.timeout(10):
        while (state := await socket.receive_json())["calls"]:
            pass
    assert [(end["match"], end["reason"]) for end in state["ends"]] == [(call["match"], "ended_by_operator")]
    await socket.close()


async def test_the_first_message_decides(here: Desk) -> None:
    await here.account("ursula")
    hellos = {
        ("unauthenticated", NOT_AUTHENTICATED): {"type": "hello", "token": "nonsense"},
        ("token_expired", NOT_AUTHENTICATED): {
            "type": "hello",
            "token": here.token(OPERATOR, "operator", age_seconds=901),
        },
        ("forbidden", NOT_AUTHENTICATED): {"type": "hello", "token": here.token("ursula", "operator")},
        ("bad_message", PROTOCOL_VIOLATION): {"type": "hello"},
    }
    for expected, hello in hellos.items():
        assert await refused(await opened(here, hello)) == expected


async def test_a_foreign_page_gets_no_socket(here: Desk) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        await opened(here, headers={"Origin": "https://evil.example"})
    assert error.value.status == 403
    for origin in ("https://allowed.example", here.service.url):
        socket = await opened(here, headers={"Origin": origin})
        assert (await socket.receive_json(timeout=10))["type"] == "state"
        await socket.close()
    assert (await here.request("GET", f"{API}/feed", None))[0] == 400


async def test_silence_and_chatter_end_a_feed(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "HELLO_SECONDS", 0.1)
    silent = await here.session.ws_connect(f"{here.service.url}{API}/feed")
    assert await refused(silent) == ("unauthenticated", NOT_AUTHENTICATED)
    chatty = await opened(here)
    await chatty.receive_json(timeout=10)
    await chatty.send_str("hello?")
    async with asyncio.timeout(10):
        while (await chatty.receive()).type != WSMsgType.CLOSE:
            pass
    assert chatty.close_code == PROTOCOL_VIOLATION


async def test_a_feed_ends_with_the_role(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "LOOK_AGAIN_SECONDS", 0.1)
    socket = await opened(here)
    assert (await socket.receive_json(timeout=10))["type"] == "state"
    await here.database.write(lambda session: users.set_role(session, f"{OPERATOR}@example.org", "user"))
    async with asyncio.timeout(10):
        while (message := await socket.receive_json())["type"] == "state":
            pass
    assert message["code"] == "forbidden"


class OpenGate:
    async def operator_of(self, token: str) -> Identity:
        return Identity("olga", "Olga", "registered", "operator")


def state(number: int, padding: int = 0) -> FeedState:
    """Told apart by ``at``; ``padding`` makes it as long as many calls would."""
    status = msgspec.convert(
        {
            "engine": "x" * padding, "version": "0", "started_at": 0.0, "not_ready": (), "drain": None,
            "load": {}, "limits": {"soft": 1.0, "hard": 1.0, "max_legs": 1, "max_egress_bps": 0},
            "self_test": None, "online": 0, "sockets": 0, "queued": 0, "matches": 0, "legs": 0,
        },
        NodeStatus,
    )  # fmt: skip
    return FeedState(number, status, NOTHING, CallCounts(0, 0, 0, 0), (), 0, ())


async def test_a_slow_page_gets_the_newest_state_and_no_queue_grows() -> None:
    feed = Feed(OpenGate())  # type: ignore[arg-type]  # the gate's one method that the feed asks
    app = web.Application()
    app.router.add_get("/feed", feed.handle)
    async with TestClient(TestServer(app)) as client:
        sockets = [await client.ws_connect("/feed") for _ in range(20)]
        for socket in sockets:
            waiting = asyncio.create_task(feed.opened())
            await asyncio.sleep(0)
            await socket.send_json({"type": "hello", "token": "t"})
            await waiting
        # The first of them reads nothing for 200 states of half a megabyte, the others read on.
        slow, quick = sockets[0], sockets[1:]
        assert slow._conn is not None
        slow._conn.transport.pause_reading()  # type: ignore[union-attr]  # a connection that is open has one
        for number in range(200):
            feed.publish(state(number, padding=500_000))
            for socket in quick[:1]:
                assert (await socket.receive_json(timeout=10))["at"] == number
        assert feed.encoded == 200, "once a state, not once a page"
        slow._conn.transport.resume_reading()  # type: ignore[union-attr]  # as above
        seen: list[float] = []
        while not seen or seen[-1] != 199:
            seen.append((await slow.receive_json(timeout=10))["at"])
        assert seen == sorted(set(seen)), "never an older one after a newer one"
        assert len(seen) < 60, "what it was too slow for was dropped, not kept"
        for socket in sockets:
            await socket.close()
