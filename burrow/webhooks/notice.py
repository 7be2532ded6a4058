"""What a receiver is told, and the signature by which it knows who says so. Pure."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from signaling.core.effects import StoreReport
from signaling.core.record import MatchEnded, MatchStarted
from signaling.core.tallies import FAILURES

NoticeKind = Literal["match.started", "match.ended", "match.failed", "user.reported"]
KINDS: tuple[NoticeKind, ...] = ("match.started", "match.ended", "match.failed", "user.reported")

ID_HEADER = "Burrow-Event-Id"
TIMESTAMP_HEADER = "Burrow-Timestamp"
SIGNATURE_HEADER = "Burrow-Signature"


@dataclass(frozen=True, slots=True)
class Notice:
    """``id`` stays the same over all tries, so that a receiver knows a repetition. ``at``: Unix seconds."""

    id: str
    kind: NoticeKind
    at: float
    data: dict[str, Any]

    def body(self) -> bytes:
        return msgspec.json.encode({"id": self.id, "type": self.kind, "at": self.at, "data": self.data})


def started(id_: str, match: MatchStarted) -> Notice:
    """Two users were matched."""
    data = {"match": match.match_id, "users": [match.user_a, match.user_b]}
    return Notice(id_, "match.started", match.started_at, data)


def ended(id_: str, match: MatchEnded) -> Notice:
    """A match is over: failed, where the reason is nobody's wish, else ended."""
    kind: NoticeKind = "match.failed" if match.reason in FAILURES else "match.ended"
    data = {
        "match": match.match.match_id,
        "users": [match.match.user_a, match.match.user_b],
        "seconds": round(match.ended_at - match.match.started_at, 3),
        "reason": match.reason,
        "by": match.by,
        "routes": list(match.routes),
        "connect_ms": match.connect_ms,
        "steps": [{"step": trouble.step, "route": trouble.route} for trouble in match.troubles],
    }
    return Notice(id_, kind, match.ended_at, data)


def reported(id_: str, report: StoreReport, at: float) -> Notice:
    """A user was reported. What was written about them stays in the database."""
    data = {
        "match": report.match,
        "user": report.user,
        "reported": report.reported,
        "reason": report.reason,
    }
    return Notice(id_, "user.reported", at, data)


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """``v1=`` and the HMAC-SHA256 in hex of ``TIMESTAMP.BODY``. The time is in it, so that nobody can send an
    old notice again as a new one."""
    signed = str(timestamp).encode() + b"." + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def headers(secret: str, notice: Notice, body: bytes, timestamp: int) -> dict[str, str]:
    """Of one try at ``timestamp`` (Unix seconds)."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "Burrow-Webhooks",
        ID_HEADER: notice.id,
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: signature(secret, timestamp, body),
    }
