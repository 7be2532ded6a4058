"""Calls over real sockets: meeting, losing a socket, taking over, the database away, the service stopping."""

from __future__ import annotations

import asyncio

import pytest

from signaling.messages import (
    Block,
    Blocked,
    Chat,
    ChatAccepted,
    ChatDelivered,
    ChatReceived,
    Closing,
    Ended,
    Error,
    Idle,
    Join,
    Leave,
    Matched,
    Next,
    Ping,
    Pong,
    Queued,
    Replaced,
    Report,
    Reported,
    Route,
    SendChat,
    Welcome,
)
from signaling.settings import LiveSettings
from tests.signaling.live.house import house


async def test_two_meet_talk_and_part() -> None:
    async with house() as here:
        anna, bert = await here.pair()
        await anna.say(SendChat(id="c1", text="hello"))
        chat = await bert.until(Chat)
        await bert.say(ChatReceived(id=chat.id))
        await anna.until(ChatAccepted, id="c1")
        await anna.until(ChatDelivered, id="c1")
        await bert.say(Next())
        assert (await anna.until(Ended)).by == "stranger"
        await anna.until(Idle)
        await bert.until(Queued)
        assert here.relay.script.violations == []
    assert [r.reason for r in here.backend.ended_records] == ["next"]
    record = here.backend.ended_records[0]
    assert record.match == here.backend.started_records[0]
    assert record.a_to_b.packets == 100
    assert record.connect_ms is not None


async def test_a_call_survives_a_lost_socket() -> None:
    async with house() as here:
        anna, bert = await here.pair()
        anna.transport.abort()
        await anna.close_code()
        for i in range(40):
            await bert.say(SendChat(id=f"c{i}", text=str(i)))
            await bert.until(ChatAccepted, id=f"c{i}")
        again = await here.socket("anna")
        again.n, again.received = anna.n, anna.received
        welcome = await again.hello(anna.resume())
        assert isinstance(welcome, Welcome)
        assert welcome.resumed
        assert welcome.received == anna.n
        texts = [(await again.until(Chat)).text for _ in range(40)]
        assert texts == [str(i) for i in range(40)]
        await again.say(SendChat(id="back", text="I am back"))
        assert (await bert.until(Chat)).text == "I am back"
        assert here.backend.loads == 2, "a seat that is there needs no database to be resumed"


async def test_a_client_that_says_goodbye_is_not_waited_for() -> None:
    async with house() as here:
        anna, bert = await here.pair()
        await anna.ws.close(code=1000)
        ended = await bert.until(Ended)
        assert (ended.reason, ended.by) == ("left", "stranger")


async def test_a_second_socket_must_take_over() -> None:
    async with house() as here:
        anna = await here.client("anna")
        second = await here.socket("anna")
        refused = await second.hello()
        assert isinstance(refused, Error)
        assert refused.code == "seat_taken"
        assert await second.close_code() == 4005
        third = await here.socket("anna")
        assert isinstance(await third.hello(take_over=True), Welcome)
        await anna.until(Replaced)
        assert await anna.close_code() == 4001
        await third.say(Join())
        await third.until(Queued)


async def test_blocks_and_reports_are_stored_and_answered() -> None:
    async with house() as here:
        anna, bert = await here.pair()
        match = anna.got[-1].match  # type: ignore[union-attr]  # a route message
        await anna.say(Report(match=match, reason="spam", text="sells things"))
        await anna.until(Reported, match=match)
        await anna.say(Block())
        assert (await anna.until(Ended)).reason == "blocked"
        await anna.until(Blocked, match=match)
        assert (await bert.until(Ended)).reason == "left", "who was blocked is not told so"
        assert here.backend.blocks == {"anna": {"bert"}}
        assert [(r.user, r.reported, r.reason) for r in here.backend.reports] == [("anna", "bert", "spam")]
        await anna.say(Join())
        await bert.say(Join())
        assert (await bert.until(Queued)).waiting == 2


async def test_blocks_are_loaded_with_the_seat() -> None:
    async with house() as here:
        here.backend.blocks = {"anna": {"bert"}}
        anna, bert, carl = [await here.client(name) for name in ("anna", "bert", "carl")]
        for client in (bert, anna, carl):
            await client.say(Join())
            await client.until(Queued)
        assert (await carl.until(Matched)).stranger.name == "name of bert"


async def test_the_database_away_spares_the_call() -> None:
    async with house() as here:
        anna, bert = await here.pair()
        match = anna.got[-1].match  # type: ignore[union-attr]  # a route message
        here.backend.available = False
        await anna.say(Report(match=match, reason="other"))
        error = await anna.until(Error)
        assert (error.code, error.about, error.n) == ("database_unavailable", "report", anna.n)
        await anna.say(SendChat(id="1", text="still here"))
        assert (await bert.until(Chat)).text == "still here"
        stranger = await here.socket("carl")
        refused = await stranger.hello()
        assert isinstance(refused, Error)
        assert refused.code == "database_unavailable"
        assert await stranger.close_code() == 1013
        here.backend.available = True
        await anna.say(Report(match=match, reason="other"))
        await anna.until(Reported)
        assert len(here.backend.reports) == 1


async def test_the_service_stops_in_order() -> None:
    async with house() as here:
        anna, bert = await here.pair()
        waiting = await here.client("carl")
        await waiting.say(Join())
        await waiting.until(Queued)
        stop = asyncio.create_task(here.service.stop(5))
        for client in (anna, bert):
            ended = await client.until(Ended)
            assert (ended.reason, ended.by) == ("service_stopping", "service")
        for client in (anna, bert, waiting):
            await client.until(Closing)
            assert await client.close_code() == 1012
        await stop
        assert [r.reason for r in here.backend.ended_records] == ["service_stopping"]
        assert here.backend.ended_records[0].a_to_b.packets == 100
        assert here.relay.script.legs == {}
        assert here.service.counts["seats"] == 0


async def test_stopping_waits_for_no_one_beyond_its_time() -> None:
    async with house() as here:
        await here.pair()
        here.relay.silent = True  # the last counts never come
        here.backend.wait_for = asyncio.Event()
        hanging = await here.socket("carl")
        hello = asyncio.create_task(hanging.hello())
        await asyncio.wait_for(here.service.stop(0.3), 5)
        assert [r.reason for r in here.backend.ended_records] == ["service_stopping"]
        with pytest.raises(EOFError):
            await hello


async def test_ping_is_answered_and_acknowledges() -> None:
    async with house(LiveSettings(ping_seconds=0.2)) as here:
        anna = await here.client("anna")
        await anna.say(Leave())
        await anna.until(Error, code="not_queued")
        await anna.raw(Ping(received=anna.received))
        assert (await anna.until(Pong)).received == 1


async def test_route_messages_name_the_leg() -> None:
    async with house() as here:
        anna, _ = await here.pair()
        linked = [m for m in anna.got if isinstance(m, Route) and m.state == "linked"]
        assert linked[0].leg in here.relay.script.legs
