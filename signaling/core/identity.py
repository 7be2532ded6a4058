"""Who a user is, as far as the live part cares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Identity:
    """What an access token says. The server's own word: nothing here comes from a message."""

    user_id: str
    name: str
    kind: Literal["guest", "registered"]
    role: Literal["user", "moderator", "operator"]
