"""Every time and bound the live part is played by, in one frozen value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """All times in seconds. ``config.toml`` explains those that an operator can set."""

    resume_seconds: float = 20.0
    rematch_seconds: float = 60.0
    rematch_memory: int = 200_000
    connect_seconds: float = 15.0
    """A match whose legs are not linked in this time ends, and says whose side failed."""
    no_media_seconds: float = 4.0
    """A linked match in which nobody sends counts as connected after this time."""
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
