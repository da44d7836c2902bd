"""The backgrounds of scenes: plain colours and small painted places, always drawn the same way.

That a place always looks the same is on purpose: what the caption does not say should not vary, or a small
model spends its strength on guessing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from sdjp_training.scenes.tables import rows, ways

SIDE: Final = 256
SCALE: Final = 2  # drawn larger, then reduced: smooth edges


class Color(NamedTuple):
    """A row of ``colors.tsv``.

    Attributes:
        rgb: Red, green, blue.
        japanese: Ways to say it before 背景.
        question: How the evaluation asks for a subject, ``{}``, before it.
    """

    rgb: tuple[int, ...]
    japanese: tuple[str, ...]
    question: str


class Place(NamedTuple):
    """A row of ``places.tsv``.

    Attributes:
        english: Ways to say it after a subject.
        tags: Ways to say it as a tag.
        japanese: Ways to say it before a subject, in Japanese.
        japanese_tags: Ways to say it as a tag, in Japanese.
        question: How the evaluation asks for a subject, ``{}``, there.
    """

    english: tuple[str, ...]
    tags: tuple[str, ...]
    japanese: tuple[str, ...]
    japanese_tags: tuple[str, ...]
    question: str


COLORS: Final = {
    name: Color(tuple(int(value) for value in rgb.split()), ways(japanese), question)
    for name, rgb, japanese, question in rows("colors.tsv")
}
PLACES: Final = {
    name: Place(ways(english), ways(tags), ways(japanese), ways(japanese_tags), question)
    for name, english, tags, japanese, japanese_tags, question in rows("places.tsv")
}
BACKGROUNDS: Final = (*COLORS, *PLACES)
QUESTIONS: Final = {name: of.question for table in (COLORS, PLACES) for name, of in table.items()}

Draw = ImageDraw.ImageDraw
RGB = tuple[int, int, int]
Painter = Callable[[Image.Image, Draw], None]


def _gradient(image: Image.Image, top: RGB, bottom: RGB, y0: int = 0, y1: int = SIDE) -> None:
    """Fill rows y0 to y1 from ``top`` to ``bottom``."""
    y0, y1 = y0 * SCALE, y1 * SCALE
    t = np.linspace(0.0, 1.0, y1 - y0)[:, None]
    rows = np.array(top) * (1 - t) + np.array(bottom) * t
    block = np.repeat(rows[:, None, :], image.width, axis=1).astype(np.uint8)
    image.paste(Image.fromarray(block), (0, y0))


def _ellipse(draw: Draw, x: float, y: float, rx: float, ry: float, fill: RGB) -> None:
    s = SCALE
    draw.ellipse(((x - rx) * s, (y - ry) * s, (x + rx) * s, (y + ry) * s), fill=fill)


def _rect(draw: Draw, x0: float, y0: float, x1: float, y1: float, fill: RGB) -> None:
    s = SCALE
    draw.rectangle((x0 * s, y0 * s, x1 * s - 1, y1 * s - 1), fill=fill)


def _polygon(draw: Draw, points: list[tuple[float, float]], fill: RGB) -> None:
    draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=fill)


def _cloud(draw: Draw, x: float, y: float, size: float, fill: RGB = (255, 255, 255)) -> None:
    for dx, dy, r in ((-1.0, 0.1, 0.55), (0.0, -0.15, 0.8), (0.95, 0.1, 0.6)):
        _ellipse(draw, x + dx * size, y + dy * size, r * size, r * size * 0.75, fill)


def _stars(draw: Draw, rows: int, fill: RGB = (255, 250, 220)) -> None:
    rng = np.random.default_rng(7)
    for x, y, r in zip(
        rng.uniform(4, 252, 34), rng.uniform(4, rows, 34), rng.uniform(0.8, 2.0, 34), strict=True
    ):
        _ellipse(draw, x, y, r, r, fill)


def _tree(draw: Draw, x: float, y: float, size: float, fill: RGB) -> None:
    _rect(draw, x - size * 0.08, y - size * 0.3, x + size * 0.08, y, (110, 78, 58))
    _polygon(
        draw, [(x - size * 0.36, y - size * 0.22), (x + size * 0.36, y - size * 0.22), (x, y - size)], fill
    )


_PAINTERS: Final[dict[str, Painter]] = {}


def _paints(name: str) -> Callable[[Painter], Painter]:
    """Enter a painter as that of a place."""

    def enter(painter: Painter) -> Painter:
        _PAINTERS[name] = painter
        return painter

    return enter


@_paints("night")
def _night(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (14, 18, 54), (48, 52, 112))
    _stars(draw, 200)


@_paints("sky")
def _sky(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (84, 170, 240), (196, 230, 252))
    _cloud(draw, 52, 52, 26)
    _cloud(draw, 206, 78, 22)


@_paints("sea")
def _sea(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (132, 200, 246), (206, 234, 252), 0, 150)
    _gradient(image, (36, 120, 204), (18, 84, 160), 150, SIDE)
    for row, y in enumerate(range(166, 256, 22)):
        for x in range(-20 + 18 * (row % 2), 270, 36):
            s = SCALE
            draw.arc((x * s, y * s, (x + 26) * s, (y + 12) * s), 200, 340, fill=(150, 206, 244), width=2 * s)


@_paints("underwater")
def _underwater(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (40, 160, 214), (8, 54, 116))
    rng = np.random.default_rng(3)
    for x, y, r in zip(
        rng.uniform(10, 246, 14), rng.uniform(10, 240, 14), rng.uniform(3, 8, 14), strict=True
    ):
        _ellipse(draw, x, y, r, r, (170, 222, 246))
        _ellipse(draw, x, y, r - 1.5, r - 1.5, (62, 158, 206))


@_paints("grass")
def _grass(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (128, 202, 250), (214, 238, 252), 0, 176)
    _gradient(image, (126, 200, 84), (84, 164, 62), 170, SIDE)


@_paints("forest")
def _forest(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (178, 222, 214), (206, 234, 206), 0, 210)
    for x in range(0, 270, 34):
        _tree(draw, x, 200, 130, (62, 128, 84))
    for x in range(-16, 280, 48):
        _tree(draw, x, 214, 160, (38, 98, 64))
    _gradient(image, (86, 140, 70), (58, 108, 52), 206, SIDE)


@_paints("snow")
def _snow(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (158, 184, 218), (212, 226, 242), 0, 180)
    _gradient(image, (250, 252, 255), (226, 236, 248), 176, SIDE)
    rng = np.random.default_rng(5)
    for x, y in zip(rng.uniform(4, 252, 40), rng.uniform(4, 176, 40), strict=True):
        _ellipse(draw, x, y, 2.6, 2.6, (255, 255, 255))


@_paints("sunset")
def _sunset(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (250, 112, 72), (255, 206, 120), 0, 196)
    _ellipse(draw, 204, 176, 30, 30, (255, 238, 176))
    _gradient(image, (150, 70, 78), (104, 46, 66), 192, SIDE)


@_paints("beach")
def _beach(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (120, 200, 250), (204, 236, 252), 0, 130)
    _gradient(image, (44, 150, 214), (96, 196, 226), 130, 182)
    _gradient(image, (246, 222, 166), (232, 200, 138), 180, SIDE)


@_paints("desert")
def _desert(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (250, 216, 150), (252, 236, 200), 0, 220)
    _ellipse(draw, 60, 214, 150, 50, (226, 178, 106))
    _ellipse(draw, 220, 220, 150, 46, (214, 162, 92))
    _rect(draw, 0, 214, 256, 256, (206, 152, 84))


@_paints("mountains")
def _mountains(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (140, 204, 248), (222, 240, 252), 0, 200)
    _polygon(draw, [(-30, 206), (66, 66), (160, 206)], (112, 136, 168))
    _polygon(draw, [(44, 98), (66, 66), (88, 98), (74, 92), (62, 104)], (255, 255, 255))
    _polygon(draw, [(96, 206), (190, 86), (290, 206)], (90, 114, 148))
    _polygon(draw, [(170, 112), (190, 86), (212, 112), (198, 106), (186, 118)], (255, 255, 255))
    _gradient(image, (110, 178, 86), (82, 148, 66), 200, SIDE)


@_paints("city")
def _city(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (160, 206, 240), (226, 238, 248), 0, 210)
    for i, (x, top) in enumerate(zip(range(0, 256, 32), (96, 60, 118, 78, 132, 54, 104, 84), strict=True)):
        _rect(draw, x, top, x + 30, 210, ((126, 142, 166), (104, 122, 150))[i % 2])
        for wy in range(top + 10, 200, 18):
            for wx in (x + 6, x + 18):
                _rect(draw, wx, wy, wx + 7, wy + 9, (234, 240, 214))
    _rect(draw, 0, 208, 256, 256, (92, 96, 106))


@_paints("city at night")
def _city_night(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (18, 16, 48), (70, 44, 104), 0, 210)
    for i, (x, top) in enumerate(zip(range(0, 256, 32), (96, 60, 118, 78, 132, 54, 104, 84), strict=True)):
        _rect(draw, x, top, x + 30, 210, ((34, 34, 62), (26, 26, 50))[i % 2])
        for wy in range(top + 10, 200, 18):
            for wx in (x + 6, x + 18):
                _rect(
                    draw,
                    wx,
                    wy,
                    wx + 7,
                    wy + 9,
                    ((255, 214, 98), (94, 222, 246), (250, 106, 186))[(wx + wy) % 3],
                )
    _rect(draw, 0, 208, 256, 256, (20, 20, 34))


@_paints("space")
def _space(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (8, 6, 24), (30, 14, 58))
    _stars(draw, 250, (255, 255, 255))
    _ellipse(draw, 214, 46, 22, 22, (206, 146, 104))
    _ellipse(draw, 40, 214, 14, 14, (104, 164, 214))


@_paints("moon")
def _moon_surface(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (6, 6, 18), (18, 18, 40))
    _stars(draw, 160, (255, 255, 255))
    _ellipse(draw, 128, 330, 240, 140, (178, 178, 186))
    for x, y, r in ((50, 226, 16), (150, 240, 20), (214, 224, 12), (104, 212, 9)):
        _ellipse(draw, x, y, r, r * 0.5, (146, 146, 156))


@_paints("room")
def _room(image: Image.Image, draw: Draw) -> None:
    _rect(draw, 0, 0, 256, 190, (244, 230, 208))
    _rect(draw, 24, 36, 96, 116, (255, 255, 255))
    _rect(draw, 30, 42, 90, 110, (160, 212, 246))
    _rect(draw, 57, 42, 63, 110, (255, 255, 255))
    _rect(draw, 0, 188, 256, 256, (190, 138, 92))
    for y in (206, 230):
        _rect(draw, 0, y, 256, y + 2, (166, 116, 74))


@_paints("tatami")
def _tatami(image: Image.Image, draw: Draw) -> None:
    _rect(draw, 0, 0, 256, 180, (238, 226, 198))
    for x in range(0, 256, 64):
        _rect(draw, x + 4, 16, x + 60, 176, (252, 250, 240))
        for gx in (x + 22, x + 40):
            _rect(draw, gx, 16, gx + 2, 176, (150, 110, 74))
        for gy in (56, 96, 136):
            _rect(draw, x + 4, gy, x + 60, gy + 2, (150, 110, 74))
    _rect(draw, 0, 178, 256, 256, (190, 190, 116))
    for x in (84, 170):
        _rect(draw, x, 178, x + 5, 256, (70, 92, 62))


@_paints("cherry blossoms")
def _blossoms(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (176, 220, 250), (240, 236, 246), 0, 216)
    rng = np.random.default_rng(11)
    for x, y, r in zip(
        rng.uniform(-6, 262, 60), rng.uniform(-4, 66, 60), rng.uniform(9, 18, 60), strict=True
    ):
        _ellipse(draw, x, y, r, r * 0.85, ((255, 190, 212), (252, 170, 200))[int(x) % 2])
    for x, y in zip(rng.uniform(6, 250, 26), rng.uniform(80, 214, 26), strict=True):
        _ellipse(draw, x, y, 4, 2.6, (255, 184, 208))
    _gradient(image, (150, 206, 110), (112, 176, 84), 212, SIDE)


@_paints("flowers")
def _flowers(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (128, 202, 250), (214, 238, 252), 0, 168)
    _gradient(image, (118, 190, 84), (76, 152, 60), 164, SIDE)
    rng = np.random.default_rng(13)
    for x, y in zip(rng.uniform(4, 252, 46), rng.uniform(178, 252, 46), strict=True):
        _ellipse(
            draw, x, y, 5, 5, ((255, 118, 150), (255, 214, 74), (255, 255, 255), (190, 120, 232))[int(x) % 4]
        )
        _ellipse(draw, x, y, 1.8, 1.8, (250, 170, 40))


@_paints("rain")
def _rain(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (112, 126, 148), (172, 184, 198))
    rng = np.random.default_rng(17)
    for x, y in zip(rng.uniform(0, 256, 60), rng.uniform(-10, 250, 60), strict=True):
        s = SCALE
        draw.line((x * s, y * s, (x - 5) * s, (y + 16) * s), fill=(208, 222, 238), width=2 * s)


@_paints("fog")
def _fog(image: Image.Image, draw: Draw) -> None:
    _gradient(image, (206, 212, 218), (236, 238, 240))


@cache
def background(name: str) -> NDArray[np.uint8]:
    """Return the colour or place ``name`` as a picture (256, 256, 3) uint8."""
    if name in COLORS:
        return np.full((SIDE, SIDE, 3), COLORS[name].rgb, dtype=np.uint8)
    image = Image.new("RGB", (SIDE * SCALE, SIDE * SCALE))
    _PAINTERS[name](image, ImageDraw.Draw(image))
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
