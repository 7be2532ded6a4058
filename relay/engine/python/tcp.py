"""ICE-TCP of the reference engine: passive candidates (RFC 6544) with framed datagrams (RFC 4571)."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import cast

from relay.engine.interface import Address, Drop, EngineConfig
from relay.engine.python import bind
from relay.engine.python.leg import EngineLeg, PairAddress, SendTo, SocketAddress
from relay.ice.framing import Deframer, frame
from relay.ice.prefix_limit import Strangers
from relay.packet.send_queue import SendQueue

FRAME_BYTES = 2048
"""Longest datagram taken, as on UDP."""
BACKLOG = 128
NOTSENT_BYTES = 16_384
"""What the kernel keeps unsent: the rest waits here, where old video can still be dropped."""
BATCH = 64
"""Datagrams of one connection taken before the event loop gets its turn."""
STRANGER_DATAGRAMS = 16
"""Datagrams a connection may bring before one of them is an authenticated check."""
CLOSE_SECONDS = 5.0
"""What a connection gets to take the last it was sent."""


class TcpListeners:
    """Listens on every address and keeps the connections. Pairs are numbered from ``first_index`` on, one
    index a listener; ``take`` gets each datagram, ``gone`` each pair whose connection ended."""

    def __init__(
        self,
        config: EngineConfig,
        first_index: int,
        take: Callable[[int, bytes, SocketAddress], None],
        gone: Callable[[PairAddress], None],
        drop: Callable[[Drop], None],
    ) -> None:
        self.config, self.first_index = config, first_index
        self.take, self.gone, self.drop = take, gone, drop
        self.strangers = Strangers(config.tcp_max_strangers, config.tcp_max_strangers_per_prefix)
        self.connections: dict[PairAddress, _Connection] = {}
        self.open: set[_Connection] = set()
        """Also those that are closing."""
        self._servers: list[asyncio.Server] = []
        self.bound: tuple[Address, ...] = ()

    async def start(self) -> None:
        """Raises :class:`relay.errors.BindError`."""
        sockets = bind.bind_tcp(self.config.addresses, self.config.tcp_port)
        self.bound = tuple(bind.bound_address(sock) for sock in sockets)
        loop = asyncio.get_running_loop()
        for index, sock in enumerate(sockets, start=self.first_index):
            server = await loop.create_server(self._factory(index), sock=sock, backlog=BACKLOG)
            self._servers.append(server)

    def _factory(self, index: int) -> Callable[[], asyncio.Protocol]:
        return lambda: _Connection(self, index)

    def senders(self) -> list[SendTo]:
        """One for each listener. They raise :class:`OSError` for a connection that is gone."""
        return [self._sender(self.first_index + at) for at in range(len(self.bound))]

    def _sender(self, index: int) -> SendTo:
        def send(datagram: bytes, remote: SocketAddress) -> int:
            connection = self.connections.get((index, remote))
            if connection is None:
                raise ConnectionError("The connection is gone.")
            return connection.send(datagram)

        return send

    def authenticated(self, pair: PairAddress, leg: EngineLeg) -> None:
        """A check over this connection was ``leg``'s."""
        connection = self.connections.get(pair)
        if connection is not None:
            connection.belongs_to(leg)

    def forget(self, pair: PairAddress) -> None:
        """Close the connection: its leg knows it no more."""
        connection = self.connections.get(pair)
        if connection is not None:
            connection.close()

    async def close(self) -> None:
        """Close every connection and listener. Idempotent."""
        for server in self._servers:
            server.close()
        for connection in list(self.open):
            connection.abort()
        for server in self._servers:
            await server.wait_closed()
        self._servers = []


class _Connection(asyncio.Protocol):
    """One connection, from its acceptance to its end."""

    def __init__(self, listeners: TcpListeners, index: int) -> None:
        self._listeners, self._index = listeners, index
        self._deframer = Deframer(FRAME_BYTES)
        self._queue = SendQueue(listeners.config.tcp_queue_bytes)
        self._leg: EngineLeg | None = None
        self._paused = False
        self._read: deque[bytes] = deque()
        """What one read of the socket brought and was not taken yet: reading pauses meanwhile."""
        self._malformed = False
        self._heard = 0
        self._stranger = False
        self._timer: asyncio.TimerHandle | None = None

    # --- its life --------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._remote: SocketAddress = transport.get_extra_info("peername") or ()
        listeners = self._listeners
        listeners.open.add(self)
        if not self._remote or not listeners.strangers.admit(self._remote[0]):
            listeners.drop(Drop.TCP_REFUSED)
            self._transport.abort()
            return
        self._stranger = True
        # All that the kernel does not take at once waits in the queue, where it has a bound.
        self._transport.set_write_buffer_limits(high=0)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT_BYTES)
        listeners.connections[self._index, self._remote] = self
        self._timer = asyncio.get_running_loop().call_later(
            listeners.config.tcp_auth_ms / 1000, self._on_unauthenticated
        )

    def _on_unauthenticated(self) -> None:
        self._listeners.drop(Drop.TCP_UNAUTHENTICATED)
        self.abort()

    def belongs_to(self, leg: EngineLeg) -> None:
        """It has proved to be ``leg``'s, the first time or a later one."""
        self._leg = leg
        self._no_stranger()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _no_stranger(self) -> None:
        if self._stranger:
            self._stranger = False
            self._listeners.strangers.leave(self._remote[0])

    def close(self) -> None:
        """Send what the kernel already has and end."""
        self._detach()
        if not self._transport.is_closing():
            self._transport.close()
            # One that reads nothing would never take the rest.
            self._timer = asyncio.get_running_loop().call_later(CLOSE_SECONDS, self._transport.abort)

    def abort(self) -> None:
        """End at once."""
        self._detach()
        self._transport.abort()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._listeners.open.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._detach():
            self._listeners.gone((self._index, self._remote))

    def _detach(self) -> bool:
        """Take it out of the table; whether it was in it."""
        self._no_stranger()
        connections = self._listeners.connections
        if connections.get((self._index, self._remote)) is not self:
            return False
        del connections[self._index, self._remote]
        return True

    # --- datagrams -------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        datagrams, goes_on = self._deframer.feed(data)
        self._read.extend(datagrams)
        self._malformed |= not goes_on
        self._take_batch()

    def _take_batch(self) -> None:
        """Take some of what was read; the rest waits its turn, and so does the sender: one read can hold
        a hundred thousand datagrams, and nobody else would be served meanwhile."""
        for _ in range(min(BATCH, len(self._read))):
            if self._transport.is_closing():
                self._read.clear()
                return
            if self._stranger:
                self._heard += 1
                if self._heard > STRANGER_DATAGRAMS:
                    self._read.clear()
                    self._on_unauthenticated()
                    return
            self._listeners.take(self._index, self._read.popleft(), self._remote)
        if self._read:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._take_batch)
        elif self._malformed:
            self._count(Drop.TCP_MALFORMED)
            # Not detached first: its leg is to hear that this path is gone.
            self._transport.abort()
        elif not self._transport.is_closing():
            self._transport.resume_reading()

    def send(self, datagram: bytes) -> int:
        """Send, or let it wait. Raises :class:`ConnectionError` when the connection ends already."""
        if self._transport.is_closing():
            raise ConnectionError("The connection is closing.")
        if self._paused:
            for _ in range(self._wait(datagram)):
                self._count(Drop.TCP_QUEUE_FULL)
        else:
            self._transport.write(frame(datagram))
        return len(datagram)

    def _wait(self, datagram: bytes) -> int:
        if len(datagram) < 12 or not 128 <= datagram[0] < 192 or 192 <= datagram[1] < 224:
            return self._queue.add_control(datagram)
        if self._leg is not None and datagram[8:12] in self._leg.video_ssrcs:
            # A frame's packets have one timestamp (RFC 3550 section 5.1); SRTP leaves the header in clear.
            return self._queue.add_video(datagram, datagram[4:12])
        return self._queue.add_audio(datagram)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        while self._queue and not self._paused and not self._transport.is_closing():
            self._transport.write(frame(self._queue.take()))

    def _count(self, reason: Drop) -> None:
        if self._leg is None:
            self._listeners.drop(reason)
        else:
            self._leg.drop(reason)
