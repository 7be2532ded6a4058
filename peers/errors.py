"""The error tree of headless peers: a stable ``code`` for machines, one plain sentence for people,
and the exit code that the command line ends with (the numbers of BSD's ``sysexits.h``)."""

from __future__ import annotations

from typing import ClassVar


class PeerError(Exception):
    """Base of everything this package raises on purpose."""

    code = "peer_error"
    exit_code: ClassVar[int] = 70


class ServiceUnreachable(PeerError):
    """No connection to the service could be made, or a lost one not be made again in time."""

    code = "service_unreachable"
    exit_code = 69


class ServiceUnavailable(PeerError):
    """The service answers, but cannot take the request now. ``retry_after_seconds`` is its advice."""

    code = "service_unavailable"
    exit_code = 75

    def __init__(self, message: str, *, code: str = "", retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.retry_after_seconds = retry_after_seconds


class ServiceStopping(ServiceUnavailable):
    """The service said that it stops."""

    code = "service_stopping"


class RateLimited(ServiceUnavailable):
    """Too many requests or messages."""

    code = "rate_limited"


class LoginRefused(PeerError):
    """The address and password, or the token, were not accepted."""

    code = "login_refused"
    exit_code = 77


class SeatTaken(PeerError):
    """The account is in use by another socket; sign in with ``take_over`` to continue its seat."""

    code = "seat_taken"
    exit_code = 77


class Replaced(PeerError):
    """Another socket of the account took this one's seat over."""

    code = "replaced"
    exit_code = 77


class Refused(PeerError):
    """The service refused a message or request. ``code`` is the service's own, ``about`` what was refused."""

    code = "refused"
    exit_code = 76

    def __init__(self, message: str, *, code: str = "", about: str | None = None) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.about = about


class RelayRefused(Refused):
    """The relay opens no leg for this peer, or cannot use its answer."""

    code = "relay_refused"


class LegFailed(PeerError):
    """The media connection to the relay cannot be made from here, however often it is tried."""

    code = "leg_failed"
    exit_code = 69


class ProtocolViolation(PeerError):
    """One side sent what the protocol does not allow."""

    code = "protocol_violation"
    exit_code = 76


class Backlogged(PeerError):
    """Too many messages wait to be acknowledged by the service; the oldest must get through first."""

    code = "backlogged"
    exit_code = 75


class MatchOver(PeerError):
    """The match ended before what was asked could be done in it."""

    code = "match_over"
    exit_code = 75


class PeerClosed(PeerError):
    """The peer was closed while somebody still waited on it."""

    code = "peer_closed"


class MediaUnusable(PeerError):
    """A media file cannot be read, or a recording not be written. The sentence names the file."""

    code = "media_unusable"
    exit_code = 66
