"""Every time and bound the live part is played by, in one frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from signaling.core.turn import TurnAccess

LegPolicy = Literal["always", "strict", "never"]
"""When legs are opened before a match: for all, for those who will need the relay, for nobody."""

DrainQueue = Literal["tell", "keep"]
"""What becomes of those who wait when the node drains: out of the queue with a reason, or they wait on for
the node that comes after."""


@dataclass(frozen=True, slots=True)
class Rules:
    """All times in seconds. ``config.toml`` explains those that an operator can set."""

    resume_seconds: float = 20.0
    rematch_seconds: float = 60.0
    rematch_memory: int = 200_000
    spared_relay_after_seconds: float = 3.0
    """How long a direct attempt has at least while the relay is over its soft limit."""
    drain_queue: DrainQueue = "tell"
    connect_seconds: float = 15.0
    """A match whose legs are not linked in this time ends, and says whose side failed."""
    no_media_seconds: float = 4.0
    """A linked match in which nobody sends counts as connected after this time."""
    stable_seconds: float = 5.0
    """A direct route must have been up this long before a match goes from the relay to it."""
    direct_give_up_seconds: float = 20.0
    """A direct attempt that is not up by then is over. A browser needs 15 s to call it failed."""
    direct_keep_seconds: float = 15.0
    """A direct connection that is interrupted may come back by itself for this long."""
    direct_retry_seconds: float = 10.0
    """From the relay's taking over until a fresh direct attempt, when one had worked before."""
    direct_attempts: int = 3
    """Direct attempts in one match at most."""
    fresh_leg_seconds: float = 10.0
    """After this long connected by relay each side may lose a leg again."""
    legs: LegPolicy = "always"
    leg_idle_seconds: float = 300.0
    leg_restart_seconds: float = 5.0
    """A user's leg is restarted at most so often on average, three times at once."""
    leg_open_seconds: float = 5.0
    """A user's leg is opened at most so often on average, ten times at once; a match gets it always."""
    stun: tuple[str, ...] = ()
    """``stun:`` addresses told to clients: the relay's own ports."""
    turn: TurnAccess | None = None
    """The operator's TURN server, told with every leg's offer."""
    settle_seconds: float = 3.0
    """How long the record of an ended match waits for the relay's last counts."""
    typing_seconds: float = 5.0
    max_seats: int = 40_000
    """Seats at once, those without a socket included; over it a new one is refused as ``busy``."""
    ping_seconds: float = 10.0
    """Told to clients; the socket's own pings are the shell's."""
    message_bytes: int = 32_768
    """Told to clients; enforced by the shell."""
    retry_after_seconds: float = 5.0
    """Told to clients when the service stops."""
