"""Random users, networks, relays and clocks (crowd.py) against what must always hold."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant

from signaling.core.effects import StoreBlock
from signaling.core.match_states import Flowing, Linked, Silent, Up
from signaling.core.outbox import REPLAY_MESSAGES
from signaling.core.seat import Lobby, Talking, Waiting
from signaling.messages import Chat, ChatAccepted, LegOffer, Route
from tests.signaling.core.crowd import RULES, Crowd


class LiveMachine(Crowd):
    """What always holds, whatever the crowd does."""

    @invariant()
    def new_matches_are_lawful(self) -> None:
        for store in self.stage.stores[self.stores_seen :]:
            if isinstance(store, StoreBlock):
                self.blocked.add((store.user, store.blocked))
        self.stores_seen = len(self.stage.stores)
        ended = {record.match.match_id: record for record in self.stage.ended}
        for record in self.stage.started[self.matches_seen :]:
            assert record.user_a != record.user_b
        self.matches_seen = len(self.stage.started)
        live = self.stage.core._matches.all()
        for match in live:
            a, b = match.users
            seats = self.stage.core._floor.seats
            assert a not in seats[b].blocks
            assert b not in seats[a].blocks
            assert match.id not in ended

    @invariant()
    def seats_matches_and_queue_agree(self) -> None:
        core = self.stage.core
        seats = core._floor.seats
        talking: dict[str, list[str]] = {}
        for name, seat in seats.items():
            match seat.state:
                case Talking(match_id, side, _):
                    talking.setdefault(match_id, []).append(name)
                    live = core._matches.find(match_id)
                    assert live is not None
                    assert live.users[side] == name
                case Waiting():
                    assert name in core._waiting._matchmaker
                    assert core._waiting._matchmaker.ticket(name).held == (seat.socket is None)
                case Lobby():
                    assert name not in core._waiting._matchmaker
        assert set(talking) == {match.id for match in core._matches.all()}
        assert all(len(pair) == 2 for pair in talking.values())
        assert len(core._waiting) == sum(isinstance(seat.state, Waiting) for seat in seats.values())

    @invariant()
    def one_route_carries_and_another_is_only_taken_when_it_does(self) -> None:
        for match in self.stage.core._matches.all():
            relay, direct = match.relay, match.direct
            if match.active == "direct":
                assert isinstance(direct.phase, Up)
                assert not relay.wanted
            elif match.active == "relay":
                assert isinstance(relay.state, Flowing | Silent)
            else:
                assert relay.wanted or direct.hopeful, "something is always tried"
                assert not isinstance(relay.state, Flowing | Silent)
            if not match.plan.direct:
                assert direct.attempts == 0
            assert direct.attempts <= RULES.direct_attempts

    @invariant()
    def what_both_are_told_of_routes_is_a_story(self) -> None:
        for client in self.clients.values():
            if client.socket is None or client.where != "matched":
                continue
            open_attempt: int | None = None
            linked: int | None = None
            highest = 0
            for m in client.all(Route):
                if m.match != client.match:
                    continue
                assert (m.role is not None) == (m.route == "direct" and m.state == "trying")
                if m.route == "direct":
                    if m.state == "trying":
                        assert open_attempt is None, "one attempt at a time"
                        assert m.attempt > highest, "and each has a number of its own"
                        open_attempt = m.attempt
                    assert m.attempt == open_attempt
                    if m.state == "unlinked":
                        open_attempt = None
                elif m.state == "linked":
                    assert linked is None
                    linked = m.attempt
                elif m.state == "unlinked":
                    assert linked in (None, m.attempt)
                    linked = None
                elif m.state == "connected":
                    assert linked == m.attempt
                highest = max(highest, m.attempt)
            match = self.stage.core._matches.find(client.match)
            assert match is not None
            assert (match.direct.attempt if match.direct.hopeful else open_attempt) == open_attempt
            assert (linked is not None) == isinstance(match.relay.state, Linked | Flowing | Silent)

    @invariant()
    def clients_know_where_they_are(self) -> None:
        names = {Lobby: "idle", Waiting: "queued", Talking: "matched"}
        for name, client in self.clients.items():
            if client.socket is not None:
                seat = self.stage.core._floor.seats[name]
                assert seat.socket == client.socket
                assert client.where == names[type(seat.state)]
                if isinstance(seat.state, Talking):
                    assert client.match == seat.state.match
                if seat.leg is not None and client.all(LegOffer):
                    assert seat.outbox.last == client.received

    @invariant()
    def chat_arrives_once_and_in_order(self) -> None:
        for match in self.stage.core._matches.all():
            a, b = (self.clients[name] for name in match.users)
            if a.socket is None or b.socket is None:
                continue
            for speaker, listener in ((a, b), (b, a)):
                said = [m.id for m in speaker.got if isinstance(m, ChatAccepted)]
                heard = [m.id for m in listener.got if isinstance(m, Chat) and m.match == match.id]
                assert len(set(heard)) == len(heard)
                assert heard == said[len(said) - len(heard) :]

    @invariant()
    def the_relay_is_asked_lawful_things(self) -> None:
        assert self.stage.relay.violations == []

    @invariant()
    def legs_belong_to_seats(self) -> None:
        core = self.stage.core
        mine = {seat.leg.id for seat in core._floor.seats.values() if seat.leg is not None}
        assert mine == set(core._legs._seat_of)
        # What is open at the relay is a seat's, or the word of its end is on its way.
        telling = {getattr(event, "leg", None) for event in self.stage.events}
        assert set(self.stage.relay.legs) <= mine | telling

    @invariant()
    def memory_is_bounded(self) -> None:
        core = self.stage.core
        deadlines = core._floor.deadlines
        assert len(deadlines._heap) <= 2 * len(deadlines) + 65
        assert len(core._waiting._matchmaker._rematch) <= RULES.rematch_memory
        assert all(len(seat.outbox) <= REPLAY_MESSAGES for seat in core._floor.seats.values())
        links = core._matches._match_of
        assert len(links) <= 3 * (core.counts["matches"] + core.counts["unsettled"])

    @invariant()
    def every_match_is_recorded_once(self) -> None:
        counts = self.stage.core.counts
        ids = [record.match.match_id for record in self.stage.ended]
        assert len(set(ids)) == len(ids)
        assert len(self.stage.started) == len(ids) + counts["matches"] + counts["unsettled"]

    def teardown(self) -> None:
        """Everybody goes, the relay says what it has to say, and nothing remains."""
        for client in self.clients.values():
            if client.socket is not None:
                client.drop()
        while self.stage.events:
            self.stage.relay_says()
        self.stage.wait(200)
        while self.stage.events:
            self.stage.relay_says()
        assert self.stage.core.counts == dict.fromkeys(self.stage.core.counts, 0)
        assert self.stage.relay.legs == {}
        assert len(self.stage.core._floor.deadlines) == 0
        assert len(self.stage.started) == len(self.stage.ended)


LiveMachine.TestCase.settings = settings(
    max_examples=120,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestLive = LiveMachine.TestCase
