"""Answer STUN as an ICE-lite responder (RFC 8445 section 2.5, RFC 8489).

Parsing and integrity are aioice's; this decides. Silence, not 400 or 401, answers what is not
authenticated: it gives a scanner nothing and cannot amplify.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from aioice import stun

from relay.engine.interface import Drop

MAGIC_COOKIE = b"\x21\x12\xa4\x42"
ROLE_CONFLICT = (487, "Role Conflict")


@dataclass(frozen=True, slots=True)
class Mapping:
    """Answer to a plain Binding request: the caller rate-limits it."""

    response: bytes


@dataclass(frozen=True, slots=True)
class Check:
    """An authenticated connectivity check."""

    ufrag: str
    response: bytes
    priority: int
    nominated: bool


@dataclass(frozen=True, slots=True)
class Conflict:
    """An authenticated check of a peer that also wants to be controlled; validates nothing."""

    ufrag: str
    response: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """``ufrag`` is set when the request names an open leg."""

    drop: Drop | None
    ufrag: str | None = None


Outcome = Mapping | Check | Conflict | Refused


def answer(datagram: bytes, remote: tuple[str, int], password_of: Callable[[str], str | None]) -> Outcome:
    """Decide on one STUN datagram from ``remote``. ``password_of`` gives the password of the open leg
    with a local ufrag, else ``None``."""
    if len(datagram) < stun.HEADER_LENGTH or len(datagram) % 4 or datagram[4:8] != MAGIC_COOKIE:
        return Refused(Drop.STUN_MALFORMED)
    if int.from_bytes(datagram[:2], "big") & 0x3EEF != stun.Method.BINDING:
        return Refused(Drop.STUN_UNSUPPORTED)
    try:
        if not _attributes_fit(datagram):
            return Refused(Drop.STUN_MALFORMED)
        message = stun.parse_message(datagram)
    # An attribute of a size its type cannot have fails in struct, every other defect as ValueError.
    except (ValueError, struct.error):
        return Refused(Drop.STUN_MALFORMED)
    if message.message_class is stun.Class.INDICATION:
        return Refused(None)
    if message.message_class is not stun.Class.REQUEST:
        return Refused(Drop.STUN_UNSUPPORTED)
    username = message.attributes.get("USERNAME")
    if username is None:
        return Mapping(_mapping(message, remote))
    ufrag = username.split(":", 1)[0]
    password = password_of(ufrag)
    if password is None:
        return Refused(Drop.STUN_UNKNOWN_UFRAG)
    if not message.check_message_integrity(password.encode()):
        return Refused(Drop.STUN_BAD_INTEGRITY, ufrag)
    if "FINGERPRINT" not in message.attributes:
        return Refused(Drop.STUN_MALFORMED, ufrag)
    if "ICE-CONTROLLED" in message.attributes:
        response = stun.Message(
            stun.Method.BINDING, stun.Class.ERROR, message.transaction_id, {"ERROR-CODE": ROLE_CONFLICT}
        )
        response.add_message_integrity(password.encode())
        return Conflict(ufrag, bytes(response))
    response = _success(message, remote)
    response.add_message_integrity(password.encode())
    return Check(
        ufrag,
        bytes(response),
        int(message.attributes.get("PRIORITY", 0)),
        "USE-CANDIDATE" in message.attributes,
    )


def _attributes_fit(datagram: bytes) -> bool:
    """Whether every attribute ends within the message; aioice takes a shorter one as it is."""
    at = stun.HEADER_LENGTH
    while at < len(datagram):
        at += 4 + (int.from_bytes(datagram[at + 2 : at + 4], "big") + 3 & ~3)
    return at == len(datagram)


def _success(message: stun.Message, remote: tuple[str, int]) -> stun.Message:
    return stun.Message(
        stun.Method.BINDING, stun.Class.RESPONSE, message.transaction_id, {"XOR-MAPPED-ADDRESS": remote}
    )


def _mapping(message: stun.Message, remote: tuple[str, int]) -> bytes:
    response = _success(message, remote)
    if "FINGERPRINT" in message.attributes:
        response.add_fingerprint()
    return bytes(response)
