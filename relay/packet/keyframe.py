"""Keyframe requests: at most one per stream and interval (RFC 4585 section 6.3.1, RFC 5104)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_PLI = struct.Struct("!BBHII")


def picture_loss_indication(sender_ssrc: int, media_ssrc: int) -> bytes:
    """One PLI packet (RFC 4585 section 6.3.1)."""
    return _PLI.pack(0x81, 206, 2, sender_ssrc, media_ssrc)


@dataclass(slots=True)
class KeyframeThrottle:
    """Lets one request per interval through to one ingress video stream."""

    interval: float
    """Seconds."""
    last: float | None = None

    def allow(self, now: float) -> bool:
        """Whether a request at ``now`` (seconds) may go; if so it counts."""
        if self.last is not None and now - self.last < self.interval:
            return False
        self.last = now
        return True
