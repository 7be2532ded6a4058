"""What the two ends of one direct attempt say to each other through the server: bounded, and filtered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from signaling.core.candidates import hidden_candidate, hidden_sdp, readable_candidate
from signaling.core.side import Side

DESCRIPTIONS = 16
"""Of one side in one attempt: an offer or answer, and room for restarts."""
CANDIDATES = 64
"""Of one side in one attempt. A browser with many interfaces has about twenty."""


@dataclass(frozen=True, slots=True)
class Refused:
    code: Literal["too_many_descriptions", "too_many_candidates", "bad_candidate"]


class Negotiation:
    """``hidden``: whose address no word may tell."""

    def __init__(self, hidden: tuple[bool, bool]) -> None:
        self._hidden = hidden
        self._descriptions = [0, 0]
        self._candidates = [0, 0]

    def described(self, side: Side) -> bool:
        """Whether this side has sent a description."""
        return self._descriptions[side] > 0

    def description(self, side: Side, sdp: str) -> str | Refused:
        """What the other side may read of a description."""
        if self._descriptions[side] >= DESCRIPTIONS:
            return Refused("too_many_descriptions")
        self._descriptions[side] += 1
        return hidden_sdp(sdp) if self._hidden[side] else sdp

    def candidate(self, side: Side, candidate: str) -> str | Refused | None:
        """What the other side may read of a candidate, ``None`` for nothing."""
        if not readable_candidate(candidate):
            return Refused("bad_candidate")
        if self._candidates[side] >= CANDIDATES:
            return Refused("too_many_candidates")
        self._candidates[side] += 1
        return hidden_candidate(candidate) if self._hidden[side] else candidate
