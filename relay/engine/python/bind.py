"""One socket of a kind for each announced address, all on one port.

Bound one by one rather than to the wildcard: a browser drops an answer whose source is not the
address it asked, and a wildcard socket answers from whatever address the route prefers.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket

from relay.engine.interface import Address
from relay.errors import BindError

PORT_TRIES = 32
_NAMES = {socket.SOCK_DGRAM: "UDP", socket.SOCK_STREAM: "TCP"}


def bind_udp(addresses: tuple[str, ...], port: int, buffer_bytes: int) -> list[socket.socket]:
    """UDP sockets with kernel buffers of ``buffer_bytes`` each way; see :func:`_bind_all`."""
    options = [(socket.SO_RCVBUF, buffer_bytes), (socket.SO_SNDBUF, buffer_bytes)]
    return _bind_all(addresses, port, socket.SOCK_DGRAM, options)


def bind_tcp(addresses: tuple[str, ...], port: int) -> list[socket.socket]:
    """TCP sockets that are to listen; see :func:`_bind_all`."""
    # The connections of a service that has just stopped linger and must not keep it from starting again.
    return _bind_all(addresses, port, socket.SOCK_STREAM, [(socket.SO_REUSEADDR, 1)])


def _bind_all(
    addresses: tuple[str, ...], port: int, kind: socket.SocketKind, options: list[tuple[int, int]]
) -> list[socket.socket]:
    """Non-blocking sockets in the order of ``addresses``; port 0 takes one that is free on all.

    Raises :class:`relay.errors.BindError` naming the address that cannot be bound.
    """
    tries = 1 if port else PORT_TRIES
    for last in range(tries - 1, -1, -1):
        sockets: list[socket.socket] = []
        chosen = port
        try:
            for host in addresses:
                sockets.append(_bind(host, chosen, kind, options))
                chosen = sockets[0].getsockname()[1]
        except OSError as error:
            for sock in sockets:
                sock.close()
            if error.errno == errno.EADDRINUSE and sockets and last:
                continue  # the free port of the first address is taken on another: take a new one
            what = os.strerror(error.errno) if error.errno else str(error)
            raise BindError(f"Cannot bind {_NAMES[kind]} {host} port {chosen}: {what}.") from error
        return sockets
    raise BindError(f"No {_NAMES[kind]} port is free on all of {', '.join(addresses)}.")


def _bind(host: str, port: int, kind: socket.SocketKind, options: list[tuple[int, int]]) -> socket.socket:
    family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for name, value in options:
            sock.setsockopt(socket.SOL_SOCKET, name, value)
        sock.setblocking(False)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def bound_address(sock: socket.socket) -> Address:
    """Where a socket is bound."""
    name = sock.getsockname()
    return Address(name[0], name[1])
