"""Drawn people for Chromium's fake camera, so that pictures of the screens show somebody.

A Y4M file (raw 4:2:0 frames behind one line of text) is what ``--use-file-for-fake-video-capture`` plays in
a loop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, FRAMES, RATE = 640, 360, 40, 20
SMOOTH = 2
"""Drawn so many times larger and averaged, against jagged edges."""

Colour = tuple[int, int, int]
Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Look:
    """Colours of one person and the room behind."""

    wall: Colour
    lamp: Colour
    skin: Colour
    hair: Colour
    clothes: Colour
    long_hair: bool


ADA = Look((70, 92, 96), (246, 201, 132), (224, 172, 138), (62, 38, 28), (176, 67, 23), True)
BEA = Look((128, 88, 70), (250, 222, 170), (141, 92, 66), (28, 22, 22), (44, 106, 88), False)


class Canvas:
    """Coordinates in pixels of the finished picture, from its top left corner."""

    def __init__(self, ground: Colour) -> None:
        self._y, self._x = np.mgrid[0 : HEIGHT * SMOOTH, 0 : WIDTH * SMOOTH].astype(np.float32) / SMOOTH
        shade = (1.12 - 0.35 * self._y / HEIGHT - 0.12 * np.abs(self._x / WIDTH - 0.5))[..., None]
        self.pixels: Picture = np.clip(np.array(ground, np.float32) * shade, 0, 255).astype(np.float32)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour, soft: float = 0.0) -> None:
        """Filled; ``soft`` lets it fade out toward its edge, as light does."""
        distance = ((self._x - x) / rx) ** 2 + ((self._y - y) / ry) ** 2
        cover = np.clip((1 - distance) / soft, 0, 1) if soft else (distance <= 1).astype(np.float32)
        self.pixels += cover[..., None] * (np.array(colour, np.float32) - self.pixels)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Filled rectangle."""
        inside = (self._x >= left) & (self._x < right) & (self._y >= top) & (self._y < bottom)
        self.pixels[inside] = colour

    def smooth(self) -> Picture:
        """The picture at its own size."""
        parts = self.pixels.reshape(HEIGHT, SMOOTH, WIDTH, SMOOTH, 3)
        return np.asarray(parts.mean(axis=(1, 3)), np.float32)


def draw(look: Look, turn: float) -> Picture:
    """One frame; ``turn`` goes from 0 to 1 and begins again."""
    canvas = Canvas(look.wall)
    sway, nod = 7 * math.sin(2 * math.pi * turn), 3 * math.sin(4 * math.pi * turn)
    canvas.ellipse(520, 90, 190, 170, look.lamp, soft=2.4)
    canvas.box(60, 60, 190, 150, (232, 222, 206))
    canvas.box(68, 68, 182, 142, (150, 170, 160))
    canvas.ellipse(125, 112, 40, 22, (112, 138, 120))
    x, y = 320 + sway, 178 + nod
    if look.long_hair:
        canvas.ellipse(x, y + 42, 92, 128, look.hair)
    canvas.ellipse(320 + sway / 2, 400, 190, 130, look.clothes)
    red, green, blue = look.skin
    canvas.ellipse(x, y + 92, 30, 52, (red * 6 // 7, green * 6 // 7, blue * 6 // 7))
    canvas.ellipse(x, y - 24, 84, 92, look.hair)
    canvas.ellipse(x, y + 6, 70, 88, look.skin)
    canvas.ellipse(x - 6, y - 62, 74, 38, look.hair)
    blink = 0.15 if 0.45 < turn < 0.5 else 1.0
    for side in (-1, 1):
        canvas.ellipse(x + side * 26, y - 2, 7, 8 * blink, (40, 28, 24))
        canvas.ellipse(x + side * 26, y - 22, 13, 3, look.hair)
    canvas.ellipse(x, y + 48, 24, 13, (150, 62, 58))
    canvas.ellipse(x, y + 42, 28, 11, look.skin)
    return canvas.smooth()


def planes(picture: Picture) -> bytes:
    """BT.601 in studio range, 4:2:0."""
    red, green, blue = (picture[..., channel] for channel in range(3))
    luma = 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255
    u = 128 + (-37.797 * red - 74.203 * green + 112.0 * blue) / 255
    v = 128 + (112.0 * red - 93.786 * green - 18.214 * blue) / 255
    quarter = [part.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean(axis=(1, 3)) for part in (u, v)]
    return b"".join(np.clip(part, 0, 255).astype(np.uint8).tobytes() for part in (luma, *quarter))


def write_face(look: Look, path: Path) -> None:
    """A loop of two seconds."""
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE}:1 Ip A1:1 C420jpeg\n".encode())
        for frame in range(FRAMES):
            file.write(b"FRAME\n" + planes(draw(look, frame / FRAMES)))
