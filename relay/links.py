"""The node's links: two legs put through to each other, and what is said when they are parted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from relay import door
from relay.codec_choice import choose_codecs
from relay.door import LegId, LinkId
from relay.engine.interface import PacketEngine
from relay.leg import Leg, LegState
from relay.sdp.table import MIDS, Codec

log = structlog.get_logger("relay")

_Codecs = dict[door.Kind, tuple[Codec, ...]]


@dataclass(frozen=True, slots=True)
class _Link:
    a: Leg
    b: Leg


class Links:
    """Every link of the node. ``say`` takes its events to the door; ``offer`` sends a leg's current offer."""

    def __init__(
        self, engine: PacketEngine, say: Callable[[door.Event], None], offer: Callable[[Leg], None]
    ) -> None:
        self._engine = engine
        self._say = say
        self._offer = offer
        self._links: dict[LinkId, _Link] = {}

    def __len__(self) -> int:
        return len(self._links)

    def peer_of(self, leg: Leg) -> LegId | None:
        link = self._links.get(leg.link) if leg.link is not None else None
        if link is None:
            return None
        return link.b.id if link.a is leg else link.a.id

    def link(self, link: LinkId, a: Leg | None, b: Leg | None) -> None:
        """Put two legs through to each other, or say why not. A leg that must send another codec for it is
        offered anew."""
        if link in self._links:
            self._say(door.LinkDown(link, "link_exists"))
            return
        ready = (LegState.CONNECTED, LegState.INTERRUPTED)
        if (
            a is None
            or b is None
            or a is b
            or a.state not in ready
            or b.state not in ready
            or a.link is not None
            or b.link is not None
            or a.answer is None
            or b.answer is None
        ):
            self._say(door.LinkDown(link, "leg_not_ready"))
            return
        wanted: tuple[_Codecs, _Codecs] = ({}, {})
        for kind in MIDS:
            choice = choose_codecs(
                kind, a.answer.codecs[kind], a.capable[kind], b.answer.codecs[kind], b.capable[kind]
            )
            if not choice.possible:
                self._say(door.LinkDown(link, "no_shared_codec"))
                return
            for of_leg, codecs in zip(wanted, (choice.reoffer_a, choice.reoffer_b), strict=True):
                if codecs is not None:
                    of_leg[kind] = codecs
        for leg, of_leg in zip((a, b), wanted, strict=True):
            if of_leg:
                leg.narrow(of_leg)
                self._offer(leg)
        self._links[link] = _Link(a, b)
        a.link = b.link = link
        self._engine.link(a.id, b.id)
        log.info("link_up", link=link, legs=[a.id, b.id])
        self._say(door.LinkUp(link))

    def unlink(self, link_id: LinkId, reason: str) -> None:
        """Part them, and say what was counted each way. Nothing when there is no such link."""
        link = self._links.pop(link_id, None)
        if link is None:
            return
        link.a.link = link.b.link = None
        self._engine.unlink(link.a.id)
        totals = []
        for leg in (link.a, link.b):
            counters = self._engine.counters(leg.id)
            totals.append(
                door.DirectionTotals(counters.link_packets, counters.link_bytes, counters.link_lost)
            )
        log.info("link_down", link=link_id, legs=[link.a.id, link.b.id], reason=reason)
        self._say(door.LinkDown(link_id, reason, totals[0], totals[1]))
