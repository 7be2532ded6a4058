"""One match and every order in which facts about its two routes can come.

Two who never say good-bye, whose legs, direct ends, sockets and relay do what they like. What must hold: a
route that carries is told as such, something is always tried, nobody is left on a route that was taken away,
and at the end the record tells the story that both were told.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from relay import door
from signaling.core.leg import Leg
from signaling.core.match import Match
from signaling.core.match_states import Flowing, Linked, Silent, Up
from signaling.core.route import RoutePolicy, make_policy
from signaling.core.rules import Rules
from signaling.messages import DirectState, Ended, Join, MediaFlowing, Network, OpenLeg, Route
from tests.signaling.core.stage import Client, Stage

DIRECT_FIRST = make_policy("direct-first", 0.6)
POLICIES = (DIRECT_FIRST, DIRECT_FIRST, make_policy("relay-first", 0.6), make_policy("relay-only", 0.6))
RULES = Rules(rematch_seconds=0)

side = st.sampled_from((0, 1))
fact = st.sampled_from(("connected", "connected", "connected", "interrupted", "failed"))


class RouteMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.policy: RoutePolicy = DIRECT_FIRST
        self.stage = Stage(RULES, policy=lambda a, b: self.policy(a, b))
        self.clients = Client(self.stage, "anna"), Client(self.stage, "bert")
        self.records = 0

    @initialize(policy=st.sampled_from(POLICIES), old=st.sampled_from((False, False, False, True)))
    def meet(self, policy: RoutePolicy, old: bool) -> None:
        self.policy = policy
        for client in self.clients:
            client.direct = not old
            client.connect()
        self.join()

    def join(self) -> None:
        for client in self.clients:
            if client.socket is None:
                client.connect(resume=True)
            client.take()
            client.say(Join())

    @property
    def match(self) -> Match | None:
        return next(iter(self.stage.core._matches.all()), None)

    @precondition(lambda self: self.match is None)
    @rule()
    def meet_again(self) -> None:
        self.stage.relay.full = None
        self.stage.relay.connects = True
        self.join()

    # --- facts ------------------------------------------------------------------------------------

    def say_end(self, at: int, state: Any) -> None:
        match = self.match
        if match is not None and self.clients[at].socket is not None:
            self.clients[at].say(DirectState(match=match.id, attempt=match.direct.attempt, state=state))

    @rule(at=side, state=fact)
    def direct_end(self, at: int, state: str) -> None:
        self.say_end(at, state)

    @rule()
    def direct_comes_up(self) -> None:
        for at in (0, 1):
            self.say_end(at, "connected")

    @rule(sides=st.sets(side, min_size=1))
    def direct_plays(self, sides: set[int]) -> None:
        match = self.match
        for at in sides:
            if match is not None and self.clients[at].socket is not None:
                self.clients[at].say(MediaFlowing(match=match.id, attempt=match.direct.attempt))

    @rule()
    def relay_plays(self) -> None:
        self.stage.flow()

    def leg_of(self, at: int) -> Leg | None:
        seat = self.stage.core._floor.seats.get(self.clients[at].user)
        return None if seat is None else seat.leg

    @rule(at=side, kind=st.sampled_from((door.LegInterrupted, door.LegResumed)))
    def leg_comes_and_goes(self, at: int, kind: Any) -> None:
        leg = self.leg_of(at)
        if leg is not None and self.stage.relay.legs[leg.id].connected:
            self.stage.says(kind(leg.id))

    @rule(at=side, reason=st.sampled_from(("consent_lost", "ice_failed", "dtls_failed")))
    def leg_closes(self, at: int, reason: str) -> None:
        leg = self.leg_of(at)
        if leg is not None:
            self.stage.says(*self.stage.relay.close(leg.id, reason))

    @rule(at=side)
    def leg_is_replaced(self, at: int) -> None:
        leg = self.leg_of(at)
        if leg is not None and self.clients[at].socket is not None:
            self.clients[at].say(OpenLeg(replace=leg.id))

    @rule(full=st.sampled_from((None, None, "relay_full")), connects=st.sampled_from((True, True, False)))
    def relay_changes(self, full: str | None, connects: bool) -> None:
        self.stage.relay.full, self.stage.relay.connects = full, connects

    @rule(at=side)
    def socket_comes_and_goes(self, at: int) -> None:
        client = self.clients[at]
        if client.socket is None:
            client.connect(resume=True)
        else:
            client.drop()

    @rule(at=side, udp=st.sampled_from((None, None, False)), mapping=st.sampled_from((None, "symmetric")))
    def network_is_checked(self, at: int, udp: bool | None, mapping: Any) -> None:
        if self.clients[at].socket is not None:
            self.clients[at].say(Network(udp=udp, mapping=mapping))

    @rule(seconds=st.sampled_from((0.1, 0.3, 0.6, 1.0, 5.0, 5.0, 10.0, 16.0)))
    def time_passes(self, seconds: float) -> None:
        self.stage.wait(seconds)

    # --- what always holds ---------------------------------------------------------------------------

    @invariant()
    def what_carries_is_there(self) -> None:
        match = self.match
        if match is None:
            return
        relay, direct = match.relay, match.direct
        if match.active == "direct":
            assert isinstance(direct.phase, Up)
            assert not relay.wanted
        elif match.active == "relay":
            assert isinstance(relay.state, Flowing | Silent)
        else:
            assert relay.wanted or direct.hopeful, "something is always tried"
            assert not isinstance(relay.state, Flowing | Silent)
        assert direct.attempts <= (RULES.direct_attempts if match.plan.direct else 0)
        deadline = match.next_deadline()
        if match.active is None and all(client.socket is not None for client in self.clients):
            assert deadline is not None, "nothing is waited for without an end"

    @invariant()
    def the_relay_is_asked_lawful_things(self) -> None:
        assert self.stage.relay.violations == []
        wanted = self.match is not None and self.match.relay.link is not None
        assert bool(self.stage.relay.links) == wanted

    @invariant()
    def both_are_told_one_story(self) -> None:
        match = self.match
        if match is None or any(client.socket is None for client in self.clients):
            return
        stories = [[m for m in client.all(Route) if m.match == match.id] for client in self.clients]
        plain = [[(m.route, m.state, m.attempt) for m in story] for story in stories]
        assert plain[0] == plain[1]
        trying = [
            sorted(m.role for m in both if m.role is not None)
            for both in zip(*stories, strict=True)
            if both[0].role is not None
        ]
        assert all(roles == ["impolite", "polite"] for roles in trying)
        held: dict[str, tuple[int, str]] = {}
        highest = 0
        for route, state, attempt in plain[0]:
            if route == "direct":
                if state == "trying":
                    assert "direct" not in held, "one attempt at a time"
                    assert attempt > highest, "each with a number of its own"
                else:
                    assert held["direct"][0] == attempt
            elif state == "connected":
                assert held["relay"] in ((attempt, "linked"), (attempt, "interrupted"))
            highest = max(highest, attempt)
            if state == "unlinked":
                taken = held.pop(route, None)
                if taken is not None and taken[1] == "connected":
                    others = [state for _, state in held.values()]
                    # Only a link that the relay has lost goes without another route; "interrupted" follows.
                    assert "connected" in others or route == "relay", "make before break"
            else:
                held[route] = (attempt, state)
        now = {route: state for route, (_, state) in held.items()}
        assert (match.active == "direct") == (now.get("direct") == "connected")
        assert (match.active == "relay") == (
            now.get("relay") == "connected" or isinstance(match.relay.state, Silent)
        )
        if match.direct.hopeful:
            assert held["direct"][0] == match.direct.attempt
        elif "direct" in held:
            assert match.active is None, "an attempt that is over is closed as soon as another route carries"
        assert (now.get("relay") == "linked") == isinstance(match.relay.state, Linked)

    @invariant()
    def every_end_is_explained(self) -> None:
        for record in self.stage.ended[self.records :]:
            assert record.reason in (
                "lost",
                "replaced",
                "ice_failed",
                "media_lost",
                "dtls_failed",
                "relay_full",
            )
            if record.reason not in ("lost", "replaced"):
                assert record.troubles
            told = [c.route for c in record.route_changes if c.state == "linked"]
            assert list(record.routes) == list(dict.fromkeys(told))
            assert (record.connect_ms is None) == (
                not [c for c in record.route_changes if c.state == "connected"]
            )
        self.records = len(self.stage.ended)

    def teardown(self) -> None:
        for client in self.clients:
            if client.socket is not None:
                client.drop()
        self.stage.wait(1000)
        assert self.stage.core.counts == dict.fromkeys(self.stage.core.counts, 0)
        assert len(self.stage.core._floor.deadlines) == 0
        for client in self.clients:
            assert all(m.message for m in client.all(Ended))


RouteMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestRoutes = RouteMachine.TestCase
