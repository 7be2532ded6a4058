"""The relay's error tree. Every error has a stable ``code`` for machines beside its sentence."""

from __future__ import annotations


class RelayError(Exception):
    """Base of everything the relay raises on purpose."""

    code = "relay_error"


class BindError(RelayError):
    """An announced address or port could not be bound; the sentence names it."""

    code = "relay_bind_failed"


class AnswerRejected(RelayError):
    """A browser's SDP answer cannot be used with the offer it was given (RFC 8829 section 5.11)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class UnknownLeg(RelayError):
    """The leg named in a request is not open."""

    code = "unknown_leg"
