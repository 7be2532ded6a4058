"""A relay that keeps the door's promises and has no media: the real one's place in signaling's tests."""

from __future__ import annotations

from dataclasses import dataclass

from relay import door
from relay.door import DirectionTotals, Event, LegId, LinkId, Request

ANSWER = "v=0 a usable answer"
LIMITS = ("relay_full", "relay_bit_rate", "relay_overloaded")
TOTALS_A_TO_B = DirectionTotals(packets=100, bytes=120_000, lost=1)
TOTALS_B_TO_A = DirectionTotals(packets=50, bytes=60_000, lost=2)


@dataclass
class ScriptedLeg:
    connected: bool = False
    link: LinkId | None = None


class RelayScript:
    """Answers each request as the door says. ``full`` refuses new legs; those of calls that go on are let in
    over :data:`LIMITS`. A leg connects when its answer is :data:`ANSWER`. ``violations`` lists requests
    that break the door's rules."""

    def __init__(self) -> None:
        self.legs: dict[LegId, ScriptedLeg] = {}
        self.links: dict[LinkId, tuple[LegId, LegId]] = {}
        self.requests: list[Request] = []
        self.violations: list[str] = []
        self.full: str | None = None
        self.connects = True
        self.shares_codec = True
        self._used: set[str] = set()

    def ask(self, request: Request) -> list[Event]:
        self.requests.append(request)
        match request:
            case door.OpenLeg(leg, goes_on):
                if leg in self._used:
                    self.violations.append(f"leg {leg} opened twice")
                self._used.add(leg)
                if self.full is not None and not (goes_on and self.full in LIMITS):
                    return [door.LegRefused(leg, self.full, "No more legs.")]
                self.legs[leg] = ScriptedLeg()
                return [door.LegOffered(leg, f"v=0 offer of {leg}")]
            case door.AnswerLeg(leg, sdp):
                if leg not in self.legs:
                    return []
                if sdp != ANSWER:
                    return [door.AnswerRefused(leg, "not_sdp", "That is no SDP.")]
                return self.connect(leg) if self.connects else []
            case door.RestartLeg(leg):
                if leg not in self.legs:
                    return []
                restarts = sum(isinstance(asked, door.RestartLeg) for asked in self.requests)
                return [door.LegOffered(leg, f"v=0 offer of {leg}, restart {restarts}")]
            case door.LinkLegs(link, a, b):
                return self._link(link, a, b)
            case door.UnlinkLegs(link):
                return self.unlink(link, "asked")
            case door.CloseLeg(leg):
                return self.close(leg, "asked")

    def connect(self, leg: LegId) -> list[Event]:
        if self.legs[leg].connected:
            return []
        self.legs[leg].connected = True
        return [door.LegConnected(leg, "udp", "SRTP_AEAD_AES_128_GCM", 20.0)]

    def close(self, leg: LegId, reason: str) -> list[Event]:
        if leg not in self.legs:
            return []
        link = self.legs[leg].link
        events = self.unlink(link, "leg_closed") if link is not None else []
        del self.legs[leg]
        return [*events, door.LegClosed(leg, reason)]

    def unlink(self, link: LinkId, reason: str) -> list[Event]:
        if link not in self.links:
            return []
        for leg in self.links.pop(link):
            self.legs[leg].link = None
        return [door.LinkDown(link, reason, TOTALS_A_TO_B, TOTALS_B_TO_A)]

    def flow(self, link: LinkId) -> list[Event]:
        a, b = self.links[link]
        return [door.LinkFlowing(link, a, "audio"), door.LinkFlowing(link, b, "video")]

    def _link(self, link: LinkId, a: LegId, b: LegId) -> list[Event]:
        if link in self._used:
            self.violations.append(f"link {link} asked for twice")
        self._used.add(link)
        legs = [self.legs.get(a), self.legs.get(b)]
        if any(leg is not None and leg.link is not None for leg in legs):
            self.violations.append(f"link {link}: a leg is linked already")
        if a == b or any(leg is None or not leg.connected or leg.link is not None for leg in legs):
            return [door.LinkDown(link, "leg_not_ready")]
        if not self.shares_codec:
            return [door.LinkDown(link, "no_shared_codec")]
        self.links[link] = (a, b)
        self.legs[a].link = self.legs[b].link = link
        return [door.LinkUp(link)]
