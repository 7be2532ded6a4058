"""Framing of datagrams on a TCP connection (RFC 4571 section 2): each behind its length in two octets."""

from __future__ import annotations

HEADER_BYTES = 2
LONGEST_BYTES = 0xFFFF


def frame(datagram: bytes) -> bytes:
    """A datagram with its length before it. Raises :class:`OverflowError` over ``LONGEST_BYTES``."""
    return len(datagram).to_bytes(HEADER_BYTES, "big") + datagram


class Deframer:
    """Takes a stream apart. Keeps one incomplete frame at most, and none longer than ``longest`` octets."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._partial = b""

    def feed(self, octets: bytes) -> tuple[list[bytes], bool]:
        """The datagrams that ``octets`` complete, in order, and whether the stream can go on: it cannot
        after the header of a frame that is too long, and nothing behind that header is looked at."""
        stream = self._partial + octets
        datagrams: list[bytes] = []
        at = 0
        while len(stream) - at >= HEADER_BYTES:
            length = int.from_bytes(stream[at : at + HEADER_BYTES], "big")
            if length > self._longest:
                self._partial = b""
                return datagrams, False
            end = at + HEADER_BYTES + length
            if end > len(stream):
                break
            datagrams.append(stream[at + HEADER_BYTES : end])
            at = end
        self._partial = stream[at:]
        return datagrams, True
