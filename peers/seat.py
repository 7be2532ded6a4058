"""The user's life as the client sees it (docs/protocol.md section 2.3): what each message moves here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import av
import structlog
from aiortc.rtp import RtpPacket

from peers.direct import Direct
from peers.errors import LegFailed, PeerError, Refused, RelayRefused
from peers.leg import Leg
from peers.match import Match
from peers.measure import Measure
from peers.media.recorder import Recorder
from peers.media.source import Media, Run
from peers.media_connection import Kind, MediaConnection
from peers.tasks import Pulse, TaskOwner
from signaling import messages as wire

log = structlog.get_logger(__name__)

REPLACE_AFTER_SECONDS = 4.0
"""A leg that the relay calls interrupted for this long more is replaced: aiortc cannot restart ICE on it."""
LEG_ATTEMPTS = 3
"""Legs in a row that may close before they were ever connected."""
_CROSSED = ("chat", "typing", "chat_received", "next", "leave", "block")


class Seat:
    """Holds what the service said last, the leg and the current match, and does what messages ask for."""

    def __init__(
        self,
        media: Media | None,
        record: Path | None,
        *,
        changed: Pulse,
        fail: Callable[[BaseException], None],
    ) -> None:
        self.state: Literal["idle", "queued", "matched"] = "idle"
        self.match: Match | None = None
        self.unclaimed: Match | None = None
        self.leg_state: str | None = None
        self.joining: int | None = None
        self.refusal: PeerError | None = None
        self.failure: BaseException | None = None
        self.send: Callable[[wire.ClientMessage], int]
        self.reconnect: Callable[[], None] = lambda: None
        """Take another socket at once."""
        self._replacing: asyncio.TimerHandle | None = None
        self._media = media
        self._record = record
        self._changed = changed
        self._fail = fail
        # What ends things and then ends itself; waited for, never cancelled, so that recordings get whole.
        self._endings = TaskOwner(fail)
        self._leg: Leg | None = None
        self._leg_failures = 0
        self._measure: Measure | None = None
        self._last_run: int | None = None
        self._matches = 0
        self._direct: Direct | None = None
        self._shown: wire.RouteName | None = None
        """The route whose media this match is measured by: the first that brings some, then what the service
        says is connected."""
        self.stun: tuple[str, ...] = ()

    # --- what arrives: to the match there is, from the route that is shown ----------------------------

    def packet(self, route: wire.RouteName, kind: Kind, packet: RtpPacket) -> None:
        if self._measure is not None and self._shown in (None, route):
            self._measure.packet(kind, packet)

    def sender_report(self, route: wire.RouteName, kind: Kind, ntp_seconds: float, timestamp: int) -> None:
        if self._measure is not None and self._shown in (None, route):
            self._measure.sender_report(kind, ntp_seconds, timestamp)

    def frame(self, route: wire.RouteName, kind: Kind, frame: av.AudioFrame | av.VideoFrame) -> None:
        if route == "direct" and self._direct is not None:
            self._direct.flows()
        if self._measure is not None and self._shown in (None, route):
            if self._shown is None:
                self._show(route)
            self._measure.frame(kind, frame)

    # --- messages -----------------------------------------------------------------------------------

    def handle(self, message: wire.ServerMessage) -> None:
        """Do what a message of the service asks for."""
        match message:
            case wire.Idle():
                self.state = "idle"
            case wire.Queued():
                self.state, self.joining = "queued", None
            case wire.Matched():
                self._matched(message)
            case wire.LegOffer():
                self._offered(message)
            case wire.LegState():
                self._leg_changed(message)
            case wire.Route():
                self._route(message)
            case wire.Description() | wire.Candidate():
                if self._direct is not None and self._direct.attempt == message.attempt:
                    self._direct.hear(message)
            case wire.Ended():
                self._ended(message)
            case wire.Error():
                self._refused(message)
            case wire.Chat() | wire.Typing() | wire.Reported():
                if self.match is not None and self.match.id == message.match:
                    self.match.handle(message)
            case wire.ChatAccepted() | wire.ChatDelivered():
                if self.match is not None:
                    self.match.handle(message)
            case _:
                pass
        self._changed.fire()

    def restart(self) -> None:
        """The service gave a new seat: the match and the leg of the old one are over."""
        self.state, self.joining, self.leg_state = "idle", None, None
        if self.match is not None and self.match.ended is None:
            self._ended(
                wire.Ended(
                    match=self.match.id,
                    reason="lost",
                    by="service",
                    message="The connection to the service was lost for too long.",
                )
            )
        self._drop_leg()
        self._changed.fire()

    async def close(self) -> None:
        """Close the leg and finish the match."""
        self._stop_replacing()
        leg, self._leg = self._leg, None
        self._drop_direct()
        measure, self._measure = self._measure, None
        if leg is not None:
            await _end_run(leg.unlink())
            await leg.close()
        if measure is not None and self.match is not None:
            await self.match.finish()
        await self._endings.settle()

    def _matched(self, message: wire.Matched) -> None:
        self.state, self.joining = "matched", None
        self._matches += 1
        recorder = None
        if self._record is not None:
            recorder = Recorder(_numbered(self._record, self._matches))
        if self._leg is not None:
            self._leg.forget()
        self._shown = None
        self._measure = Measure(self._leg, recorder=recorder, ignore_run=self._last_run)
        self.match = self.unclaimed = Match(
            message,
            send=self.send,
            changed=self._changed,
            failure=lambda: self.failure,
            measure=self._measure,
        )

    def _route(self, message: wire.Route) -> None:
        if self.match is None or self.match.id != message.match or self.match.ended is not None:
            return
        if message.route == "direct":
            self._direct_route(message)
        elif message.state == "linked" and self._leg is not None and message.leg in (None, self._leg.id):
            self._take_off()
            if self._media is not None:
                self._leg.link(self._media.start())
        elif message.state == "unlinked":
            self._take_off()
        if message.state == "connected" and self._shown not in (None, message.route):
            if self._measure is not None:
                self._measure.observer.route_changed()
            self._show(message.route)
        self.match.handle(message)

    def _direct_route(self, message: wire.Route) -> None:
        if message.state == "trying":
            self._drop_direct()
            media = self._media
            self._direct = Direct(
                message.match,
                message.attempt,
                impolite=message.role == "impolite",
                stun=self.stun,
                video_codec=None if media is None else media.video_codec,
                sink=_Sink(self, "direct"),
                send=self.send,
                failed=self._fail,
            )
            if media is not None:
                self._direct.link(media.start())
        elif message.state == "unlinked":
            # Of this attempt: both are told every attempt's end before the next one begins.
            self._drop_direct()

    def _show(self, route: wire.RouteName) -> None:
        self._shown = route
        if self._measure is not None:
            self._measure.source = self._leg if route == "relay" else self._direct

    def _drop_direct(self) -> None:
        direct, self._direct = self._direct, None
        if direct is not None:
            self._endings.start(_close(direct, direct.unlink()), name=f"{direct.name}-close")

    def _ended(self, message: wire.Ended) -> None:
        if self.match is None or self.match.id != message.match or self.match.ended is not None:
            return
        self._take_off()
        self._drop_direct()
        if self._measure is not None:
            self._last_run = self._measure.observer.run
            self._measure = None
        self.match.handle(message)
        self._endings.start(self.match.finish(), name=f"match-{self.match.id}-finish")

    def _refused(self, message: wire.Error) -> None:
        if message.about == "join" and message.n == self.joining:
            self.joining = None
            if message.code not in ("already_queued", "already_matched"):
                self.refusal = Refused(message.message, code=message.code, about="join")
        elif message.code == "not_matched" and message.about in _CROSSED:
            pass  # it crossed with the match's end on the way (section 2.3)
        elif self.match is not None and message.about in ("chat", "report"):
            self.match.refuse(message)
        elif message.code != "unknown_leg":
            log.warning("message_refused", code=message.code, about=message.about, reason=message.message)

    # --- the leg ------------------------------------------------------------------------------------

    def _offered(self, message: wire.LegOffer) -> None:
        if self._leg is None or self._leg.id != message.leg:
            self._drop_leg()
            leg_id = message.leg
            media = self._media
            self._leg = Leg(
                leg_id,
                video_codec=None if media is None else media.video_codec,
                sink=_Sink(self, "relay"),
                answer=lambda sdp: self._answered(leg_id, sdp),
                failed=self._fail,
                lost=lambda address_gone: self._leg_lost(leg_id, address_gone=address_gone),
            )
            if self._measure is not None and self._shown != "direct":
                self._measure.source = self._leg
        self._leg.offer(message.sdp)

    def _answered(self, leg: str, sdp: str) -> None:
        if self._leg is not None and self._leg.id == leg:
            self.send(wire.LegAnswer(leg=leg, sdp=sdp))

    def _leg_changed(self, message: wire.LegState) -> None:
        if message.state == "refused":
            self.refusal = RelayRefused(
                message.message or "The relay takes no further connection.",
                code=message.code or "",
                about="leg_open",
            )
            self._drop_leg()
            return
        if self._leg is None or self._leg.id != message.leg:
            return
        was, self.leg_state = self.leg_state, message.state
        self._stop_replacing()
        if message.state == "interrupted":
            self._replacing = asyncio.get_running_loop().call_later(
                REPLACE_AFTER_SECONDS, lambda: self._replace(message.leg)
            )
        if message.state == "connected":
            self._leg_failures = 0
        elif message.state == "closed":
            self._leg_failures += was is None
            self._drop_leg()
            if self._leg_failures >= LEG_ATTEMPTS:
                self._leg_failures = 0
                self.refusal = LegFailed(
                    message.message or f"No media connection to the relay can be made ({message.code})."
                )
            elif self.state != "idle":
                self.send(wire.OpenLeg())

    def _leg_lost(self, leg: str, *, address_gone: bool) -> None:
        if address_gone:
            # The socket went from there too, and would notice only when its pings stay unanswered.
            self.reconnect()
        self._replace(leg)

    def _replace(self, leg: str) -> None:
        """Ask for a fresh leg in place of one that has been up (docs/protocol.md section 3.5)."""
        self._stop_replacing()
        if self._leg is not None and self._leg.id == leg and self.leg_state is not None:
            log.info("leg_replaced", leg=leg)
            self.send(wire.OpenLeg(replace=leg))

    def _stop_replacing(self) -> None:
        if self._replacing is not None:
            self._replacing.cancel()
            self._replacing = None

    def _drop_leg(self) -> None:
        self._stop_replacing()
        leg, self._leg, self.leg_state = self._leg, None, None
        if leg is not None:
            run = leg.unlink()
            self._endings.start(_close(leg, run), name=f"leg-{leg.id}-close")

    def _take_off(self) -> None:
        """Send nothing any more, and close what was sent."""
        if self._leg is not None and (run := self._leg.unlink()) is not None:
            self._endings.start(_end_run(run), name="run-close")


class _Sink:
    """Marks what a connection brings with its route."""

    def __init__(self, seat: Seat, route: wire.RouteName) -> None:
        self._seat, self._route = seat, route

    def packet(self, kind: Kind, packet: RtpPacket) -> None:
        self._seat.packet(self._route, kind, packet)

    def sender_report(self, kind: Kind, ntp_seconds: float, timestamp: int) -> None:
        self._seat.sender_report(self._route, kind, ntp_seconds, timestamp)

    def frame(self, kind: Kind, frame: av.AudioFrame | av.VideoFrame) -> None:
        self._seat.frame(self._route, kind, frame)


async def _close(leg: MediaConnection, run: Run | None) -> None:
    await _end_run(run)
    await leg.close()


async def _end_run(run: Run | None) -> None:
    if run is not None:
        await run.close()


def _numbered(path: Path, number: int) -> Path:
    return path if number == 1 else path.with_stem(f"{path.stem}-{number}")
