"""What a socket may not do, and what happens to it: origins, hello, sizes, rates, slow readers."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from signaling.messages import (
    Chat,
    ChatAccepted,
    Ended,
    Error,
    Idle,
    Join,
    Leave,
    Ping,
    Pong,
    SendChat,
    Welcome,
)
from signaling.settings import LiveSettings
from tests.signaling.live.house import house

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
}


async def test_a_foreign_page_gets_no_socket() -> None:
    async with house() as here:
        headers = {**UPGRADE, "Origin": "https://evil.example"}
        async with here.session.get(here.url, headers=headers) as refused:
            assert refused.status == 403
            assert (await refused.json())["code"] == "forbidden"
        own = here.url.removesuffix("/ws")
        anna = await here.socket("anna", headers={"Origin": own})
        assert isinstance(await anna.hello(), Welcome)


async def test_a_plain_request_is_told_what_this_is() -> None:
    async with house() as here, here.session.get(here.url) as answer:
        assert answer.status == 400
        assert (await answer.json())["code"] == "bad_request"


async def test_sockets_are_limited() -> None:
    async with house(LiveSettings(max_sockets=2)) as here:
        first = await here.client("anna")
        await here.client("bert")
        async with here.session.get(here.url, headers=UPGRADE) as refused:
            assert refused.status == 503
            assert "Retry-After" in refused.headers
            assert (await refused.json())["code"] == "busy"
        await first.ws.close()
        while here.service.counts["open"] > 1:
            await here.service.changed()
        await here.client("carl")
        assert here.service.counts["sockets"] == 2


async def test_hello_must_come_in_time() -> None:
    async with house(LiveSettings(auth_seconds=0.05)) as here:
        late = await here.socket("anna")
        error = await late.read()
        assert isinstance(error, Error)
        assert await late.close_code() == 4002


@pytest.mark.parametrize(("token", "code"), [("bad", "unauthenticated"), ("expired", "token_expired")])
async def test_a_bad_token_opens_nothing(token: str, code: str) -> None:
    async with house() as here:
        client = await here.socket(token)
        error = await client.hello()
        assert isinstance(error, Error)
        assert (error.code, error.seq) == (code, 0)
        assert await client.close_code() == 4002


@pytest.mark.parametrize(
    ("first", "code", "close"),
    [
        ('{"type":"join","n":1}', "unauthenticated", 4002),
        ("not json", "bad_message", 4000),
        ('{"type":"hello","token":""}', "bad_message", 4000),
        ("[" * 10_000, "bad_message", 4000),
    ],
)
async def test_the_first_message_must_be_hello(first: str, code: str, close: int) -> None:
    async with house() as here:
        client = await here.socket("anna")
        await client.ws.send_str(first)
        error = await client.read()
        assert isinstance(error, Error)
        assert error.code == code
        assert await client.close_code() == close


@pytest.mark.parametrize(
    "bad",
    [
        b'{"type":"chat","n":1,"id":"1","text":""}',
        b'{"type":"chat","n":1,"id":"1","text":"hi","extra":1}',
        b'{"type":"chat","n":1,"id":"' + b"x" * 65 + b'","text":"hi"}',
        b'{"type":"nonsense","n":1}',
        b'{"type":"join","n":1,"interests":"chess"}',
        b'{"n":1}',
    ],
)
async def test_a_malformed_message_is_answered_and_counted(bad: bytes) -> None:
    async with house() as here:
        anna = await here.client("anna")
        await anna.ws.send_frame(bad, aiohttp.WSMsgType.TEXT)
        error = await anna.until(Error)
        assert error.code == "bad_message"
        assert error.n == 1
        assert len(error.message) <= 200
        anna.n = 1
        await anna.say(Leave())
        assert (await anna.until(Error)).code == "not_queued", "the next number follows the bad one's"


@pytest.mark.parametrize("bad", [b"\xff\xfe", b"{", b"null", b"1e999", b'"' + b"a" * 20_000, b"{}" * 5])
async def test_garbage_does_not_close_the_socket(bad: bytes) -> None:
    async with house() as here:
        anna = await here.client("anna")
        await anna.ws.send_frame(bad, aiohttp.WSMsgType.TEXT)
        assert (await anna.until(Error)).code == "bad_message"
        await anna.ws.send_bytes(b"binary")
        assert (await anna.until(Error)).code == "bad_message"
        await anna.raw(Ping())
        await anna.until(Pong)


async def test_a_message_without_a_number_is_told_so() -> None:
    async with house() as here:
        anna = await here.client("anna")
        await anna.raw(Join())
        error = await anna.until(Error)
        assert (error.code, error.about) == ("bad_message", "join")


async def test_an_oversized_message_closes_the_socket_and_keeps_the_seat() -> None:
    async with house(LiveSettings(message_bytes=4096)) as here:
        anna = await here.client("anna")
        await anna.ws.send_str(json.dumps({"type": "chat", "n": 1, "id": "1", "text": "x" * 5000}))
        assert await anna.close_code() == 1009
        again = await here.socket("anna")
        welcome = await again.hello(anna.resume())
        assert isinstance(welcome, Welcome)
        assert welcome.resumed


async def test_a_flood_is_refused_and_then_cut() -> None:
    async with house(LiveSettings(messages_per_second=5, message_burst=10)) as here:
        anna, bert = await here.pair()
        for i in range(40):
            await bert.say(SendChat(id=f"c{i}", text="spam"))
        assert await bert.close_code() == 4003
        codes = [m.code for m in bert.got if isinstance(m, Error)]
        accepted = [m for m in bert.got if isinstance(m, ChatAccepted)]
        assert set(codes) == {"rate_limited"}
        assert len(accepted) <= 10
        assert len(codes) <= 12
        # The seat is held: who comes back in peace goes on.
        again = await here.socket("bert")
        again.received = bert.received
        welcome = await again.hello(bert.resume())
        assert isinstance(welcome, Welcome)
        assert welcome.resumed
        assert not [m for m in anna.got if isinstance(m, Ended)]


async def test_malformed_messages_count_double() -> None:
    async with house(LiveSettings(messages_per_second=1, message_burst=10)) as here:
        good, bad = await here.client("anna"), await here.client("bert")
        for _ in range(7):
            await good.raw(Ping())
            await bad.ws.send_str("{")
        for _ in range(7):
            await good.until(Pong)
        codes = [(await bad.until(Error)).code for _ in range(7)]
        assert codes == ["bad_message"] * 5 + ["rate_limited"] * 2


async def test_control_frames_count_too() -> None:
    async with house(LiveSettings(messages_per_second=1, message_burst=5)) as here:
        anna = await here.client("anna")
        for _ in range(12):
            await anna.ws.ping(b"x")
        assert await anna.close_code() == 4003


async def test_a_slow_reader_loses_its_socket_but_not_its_messages() -> None:
    # 64 waiting messages of a thousand four-octet characters are more than the socket's buffers take only
    # when nobody reads: so the reader's side is paused for good.
    settings = LiveSettings(send_queue=64, messages_per_second=100_000, message_burst=100_000)
    async with house(settings) as here:
        anna, bert = await here.pair()
        anna.transport.pause_reading()
        sent = 0
        while here.service.counts["sockets"] == 2:
            if sent < 4000:
                await bert.say(SendChat(id=f"c{sent}", text="\U0001f9a1" * 1000))
                await bert.until(ChatAccepted)
                sent += 1
            else:
                await bert.raw(Ping())
                await bert.until(Pong)
        again = await here.socket("anna")
        again.n, again.received = anna.n, anna.received
        welcome = await again.hello(anna.resume())
        assert isinstance(welcome, Welcome)
        if welcome.resumed:
            assert (await again.until(Chat)).id == "c0"
        else:
            assert sent > 200, "only who is more than the log behind starts anew"


async def test_a_client_that_answers_no_ping_is_cut_off() -> None:
    async with house(LiveSettings(ping_seconds=0.05)) as here:
        mute = await here.socket("anna", autoping=False)
        await mute.hello()
        while here.service.counts["sockets"]:
            frame = await mute.ws.receive(timeout=5)
            if frame.type not in (aiohttp.WSMsgType.PING, aiohttp.WSMsgType.TEXT):
                break
        await mute.ws.close()
        assert here.service.counts["seats"] == 1, "the seat is held"


async def test_a_client_that_answers_pings_stays() -> None:
    async with house(LiveSettings(ping_seconds=0.03)) as here:
        quiet = await here.client("anna")
        await quiet.until(Idle)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await quiet.read()
        assert not quiet.ws.closed
        assert here.service.counts["sockets"] == 1
