"""From bytes to a client message, or to what can be said about bytes that are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from signaling.messages import ClientMessage, client_decoder

SENTENCE_MAX_CHARS = 200
"""A sentence about a bad message quotes it: no more of it than this goes back."""
_MAX_N = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Malformed:
    """``n`` is 0 and ``about`` ``None`` when they cannot be read."""

    n: int
    about: str | None
    sentence: str


class _Header(msgspec.Struct):
    type: Any = None
    n: Any = 0


_header_decoder = msgspec.json.Decoder(_Header)


def read_header(data: bytes) -> tuple[int, str | None]:
    """Number and type of a message that is not going to be handled, as far as they can be read."""
    try:
        header = _header_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0, None
    about = header.type if isinstance(header.type, str) and len(header.type) <= 32 else None
    if about in ("hello", "ping") or type(header.n) is not int or not 0 <= header.n <= _MAX_N:
        return 0, about
    return header.n, about


def decode(data: bytes) -> ClientMessage | Malformed:
    """Never raises: a bad message is input."""
    try:
        return client_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        n, about = read_header(data)
        return Malformed(n, about, str(error)[:SENTENCE_MAX_CHARS])
    except RecursionError:
        return Malformed(0, None, "The message is nested too deeply.")
