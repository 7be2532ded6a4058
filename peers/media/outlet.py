"""The track on a leg's sender: it stays there, and gives frames only while a run is put into it."""

from __future__ import annotations

import asyncio
import time

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from peers.media.source import VIDEO_RATE, Run


class Outlet(MediaStreamTrack):
    """``replaceTrack`` for aiortc: :meth:`put` is its ``replaceTrack(track)``, :meth:`take` its
    ``replaceTrack(null)``.

    A sender of aiortc waits in ``recv`` of the track it has, also after that was replaced, and ends for good
    when ``recv`` raises; so the track stays and its source changes. Timestamps go on from run to run, as an
    encoder wants them: video by the time elapsed, audio without a gap, because aiortc's Opus encoder gives
    the first packet after one a wrong time. The relay makes new offsets at each link in any case.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.frames = 0
        self._epoch = time.monotonic()
        self._run: Run | None = None
        self._base: int | None = None
        self._next_pts = 0
        self._changed = asyncio.Event()
        self._pending: asyncio.Task[av.AudioFrame | av.VideoFrame | None] | None = None

    def put(self, run: Run) -> None:
        """Send the frames of ``run`` from now on."""
        self.take()
        self._run = run
        self._base = None
        self._changed.set()

    def take(self) -> None:
        """Send nothing from now on."""
        self._run = None
        if self._pending is not None:
            self._pending.cancel()

    async def recv(self) -> av.AudioFrame | av.VideoFrame:
        while True:
            if self.readyState != "live":
                raise MediaStreamError
            run = self._run
            if run is None:
                self._changed.clear()
                await self._changed.wait()
                continue
            frame = await self._next(run)
            if frame is not None and run is self._run:
                return self._stamp(frame)
            if frame is None and run is self._run:
                self._run = None  # the end of a file: wait for the next run

    async def _next(self, run: Run) -> av.AudioFrame | av.VideoFrame | None:
        self._pending = asyncio.ensure_future(run.audio() if self.kind == "audio" else run.video())
        try:
            await asyncio.wait({self._pending})
        except asyncio.CancelledError:
            self._pending.cancel()
            raise
        pending, self._pending = self._pending, None
        return None if pending.cancelled() else pending.result()

    def _stamp(self, frame: av.AudioFrame | av.VideoFrame) -> av.AudioFrame | av.VideoFrame:
        pts = frame.pts or 0
        if self._base is None:
            elapsed = int((time.monotonic() - self._epoch) * VIDEO_RATE) if self.kind == "video" else 0
            self._base = max(elapsed, self._next_pts) - pts
        frame.pts = pts + self._base
        self._next_pts = frame.pts + (1 if isinstance(frame, av.VideoFrame) else frame.samples)
        self.frames += 1
        return frame
