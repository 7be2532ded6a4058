"""The direct route over real sockets: negotiation, hidden addresses on the wire, counters, old clients."""

from __future__ import annotations

import asyncio

import pytest

from signaling.messages import (
    Candidate,
    Description,
    DirectState,
    Ended,
    Join,
    Leave,
    MediaFlowing,
    Network,
    Next,
    Ping,
    Pong,
    Route,
    SendCandidate,
    SendDescription,
    Welcome,
)
from signaling.settings import RouteSettings
from tests.signaling.core.test_candidates import CHROME, SECRETS
from tests.signaling.live.house import House, WsClient, house

HOST = "candidate:1 1 udp 2122260223 {} 46243 typ host generation 0"


async def meet(here: House, *, hide: bool = False) -> tuple[WsClient, WsClient]:
    """Anna, who may hide her address, and Bert in a match."""
    anna, bert = [await here.client(name, direct=True) for name in ("anna", "bert")]
    await anna.say(Join(hide_address=hide))
    await bert.say(Join())
    await asyncio.gather(anna.until(Route, state="trying"), bert.until(Route, state="trying"))
    return anna, bert


def of(client: WsClient) -> tuple[str, int]:
    """The match and the attempt that this client was told last."""
    route = [message for message in client.got if isinstance(message, Route)][-1]
    return route.match, route.attempt


async def settle(client: WsClient) -> None:
    """Until everything said before has been handled."""
    await client.raw(Ping(received=client.received))
    await client.until(Pong)


async def tell_everything(client: WsClient) -> None:
    """All that a browser says of its addresses, for this attempt and others."""
    match, attempt = of(client)
    for number in (attempt, attempt + 1):
        await client.say(SendDescription(match=match, attempt=number, kind="offer", sdp=CHROME))
        for secret in SECRETS:
            await client.say(SendCandidate(match=match, attempt=number, candidate=HOST.format(secret)))
    await settle(client)


async def test_two_negotiate_and_connect_directly() -> None:
    async with house() as here:
        anna, bert = await meet(here)
        match, attempt = of(anna)
        await anna.say(SendDescription(match=match, attempt=attempt, kind="offer", sdp=CHROME))
        await anna.say(
            SendCandidate(match=match, attempt=attempt, candidate=HOST.format("10.0.0.1"), mid="0")
        )
        assert (await bert.until(Description)).sdp == CHROME
        assert (await bert.until(Candidate)).mid == "0"
        await bert.say(SendDescription(match=match, attempt=attempt, kind="answer", sdp=CHROME))
        assert (await anna.until(Description)).kind == "answer"
        for client in (anna, bert):
            await client.say(DirectState(match=match, attempt=attempt, state="connected"))
            await client.say(MediaFlowing(match=match, attempt=attempt))
        for client in (anna, bert):
            assert (await client.until(Route, state="connected")).route == "direct"
        await bert.say(Next())
        await anna.until(Ended)
        assert here.relay.script.links == {}
        assert here.service.tallies.routes["direct", "connected", ""] == 1
        assert here.service.tallies.ends == {"next": 1}
    (record,) = here.backend.ended_records
    assert record.routes == ("direct",)


async def test_the_relay_takes_over_in_time() -> None:
    async with house(routes=RouteSettings(relay_after_ms=50)) as here:
        both = await meet(here)
        for trying in await asyncio.gather(*(client.until(Route, state="trying") for client in both)):
            assert (trying.route, trying.reason) == ("relay", "direct_slow")
        for connected in await asyncio.gather(*(client.until(Route, state="connected") for client in both)):
            assert connected.route == "relay"
        assert here.service.tallies.troubles == {("signaling", "direct"): 1}


@pytest.mark.parametrize("policy", ["direct-first", "relay-first", "relay-only"])
async def test_no_address_of_anna_reaches_berts_socket(policy: str) -> None:
    routes = RouteSettings(policy=policy)  # type: ignore[arg-type]  # one of the three
    async with house(routes=routes) as here:
        anna, bert = await meet(here, hide=True)
        await tell_everything(anna)
        await tell_everything(bert)
        await anna.say(Leave())
        await bert.until(Ended)
        await settle(bert)
        received = "".join(bert.raw_frames)
        assert '"type":"ended"' in received
        for secret in SECRETS:
            assert secret not in received
        for name in ("candidate:", "typ host", "ice-ufrag"):
            assert name not in received
        # What the attempt was refused for was not an accident of the numbers.
        assert here.service.tallies.stale == 4 * (len(SECRETS) + 1)


async def test_what_is_not_hidden_does_pass() -> None:
    """The test before proves something only if the same words pass without the wish."""
    async with house() as here:
        anna, bert = await meet(here)
        await tell_everything(anna)
        await settle(bert)
        received = "".join(bert.raw_frames)
        assert all(secret in received for secret in SECRETS)


async def test_a_network_check_is_used_for_the_next_match() -> None:
    async with house() as here:
        anna, bert = [await here.client(name, direct=True) for name in ("anna", "bert")]
        await anna.say(Network(udp=False, tcp=True, rtt_ms=30.5))
        await anna.say(Join())
        await bert.say(Join())
        assert (await anna.until(Route)).reason == "udp_blocked"
        told = await bert.until(Route)
        assert (told.route, told.reason) == ("relay", "udp_blocked")
        assert (told.message or "").startswith("The stranger's network")


@pytest.mark.parametrize(
    "bad",
    [
        '{"type":"network","n":1,"rtt_ms":-1}',
        '{"type":"network","n":1,"rtt_ms":1e9}',
        '{"type":"network","n":1,"mapping":"odd"}',
        '{"type":"network","n":1,"address":"10.0.0.1"}',
        '{"type":"candidate","n":1,"match":"m","attempt":1,"candidate":"a\\r\\nb"}',
        '{"type":"candidate","n":1,"match":"m","attempt":1,"candidate":"' + "x" * 513 + '"}',
        '{"type":"candidate","n":1,"match":"m","attempt":1,"candidate":"","line":-1}',
        '{"type":"candidate","n":1,"match":"m","attempt":1,"candidate":"","mid":"a b"}',
        '{"type":"description","n":1,"match":"m","attempt":1,"kind":"rollback","sdp":"v=0"}',
        '{"type":"description","n":1,"match":"m","attempt":1,"kind":"offer","sdp":""}',
        '{"type":"description","n":1,"match":"m","attempt":1,"kind":"offer","sdp":"' + "x" * 24_001 + '"}',
        '{"type":"direct_state","n":1,"match":"m","attempt":1,"state":"fine"}',
        '{"type":"direct_state","n":1,"match":"m","attempt":-1,"state":"failed"}',
        '{"type":"direct_state","n":1,"match":"m","attempt":1,"state":"failed","stats":{"rtt_ms":"fast"}}',
    ],
)
async def test_hostile_words_are_refused(bad: str) -> None:
    async with house() as here:
        anna = await here.client("anna", direct=True)
        await anna.ws.send_str(bad)
        while True:
            message = await anna.read()
            if type(message).__name__ == "Error":
                break
        assert message.code == "bad_message"  # type: ignore[union-attr]  # an Error, see above
        anna.n = 1
        await settle(anna)


async def test_a_client_without_the_direct_route_is_told_nothing_of_it() -> None:
    async with house() as here:
        anna, bert = await here.pair()
        for client in (anna, bert):
            assert {m.route for m in client.got if isinstance(m, Route)} == {"relay"}
        welcome = anna.got[0]
        assert isinstance(welcome, Welcome)
        assert welcome.stun == ("stun:127.0.0.1:3478",)
