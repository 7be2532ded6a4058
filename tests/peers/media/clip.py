"""A video file with sound for tests: marked pictures and a beep at each second of its own time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from peers.media.pattern import RECORDED, Mark, draw
from peers.media.tone import SAMPLE_RATE, tone


def make_clip(
    path: Path,
    *,
    seconds: float,
    fps: int = 30,
    size: tuple[int, int] = (640, 360),
    sound_late_s: float = 0.0,
) -> int:
    """Write the clip and say how many frames it has. ``sound_late_s`` moves the sound against the picture."""
    width, height = size
    frames = round(seconds * fps)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=fps, options={"crf": "18", "preset": "ultrafast"})
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        assert isinstance(video, VideoStream)
        assert isinstance(audio, AudioStream)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        audio_at = 0
        for number in range(1, frames + 1):
            time_us = (number - 1) * 1_000_000 // fps
            picture = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
            draw(picture[:height], Mark(run=RECORDED, number=number, time_us=time_us))
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base = number - 1, Fraction(1, fps)
            container.mux(video.encode(frame))
            while audio_at < number * SAMPLE_RATE / fps:
                shifted = round(audio_at * 1e6 / SAMPLE_RATE - sound_late_s * 1e6)
                sound = av.AudioFrame.from_ndarray(
                    tone(shifted, 1024).astype(np.float32).reshape(1, -1) / 32768,
                    format="fltp",
                    layout="mono",
                )
                sound.sample_rate, sound.pts = SAMPLE_RATE, audio_at
                sound.time_base = Fraction(1, SAMPLE_RATE)
                container.mux(audio.encode(sound))
                audio_at += 1024
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return frames
