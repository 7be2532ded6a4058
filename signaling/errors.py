"""Signaling's error tree. Each has a stable ``code`` for machines, a sentence for people, and ``details``.

The codes are those of ``docs/protocol.md`` section 1; which HTTP status each gets is said once, in
:mod:`signaling.http.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class SignalingError(Exception):
    """Base of everything signaling raises on purpose. ``message`` and ``details`` may be shown to anyone."""

    code: ClassVar[str] = "internal"
    sentence: ClassVar[str] = "Something went wrong on our side."

    def __init__(self, message: str | None = None, *, details: Mapping[str, Any] | None = None) -> None:
        self.message = message or self.sentence
        self.details: dict[str, Any] = dict(details or {})
        super().__init__(self.message)


class BadRequest(SignalingError):
    """The request is malformed. ``details`` has ``field``, the place of the trouble, where there is one."""

    code = "bad_request"
    sentence = "The request cannot be understood."


class Unauthenticated(SignalingError):
    """No access token, or none of ours."""

    code = "unauthenticated"
    sentence = "Log in first."


class TokenExpired(SignalingError):
    """A token of ours whose time is over."""

    code = "token_expired"
    sentence = "The session has expired."


class TokenReused(SignalingError):
    """A refresh token was used twice: a copy of it may be in other hands, so its whole family is revoked."""

    code = "token_reused"
    sentence = "This session was used from elsewhere and has been closed. Log in again."


class BadCredentials(SignalingError):
    """Unknown address, wrong password, or (for an upgrade) a taken address: never said which."""

    code = "bad_credentials"
    sentence = "This address and password do not fit together."


class Forbidden(SignalingError):
    """Authenticated, and not allowed all the same; or a request from a foreign page."""

    code = "forbidden"
    sentence = "This is not allowed."


class NotFound(SignalingError):
    """Nothing is there."""

    code = "not_found"
    sentence = "There is nothing here."


class MethodNotAllowed(SignalingError):
    """The path exists, the method does not."""

    code = "method_not_allowed"
    sentence = "This method is not allowed here."


class AlreadyRegistered(SignalingError):
    """An account that is no guest was to be upgraded."""

    code = "already_registered"
    sentence = "This account is registered already."


class LimitsConflict(SignalingError):
    """The limits asked for and those that stay do not go together; the sentence says which and why."""

    code = "limits_conflict"
    sentence = "These limits do not go together."


class NotDraining(SignalingError):
    """There is no drain to take back."""

    code = "not_draining"
    sentence = "The node is not draining, so there is nothing to take back."


class StopAsked(SignalingError):
    """The process stops, after a signal or at the end of a drain: that cannot be taken back from here."""

    code = "stop_asked"
    sentence = (
        "The process stops, because a signal told it to or because its drain is over, and that cannot be "
        "taken back. Start it again."
    )


class BodyTooLarge(SignalingError):
    """The request's body is over the limit."""

    code = "body_too_large"
    sentence = "The request is too large."


class UnsupportedMediaType(SignalingError):
    """The request's body is not declared to be plain JSON."""

    code = "unsupported_media_type"
    sentence = "Send JSON, with Content-Type: application/json."


class _TryLater(SignalingError):
    def __init__(self, message: str | None = None, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RateLimited(_TryLater):
    """Too many requests from this address or for this account."""

    code = "rate_limited"
    sentence = "Too many attempts. Wait a moment."


class Busy(_TryLater):
    """The service has more to do than it can, for a moment."""

    code = "busy"
    sentence = "The service is busy. Try again in a moment."


class SecretsInvalid(SignalingError):
    """The secrets file cannot be used; the sentence says why. Stops the start."""

    code = "secrets_invalid"
    sentence = "The secrets file cannot be used."
