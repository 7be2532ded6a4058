"""What people read: one sentence for each error code and each end of a match."""

from __future__ import annotations

from signaling.messages import By, EndReason, FailedStep

ERRORS: dict[str, str] = {
    "already_welcome": "This socket has said hello already.",
    "already_queued": "You are in the queue already.",
    "already_matched": "You are in a match; say next or leave first.",
    "not_queued": "You are in no queue and no match.",
    "not_matched": "You are in no match; it may just have ended.",
    "unknown_match": "A report is about your current match or the one before.",
    "unknown_leg": "That is not a leg of yours that awaits an answer.",
    "unknown_chat": "The stranger has said nothing with this id lately.",
    "too_many_descriptions": "That is more descriptions than one direct attempt takes.",
    "too_many_candidates": "That is more candidates than one direct attempt takes.",
    "bad_candidate": "That is no ICE candidate.",
    "gap": "A message before this one is missing.",
    "rate_limited": "Too many messages; this one was not handled.",
    "database_unavailable": "This cannot be stored at the moment. Try again later.",
    "seat_taken": "This account is live on another socket. Say hello with take_over to continue here.",
    "draining": "This server is about to stop and makes no new matches. Try again in a minute.",
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
    "relay_full": (
        "",
        "",
        "The relay has as many calls as it can carry, and no direct connection works. Try again in a minute.",
    ),
    "relay_stopping": ("", "", "The relay is stopping. Try again in a moment."),
    "service_stopping": ("", "", "The service is stopping. Try again in a moment."),
    "ended_by_operator": ("", "", "An operator ended this call."),
}


_ICE_STEPS: dict[FailedStep, tuple[str, str, str]] = {
    "ice_tcp": (
        "Your network blocks UDP and let no media through to the relay over TCP either.",
        "The stranger's network blocks UDP and let no media through to the relay over TCP either.",
        "No media came through to the relay over TCP from either side.",
    ),
    "ice_tls": (
        "Your network blocks UDP and TCP to the relay.",
        "The stranger's network blocks UDP and TCP to the relay.",
        "Both networks block UDP and TCP to the relay.",
    ),
}
"""Where it says more than that ICE failed."""

_ROUTES: dict[str, tuple[str, str, str]] = {
    # reason: about the one who is told, about the other, about both or neither
    "your_connection": ("Nothing is heard from your side at the moment.", "", ""),
    "stranger_connection": ("", "Nothing is heard from the stranger at the moment.", ""),
    "no_media": ("", "", "Connected, but neither side sends sound or a picture."),
    "address_hidden": ("", "", "This match goes by the relay, so that addresses stay hidden."),
    "udp_blocked": (
        "Your network blocks UDP, so this match goes by the relay.",
        "The stranger's network blocks UDP, so this match goes by the relay.",
        "Both networks block UDP, so this match goes by the relay.",
    ),
    "both_symmetric": ("", "", "Neither network lets strangers connect directly: by the relay, then."),
    "direct_slow": ("", "", "The direct connection takes too long, so the relay takes over."),
    "direct_failed": ("", "", "No direct connection can be made between your networks."),
    "direct_lost": ("", "", "The direct connection was lost."),
    "direct_stable": ("", "", "The direct connection is stable now."),
    "direct_connected": ("", "", "You are connected directly, so the relay is not needed."),
    "relay_failed": ("", "", "The relay cannot be used; only the direct connection is left."),
}


def error_sentence(code: str) -> str:
    """What is said with an error. Raises ``KeyError`` for a code that is not defined."""
    return ERRORS[code]


def end_sentence(reason: EndReason, by: By, step: FailedStep | None = None) -> str:
    """Why a match ended, as said to one of the two; ``step`` is where it failed, if it did."""
    you, stranger, service = _ENDS[reason]
    if reason == "ice_failed" and step in _ICE_STEPS:
        you, stranger, service = _ICE_STEPS[step]
    return {"you": you, "stranger": stranger, "service": service}[by] or service or stranger


def route_sentence(reason: str, about: By | None) -> str:
    """Why a route changed, as said to one of the two. Raises ``KeyError`` for an unknown reason."""
    you, stranger, both = _ROUTES[reason]
    return (you if about == "you" else stranger if about == "stranger" else both) or you or stranger or both
