"""Short-lived credentials for the operator's TURN server, as coturn's ``use-auth-secret`` expects them.

The server keeps no users: the username says until when it holds, and the password is the username's HMAC
(draft-uberti-behave-turn-rest-00, section 2.2).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field

from signaling.messages import Turn

DAY_SECONDS = 86_400
ID_BYTES = 12


@dataclass(frozen=True, slots=True)
class TurnAccess:
    """``secret`` is the one that the TURN server has too; it is shown nowhere."""

    urls: tuple[str, ...]
    secret: str = field(repr=False)
    credential_seconds: int

    def credentials(self, user: str, unix_now: float) -> Turn:
        """What ``user`` may use the server with until ``credential_seconds`` from now. One who has an
        allocation by then keeps it: the server asks for the secret once a session."""
        username = f"{int(unix_now) + self.credential_seconds}:{self._pseudonym(user, unix_now)}"
        # SHA-1 is what the server computes; HMAC-SHA1 has no known weakness.
        mac = hmac.new(self.secret.encode(), username.encode(), hashlib.sha1).digest()
        return Turn(self.urls, username, base64.b64encode(mac).decode())

    def _pseudonym(self, user: str, unix_now: float) -> str:
        """Tells the server's quotas one user from another, and nobody who it is: another one every day."""
        day = int(unix_now) // DAY_SECONDS
        mac = hmac.new(self.secret.encode(), f"burrow id {day} {user}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(mac[:ID_BYTES]).decode()
