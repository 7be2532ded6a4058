"""What people read: one sentence for each error code and each end of a match."""

from __future__ import annotations

from signaling.messages import By, EndReason

ERRORS: dict[str, str] = {
    "already_welcome": "This socket has said hello already.",
    "already_queued": "You are in the queue already.",
    "already_matched": "You are in a match; say next or leave first.",
    "not_queued": "You are in no queue and no match.",
    "not_matched": "You are in no match; it may just have ended.",
    "unknown_match": "A report is about your current match or the one before.",
    "unknown_leg": "That is not a leg of yours that awaits an answer.",
    "unknown_chat": "The stranger has said nothing with this id lately.",
    "gap": "A message before this one is missing.",
    "rate_limited": "Too many messages; this one was not handled.",
    "database_unavailable": "This cannot be stored at the moment. Try again later.",
    "seat_taken": "This account is live on another socket. Say hello with take_over to continue here.",
    "busy": "The service is full at the moment. Try again later.",
}

_ENDS: dict[EndReason, tuple[str, str, str]] = {
    # reason: as told to whose side it was, to the other, and to both when it was the service's
    "next": ("You went on to the next.", "The stranger went on to the next.", ""),
    "left": ("You left.", "The stranger left.", ""),
    "blocked": ("You blocked the stranger.", "The stranger left.", ""),
    "lost": ("Your connection was lost for too long.", "The stranger's connection was lost.", ""),
    "replaced": ("You continued elsewhere.", "The stranger continued elsewhere.", ""),
    "no_answer": (
        "Your browser did not answer the relay's offer.",
        "The stranger's browser did not answer the relay's offer.",
        "Neither browser answered the relay's offer.",
    ),
    "ice_failed": (
        "Your network let no media through to the relay.",
        "The stranger's network let no media through to the relay.",
        "No media came through to the relay from either side.",
    ),
    "dtls_failed": (
        "Your browser and the relay could not agree on keys.",
        "The stranger's browser and the relay could not agree on keys.",
        "The relay could not agree on keys with either browser.",
    ),
    "media_lost": (
        "Your media connection was lost.",
        "The stranger's media connection was lost.",
        "The relay lost the connection.",
    ),
    "no_shared_codec": ("", "", "Your browsers share no audio or video format."),
    "relay_full": ("", "", "The relay is full at the moment. Try again later."),
    "relay_stopping": ("", "", "The relay is stopping. Try again in a moment."),
    "service_stopping": ("", "", "The service is stopping. Try again in a moment."),
}


def error_sentence(code: str) -> str:
    """What is said with an error. Raises ``KeyError`` for a code that is not defined."""
    return ERRORS[code]


def end_sentence(reason: EndReason, by: By) -> str:
    """Why a match ended, as said to one of the two."""
    you, stranger, service = _ENDS[reason]
    return {"you": you, "stranger": stranger, "service": service}[by] or service or stranger
