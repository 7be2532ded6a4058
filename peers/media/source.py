"""What a peer sends: a medium is started anew at each link, and its run is read frame by frame."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, Protocol

import av

VideoCodec = Literal["VP8", "H264"]
AUDIO_RATE = 48_000
AUDIO_SAMPLES = 960
"""20 ms: what aiortc's Opus encoder takes at once."""
AUDIO_TIME_BASE = Fraction(1, AUDIO_RATE)
VIDEO_RATE = 90_000
VIDEO_TIME_BASE = Fraction(1, VIDEO_RATE)


class Run(Protocol):
    """One playing of a medium, from its link to its end. Both methods wait until their frame is due and give
    its time in ``pts`` (units of the two time bases above, from the run's start), or ``None`` at the end."""

    async def audio(self) -> av.AudioFrame | None: ...

    async def video(self) -> av.VideoFrame | None: ...

    async def close(self) -> None: ...


class Media(Protocol):
    """A medium. ``video_codec`` is the one it prefers to be sent with."""

    @property
    def video_codec(self) -> VideoCodec: ...

    def start(self) -> Run:
        """Begin a run now. Raises :class:`peers.errors.MediaUnusable`."""
