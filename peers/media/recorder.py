"""The recorder's thread: takes decoded frames from the event loop and gives them to the writer."""

from __future__ import annotations

import asyncio
import queue
import threading
from pathlib import Path

import av
import structlog

from peers.errors import MediaUnusable
from peers.media.writer import Kind, Recorded, Writer

log = structlog.get_logger(__name__)

QUEUE = 160
"""About two seconds of both streams. A picture is dropped when half of it waits, sound when all of it does:
a gap in the sound is worse. Both are counted in ``Recorded.dropped``."""

_Item = tuple[Kind, av.AudioFrame | av.VideoFrame, float] | tuple[Kind, float, int] | None


class Recorder:
    """Records what is given to it into ``path`` (.mkv, .mp4 or .webm), both streams in sync.

    Raises :class:`MediaUnusable` at once when the file cannot be written, and from :meth:`close` when that
    happened later. All methods are called on the event loop's thread and only :meth:`close` waits.
    """

    def __init__(self, path: Path) -> None:
        self._writer = Writer(path)
        self._queue: queue.Queue[_Item] = queue.Queue(QUEUE)
        self._dropped = 0
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def frame(self, kind: Kind, frame: av.AudioFrame | av.VideoFrame, arrival: float) -> None:
        """Record a decoded frame whose ``pts`` is its unwrapped RTP timestamp. ``arrival`` is monotonic."""
        if kind == "video" and self._queue.qsize() > QUEUE // 2:
            self._dropped += 1
            return
        self._put((kind, frame, arrival))

    def sender_report(self, kind: Kind, ntp_seconds: float, timestamp: int) -> None:
        self._put((kind, ntp_seconds, timestamp))

    async def close(self) -> Recorded:
        """Write what still waits, finish the file and say what it holds."""
        recorded = await asyncio.get_running_loop().run_in_executor(None, self._finish)
        if self._dropped or recorded.dropped:
            log.warning("recording_incomplete", path=recorded.path, dropped=self._dropped + recorded.dropped)
        return recorded

    def _put(self, item: _Item) -> None:
        if self._failure is not None:
            return
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self._dropped += 1

    def _finish(self) -> Recorded:
        self._queue.put(None)
        self._thread.join()
        recorded = self._writer.close()
        if self._failure is not None:
            raise MediaUnusable(f"The recording {recorded.path} broke off: {self._failure}.")
        return recorded

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._failure is not None:
                continue
            try:
                self._write(item)
            except (OSError, av.FFmpegError, MediaUnusable) as error:
                self._failure = error

    def _write(
        self, item: tuple[Kind, av.AudioFrame | av.VideoFrame, float] | tuple[Kind, float, int]
    ) -> None:
        kind, what, when = item
        if isinstance(what, av.VideoFrame):
            self._writer.video(what, when)
        elif isinstance(what, av.AudioFrame):
            self._writer.audio(what, when)
        else:
            self._writer.sender_report(kind, what, int(when))
