"""The client's side of docs/protocol.md section 2, against scripts of what a service may do."""

from __future__ import annotations

import asyncio

import pytest

from peers import Offline, Online, Peer, PeerError
from peers.errors import (
    LoginRefused,
    ProtocolViolation,
    RateLimited,
    Replaced,
    SeatTaken,
    ServiceStopping,
    ServiceUnreachable,
)
from peers.peer import PeerEvent
from signaling import messages as wire
from tests.peers.scripted import Socket, scripted

STRANGER = wire.Stranger(name="Bob")
QUEUED = wire.Queued(position=1, waiting=1, online=2, estimate_seconds=None)


async def test_a_lost_socket_is_resumed_and_nothing_is_lost_or_doubled() -> None:
    events: list[PeerEvent] = []

    async def first(socket: Socket) -> None:
        hello = await socket.welcome()
        assert hello.resume is None
        await socket.tell(wire.Idle())
        await socket.expect(wire.Join)
        await socket.tell(QUEUED)
        socket.cut()

    async def second(socket: Socket) -> None:
        # The service never handled the join: it says so, and must get it again.
        hello = await socket.welcome(resumed=True, received=0)
        assert hello.resume == wire.Resume(seat="seat-1", received=2)
        await socket.expect(wire.Join)
        socket.seq = 1
        await socket.tell(QUEUED, wire.Matched(match="m1", stranger=STRANGER))
        await socket.tell(wire.Chat(match="m1", id="c1", text="once", at_ms=1))
        await socket.expect(wire.ChatReceived)
        socket.cut()

    async def third(socket: Socket) -> None:
        hello = await socket.welcome(resumed=True, received=2)
        assert hello.resume == wire.Resume(seat="seat-1", received=4)
        # A careless service repeats what this peer has.
        socket.seq = 3
        await socket.tell(wire.Chat(match="m1", id="c1", text="once", at_ms=1))
        await socket.tell(wire.Ended(match="m1", reason="left", by="stranger", message="They left."))
        await socket.tell(wire.Idle())
        await socket.gone()

    async with (
        scripted(first, second, third) as service,
        Peer.guest(service.url, on_event=events.append) as peer,
    ):
        match = await peer.meet()
        seen = [event async for event in match]
        assert [type(event) for event in seen] == [wire.Chat, wire.Ended]
        report = await match.over()
        assert (report.match_id, report.ended) == ("m1", "left")
    changes = [event for event in events if isinstance(event, (Online, Offline))]
    assert [type(change) for change in changes] == [Online, Offline, Online, Offline, Online]
    assert [event for event in events if isinstance(event, wire.Queued)] == [
        wire.Queued(seq=2, position=1, waiting=1, online=2, estimate_seconds=None)
    ]


async def test_a_gap_in_the_services_numbers_is_fetched_by_resuming() -> None:
    async def first(socket: Socket) -> None:
        await socket.welcome()
        await socket.tell(wire.Idle())
        await socket.expect(wire.Join)
        socket.seq += 1
        await socket.tell(wire.Matched(match="m1", stranger=STRANGER))
        await socket.gone()

    async def second(socket: Socket) -> None:
        hello = await socket.welcome(resumed=True, received=1)
        assert hello.resume is not None
        assert hello.resume.received == 1
        socket.seq = 1
        await socket.tell(QUEUED, wire.Matched(match="m1", stranger=STRANGER))
        await socket.expect(wire.Leave)
        await socket.tell(wire.Ended(match="m1", reason="left", by="you", message=""), wire.Idle())
        await socket.gone()

    async with scripted(first, second) as service, Peer.guest(service.url) as peer:
        assert (await peer.meet()).id == "m1"


async def test_a_seat_that_is_gone_ends_the_match_and_counts_anew() -> None:
    async def first(socket: Socket) -> None:
        await socket.welcome()
        await socket.expect(wire.Join)
        await socket.tell(QUEUED, wire.Matched(match="m1", stranger=STRANGER))
        await socket.expect(wire.SendTyping)
        socket.cut()

    async def second(socket: Socket) -> None:
        await socket.welcome(seat="seat-2", resumed=False)
        await socket.tell(wire.Idle())
        assert (await socket.expect(wire.Join)).n == 1
        await socket.tell(QUEUED, wire.Matched(match="m2", stranger=STRANGER))
        await socket.expect(wire.Leave)
        await socket.tell(wire.Ended(match="m2", reason="left", by="you", message=""), wire.Idle())
        await socket.gone()

    async with scripted(first, second) as service, Peer.guest(service.url) as peer:
        match = await peer.meet()
        match.typing(True)
        assert (await match.over()).ended == "lost"
        assert (await peer.meet()).id == "m2"


async def test_a_service_that_answers_no_ping_is_left_for_another_socket() -> None:
    resumed = asyncio.Event()

    async def silent(socket: Socket) -> None:
        await socket.welcome(ping_seconds=0.02)
        while True:
            await socket.message()

    async def second(socket: Socket) -> None:
        await socket.welcome(resumed=True)
        resumed.set()
        await socket.gone()

    async def until_gone(socket: Socket) -> None:
        try:
            await silent(socket)
        except Exception:  # noqa: BLE001 - the peer goes away, which is the point
            return

    async with scripted(until_gone, second) as service, Peer.guest(service.url):
        await asyncio.wait_for(resumed.wait(), 5)


@pytest.mark.parametrize(
    ("code", "error", "expected"),
    [
        (4000, wire.Error(code="gap", message="Message 3 is missing."), ProtocolViolation),
        (4001, None, Replaced),
        (4003, wire.Error(code="rate_limited", message="Slow down."), RateLimited),
        (4005, wire.Error(code="seat_taken", message="In use elsewhere."), SeatTaken),
    ],
)
async def test_a_close_code_that_ends_it_says_why(
    code: int, error: wire.Error | None, expected: type[PeerError]
) -> None:
    async def script(socket: Socket) -> None:
        await socket.expect(wire.Hello)
        if error is not None:
            await socket.say(error)
        await socket.raw.close(code=code)

    async with scripted(script) as service:
        with pytest.raises(expected) as caught:
            async with Peer.guest(service.url):
                pass
    assert error is None or str(caught.value) == error.message


async def test_a_refused_token_is_renewed_once_and_then_it_is_said() -> None:
    tokens: list[str] = []

    async def script(socket: Socket) -> None:
        tokens.append((await socket.expect(wire.Hello)).token)
        await socket.raw.close(code=4002)

    async with scripted(script, script) as service:
        with pytest.raises(LoginRefused):
            async with Peer.guest(service.url):
                pass
        assert [name for name, _ in service.rest] == ["terms", "auth/guest", "auth/refresh"]
    assert tokens == ["token-2", "token-3"]


async def test_a_stopping_service_is_told_apart_from_a_lost_one() -> None:
    async def script(socket: Socket) -> None:
        await socket.welcome()
        await socket.expect(wire.Join)
        await socket.tell(QUEUED, wire.Closing(message="Back at nine.", retry_after_seconds=3))
        await socket.raw.close(code=1012)

    async with scripted(script) as service, Peer.guest(service.url) as peer:
        with pytest.raises(ServiceStopping, match="Back at nine") as caught:
            await peer.meet()
        assert caught.value.retry_after_seconds == 3


async def test_no_service_at_all_is_one_sentence() -> None:
    async with scripted() as service:
        url = service.url
    with pytest.raises(ServiceUnreachable, match="Cannot reach http://127"):
        async with Peer.guest(url):
            pass


async def test_a_service_that_stays_away_is_given_up() -> None:
    async def script(socket: Socket) -> None:
        await socket.welcome()
        socket.cut()

    def away(event: PeerEvent) -> None:
        if isinstance(event, Offline):
            service.scripts += [refuse]

    async def refuse(socket: Socket) -> None:
        socket.cut()

    async with scripted(script) as service:
        peer = Peer(service.url, Peer.guest(service.url)._sign_in, on_event=away, give_up_seconds=0.5)
        async with peer:
            with pytest.raises(ServiceUnreachable):
                await peer.meet()


@pytest.mark.parametrize("text", ['{"type":"never_heard_of"}', "not json", '{"type":"idle","seq":-1}'])
async def test_what_cannot_be_read_ends_the_peer_with_a_sentence(text: str) -> None:
    async def script(socket: Socket) -> None:
        await socket.welcome()
        await socket.raw.send_str(text)
        await socket.gone()

    async with scripted(script) as service, Peer.guest(service.url) as peer:
        with pytest.raises(ProtocolViolation):
            await peer.meet()


async def test_another_protocol_version_is_refused() -> None:
    async def script(socket: Socket) -> None:
        await socket.welcome(protocol=99)
        await socket.gone()

    async with scripted(script) as service:
        with pytest.raises(ProtocolViolation, match="99"):
            async with Peer.guest(service.url):
                pass
