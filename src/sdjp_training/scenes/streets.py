"""Painters of places that people have built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from sdjp_training.scenes.brushes import RGB, WHITE, Canvas

SKYLINE: Final = (96, 60, 118, 78, 132, 54, 104, 84)
BOOKS: Final = ((196, 62, 58), (58, 108, 172), (232, 184, 76), (84, 146, 96), (238, 226, 204), (120, 76, 140))


def _houses(c: Canvas, walls: tuple[RGB, ...], windows: tuple[RGB, ...]) -> None:
    """A row of high houses, lit windows in some."""
    for i, top in enumerate(SKYLINE):
        x = 32 * i
        c.box(x, top, x + 31, 214, walls[i % len(walls)])
        for row, y in enumerate(range(top + 9, 200, 20)):
            for left in (x + 5, x + 18):
                c.box(left, y, left + 8, y + 11, windows[(row + i) % len(windows)])


def _city(c: Canvas) -> None:
    c.gradient((140, 200, 246), (228, 240, 250), 0, 214)
    c.cloud(64, 36, 20)
    _houses(c, ((134, 152, 180), (112, 132, 164), (164, 148, 140)), ((238, 244, 222), (214, 230, 246)))
    c.box(0, 210, 256, 218, (176, 180, 188))
    c.gradient((96, 100, 112), (76, 80, 92), 218)
    for x in range(4, 256, 44):
        c.box(x, 236, x + 24, 241, (240, 240, 236))


def _city_night(c: Canvas) -> None:
    c.gradient((16, 14, 48), (92, 46, 124), 0, 214)
    c.glow(128, 214, 110, (230, 90, 180), 0.4)
    dark = (54, 46, 92)
    lit = ((255, 214, 98), dark, (94, 222, 246), (250, 106, 186), (255, 214, 98), dark)
    _houses(c, ((32, 30, 66), (24, 22, 52)), lit)
    c.gradient((24, 22, 44), (40, 32, 66), 210)
    for x, color in (
        (20, (94, 222, 246)),
        (76, (255, 214, 98)),
        (140, (250, 106, 186)),
        (212, (94, 222, 246)),
    ):
        c.glow(x, 226, 22, color, 0.55)


def _room(c: Canvas) -> None:
    c.box(0, 0, 256, 196, (246, 232, 210))
    c.box(18, 26, 110, 122, WHITE)
    c.box(25, 33, 103, 115, (150, 208, 246))
    c.cloud(58, 66, 13)
    c.box(61, 33, 67, 115, WHITE)
    for x in (8, 104):
        c.box(x, 20, x + 18, 140, (226, 130, 110))
    c.box(150, 34, 214, 82, (150, 104, 70))
    c.box(156, 40, 208, 76, (236, 226, 200))
    c.disc(182, 60, 14, 12, (120, 176, 130))
    c.gradient((200, 150, 104), (176, 124, 80), 194)
    for y in (214, 236):
        c.box(0, y, 256, y + 2, (160, 110, 70))
    c.box(222, 150, 246, 196, (200, 116, 84))
    for x, y in ((222, 128), (234, 112), (246, 126), (228, 140), (242, 142)):
        c.disc(x, y, 13, 13, (76, 152, 84))


def _tatami(c: Canvas) -> None:
    c.box(0, 0, 256, 182, (222, 204, 168))
    for x in range(0, 256, 64):
        c.box(x, 10, x + 64, 180, (140, 100, 66))
        c.box(x + 5, 16, x + 59, 176, (253, 251, 242))
        c.box(x + 30, 16, x + 34, 176, (176, 138, 98))
        for y in (56, 96, 136):
            c.box(x + 5, y, x + 59, y + 4, (176, 138, 98))
    c.gradient((204, 204, 132), (180, 182, 108), 180)
    for x0, x1 in ((88, 62), (168, 194)):
        c.area([(x0, 180), (x0 + 6, 180), (x1 + 8, 256), (x1, 256)], (70, 92, 62))


def _library(c: Canvas) -> None:
    c.box(0, 0, 256, 256, (104, 68, 44))
    for row, top in enumerate((6, 76, 146)):
        c.box(4, top, 252, top + 60, (66, 42, 30))
        for i, x in enumerate(range(8, 248, 16)):
            tall = (50, 42, 54, 46)[(i + row) % 4]
            c.box(x, top + 60 - tall, x + 14, top + 60, BOOKS[(5 * i + 2 * row) % len(BOOKS)])
    c.gradient((198, 150, 104), (166, 118, 78), 214)


def _fireworks(c: Canvas) -> None:
    c.gradient((10, 12, 40), (44, 38, 96))
    for x, y, r, color in (
        (78, 78, 66, (255, 110, 96)), (192, 62, 54, (255, 214, 96)), (172, 168, 46, (120, 206, 255)),
        (44, 184, 34, (240, 140, 240)),
    ):  # fmt: skip
        c.glow(x, y, r, color, 0.35)
        for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False):
            dx, dy = float(np.cos(angle)), float(np.sin(angle))
            c.line([(x + 0.25 * r * dx, y + 0.25 * r * dy), (x + r * dx, y + r * dy)], color, 6)
            c.disc(x + r * dx, y + r * dy, 5.5, 5.5, (255, 250, 232))
        c.disc(x, y, 7, 7, (255, 252, 240))
    for i, top in enumerate((236, 226, 240, 230, 238, 222, 234, 228)):
        c.box(32 * i, top, 32 * i + 32, 256, (14, 12, 30))


def _classroom(c: Canvas) -> None:
    c.box(0, 0, 256, 190, (244, 234, 214))
    c.box(22, 24, 234, 124, (150, 104, 66))
    c.box(30, 32, 226, 116, (48, 104, 84))
    for x, y, wide in ((48, 50, 70), (48, 68, 48), (150, 54, 52)):
        c.box(x, y, x + wide, y + 5, (214, 232, 222))
    c.box(30, 116, 226, 122, (196, 160, 116))
    c.gradient((204, 160, 112), (176, 132, 88), 186)
    for x in (14, 92, 170):
        c.box(x, 166, x + 72, 178, (222, 178, 120))
        for leg in (x + 6, x + 60):
            c.box(leg, 178, leg + 6, 222, (120, 124, 134))


def _kitchen(c: Canvas) -> None:
    c.box(0, 0, 256, 196, (236, 242, 240))
    for x in range(0, 256, 32):
        c.box(x, 0, x + 2, 130, (214, 224, 222))
    for y in range(0, 130, 32):
        c.box(0, y, 256, y + 2, (214, 224, 222))
    for x in (0, 66, 190):
        c.box(x + 3, 6, x + 61, 62, (226, 178, 122))
        c.box(x + 52, 30, x + 56, 42, (120, 90, 60))
    c.box(134, 6, 184, 40, (176, 184, 194))
    c.box(0, 126, 256, 138, (150, 154, 164))
    for x in range(0, 256, 64):
        c.box(x + 2, 140, x + 62, 200, (214, 160, 104))
        c.box(x + 26, 148, x + 38, 153, (120, 90, 60))
    c.disc(160, 116, 22, 14, (206, 70, 64))
    c.box(138, 104, 182, 126, (206, 70, 64))
    c.box(182, 108, 200, 114, (80, 70, 72))
    c.line([(40, 126), (40, 92), (60, 92), (60, 102)], (176, 184, 194), 6)
    c.gradient((206, 196, 178), (182, 170, 152), 200)


STREETS: Final[dict[str, Callable[[Canvas], None]]] = {
    "city": _city,
    "city at night": _city_night,
    "room": _room,
    "tatami": _tatami,
    "library": _library,
    "fireworks": _fireworks,
    "classroom": _classroom,
    "kitchen": _kitchen,
}
"""Who paints each place that people have built."""
