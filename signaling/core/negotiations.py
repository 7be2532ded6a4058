"""Messages about direct attempts, from the seat that says them to the stranger's (docs/protocol.md 3.3).

Whose match it is and which side the seat has are the server's own knowledge; a message only names the attempt
that it is about, and one about another attempt is dropped and counted.
"""

from __future__ import annotations

from signaling.core.floor import Floor
from signaling.core.matches import Matches
from signaling.core.negotiation import Refused
from signaling.core.seat import Seat
from signaling.messages import (
    Candidate,
    Description,
    DirectState,
    MediaFlowing,
    SendCandidate,
    SendDescription,
)

DirectMessage = SendDescription | SendCandidate | DirectState | MediaFlowing


class Negotiations:
    def __init__(self, floor: Floor, matches: Matches) -> None:
        self._floor = floor
        self._matches = matches

    def on_message(self, seat: Seat, message: DirectMessage, now: float) -> None:
        here = self._matches.of(seat)
        if here is None or not here[0].concerns(message.match, message.attempt):
            self._floor.tallies.stale += 1
            return
        match, side = here
        stranger = self._matches.seat_at(match, side.other)
        words = match.direct.negotiation
        match message:
            case SendDescription():
                sdp = words.description(side, message.sdp)
                if isinstance(sdp, Refused):
                    self._floor.refuse(seat, sdp.code, "description", message.n)
                else:
                    self._floor.tell(
                        stranger,
                        Description(match=match.id, attempt=message.attempt, kind=message.kind, sdp=sdp),
                    )
            case SendCandidate():
                candidate = words.candidate(side, message.candidate)
                if isinstance(candidate, Refused):
                    self._floor.refuse(seat, candidate.code, "candidate", message.n)
                elif candidate is None:
                    self._floor.tallies.hidden += 1
                else:
                    self._floor.tell(
                        stranger,
                        Candidate(
                            match=match.id,
                            attempt=message.attempt,
                            candidate=candidate,
                            mid=message.mid,
                            line=message.line,
                            ufrag=message.ufrag,
                        ),
                    )
            case DirectState():
                self._matches.direct_state(match, side, message, now)
            case MediaFlowing():
                self._matches.media_flowing(match, side, now)
