"""The second STUN port: plain Binding requests are answered, everything else is counted."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

from relay.engine.interface import Drop
from relay.ice import lite
from relay.ice.prefix_limit import PrefixLimit


@dataclass(slots=True)
class Drained:
    """What one socket had."""

    packets_in: int = 0
    bytes_in: int = 0
    packets_out: int = 0
    bytes_out: int = 0
    drops: list[Drop] = field(default_factory=list)


def drain(sock: socket.socket, most: int, longest: int, prefixes: PrefixLimit, now: float) -> Drained:
    """Answer at most ``most`` datagrams of at most ``longest`` octets that wait on ``sock``."""
    done = Drained()
    for _ in range(most):
        try:
            datagram, remote = sock.recvfrom(longest)
        except BlockingIOError:
            break
        done.packets_in += 1
        done.bytes_in += len(datagram)
        response = _answer(datagram, remote, prefixes, now)
        if isinstance(response, bytes):
            try:
                sock.sendto(response, remote)
            except OSError:  # full buffer, or a route that is gone: the client asks again
                response = Drop.SEND_FAILED
            else:
                done.packets_out += 1
                done.bytes_out += len(response)
        if isinstance(response, Drop):
            done.drops.append(response)
    return done


def _answer(
    datagram: bytes, remote: tuple[str, int], prefixes: PrefixLimit, now: float
) -> bytes | Drop | None:
    if not datagram:
        return Drop.EMPTY
    if datagram[0] >= 4:
        return Drop.UNKNOWN_PROTOCOL
    outcome = lite.answer(datagram, (remote[0], remote[1]), lambda _ufrag: None)
    if isinstance(outcome, lite.Mapping):
        return outcome.response if prefixes.allow(remote[0], now) else Drop.STUN_RATE_LIMITED
    # No leg is known here, so a check is one of an unknown ufrag.
    return outcome.drop if isinstance(outcome, lite.Refused) else None
