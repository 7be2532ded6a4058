"""A whole peer against a script that matches it with an aiortc connection."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from peers import Peer, SyntheticMedia, seat
from peers import leg as leg_module
from peers.errors import Backlogged, LegFailed, MatchOver, Refused, RelayRefused
from peers.match import EVENTS
from peers.media.sync import measure_sync
from relay.engine.python import PythonEngine
from signaling import messages as wire
from tests.peers.offerer import Offerer
from tests.peers.scripted import Script, Socket, scripted
from tests.relay.engine.far_end import config

STRANGER = wire.Stranger(name="Bob")
QUEUED = wire.Queued(position=1, waiting=1, online=2, estimate_seconds=None)


def matched(match: str = "m1") -> wire.Matched:
    return wire.Matched(match=match, stranger=STRANGER)


def ended(match: str = "m1", reason: wire.EndReason = "left", by: wire.By = "stranger") -> wire.Ended:
    return wire.Ended(match=match, reason=reason, by=by, message="They left.")


def route(state: str, match: str = "m1", leg: str | None = None) -> wire.Route:
    return wire.Route(match=match, attempt=1, state=state, route="relay", leg=leg)  # type: ignore[arg-type]  # a parameter would repeat the list


async def offer(socket: Socket, offerer: Offerer, leg: str) -> None:
    await socket.tell(wire.LegOffer(leg=leg, sdp=await offerer.offer()))
    answer = await socket.expect(wire.LegAnswer)
    assert answer.leg == leg
    await offerer.answered(answer.sdp)
    await offerer.connected()
    await socket.tell(wire.LegState(leg=leg, state="connected", transport="udp"))


def in_a_match(*then: wire.ServerMessage) -> Script:
    async def script(socket: Socket) -> None:
        await socket.welcome()
        await socket.expect(wire.Join)
        await socket.tell(QUEUED, matched(), *then)
        await socket.gone()

    return script


async def test_a_match_is_seen_heard_measured_and_recorded(tmp_path: Path) -> None:
    record = tmp_path / "match.mkv"

    async def script(socket: Socket) -> None:
        await socket.welcome()
        await socket.expect(wire.Join)
        await socket.tell(QUEUED)
        async with Offerer() as offerer:
            await offer(socket, offerer, "leg-1")
            for number in (1, 2):
                await socket.tell(matched(f"m{number}"), route("trying", f"m{number}"))
                run = SyntheticMedia().start()
                had = len(offerer.marks)
                await socket.tell(route("linked", f"m{number}", "leg-1"))
                offerer.put(run)
                await offerer.marked(had + 5)
                await socket.tell(route("connected", f"m{number}"))
                await offerer.marked(had + (120 if number == 1 else 20))
                if number == 1:
                    await socket.tell(wire.Chat(match="m1", id="c", text="enough", at_ms=1))
                    await socket.expect(wire.ChatReceived)
                    await socket.expect(wire.Next)
                    await socket.tell(ended(reason="next", by="you"), QUEUED)
                else:
                    await socket.tell(ended("m2"), wire.Idle())
                offerer.take()
            await socket.gone()

    async with (
        scripted(script) as service,
        Peer.guest(service.url, media=SyntheticMedia(codec="H264"), record=record) as peer,
    ):
        first = await peer.meet()
        await first.connected()
        async for event in first:
            if isinstance(event, wire.Chat):
                break
        report = await first.next()
        assert (report.match_id, report.route, report.ended) == ("m1", "relay", "next")
        assert report.video.codec == "H264"
        assert report.video.frames_lost == 0
        assert report.video.frames_received >= 100
        assert report.video.latency_ms_p50 is not None
        assert 0 < report.video.latency_ms_p50 < 150
        assert report.audio.packets_received >= 100
        assert report.audio.packets_lost == 0
        assert report.connect_ms is not None
        assert report.first_frame_ms is not None
        second = await peer.meet()
        again = await second.over()
        assert (again.match_id, again.video.frames_lost) == ("m2", 0)
        assert again.video.frames_received < report.video.frames_received
    sync = measure_sync(record)
    assert sync.numbers >= 100
    assert len(sync.late_ms) >= 2
    assert sync.worst_ms < 80
    assert measure_sync(tmp_path / "match-2.mkv").numbers >= 15


async def test_chat_returns_when_the_stranger_has_it() -> None:
    async def script(socket: Socket) -> None:
        await socket.welcome()
        await socket.expect(wire.Join)
        await socket.tell(QUEUED, matched())
        sent = await socket.expect(wire.SendChat)
        assert sent.text == "hello"
        await socket.tell(wire.ChatAccepted(id=sent.id, at_ms=123), wire.ChatDelivered(id=sent.id))
        refused = await socket.expect(wire.SendChat)
        await socket.tell(wire.Error(code="chat_refused", message="Not that.", about="chat", n=refused.n))
        await socket.expect(wire.SendChat)
        await socket.tell(ended(), wire.Idle())
        await socket.gone()

    async with scripted(script) as service, Peer.guest(service.url) as peer:
        match = await peer.meet()
        assert (await match.chat("hello")).at_ms == 123
        with pytest.raises(Refused, match="1000"):
            await match.chat("x" * 1001)  # the service would count it as malformed, and never sees it
        with pytest.raises(Refused, match=r"Not that\."):
            await match.chat("something")
        with pytest.raises(MatchOver, match="before it was delivered"):
            await match.chat("too late")
        with pytest.raises(MatchOver):
            await match.chat("even later")


async def test_messages_that_crossed_with_the_end_show_nothing_and_the_next_stranger_is_met() -> None:
    async def script(socket: Socket) -> None:
        await socket.welcome()
        await socket.expect(wire.Join)
        await socket.tell(QUEUED, matched())
        crossed = await socket.expect(wire.Next)
        await socket.tell(ended(), wire.Idle())
        await socket.tell(wire.Error(code="not_matched", message="No match.", about="next", n=crossed.n))
        await socket.expect(wire.Join)
        await socket.tell(QUEUED, matched("m2"), ended("m2"), wire.Idle())
        await socket.gone()

    async with scripted(script) as service, Peer.guest(service.url) as peer:
        assert (await (await peer.meet()).next()).ended == "left"
        assert (await peer.meet()).id == "m2"


async def test_a_refused_join_and_a_full_relay_are_told_to_who_waits() -> None:
    async def script(socket: Socket) -> None:
        await socket.welcome()
        join = await socket.expect(wire.Join)
        await socket.tell(wire.Error(code="banned", message="Not today.", about="join", n=join.n))
        await socket.expect(wire.Join)
        await socket.tell(
            QUEUED, wire.LegState(leg="l", state="refused", code="relay_full", message="All seats are taken.")
        )
        await socket.expect(wire.Leave)
        await socket.tell(wire.Idle())
        await socket.gone()

    async with scripted(script) as service, Peer.guest(service.url) as peer:
        with pytest.raises(Refused, match=r"Not today\."):
            await peer.meet()
        with pytest.raises(RelayRefused, match="All seats") as caught:
            await peer.meet()
        assert caught.value.code == "relay_full"


async def test_legs_that_never_connect_are_given_up() -> None:
    async def script(socket: Socket) -> None:
        await socket.welcome()
        await socket.expect(wire.Join)
        await socket.tell(QUEUED)
        for number in range(3):
            async with Offerer() as offerer:
                await socket.tell(wire.LegOffer(leg=f"leg-{number}", sdp=await offerer.offer()))
                await socket.expect(wire.LegAnswer)
                await socket.tell(wire.LegState(leg=f"leg-{number}", state="closed", code="ice_failed"))
            if number < 2:
                await socket.expect(wire.OpenLeg)
        await socket.expect(wire.Leave)
        await socket.tell(wire.Idle())
        await socket.gone()

    async with scripted(script) as service, Peer.guest(service.url) as peer:
        with pytest.raises(LegFailed):
            await peer.meet()


async def test_the_network_test_opens_a_leg_without_joining() -> None:
    async def script(socket: Socket) -> None:
        await socket.welcome()
        await socket.expect(wire.OpenLeg)
        async with Offerer() as offerer:
            await offer(socket, offerer, "leg-1")
            await socket.gone()

    async with scripted(script) as service, Peer.guest(service.url) as peer:
        await peer.open_leg()
        assert peer.state == "idle"


async def test_events_nobody_reads_are_bounded_and_the_newest_stay() -> None:
    typing = [wire.Typing(match="m1", active=index % 2 == 0) for index in range(EVENTS + 10)]
    async with (
        scripted(in_a_match(*typing, ended(), wire.Idle())) as service,
        Peer.guest(service.url) as peer,
    ):
        match = await peer.meet()
        await match.over()
        assert match.events_dropped == 11
        assert isinstance([event async for event in match][-1], wire.Ended)


async def test_a_report_is_answered_also_after_the_match() -> None:
    async def script(socket: Socket) -> None:
        await socket.welcome()
        await socket.expect(wire.Join)
        await socket.tell(QUEUED, matched(), ended(), wire.Idle())
        assert (await socket.expect(wire.Report)).reason == "spam"
        await socket.tell(wire.Reported(match="m1"))
        second = await socket.expect(wire.Report)
        await socket.tell(
            wire.Error(code="unknown_match", message="Too long ago.", about="report", n=second.n)
        )
        await socket.gone()

    async with scripted(script) as service, Peer.guest(service.url) as peer:
        match = await peer.meet()
        await match.over()
        await match.report("spam", "sells boats")
        with pytest.raises(Refused, match="Too long ago"):
            await match.report("other")


async def test_what_waits_undelivered_is_bounded() -> None:
    async with scripted(in_a_match()) as service:
        peer = Peer.guest(service.url)
        async with peer:
            match = await peer.meet()
            waiting = [asyncio.ensure_future(match.chat(f"message {index}")) for index in range(65)]
            done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            assert [type(task.exception()) for task in done] == [Backlogged]
            for task in rest:
                task.cancel()
            await asyncio.wait(rest)


async def test_the_network_is_checked_before_the_queue_is_joined() -> None:
    async def script(socket: Socket) -> None:
        await socket.welcome(stun=urls)
        found = await socket.expect(wire.Network)
        assert (found.udp, found.mapping) == (True, "open")
        await socket.expect(wire.Join)
        await socket.tell(QUEUED, matched())
        await socket.gone()

    engine = PythonEngine(config(stun_port=0))
    await engine.start(lambda _event: None)
    urls = tuple(f"stun:127.0.0.1:{address.port}" for address in (*engine.bound, *engine.bound_stun))
    try:
        async with scripted(script) as service, Peer.guest(service.url) as peer:
            await peer.meet()
    finally:
        await engine.close()


async def test_a_leg_that_stays_interrupted_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seat, "REPLACE_AFTER_SECONDS", 0.1)

    async def script(socket: Socket) -> None:
        await socket.welcome()
        await socket.expect(wire.OpenLeg)
        async with Offerer() as first, Offerer() as second:
            await offer(socket, first, "leg-1")
            # One that is heard again in time is kept: the next word is about the second interruption.
            for state in ("interrupted", "connected", "interrupted"):
                await socket.tell(wire.LegState(leg="leg-1", state=state))
            asked = await socket.expect(wire.OpenLeg)
            assert (asked.replace, asked.restart) == ("leg-1", None)
            await offer(socket, second, "leg-2")
            await socket.gone()

    async with scripted(script) as service, Peer.guest(service.url) as peer:
        await peer.open_leg()
        while peer._seat._leg is None or peer._seat._leg.id != "leg-2" or peer._seat.leg_state is None:
            await peer._changed.wait()


async def test_a_leg_whose_address_is_gone_is_replaced_over_another_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leg_module, "ADDRESS_SECONDS", 0.05)

    async def before(socket: Socket) -> None:
        await socket.welcome()
        await socket.expect(wire.OpenLeg)
        await offer(socket, first, "leg-1")
        monkeypatch.setattr(leg_module, "has_address", lambda _address: False)
        await socket.gone()

    async def after(socket: Socket) -> None:
        hello = await socket.welcome(resumed=True, received=2)
        assert hello.resume is not None
        socket.seq = hello.resume.received
        monkeypatch.setattr(leg_module, "has_address", lambda _address: True)
        assert (await socket.expect(wire.OpenLeg)).replace == "leg-1"
        await offer(socket, second, "leg-2")
        await socket.gone()

    async with (
        Offerer() as first,
        Offerer() as second,
        scripted(before, after) as service,
        Peer.guest(service.url) as peer,
    ):
        await peer.open_leg()
        while peer._seat._leg is None or peer._seat._leg.id != "leg-2" or peer._seat.leg_state is None:
            await peer._changed.wait()
