"""A user's seat: the account's one place in the live part, and the law of what may be said there."""

from __future__ import annotations

from dataclasses import dataclass

from signaling.core.effects import SocketId
from signaling.core.identity import Identity
from signaling.core.leg import Leg
from signaling.core.matchmaker import Wish
from signaling.core.network import UNKNOWN
from signaling.core.outbox import Inbox, Outbox
from signaling.core.route import Outlook
from signaling.core.side import Side
from signaling.messages import (
    Block,
    ChatReceived,
    ClientMessage,
    DirectState,
    Hello,
    Join,
    Leave,
    LegAnswer,
    Media,
    MediaFlowing,
    Network,
    Next,
    OpenLeg,
    Ping,
    Quality,
    Report,
    SendCandidate,
    SendChat,
    SendDescription,
    SendTyping,
)

# --- states: a type each, carrying only what that state has ------------------------------------------


@dataclass(frozen=True, slots=True)
class Lobby:
    """In no queue and no match."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """In the queue."""

    wish: Wish


@dataclass(frozen=True, slots=True)
class Talking:
    """In a match."""

    match: str
    side: Side
    wish: Wish


State = Lobby | Waiting | Talking

# --- the law: docs/protocol.md 2.3 -------------------------------------------------------------------

LAW: dict[type[ClientMessage], dict[type[State], str]] = {
    Hello: {Lobby: "already_welcome", Waiting: "already_welcome", Talking: "already_welcome"},
    Ping: {},
    Network: {},
    Media: {},
    OpenLeg: {},
    LegAnswer: {},
    # Words about a direct attempt that is over are dropped, not refused: they cross with its end.
    SendDescription: {},
    SendCandidate: {},
    DirectState: {},
    MediaFlowing: {},
    # So is a word about the quality of a match that is over.
    Quality: {},
    Report: {},
    Join: {Waiting: "already_queued", Talking: "already_matched"},
    Leave: {Lobby: "not_queued"},
    Next: {Lobby: "not_matched", Waiting: "not_matched"},
    SendChat: {Lobby: "not_matched", Waiting: "not_matched"},
    ChatReceived: {Lobby: "not_matched", Waiting: "not_matched"},
    SendTyping: {Lobby: "not_matched", Waiting: "not_matched"},
    Block: {Lobby: "not_matched", Waiting: "not_matched"},
}
"""The error code with which a message is refused in a state; nothing there: it is lawful."""


@dataclass(frozen=True, slots=True)
class PastMatch:
    """Whom a report may be about after the match."""

    match: str
    stranger: str


class Seat:
    """``token`` resumes it and changes whenever its counts start anew. Times in seconds."""

    __slots__ = (
        "blocks",
        "direct",
        "identity",
        "inbox",
        "last_match",
        "leg",
        "leg_up_in",
        "media",
        "network",
        "outbox",
        "reopen_leg",
        "reported",
        "restarts_until",
        "socket",
        "state",
        "token",
    )

    def __init__(self, identity: Identity, token: str, blocks: set[str], socket: SocketId) -> None:
        self.identity = identity
        self.token = token
        self.blocks = blocks
        self.socket: SocketId | None = socket
        self.state: State = Lobby()
        self.inbox = Inbox()
        self.outbox = Outbox()
        self.direct = False
        """Whether the client can do the direct route."""
        self.network: Network = UNKNOWN
        self.media: Media | None = None
        """What this client shows, ``None`` when it has not said."""
        self.leg: Leg | None = None
        self.leg_up_in: str | None = None
        """The last match in which a leg of this seat was up and then went."""
        self.restarts_until = 0.0
        """Until when the restarts of the leg that were asked for use up what is allowed."""
        self.reopen_leg = False
        """Whether a leg that closes while the user waits is opened afresh: once for each stay."""
        self.last_match: PastMatch | None = None
        self.reported: tuple[str, ...] = ()
        """The last two matches that were reported: a repeated report is not stored twice."""

    @property
    def user(self) -> str:
        return self.identity.user_id

    def outlook(self, wish: Wish) -> Outlook:
        """What is known of this user's network and client, with what they wish."""
        return Outlook(wish, self.direct, self.network)

    def refusal(self, message: ClientMessage) -> str | None:
        """The code with which ``message`` is refused in this state, ``None`` when it is lawful."""
        return LAW[type(message)].get(type(self.state))

    def start_anew(self, token: str, identity: Identity) -> None:
        """Another client continues this seat: fresh counts, and the old token resumes nothing."""
        self.token = token
        self.identity = identity
        self.network = UNKNOWN
        self.media = None
        self.inbox = Inbox()
        self.outbox = Outbox()
