"""Random users, networks, relays and clocks, as rules of a state machine.

The clients keep the protocol's counts themselves and check them at every message. Messages can be lost on
the way in both directions whenever a socket breaks; the relay's words come late, in order; its legs fail.
"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from relay import door
from relay.door import LegId, LinkId
from signaling.core.route import RoutePolicy, make_policy, relay_only
from signaling.core.rules import Rules
from signaling.messages import (
    Block,
    Chat,
    ChatReceived,
    ClientMessage,
    DirectState,
    Ended,
    Error,
    Idle,
    Join,
    Leave,
    LegAnswer,
    LegOffer,
    Matched,
    MediaFlowing,
    Network,
    Next,
    OpenLeg,
    Pong,
    Queued,
    Report,
    Route,
    SendCandidate,
    SendChat,
    SendDescription,
    SendTyping,
    Welcome,
)
from tests.signaling.core.stage import Client, Stage
from tests.signaling.core.test_law import REFUSED
from tests.signaling.relay_script import ANSWER

USERS = tuple("abcd")
REASONS = ("not_answered", "ice_failed", "dtls_failed", "consent_lost", "closed_by_browser")
DIRECT_FIRST = make_policy("direct-first", 0.6)
RELAY_FIRST = make_policy("relay-first", 0.6)
RULES = Rules(resume_seconds=20, rematch_seconds=30, rematch_memory=1000, max_seats=len(USERS))

user = st.sampled_from(USERS)
message = st.sampled_from(
    (Join(), Next(), Leave(), Block(), SendTyping(active=True), SendTyping(active=False), OpenLeg())
)


class CountingClient(Client):
    """A client that keeps what it said until the server has it, and says it again after a resume."""

    def __init__(self, stage: Stage, name: str) -> None:
        super().__init__(stage, name)
        self.answers = False
        self.kept: dict[int, ClientMessage] = {}
        self.acknowledged = 0

    def say(self, message: ClientMessage) -> None:
        self.n += 1
        numbered = msgspec.structs.replace(message, n=self.n)
        self.kept[self.n] = numbered
        if self.socket is not None:
            self.say_raw(numbered)

    def ping(self) -> None:
        self.acknowledged = self.received
        super().ping()

    def handle(self, message: Any) -> None:
        super().handle(message)
        if isinstance(message, Welcome):
            self.acknowledged = self.received
            if message.resumed:
                self.kept = {n: m for n, m in self.kept.items() if n > message.received}
                self.stage.later(self.repeat)
            else:
                self.kept = {}
                self.got = [message]
        elif isinstance(message, Pong):
            self.kept = {n: m for n, m in self.kept.items() if n > message.received}

    def repeat(self) -> None:
        for numbered in tuple(self.kept.values()):
            if self.socket is not None:
                self.say_raw(numbered)

    def lose(self, count: int) -> None:
        """The last messages were on their way when the socket broke."""
        for _ in range(min(count, self.received - self.acknowledged)):
            while self.got.pop().seq == 0:
                pass
            self.received -= 1

    @property
    def where(self) -> str:
        """What this client believes."""
        for heard in reversed(self.got):
            if isinstance(heard, Matched):
                return "matched"
            if isinstance(heard, Queued):
                return "queued"
            if isinstance(heard, Idle | Ended):
                return "idle"
        raise AssertionError("a welcomed client is told where it is")


class Crowd(RuleBasedStateMachine):
    """Everything that may happen. What must hold meanwhile is a subclass's."""

    def __init__(self) -> None:
        super().__init__()
        self.policy: RoutePolicy = relay_only
        self.stage = Stage(RULES, auto_relay=False, policy=lambda a, b: self.policy(a, b))
        self.clients = {name: CountingClient(self.stage, name) for name in USERS}
        self.blocked: set[tuple[str, str]] = set()
        self.matches_seen = 0
        self.stores_seen = 0
        self.chats = 0

    @initialize(
        pairs=st.lists(st.tuples(user, user), max_size=2),
        here=st.sets(user, min_size=2),
        answering=st.sets(user, min_size=2),
        prompt=st.sampled_from((True, True, False)),
        policy=st.sampled_from((DIRECT_FIRST, DIRECT_FIRST, RELAY_FIRST, relay_only)),
        old=st.sets(user, max_size=1),
    )
    def most_are_here_already(
        self,
        pairs: list[tuple[str, str]],
        here: set[str],
        answering: set[str],
        prompt: bool,
        policy: RoutePolicy,
        old: set[str],
    ) -> None:
        self.policy = policy
        for name, client in self.clients.items():
            client.direct = name not in old
        self.blocked = {(a, b) for a, b in pairs if a != b}
        self.stage.auto_relay = prompt
        for name in sorted(here):
            self.clients[name].answers = name in answering
            self.connect(self.clients[name], resume=False)
            self.clients[name].say(Join())

    # --- users and their networks ---------------------------------------------------------------

    def connect(self, client: CountingClient, *, resume: bool) -> None:
        blocks = {b for a, b in self.blocked if a == client.user}
        client.connect(resume=resume, blocks=blocks)
        assert client.socket is not None

    def pick(self, data: st.DataObject, *where: str) -> CountingClient:
        """One of those who are there; with ``where`` of those who believe to be there."""
        return data.draw(st.sampled_from(self.those(*where)))

    def those(self, *where: str) -> list[CountingClient]:
        return [
            client
            for client in self.clients.values()
            if ("gone" if client.socket is None else client.where) in where
        ]

    @precondition(lambda self: self.those("gone"))
    @rule(data=st.data(), resume=st.sampled_from((True, True, True, False)))
    def come(self, data: st.DataObject, resume: bool) -> None:
        self.connect(self.pick(data, "gone"), resume=resume)

    @precondition(lambda self: self.those("idle"))
    @rule(data=st.data())
    def join(self, data: st.DataObject) -> None:
        self.say(self.pick(data, "idle").user, Join())

    @rule(name=user, take_over=st.booleans())
    def intrude(self, name: str, take_over: bool) -> None:
        first = self.clients[name]
        if first.socket is None:
            return
        second = CountingClient(self.stage, name)
        second.connect(take_over=take_over)
        if take_over:
            assert first.closed[-1] == 4001
            assert first.socket is None
            second.answers, second.direct = first.answers, first.direct
            self.clients[name] = second
        else:
            assert second.closed == [4005]
            assert first.socket is not None

    @precondition(lambda self: self.those("idle", "queued", "matched"))
    @rule(data=st.data(), lost=st.integers(0, 5), done=st.sampled_from((False, False, False, True)))
    def drop(self, data: st.DataObject, lost: int, done: bool) -> None:
        client = self.pick(data, "idle", "queued", "matched")
        if not done:
            client.lose(lost)
        client.drop(done=done)

    @rule(name=user, said=message)
    def say(self, name: str, said: ClientMessage) -> None:
        client = self.clients[name]
        if client.socket is None:
            if client.seat is not None and len(client.kept) < 20:
                client.say(said)
            return
        where = client.where
        heard = len(client.got)
        client.say(said)
        errors = [m for m in client.got[heard:] if isinstance(m, Error)]
        code = REFUSED.get((type(said), where))
        assert [e.code for e in errors] == ([code] if code else []), (said, where)

    @precondition(lambda self: self.those("matched"))
    @rule(data=st.data(), count=st.integers(1, 3))
    def chat(self, data: st.DataObject, count: int) -> None:
        client = self.pick(data, "matched")
        for _ in range(count):
            self.chats += 1
            client.say(SendChat(id=f"c{self.chats}", text="x"))

    @rule(name=user)
    def chat_into_the_void(self, name: str) -> None:
        client = self.clients[name]
        if client.seat is not None and client.socket is None and len(client.kept) < 20:
            self.chats += 1
            client.say(SendChat(id=f"c{self.chats}", text="x"))

    @precondition(lambda self: self.those("matched"))
    @rule(data=st.data())
    def receive(self, data: st.DataObject) -> None:
        client = self.pick(data, "matched")
        if client.all(Chat):
            client.say(ChatReceived(id=client.last(Chat).id))

    @rule(name=user, again=st.integers(1, 3))
    def repeat_old_numbers(self, name: str, again: int) -> None:
        client = self.clients[name]
        if client.socket is not None and client.n > 0:
            before = len(client.got)
            for n in range(max(1, client.n - again), client.n + 1):
                client.say_raw(Leave(n=n))
            assert len(client.got) == before

    @rule(name=user)
    def skip_a_number(self, name: str) -> None:
        client = self.clients[name]
        if client.socket is not None:
            client.say_raw(Leave(n=client.n + 2))
            assert client.closed[-1] == 4000
            assert client.socket is None

    @rule(name=user, good=st.booleans())
    def answer(self, name: str, good: bool) -> None:
        client = self.clients[name]
        if client.socket is not None and client.all(LegOffer):
            client.say(LegAnswer(leg=client.last(LegOffer).leg, sdp=ANSWER if good else "nonsense"))

    @rule(name=user)
    def ping(self, name: str) -> None:
        client = self.clients[name]
        if client.socket is not None:
            client.ping()
            assert isinstance(client.got[-1], Pong)
            assert not client.kept

    @rule(name=user)
    def report(self, name: str) -> None:
        client = self.clients[name]
        if client.socket is not None and client.all(Matched):
            client.say(Report(match=client.match, reason="other"))

    @rule(ok=st.booleans())
    def store(self, ok: bool) -> None:
        if self.stage.stores:
            self.stage.run(self.stage.core.stored(self.stage.stores.pop(0), ok))
            self.stores_seen = max(0, self.stores_seen - 1)

    # --- the direct route -----------------------------------------------------------------------

    def attempt_of(self, client: CountingClient) -> int:
        attempts = [m.attempt for m in client.all(Route) if m.route == "direct" and m.match == client.match]
        return attempts[-1] if attempts else 1

    @precondition(lambda self: self.those("matched"))
    @rule(data=st.data(), state=st.sampled_from(("connected", "connected", "interrupted", "failed")))
    def direct_end_is(self, data: st.DataObject, state: Any) -> None:
        client = self.pick(data, "matched")
        client.say(DirectState(match=client.match, attempt=self.attempt_of(client), state=state))

    @precondition(lambda self: self.those("matched"))
    @rule(data=st.data(), kind=st.sampled_from(("play", "connect")))
    def direct_works(self, data: st.DataObject, kind: str) -> None:
        """Both ends of a match do the same, as they mostly do."""
        match = self.pick(data, "matched").match
        for client in self.those("matched"):
            if client.match == match:
                attempt = self.attempt_of(client)
                if kind == "connect":
                    client.say(DirectState(match=match, attempt=attempt, state="connected"))
                client.say(MediaFlowing(match=match, attempt=attempt))

    @precondition(lambda self: self.those("matched"))
    @rule(data=st.data(), off=st.sampled_from((0, 0, 0, -1, 1)))
    def negotiate(self, data: st.DataObject, off: int) -> None:
        client = self.pick(data, "matched")
        attempt = max(0, self.attempt_of(client) + off)
        client.say(SendDescription(match=client.match, attempt=attempt, kind="offer", sdp="v=0"))
        client.say(SendCandidate(match=client.match, attempt=attempt, candidate=""))

    @rule(name=user, udp=st.sampled_from((None, True, False)), mapping=st.sampled_from((None, "symmetric")))
    def check_network(self, name: str, udp: bool | None, mapping: Any) -> None:
        client = self.clients[name]
        if client.socket is not None:
            client.say(Network(udp=udp, mapping=mapping))

    @rule(name=user)
    def replace_leg(self, name: str) -> None:
        client = self.clients[name]
        if client.socket is not None and client.all(LegOffer):
            client.say(OpenLeg(replace=client.last(LegOffer).leg))

    @rule(name=user)
    def restart_leg(self, name: str) -> None:
        client = self.clients[name]
        if client.socket is not None and client.all(LegOffer):
            client.say(OpenLeg(restart=client.last(LegOffer).leg))

    # --- the relay ------------------------------------------------------------------------------

    def relay_will_say(self, *events: door.Event) -> None:
        self.stage.events.extend(events)
        self.stage.run([])

    @precondition(lambda self: self.stage.events)
    @rule(count=st.integers(1, 30))
    def relay_speaks(self, count: int) -> None:
        for _ in range(count):
            self.stage.relay_says()

    @precondition(lambda self: self.stage.relay.legs)
    @rule(data=st.data(), reason=st.sampled_from(REASONS))
    def leg_closes(self, data: st.DataObject, reason: str) -> None:
        leg = data.draw(st.sampled_from(sorted(self.stage.relay.legs)))
        self.relay_will_say(*self.stage.relay.close(LegId(leg), reason))

    @precondition(lambda self: self.stage.relay.legs)
    @rule(data=st.data(), kind=st.sampled_from((door.LegInterrupted, door.LegResumed)))
    def leg_comes_and_goes(self, data: st.DataObject, kind: type) -> None:
        leg = data.draw(st.sampled_from(sorted(self.stage.relay.legs)))
        if self.stage.relay.legs[LegId(leg)].connected:
            self.relay_will_say(kind(LegId(leg)))

    @precondition(lambda self: self.stage.relay.links)
    @rule()
    def media_flows(self) -> None:
        for link in tuple(self.stage.relay.links):
            self.relay_will_say(*self.stage.relay.flow(link))

    @rule(
        full=st.sampled_from((None, None, None, None, "relay_full", "relay_bit_rate")),
        shares=st.sampled_from((True, True, True, False)),
    )
    def relay_changes(self, full: str | None, shares: bool) -> None:
        self.stage.relay.full = full
        self.stage.relay.shares_codec = shares

    @rule(
        n=st.integers(1, 40),
        make=st.sampled_from(
            (
                lambda i: door.LinkUp(LinkId(f"id{i}-1")),
                lambda i: door.LinkDown(LinkId(f"id{i}-1"), "leg_closed"),
                lambda i: door.LinkFlowing(LinkId(f"id{i}-1"), LegId(f"id{i}"), "video"),
            )
        ),
    )
    def words_about_what_is_gone(self, n: int, make: Any) -> None:
        event = make(n)
        if event.link not in self.stage.relay.links and not self._on_its_way(event.link):
            before = {name: len(client.got) for name, client in self.clients.items()}
            self.stage.says(event)
            assert before == {name: len(client.got) for name, client in self.clients.items()}

    def _on_its_way(self, link: LinkId) -> bool:
        return any(getattr(event, "link", None) == link for event in self.stage.events)

    # --- time -----------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from((0.01, 0.01, 0.5, 0.5, 1.0, 4.0, 6.0, 16.0, 25.0, 100.0)))
    def time_passes(self, seconds: float) -> None:
        self.stage.wait(seconds)

    @rule(seconds=st.sampled_from((0.1, 0.1, 1.0, 5.0, 30.0, 10_000.0)))
    def time_jumps(self, seconds: float) -> None:
        self.stage.now += seconds
        self.stage.run(self.stage.core.tick(self.stage.now))
