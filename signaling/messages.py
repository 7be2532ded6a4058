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
CANDIDATE_MAX_CHARS = 512

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
    direct: bool = False
    """This client can do the direct route. Without it every match of its goes by relay at once."""


class Network(_Client, frozen=True, tag="network"):
    """What the network check found; ``None``: not known. The newest one counts."""

    udp: bool | None = None
    """Whether UDP reaches the relay and comes back."""
    tcp: bool | None = None
    mapping: Literal["open", "independent", "symmetric"] | None = None
    """RFC 4787 section 4.1, told by two STUN ports: ``open`` without a NAT, ``independent`` when both
    see the same mapped address, else ``symmetric``."""
    rtt_ms: Annotated[float, Meta(ge=0, le=60_000)] | None = None


class OpenLeg(_Client, frozen=True, tag="leg_open"):
    """Ask for the leg before a match (it is also the network test). ``restart`` names a leg whose network has
    changed: it is offered again with new ICE credentials, and goes on. ``replace`` names one that is dead as
    seen from here: it is closed and a fresh one offered."""

    replace: Id | None = None
    restart: Id | None = None


class LegAnswer(_Client, frozen=True, tag="leg_answer"):
    leg: Id
    sdp: Annotated[str, Meta(max_length=SDP_MAX_CHARS)]


class SendDescription(_Client, frozen=True, tag="description"):
    """For the stranger's end of the direct attempt. One of another match or attempt is dropped."""

    match: Id
    attempt: Count
    kind: Literal["offer", "answer"]
    sdp: Annotated[str, Meta(min_length=1, max_length=SDP_MAX_CHARS)]


class SendCandidate(_Client, frozen=True, tag="candidate"):
    """One trickled candidate, as ``RTCIceCandidate`` has it; an empty one says there are no more."""

    match: Id
    attempt: Count
    candidate: Annotated[str, Meta(max_length=CANDIDATE_MAX_CHARS, pattern=r"^[\x20-\x7e]*$")]
    mid: Annotated[str, Meta(max_length=16, pattern=r"^[A-Za-z0-9_-]*$")] | None = None
    line: Annotated[int, Meta(ge=0, le=15)] | None = None
    """``sdpMLineIndex``."""
    ufrag: Annotated[str, Meta(max_length=256, pattern=r"^[A-Za-z0-9+/]*$")] | None = None


class DirectStats(Struct, frozen=True, forbid_unknown_fields=True):
    """What the client measured of the direct connection; all may be left out."""

    rtt_ms: Annotated[float, Meta(ge=0, le=60_000)] | None = None
    sent_packets: Count = 0
    received_packets: Count = 0
    received_bytes: Count = 0
    lost_packets: Count = 0


class DirectState(_Client, frozen=True, tag="direct_state"):
    """A fact about this end of the direct attempt: ``connected`` when ICE and DTLS are up, ``interrupted``
    when nothing is heard, ``failed`` when it is given up; ``step`` says at what it failed."""

    match: Id
    attempt: Count
    state: Literal["connected", "interrupted", "failed"]
    step: Literal["ice", "dtls"] | None = None
    stats: DirectStats | None = None


class MediaFlowing(_Client, frozen=True, tag="media_flowing"):
    """The stranger's media of this attempt arrives and plays here."""

    match: Id
    attempt: Count


QualityLevel = Literal["good", "fair", "poor"]


class Quality(_Client, frozen=True, tag="quality"):
    """How the call is as this client measures it, for operators: every 10 s while connected and when the
    level changes, 5 s apart at least. One of another match is dropped; of each side the newest is kept."""

    match: Id
    level: QualityLevel
    reason: Annotated[str, Meta(max_length=32, pattern=r"^[a-z0-9_]*$")] | None = None
    """What makes it so, in a word of the client's."""
    rtt_ms: Annotated[float, Meta(ge=0, le=60_000)] | None = None
    loss_permille: Annotated[int, Meta(ge=0, le=1000)] | None = None
    """Of the packets that should have come."""
    received_bps: Count | None = None
    sent_bps: Count | None = None


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


class Media(_Client, frozen=True, tag="media"):
    """What this client shows the stranger from now on, said when it changes. The newest counts, also for
    later matches of this seat."""

    camera: bool
    microphone: bool
    """There is one, and it is not muted."""


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
    | Network
    | OpenLeg
    | LegAnswer
    | SendDescription
    | SendCandidate
    | DirectState
    | MediaFlowing
    | Quality
    | Join
    | Next
    | Leave
    | SendChat
    | ChatReceived
    | SendTyping
    | Media
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
    "ended_by_operator",
]
By = Literal["you", "stranger", "service"]
RouteName = Literal["direct", "relay"]
Role = Literal["polite", "impolite"]
FailedStep = Literal["signaling", "ice_udp", "ice_tcp", "ice_tls", "dtls", "media_silent", "limit"]
"""Where on the way to a picture it went wrong."""


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
    stun: tuple[str, ...] = ()
    """``stun:`` addresses (RFC 7064) of the relay itself: for the direct route and the network check."""
    legs: Literal["always", "strict", "never"] = "always"
    """When the operator wants legs before a match."""


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


class Turn(Struct, frozen=True):
    """What ``RTCIceServer`` has; the credential is for a short time."""

    urls: tuple[str, ...]
    username: str
    credential: str


class LegOffer(_Server, frozen=True, tag="leg_offer"):
    """The relay's SDP offer; answer with ``leg_answer``. May come again for the same leg."""

    leg: str
    sdp: str
    turn: Turn | None = None
    """The leg's only ICE server (RFC 8656), for networks that let out nothing but TLS."""


class LegState(_Server, frozen=True, tag="leg_state"):
    """``code`` and ``message`` say why, when ``state`` is ``closed`` or ``refused``."""

    leg: str
    state: Literal["connected", "interrupted", "closed", "refused"]
    transport: Literal["udp", "tcp"] | None = None
    code: str | None = None
    message: str | None = None


class Route(_Server, frozen=True, tag="route"):
    """``trying → linked → connected ⇄ interrupted``, for each route of the match on its own. From
    ``linked`` on the client sends its tracks over ``leg``, until ``unlinked`` or the match's end. A direct
    attempt starts with ``trying``, which tells the ``role``, and is over with ``unlinked``."""

    match: str
    attempt: int
    state: Literal["trying", "linked", "connected", "interrupted", "unlinked"]
    route: RouteName
    leg: str | None = None
    reason: str | None = None
    message: str | None = None
    """What ``reason`` means, for people."""
    role: Role | None = None


class Description(_Server, frozen=True, tag="description"):
    """Of the stranger's end of the direct attempt."""

    match: str
    attempt: int
    kind: Literal["offer", "answer"]
    sdp: str


class Candidate(_Server, frozen=True, tag="candidate"):
    """Of the stranger's end of the direct attempt."""

    match: str
    attempt: int
    candidate: str
    mid: str | None = None
    line: int | None = None
    ufrag: str | None = None


class Ended(_Server, frozen=True, tag="ended"):
    """The match is over; an ``idle`` or ``queued`` follows."""

    match: str
    reason: EndReason
    by: By
    message: str
    step: FailedStep | None = None
    """At what it failed, when the match ended because of a failure."""


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


class StrangerMedia(_Server, frozen=True, tag="stranger_media"):
    """What the stranger shows: at the match's start, on a change, never when their client does not say."""

    match: str
    camera: bool
    microphone: bool


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
    | Description
    | Candidate
    | Ended
    | Chat
    | ChatAccepted
    | ChatDelivered
    | Typing
    | StrangerMedia
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
