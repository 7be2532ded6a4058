"""One user's WebSocket: a bounded send queue with its writer, pings, and an end that always comes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from aiohttp import WSMsgType, web

from signaling.core.effects import SocketId
from signaling.messages import ServerMessage, encoder

SEND_QUEUE_FULL = 4004
CLOSE_SECONDS = 2.0
"""From the decision to close until the connection is cut, whatever the client does."""
UNANSWERED_PINGS = 2


class LiveSocket:
    """:meth:`send`, :meth:`replay` and :meth:`close` never wait. One task, :meth:`write`, writes.

    Drop policy: a client that reads so slowly that more than ``send_queue`` messages wait (a replay not
    counted, it is bounded by the outbox) loses its socket with 4004, not single messages: it resumes and
    gets them all.
    """

    def __init__(
        self,
        id_: SocketId,
        ws: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        send_queue: int,
        ping_seconds: float,
        task: asyncio.Task[Any],
    ) -> None:
        self.id = id_
        self.handled = asyncio.Event()
        """Set when the core has handled the last message: a socket has one at a time in the inbox."""
        self._ws = ws
        self._limit = send_queue
        self._ping_seconds = ping_seconds
        self._queue: deque[ServerMessage] = deque()
        self._replaying = 0
        self._wake = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._ping_due = False
        self._pong: bytes | None = None
        self._unanswered = 0
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(ping_seconds, self._ping_time)
        self._cut_timer: asyncio.TimerHandle | None = None
        self._transport = transport
        self._task = task

    @property
    def closing(self) -> bool:
        return self._closing is not None

    def send(self, message: ServerMessage) -> None:
        if self._closing is not None:
            return
        if len(self._queue) >= self._limit + self._replaying:
            self._queue.clear()
            self.close(SEND_QUEUE_FULL, "send queue full")
            return
        self._queue.append(message)
        self._wake.set()

    def replay(self, messages: Sequence[ServerMessage]) -> None:
        if self._closing is None:
            self._queue.extend(messages)
            self._replaying = len(self._queue)
            self._wake.set()

    def close(self, code: int, reason: str) -> None:
        """Close once everything queued is written, and at the latest in ``CLOSE_SECONDS``."""
        if self._closing is None:
            self._closing = (code, reason)
            self._cut_timer = self._loop.call_later(CLOSE_SECONDS, self.cut)
            self._wake.set()

    def cut(self) -> None:
        """End the connection now, without a word."""
        if self._transport is not None:
            self._transport.abort()

    def abandon(self) -> None:
        """End the connection and its handler, wherever that waits."""
        self.cut()
        self._task.cancel()

    def heard(self) -> None:
        """Something came from the client: it lives."""
        self._unanswered = 0

    def ponged(self) -> bool:
        """Whether a pong was due; it counts as heard. One that was not is a message like any other."""
        due, self._unanswered = self._unanswered > 0, 0
        return due

    def pong(self, data: bytes) -> None:
        """Answer a ping; of several that wait, the last (RFC 6455 section 5.5.3)."""
        self._pong = data
        self._wake.set()

    async def write(self) -> None:
        """Write until closed. Ends early when the connection is gone; the reader hears of that too."""
        try:
            while True:
                while self._queue:
                    message = self._queue.popleft()
                    self._replaying = max(0, self._replaying - 1)
                    await self._ws.send_frame(encoder.encode(message), WSMsgType.TEXT)
                if self._closing is not None:
                    code, reason = self._closing
                    await self._ws.close(code=code, message=reason.encode())
                    return
                if self._pong is not None:
                    data, self._pong = self._pong, None
                    await self._ws.pong(data)
                if self._ping_due:
                    self._ping_due = False
                    await self._ws.ping()
                self._wake.clear()
                await self._wake.wait()
        except ConnectionError:
            return

    def release(self) -> None:
        """Stop the timers; the connection is gone."""
        self._timer.cancel()
        if self._cut_timer is not None:
            self._cut_timer.cancel()

    def _ping_time(self) -> None:
        if self._unanswered >= UNANSWERED_PINGS:
            self.cut()
            return
        self._unanswered += 1
        self._ping_due = True
        self._wake.set()
        self._timer = self._loop.call_later(self._ping_seconds, self._ping_time)
