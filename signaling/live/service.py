"""The one task that runs the core: messages, relay events and deadlines in, effects out."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections import deque
from collections.abc import Callable, Set
from dataclasses import dataclass
from functools import partial

import structlog

from relay.door import Relay
from signaling.core.decode import Malformed
from signaling.core.effects import (
    AskRelay,
    CloseSocket,
    Effect,
    RecordEnded,
    RecordStarted,
    Replay,
    Send,
    SocketId,
    Store,
    StoreBlock,
    StoreReport,
)
from signaling.core.identity import Identity
from signaling.core.route import RoutePolicy, relay_only
from signaling.core.rules import Rules
from signaling.core.switchboard import Switchboard
from signaling.core.tallies import Tallies
from signaling.core.watch import CallSteps, CallView
from signaling.live.ports import MatchRecords, SafetyStore
from signaling.live.socket import LiveSocket
from signaling.live.stores import Stores
from signaling.messages import ClientMessage, Hello

BATCH = 64
"""Inbox items handled before other tasks get a turn."""
INTERNAL_ERROR = 1011

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Item:
    """Something for the core to hear. ``handled`` is set afterwards, for whoever waits."""

    handle: Callable[[float], list[Effect]]
    handled: asyncio.Event | None = None
    socket: LiveSocket | None = None


class LiveService:
    """Owns the core and the task that runs it; sockets and the relay hand it what they hear.

    The inbox is bounded by construction: a socket has one message in it at a time and its reader waits
    until that is handled (so TCP pushes back on who sends too fast), the relay's pump does the same, and
    a socket's end and a write's outcome are said once each.
    """

    def __init__(
        self,
        rules: Rules,
        relay: Relay,
        safety: SafetyStore,
        records: MatchRecords,
        *,
        policy: RoutePolicy = relay_only,
    ) -> None:
        self._core = Switchboard(rules, lambda: secrets.token_urlsafe(16), unix_offset=0.0, policy=policy)
        self._relay = relay
        self._records = records
        self._stores = Stores(safety, self._stored)
        self._inbox: deque[_Item] = deque()
        self._wake = asyncio.Event()
        self._sockets: dict[SocketId, LiveSocket] = {}
        self._ids = itertools.count(1)
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.stopping = False

    # --- life -------------------------------------------------------------------------------------

    async def start(self) -> asyncio.Task[None]:
        """Start the task that owns everything here. :meth:`stop` ends it; that it ends by itself is a
        failure of the service, which the composition root watches for."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run(), name="live service")
        return self._task

    async def stop(self, seconds: float) -> None:
        """End every match, tell and close every socket, hand over every record, leave no task.

        What is not done within ``seconds`` is cut off. The relay must still answer meanwhile.
        """
        if self._task is None:
            return
        self.stopping = True
        self._put(_Item(self._core.stop))
        try:
            async with asyncio.timeout(seconds):
                while not self._task.done() and self._busy():
                    await self.changed()
                await self._stores.drained()
        except TimeoutError:
            _log.warning("live_stop_cut_short", **self.counts)
        for socket in tuple(self._sockets.values()):
            socket.abandon()
        self._task.cancel()
        await asyncio.wait({self._task})
        self._task = None
        self._perform(self._core.abandon())

    def drain(self) -> None:
        """Make no new matches; calls go on."""
        self._put(_Item(self._core.drain))

    def undrain(self) -> None:
        self._put(_Item(self._core.undrain))

    def _busy(self) -> bool:
        return bool(self._inbox or self._sockets or self._core.counts["unsettled"])

    @property
    def counts(self) -> dict[str, int]:
        """Numbers for health and metrics; ``open`` counts sockets that have not said hello too."""
        return {**self._core.counts, "open": len(self._sockets)}

    @property
    def tallies(self) -> Tallies:
        """What has happened since the start: changes of route, failed steps, ends. Read it on a tick."""
        return self._core.tallies

    async def changed(self) -> None:
        """Until :attr:`counts` may have changed."""
        self._changed.clear()
        await self._changed.wait()

    # --- for sockets --------------------------------------------------------------------------------

    def new_socket_id(self) -> SocketId:
        return SocketId(next(self._ids))

    def opened(self, socket: LiveSocket) -> None:
        self._sockets[socket.id] = socket

    def gone(self, socket: LiveSocket, *, done: bool) -> None:
        """Always the socket's last word."""
        del self._sockets[socket.id]
        self._changed.set()
        self._put(_Item(lambda now: self._core.disconnect(socket.id, now, done=done)))

    def has_seat(self, user: str) -> bool:
        return self._core.has_seat(user)

    async def connect(
        self, socket: LiveSocket, identity: Identity, hello: Hello, blocks: Set[str] | None
    ) -> None:
        await self._hand(socket, lambda now: self._core.connect(socket.id, identity, hello, blocks, now))

    async def message(self, socket: LiveSocket, message: ClientMessage) -> None:
        await self._hand(socket, lambda now: self._core.message(socket.id, message, now))

    async def refuse(self, socket: LiveSocket, code: str, what: Malformed) -> None:
        """Answer a message that is not let through."""
        await self._hand(
            socket,
            lambda now: self._core.refuse(socket.id, code, what.n, what.about, now, what.sentence),
        )

    # --- for operators ------------------------------------------------------------------------------

    def calls(self) -> tuple[CallView, ...]:
        """Every match in progress, the oldest first."""
        return self._core.calls(self._loop.time())

    def call(self, match_id: str) -> tuple[CallView, CallSteps] | None:
        """One match in progress with its steps so far; ``None`` when there is none of this id."""
        return self._core.call(match_id, self._loop.time())

    async def end_call(self, match_id: str) -> bool:
        """End a match; both users are told why. Whether there was one."""
        return await self._act(lambda now: self._core.end_call(match_id, now))

    async def put_out(self, user: str) -> bool:
        """End a user's match and seat, and close the socket. Whether the user had a seat."""
        return await self._act(lambda now: self._core.put_out(user, now))

    # --- inside ---------------------------------------------------------------------------------------

    async def _act(self, action: Callable[[float], list[Effect] | None]) -> bool:
        """Have something done in its turn; whether there was anything to do it to."""
        found, handled = False, asyncio.Event()

        def handle(now: float) -> list[Effect]:
            nonlocal found
            effects = action(now)
            found = effects is not None
            return effects or []

        self._put(_Item(handle, handled))
        await handled.wait()
        return found

    async def _hand(self, socket: LiveSocket, handle: Callable[[float], list[Effect]]) -> None:
        socket.handled.clear()
        self._put(_Item(handle, socket.handled, socket))
        await socket.handled.wait()

    def _put(self, item: _Item) -> None:
        self._inbox.append(item)
        self._wake.set()

    def _stored(self, store: Store, ok: bool) -> None:
        self._put(_Item(lambda _now: self._core.stored(store, ok)))

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._stores.run(), name="live stores")
            tasks.create_task(self._listen(), name="live relay events")
            tasks.create_task(self._serve(), name="live core")

    async def _listen(self) -> None:
        """Bring in what the relay says, one event at a time: the others wait in the relay's own queue."""
        handled = asyncio.Event()
        while True:
            self._put(_Item(partial(self._core.relay_event, await self._relay.events.get()), handled))
            await handled.wait()
            handled.clear()

    async def _serve(self) -> None:
        while True:
            now = self._loop.time()
            self._core.set_unix_offset(time.time() - now)
            for _ in range(min(BATCH, len(self._inbox))):
                self._handle(self._inbox.popleft())
            due = self._core.next_deadline()
            if due is not None and due <= self._loop.time():
                self._handle(_Item(self._core.tick))
                due = self._core.next_deadline()
            self._changed.set()
            if self._inbox:
                # Not a wait: readers and writers get their turn between two batches.
                await asyncio.sleep(0)
                continue
            self._wake.clear()
            timer = None if due is None else self._loop.call_at(due, self._wake.set)
            await self._wake.wait()
            if timer is not None:
                timer.cancel()

    def _handle(self, item: _Item) -> None:
        try:
            self._perform(item.handle(self._loop.time()))
        except Exception:  # noqa: BLE001  # the item's edge: a message that finds a bug must not end every call
            _log.exception("live_item_failed", socket=None if item.socket is None else item.socket.id)
            if item.socket is not None:
                item.socket.close(INTERNAL_ERROR, "internal error")
        finally:
            if item.handled is not None:
                item.handled.set()

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(socket, message):
                    if socket in self._sockets:
                        self._sockets[socket].send(message)
                case Replay(socket, messages):
                    if socket in self._sockets:
                        self._sockets[socket].replay(messages)
                case CloseSocket(socket, code, reason):
                    if socket in self._sockets:
                        self._sockets[socket].close(code, reason)
                case AskRelay(request):
                    self._relay.ask(request)
                case RecordStarted(started):
                    self._records.started(started)
                    _log.info("match_started", match=started.match_id)
                case RecordEnded(ended):
                    self._records.ended(ended)
                    _log.info(
                        "match_ended",
                        match=ended.match.match_id,
                        reason=ended.reason,
                        by=ended.by,
                        routes=ended.routes,
                        troubles=[f"{trouble.route} {trouble.step}" for trouble in ended.troubles],
                    )
                case StoreBlock() | StoreReport():
                    self._stores.submit(effect)
