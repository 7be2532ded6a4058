"""A headless peer's leg: its one WebRTC connection to the relay, on aiortc."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiortc import RTCRtpSender, RTCRtpTransceiver, RTCSessionDescription

from peers import aiortc_inside
from peers.errors import ProtocolViolation
from peers.media.outlet import Outlet
from peers.media.source import VideoCodec
from peers.media_connection import Kind, MediaConnection, MediaSink


class Leg(MediaConnection):
    """Answers the relay's offers by ``answer`` and brings what arrives to ``sink``."""

    def __init__(
        self,
        leg: str,
        *,
        video_codec: VideoCodec | None,
        sink: MediaSink,
        answer: Callable[[str], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        super().__init__(
            f"leg-{leg}", aiortc_inside.configuration(), video_codec=video_codec, sink=sink, failed=failed
        )
        self.id = leg
        self._answer = answer
        # Only the newest offer waits: one that came after it replaces it, as the relay's later word.
        self._offer: str | None = None
        self._offered = asyncio.Event()
        self._tasks.start(self._negotiate(), name=f"leg-{leg}-negotiate")

    def offer(self, sdp: str) -> None:
        """The relay's offer: the first, or one that narrows the codecs."""
        self._offer = sdp
        self._offered.set()

    async def _negotiate(self) -> None:
        first = True
        while True:
            await self._offered.wait()
            self._offered.clear()
            if self._offer is not None:
                try:
                    await self._take(self._offer, first=first)
                except Exception as error:
                    # aiortc's parser lets out whatever it stumbles over; an unusable offer is input, no bug.
                    raise ProtocolViolation(f"The relay's offer cannot be used: {error}.") from error
                first = False

    async def _take(self, sdp: str, *, first: bool) -> None:
        before = {kind: aiortc_inside.first_codec(t) for kind, t in self._transceivers.items()}
        await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        if first:
            await aiortc_inside.gather(
                self._connection, loopback=aiortc_inside.offers_loopback(self._connection)
            )
            self._start_receiving()
        for kind, transceiver in self._transceivers.items():
            if not first and aiortc_inside.first_codec(transceiver) != before[kind]:
                await self._renew(kind, transceiver)
        await self._connection.setLocalDescription(await self._connection.createAnswer())
        for kind, transceiver in self._transceivers.items():
            if first or aiortc_inside.first_codec(transceiver) != before[kind]:
                codec = aiortc_inside.set_encoder(transceiver)
                self.sending_codec = codec if kind == "video" else self.sending_codec
        self._answer(self._connection.localDescription.sdp)

    async def _renew(self, kind: Kind, transceiver: RTCRtpTransceiver) -> None:
        """Another codec is to be sent: a new sender, and a new outlet, since a sender ends its track."""
        sender: RTCRtpSender = await aiortc_inside.renew_sender(transceiver)
        if kind in self._outlets:
            self._outlets[kind].stop()
            self._outlets[kind] = Outlet(kind)
            sender.replaceTrack(self._outlets[kind])
            if self._run is not None:
                self._outlets[kind].put(self._run)
