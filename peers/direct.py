"""A headless peer's end of a direct attempt (docs/protocol.md section 3.3), on aiortc.

aiortc does not trickle, so all candidates stand in the description; it has no rollback, so it never offers
while polite; and it ignores ICE restarts, so what is lost comes back as another attempt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

import structlog
from aiortc import RTCSessionDescription
from aiortc.sdp import candidate_from_sdp
from yarl import URL

from peers import aiortc_inside
from peers.media.source import VideoCodec
from peers.media_connection import MediaConnection, MediaSink
from signaling import messages as wire

log = structlog.get_logger(__name__)

_REMOTE_WORDS = 128
"""Of the stranger that wait to be handled; the server lets no more through in an attempt."""
State = Literal["connected", "interrupted", "failed"]


class Direct(MediaConnection):
    """Says by ``send`` what the protocol asks for, and tells the service how it is."""

    def __init__(
        self,
        match: str,
        attempt: int,
        *,
        impolite: bool,
        stun: tuple[str, ...],
        video_codec: VideoCodec | None,
        sink: MediaSink,
        send: Callable[[wire.ClientMessage], int],
        failed: Callable[[BaseException], None],
    ) -> None:
        local = aiortc_inside.loopback_to(URL(url.replace("stun:", "stun://", 1)).host or "" for url in stun)
        # A STUN server on this machine tells nothing that the host candidates do not.
        configuration = aiortc_inside.configuration(() if local else stun)
        name = f"direct-{match}-{attempt}"
        super().__init__(name, configuration, video_codec=video_codec, sink=sink, failed=failed)
        self.match = match
        self.attempt = attempt
        self._impolite = impolite
        self._local = local
        self._send = send
        self._said: State | None = None
        self._flowing = False
        # Bounded by the server's own limits; more than that is dropped.
        self._words: asyncio.Queue[wire.Description | wire.Candidate] = asyncio.Queue(_REMOTE_WORDS)
        self._connection.on("connectionstatechange", self._changed)
        self._tasks.start(self._negotiate(), name=f"{name}-negotiate")

    def hear(self, message: wire.Description | wire.Candidate) -> None:
        """A word of the stranger's end."""
        if not self._words.full():
            self._words.put_nowait(message)

    def flows(self) -> None:
        """Something of the stranger was decoded here."""
        if not self._flowing and self._said == "connected":
            self._flowing = True
            self._send(wire.MediaFlowing(match=self.match, attempt=self.attempt))

    def fail(self) -> None:
        """Say that this attempt has failed, once."""
        self._say("failed")

    def _changed(self) -> None:
        # aiortc goes from connected to failed when consent is lost, and to closed when the stranger closes.
        match self._connection.connectionState:
            case "connected":
                self._say("connected")
            case "failed" | "closed":
                self._say("failed")
            case _:
                pass

    def _say(self, state: State) -> None:
        if self._said not in (state, "failed"):
            self._said = state
            self._send(wire.DirectState(match=self.match, attempt=self.attempt, state=state))

    async def close(self) -> None:
        self._said = "failed"  # closing it oneself is no news
        await super().close()

    async def _negotiate(self) -> None:
        try:
            await aiortc_inside.gather(self._connection, loopback=self._local)
            if self._impolite:
                await self._connection.setLocalDescription(await self._connection.createOffer())
                self._describe("offer")
            while True:
                await self._hear(await self._words.get())
        except Exception as error:  # noqa: BLE001 - a stranger's SDP is input: aiortc lets out whatever it stumbles over
            log.warning("direct_attempt_failed", attempt=self.attempt, reason=type(error).__name__)
            self._say("failed")

    async def _hear(self, message: wire.Description | wire.Candidate) -> None:
        if isinstance(message, wire.Candidate):
            if message.candidate:
                candidate = candidate_from_sdp(message.candidate.removeprefix("candidate:"))
                candidate.sdpMid, candidate.sdpMLineIndex = message.mid, message.line
                await self._connection.addIceCandidate(candidate)
            return
        if message.kind == "offer" and self._connection.signalingState != "stable":
            return  # a collision: the impolite one ignores it, and the polite one never offers
        first = self._connection.remoteDescription is None
        await self._connection.setRemoteDescription(RTCSessionDescription(message.sdp, message.kind))
        if message.kind == "offer":
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        if first:
            self._start_receiving()
            for kind, transceiver in self._transceivers.items():
                codec = aiortc_inside.set_encoder(transceiver)
                self.sending_codec = codec if kind == "video" else self.sending_codec
        if message.kind == "offer":
            self._describe("answer")

    def _describe(self, kind: Literal["offer", "answer"]) -> None:
        sdp = self._connection.localDescription.sdp
        self._send(wire.SendDescription(match=self.match, attempt=self.attempt, kind=kind, sdp=sdp))
