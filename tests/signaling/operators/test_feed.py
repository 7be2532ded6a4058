"""The feed: who may read it, that only the newest counts, and that twenty pages cost one encoding."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
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
from signaling.operators.feed import NOT_AUTHENTICATED, PROTOCOL_VIOLATION, STOPS, TRY_LATER, Feed
from signaling.operators.rates import NOTHING
from tests.signaling.operators.desk import API, OPERATOR, Desk

Socket = aiohttp.ClientWebSocketResponse
GONE = (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR)


async def opened(here: Desk, hello: Any = None, **options: Any) -> Socket:
    socket: Socket = await here.session.ws_connect(f"{here.service.url}{API}/feed", **options)
    await socket.send_json(hello or {"type": "hello", "token": here.token(OPERATOR, "operator")})
    return socket


async def refused(socket: Socket) -> tuple[str, int | None]:
    """The error's code, and that of the close."""
    error = await socket.receive_json(timeout=10)
    assert error["type"] == "error"
    assert error["message"]
    assert (await socket.receive(timeout=10)).type in GONE
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


@asynccontextmanager
async def house(
    feed: Feed, *on_prepare: Any
) -> AsyncIterator[tuple[TestClient[Any, Any], list[asyncio.Transport]]]:
    """The feed alone; with the server's ends of its connections."""
    transports: list[asyncio.Transport] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        transports.append(request.transport)
        return await feed.handle(request)

    app = web.Application()
    app.on_response_prepare.extend(on_prepare)
    app.router.add_get("/feed", handle)
    async with TestClient(TestServer(app)) as client:
        yield client, transports


async def page_of(feed: Feed, client: TestClient[Any, Any]) -> Socket:
    """One that is shown states from now on."""
    socket = await client.ws_connect("/feed")
    waiting = asyncio.create_task(feed.opened())
    await asyncio.sleep(0)
    await socket.send_json({"type": "hello", "token": "t"})
    async with asyncio.timeout(10):
        await waiting
    return socket


async def test_silent_strangers_keep_no_operator_out(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = Feed(OpenGate())  # type: ignore[arg-type]  # the gate's one method that the feed asks
    async with house(feed) as (client, _):
        silent = [await client.ws_connect("/feed") for _ in range(feed_module.STRANGERS)]
        pages = [await page_of(feed, client) for _ in range(3)]
        feed.publish(state(1))
        for page in pages:
            assert (await page.receive_json(timeout=10))["at"] == 1
        # The first page took the place of the oldest, and left it free for the others when it was admitted.
        assert (await silent[0].receive(timeout=10)).type in GONE
        assert not silent[-1].closed
        monkeypatch.setattr(feed_module, "PAGES", 3)
        one_more = await client.ws_connect("/feed")
        await one_more.send_json({"type": "hello", "token": "t"})
        assert await refused(one_more) == ("busy", TRY_LATER)


async def test_a_crowd_of_strangers_pushes_out_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "STRANGERS", 4)
    feed = Feed(OpenGate(), trust_proxy=True)  # type: ignore[arg-type]  # as above
    async with house(feed) as (client, _):

        async def stranger(address: str) -> Socket:
            return await client.ws_connect("/feed", headers={"X-Forwarded-For": address})

        lone = await stranger("198.51.100.1")
        crowd = [await stranger(f"203.0.113.{number}") for number in range(20)]
        for socket in crowd[:-3]:
            assert (await socket.receive(timeout=10)).type in GONE
        waiting = asyncio.create_task(feed.opened())
        await lone.send_json({"type": "hello", "token": "t"})
        async with asyncio.timeout(10):
            await waiting
        feed.publish(state(1))
        assert (await lone.receive_json(timeout=10))["at"] == 1


async def stuck(
    feed: Feed, client: TestClient[Any, Any], transports: list[asyncio.Transport]
) -> asyncio.Transport:
    """The connection of a page that does not read; the server's writer waits for it."""
    page = await page_of(feed, client)
    assert page._conn is not None
    connection = page._conn.transport
    assert isinstance(connection, asyncio.Transport)
    connection.pause_reading()
    feed.publish(state(1, padding=30_000_000))
    await until(lambda: transports[-1].get_write_buffer_size() > 1_000_000)
    return connection


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nobody tells when it is so
            await asyncio.sleep(0.01)


async def test_pages_that_do_not_read_hold_no_stop_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "CLOSE_SECONDS", 0.5)
    feed = Feed(OpenGate())  # type: ignore[arg-type]  # as above
    async with house(feed) as (client, transports):
        deaf = [await stuck(feed, client, transports) for _ in range(3)]
        reads = await page_of(feed, client)
        listening = asyncio.create_task(reads.receive())
        async with asyncio.timeout(1.4):  # one after the other would take longer
            await feed.close()
        assert (await listening).type in GONE
        assert reads.close_code == STOPS
        await until(lambda: not feed.watched)
        with pytest.raises(aiohttp.WSServerHandshakeError) as late:
            await client.ws_connect("/feed")
        assert late.value.status == 500, "Busy; the service's middleware makes it 503"
        for connection in deaf:
            connection.abort()  # the client's own good-bye would wait for what it does not read


async def test_a_page_too_slow_for_one_state_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "SEND_SECONDS", 0.5)
    feed = Feed(OpenGate())  # type: ignore[arg-type]  # as above
    async with house(feed) as (client, transports):
        deaf = await stuck(feed, client, transports)
        await until(lambda: not feed.watched)
        deaf.abort()


async def test_a_socket_within_its_handshake_does_not_keep_others_from_their_good_bye() -> None:
    feed = Feed(OpenGate())  # type: ignore[arg-type]  # as above
    held, go_on = asyncio.Event(), asyncio.Event()

    async def hold(request: web.Request, _response: web.StreamResponse) -> None:
        if request.query_string:
            held.set()
            await go_on.wait()

    async with house(feed, hold) as (client, _):
        early = asyncio.create_task(client.ws_connect("/feed?held"))
        await held.wait()
        page = await page_of(feed, client)
        await feed.close()
        assert (await page.receive(timeout=10)).type in GONE
        assert page.close_code == STOPS
        go_on.set()
        with pytest.raises(aiohttp.ClientError):
            await early


async def test_a_slow_page_gets_the_newest_state_and_no_queue_grows() -> None:
    feed = Feed(OpenGate())  # type: ignore[arg-type]  # the gate's one method that the feed asks
    async with house(feed) as (client, _):
        sockets = [await page_of(feed, client) for _ in range(20)]
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
