"""The switchboard with clients that count as the protocol says and a relay behind the door."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Set
from typing import Any, TypeVar

import msgspec

from relay.door import Event, LegId
from signaling.core.effects import (
    AskRelay,
    CloseSocket,
    Effect,
    RecordEnded,
    RecordStarted,
    Replay,
    Send,
    SocketId,
    StoreBlock,
    StoreReport,
)
from signaling.core.identity import Identity
from signaling.core.record import MatchEnded, MatchStarted
from signaling.core.route import RoutePolicy, relay_only
from signaling.core.rules import Rules
from signaling.core.switchboard import Switchboard
from signaling.messages import (
    ClientMessage,
    Hello,
    Join,
    LegAnswer,
    LegOffer,
    Matched,
    Ping,
    Resume,
    ServerMessage,
    Welcome,
)
from tests.signaling.relay_script import ANSWER, RelayScript

UNIX_OFFSET = 1_700_000_000.0
M = TypeVar("M", bound=ServerMessage)


class Client:
    """One account's client. ``got`` is everything it handled, in order; it checks every number."""

    def __init__(self, stage: Stage, user: str) -> None:
        self.stage = stage
        self.user = user
        self.identity = Identity(user, f"name of {user}", "guest", "user")
        self.socket: SocketId | None = None
        self.seat: str | None = None
        self.n = 0
        self.received = 0
        self.got: list[ServerMessage] = []
        self.closed: list[int] = []
        self.answers = True
        self.direct = False

    def connect(
        self, *, resume: bool = False, take_over: bool = False, blocks: Set[str] | None = frozenset()
    ) -> None:
        self.socket = self.stage.new_socket(self)
        token = self.seat if resume else None
        hello = Hello(
            token="t",
            take_over=take_over,
            direct=self.direct,
            resume=Resume(token, self.received) if token is not None else None,
        )
        self.stage.run(self.stage.core.connect(self.socket, self.identity, hello, blocks, self.stage.now))

    def say(self, message: ClientMessage) -> None:
        """Send with the next number."""
        assert self.socket is not None
        self.n += 1
        self.say_raw(msgspec.structs.replace(message, n=self.n))

    def say_raw(self, message: ClientMessage) -> None:
        assert self.socket is not None
        self.stage.run(self.stage.core.message(self.socket, message, self.stage.now))

    def ping(self) -> None:
        self.say_raw(Ping(received=self.received))

    def drop(self, *, done: bool = False) -> None:
        """Lose the socket."""
        assert self.socket is not None
        socket, self.socket = self.socket, None
        self.stage.forget(socket)
        self.stage.run(self.stage.core.disconnect(socket, self.stage.now, done=done))

    def handle(self, message: ServerMessage) -> None:
        if isinstance(message, Welcome):
            self.seat = message.seat
            if message.resumed:
                assert message.received <= self.n
            else:
                self.n = self.received = 0
        elif message.seq:
            assert message.seq == self.received + 1, f"{self.user}: {message} after {self.received}"
            self.received = message.seq
        self.got.append(message)
        if isinstance(message, LegOffer) and self.answers:
            self.stage.later(lambda: self.answer(message))

    def answer(self, offer: LegOffer, sdp: str = ANSWER) -> None:
        if self.socket is not None:
            self.say(LegAnswer(leg=offer.leg, sdp=sdp))

    def all(self, kind: type[M]) -> list[M]:
        return [message for message in self.got if isinstance(message, kind)]

    def last(self, kind: type[M]) -> M:
        return self.all(kind)[-1]

    def take(self) -> list[Any]:
        """What came since the last time."""
        got, self.got = self.got, []
        return got

    @property
    def match(self) -> str:
        return self.last(Matched).match


class Stage:
    """``auto_relay`` hands the relay's answers in at once; else :meth:`relay_says` does, one at a time."""

    def __init__(
        self, rules: Rules | None = None, *, auto_relay: bool = True, policy: RoutePolicy = relay_only
    ) -> None:
        ids = itertools.count(1)
        self.rules = rules or Rules()
        self.core = Switchboard(self.rules, lambda: f"id{next(ids)}", UNIX_OFFSET, policy=policy)
        self.relay = RelayScript()
        self.auto_relay = auto_relay
        self.events: deque[Event] = deque()
        self.now = 1000.0
        self.started: list[MatchStarted] = []
        self.ended: list[MatchEnded] = []
        self.stores: list[StoreBlock | StoreReport] = []
        self._sockets: dict[SocketId, Client] = {}
        self._next_socket = itertools.count(1)
        self._later: deque[Any] = deque()
        self._running = False

    def client(self, user: str, **hello: Any) -> Client:
        client = Client(self, user)
        client.connect(**hello)
        return client

    def pair(self, a: str = "anna", b: str = "bert") -> tuple[Client, Client]:
        """Two in a match, linked and flowing."""
        first, second = self.client(a), self.client(b)
        first.say(Join())
        second.say(Join())
        self.flow()
        return first, second

    def flow(self) -> None:
        """Media starts on every link."""
        for link in tuple(self.relay.links):
            self.says(*self.relay.flow(link))

    def leg_of(self, client: Client) -> LegId:
        return LegId(client.last(LegOffer).leg)

    def says(self, *events: Event) -> None:
        """The relay speaks."""
        for event in events:
            self.run(self.core.relay_event(event, self.now))

    def relay_says(self) -> Event | None:
        """The next of the relay's answers that are still on their way."""
        if not self.events:
            return None
        event = self.events.popleft()
        self.says(event)
        return event

    def wait(self, seconds: float) -> None:
        """Let time pass, ticking whenever the core asks for it."""
        until = self.now + seconds
        for _ in range(100_000):
            due = self.core.next_deadline()
            if due is None or due > until:
                self.now = until
                return
            self.now = max(self.now, due)
            self.run(self.core.tick(self.now))
        raise AssertionError("the core's deadlines do not move on")

    def new_socket(self, client: Client) -> SocketId:
        socket = SocketId(next(self._next_socket))
        self._sockets[socket] = client
        return socket

    def forget(self, socket: SocketId) -> None:
        self._sockets.pop(socket, None)

    def later(self, act: Any) -> None:
        self._later.append(act)

    def run(self, effects: list[Effect]) -> None:
        """Carry the effects out, then whatever follows from them."""
        for effect in effects:
            self._carry_out(effect)
        if not self._running:
            self._running = True
            try:
                while self._later or (self.auto_relay and self.events):
                    if self._later:
                        self._later.popleft()()
                    else:
                        self.says(self.events.popleft())
            finally:
                self._running = False

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Send(socket, message):
                self._sockets[socket].handle(message)
            case Replay(socket, messages):
                for message in messages:
                    self._sockets[socket].handle(message)
            case CloseSocket(socket, code, _):
                client = self._sockets.pop(socket)
                client.closed.append(code)
                if client.socket == socket:
                    client.socket = None
            case AskRelay(request):
                self.events.extend(self.relay.ask(request))
            case RecordStarted(started):
                self.started.append(started)
            case RecordEnded(ended):
                self.ended.append(ended)
            case StoreBlock() | StoreReport():
                self.stores.append(effect)
