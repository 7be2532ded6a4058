"""Every message of the WebSocket, defined once (JSON Schema and TypeScript are generated from here).

Client messages carry ``n``, the client's own count from 1: the server handles each once, also when a
client that resumed sends it again. Server messages carry ``seq`` from 1: a client that resumes says
the last one it has and gets the rest, once and in order. What each means is in ``docs/protocol.md``.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

PROTOCOL_VERSION = 1
CHAT_MAX_CHARS = 1000
SDP_MAX_CHARS = 24_000
"""Leaves room for JSON's escaping of line ends in a 32 KiB message."""

Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Tag = Annotated[str, Meta(min_length=1, max_length=32)]
Tags = Annotated[tuple[Tag, ...], Meta(max_length=10)]


class _Client(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", kw_only=True, omit_defaults=True
):
    n: Count = 0


class _Server(Struct, frozen=True, tag_field="type", kw_only=True, omit_defaults=False):
    seq: Count = 0


# --- client → server ----------------------------------------------------------------------------


class Resume(Struct, frozen=True, forbid_unknown_fields=True):
    seat: Annotated[str, Meta(min_length=1, max_length=128)]
    received: Count


class Hello(_Client, frozen=True, tag="hello"):
    """Must be the first message, within ``auth_seconds``."""

    token: Annotated[str, Meta(min_length=1, max_length=4096)]
    resume: Resume | None = None
    take_over: bool = False
    client: Annotated[str, Meta(max_length=64)] = ""


class OpenLeg(_Client, frozen=True, tag="leg_open"):
    """Ask for the leg before a match (it is also the network test). ``join`` does it as well."""


class LegAnswer(_Client, frozen=True, tag="leg_answer"):
    leg: Id
    sdp: Annotated[str, Meta(max_length=SDP_MAX_CHARS)]


class Join(_Client, frozen=True, tag="join"):
    interests: Tags = ()
    languages: Tags = ()
    hide_address: bool = False


class Next(_Client, frozen=True, tag="next"):
    """End this match and queue for another."""


class Leave(_Client, frozen=True, tag="leave"):
    """Leave the match or the queue; the leg stays."""


class SendChat(_Client, frozen=True, tag="chat"):
    id: Id
    text: Annotated[str, Meta(min_length=1, max_length=CHAT_MAX_CHARS)]


class ChatReceived(_Client, frozen=True, tag="chat_received"):
    id: Id


class SendTyping(_Client, frozen=True, tag="typing"):
    active: bool


class Block(_Client, frozen=True, tag="block"):
    """End this match and never be matched with this stranger again."""


class Report(_Client, frozen=True, tag="report"):
    """Report the stranger of this match, or of the one that ended last."""

    match: Id
    reason: Literal["nudity", "minor", "harassment", "spam", "other"]
    text: Annotated[str, Meta(max_length=CHAT_MAX_CHARS)] = ""


class Ping(_Client, frozen=True, tag="ping"):
    """``received`` is the last ``seq`` held: the server may forget all up to it."""

    received: Count = 0


ClientMessage = (
    Hello
    | OpenLeg
    | LegAnswer
    | Join
    | Next
    | Leave
    | SendChat
    | ChatReceived
    | SendTyping
    | Block
    | Report
    | Ping
)

# --- server → client ----------------------------------------------------------------------------

EndReason = Literal[
    "next",
    "left",
    "blocked",
    "lost",
    "replaced",
    "no_answer",
    "ice_failed",
    "dtls_failed",
    "media_lost",
    "no_shared_codec",
    "relay_full",
    "relay_stopping",
    "service_stopping",
]
By = Literal["you", "stranger", "service"]
RouteName = Literal["direct", "relay"]


class Self(Struct, frozen=True):
    id: str
    name: str
    kind: Literal["guest", "registered"]
    role: Literal["user", "moderator", "operator"]


class Limits(Struct, frozen=True):
    chat_chars: int
    message_bytes: int
    ping_seconds: float
    resume_seconds: float


class Welcome(_Server, frozen=True, tag="welcome"):
    """Answer to ``hello``. ``received`` is the last ``n`` handled; with ``resumed`` the client sends
    again what is later, else it starts anew at 1 and ``state`` messages tell where it is."""

    protocol: int
    seat: str
    resumed: bool
    received: Count
    user: Self
    limits: Limits


class Idle(_Server, frozen=True, tag="idle"):
    """In no queue and no match."""


class Queued(_Server, frozen=True, tag="queued"):
    position: int
    waiting: int
    online: int
    estimate_seconds: float | None


class Stranger(Struct, frozen=True):
    name: str
    interests: tuple[str, ...] = ()


class Matched(_Server, frozen=True, tag="matched"):
    match: str
    stranger: Stranger


class LegOffer(_Server, frozen=True, tag="leg_offer"):
    """The relay's SDP offer; answer with ``leg_answer``. May come again for the same leg."""

    leg: str
    sdp: str


class LegState(_Server, frozen=True, tag="leg_state"):
    """``code`` and ``message`` say why, when ``state`` is ``closed`` or ``refused``."""

    leg: str
    state: Literal["connected", "interrupted", "closed", "refused"]
    transport: Literal["udp", "tcp"] | None = None
    code: str | None = None
    message: str | None = None


class Route(_Server, frozen=True, tag="route"):
    """``trying → connected ⇄ interrupted``. From ``linked`` on the client sends its tracks over
    ``leg``, until ``unlinked`` or the match's end."""

    match: str
    attempt: int
    state: Literal["trying", "linked", "connected", "interrupted", "unlinked"]
    route: RouteName
    leg: str | None = None
    reason: str | None = None


class Ended(_Server, frozen=True, tag="ended"):
    """The match is over; an ``idle`` or ``queued`` follows."""

    match: str
    reason: EndReason
    by: By
    message: str


class Chat(_Server, frozen=True, tag="chat"):
    match: str
    id: str
    text: str
    at_ms: int
    """Unix time, by the server's clock."""


class ChatAccepted(_Server, frozen=True, tag="chat_accepted"):
    id: str
    at_ms: int


class ChatDelivered(_Server, frozen=True, tag="chat_delivered"):
    id: str


class Typing(_Server, frozen=True, tag="typing"):
    match: str
    active: bool


class Blocked(_Server, frozen=True, tag="blocked"):
    match: str


class Reported(_Server, frozen=True, tag="reported"):
    match: str


class Pong(_Server, frozen=True, tag="pong"):
    """``received`` is the last ``n`` handled. Not numbered: ``seq`` is 0."""

    received: Count


class Error(_Server, frozen=True, tag="error"):
    """An unknown, illegal or refused message. ``about`` is its type and ``n`` its number."""

    code: str
    message: str
    about: str | None = None
    n: Count = 0


class Replaced(_Server, frozen=True, tag="replaced"):
    """The seat was taken over by another socket of the same account; this one closes (4001)."""


class Closing(_Server, frozen=True, tag="closing"):
    """The service stops; the socket closes (1012)."""

    message: str
    retry_after_seconds: float


ServerMessage = (
    Welcome
    | Idle
    | Queued
    | Matched
    | LegOffer
    | LegState
    | Route
    | Ended
    | Chat
    | ChatAccepted
    | ChatDelivered
    | Typing
    | Blocked
    | Reported
    | Pong
    | Error
    | Replaced
    | Closing
)

client_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)
server_decoder: msgspec.json.Decoder[ServerMessage] = msgspec.json.Decoder(ServerMessage)
encoder = msgspec.json.Encoder()
