"""A headless peer's leg: its one WebRTC connection to the relay, on aiortc."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

from aiortc import RTCRtpSender, RTCRtpTransceiver, RTCSessionDescription

from peers import aiortc_inside
from peers.errors import ProtocolViolation
from peers.media.outlet import Outlet
from peers.media.source import VideoCodec
from peers.media_connection import Kind, MediaConnection, MediaSink

ADDRESS_SECONDS = 1.0
"""Between two looks at whether the address in use is still this machine's."""


def has_address(address: str) -> bool:
    """Whether this machine has it now."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            return error.errno != errno.EADDRNOTAVAIL
    return True


class Leg(MediaConnection):
    """Answers the relay's offers by ``answer`` and brings what arrives to ``sink``. ``lost`` is called once,
    when the leg is dead as seen from here; ``True``: this machine has lost the address that it goes from."""

    def __init__(
        self,
        leg: str,
        *,
        video_codec: VideoCodec | None,
        sink: MediaSink,
        answer: Callable[[str], None],
        failed: Callable[[BaseException], None],
        lost: Callable[[bool], None] = lambda _address_gone: None,
    ) -> None:
        super().__init__(
            f"leg-{leg}", aiortc_inside.configuration(), video_codec=video_codec, sink=sink, failed=failed
        )
        self.id = leg
        self._answer = answer
        # Only the newest offer waits: one that came after it replaces it, as the relay's later word.
        self._offer: str | None = None
        self._offered = asyncio.Event()
        self._lost = lost
        self._connection.on("connectionstatechange", self._changed)
        self._tasks.start(self._negotiate(), name=f"leg-{leg}-negotiate")
        self._tasks.start(self._watch_address(), name=f"leg-{leg}-address")

    def offer(self, sdp: str) -> None:
        """The relay's offer: the first, or one that narrows the codecs."""
        self._offer = sdp
        self._offered.set()

    async def close(self) -> None:
        self._lost = lambda _address_gone: None  # closing it oneself is no news
        await super().close()

    def _changed(self) -> None:
        # aiortc goes to failed when consent is lost: it knows no ICE restart, so this leg is over.
        if self._connection.connectionState == "failed":
            self._tell_lost(address_gone=False)

    def _tell_lost(self, *, address_gone: bool) -> None:
        lost, self._lost = self._lost, lambda _address_gone: None
        lost(address_gone)

    async def _watch_address(self) -> None:
        """aioice stays with the addresses that it gathered: when the one in use is gone, so is the leg, long
        before consent says so."""
        while True:
            await asyncio.sleep(ADDRESS_SECONDS)
            address = aiortc_inside.local_address(self._connection)
            if address is not None and not has_address(address):
                self._tell_lost(address_gone=True)
                return

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
                self._connection,
                loopback=aiortc_inside.loopback_to(aiortc_inside.remote_addresses(self._connection)),
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
