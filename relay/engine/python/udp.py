"""One UDP socket for each announced address, all on one port.

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


def bind_all(addresses: tuple[str, ...], port: int, buffer_bytes: int) -> list[socket.socket]:
    """Non-blocking sockets in the order of ``addresses``; port 0 takes one that is free on all.

    Raises :class:`relay.errors.BindError` naming the address that cannot be bound.
    """
    tries = 1 if port else PORT_TRIES
    for last in range(tries - 1, -1, -1):
        sockets: list[socket.socket] = []
        chosen = port
        try:
            for host in addresses:
                sockets.append(_bind(host, chosen, buffer_bytes))
                chosen = sockets[0].getsockname()[1]
        except OSError as error:
            for sock in sockets:
                sock.close()
            if error.errno == errno.EADDRINUSE and sockets and last:
                continue  # the free port of the first address is taken on another: take a new one
            what = os.strerror(error.errno) if error.errno else str(error)
            raise BindError(f"Cannot bind UDP {host} port {chosen}: {what}.") from error
        return sockets
    raise BindError(f"No UDP port is free on all of {', '.join(addresses)}.")


def _bind(host: str, port: int, buffer_bytes: int) -> socket.socket:
    family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
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
