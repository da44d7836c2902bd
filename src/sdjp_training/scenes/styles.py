"""How a scene is drawn: painted over as pixels, water colour, a pencil sketch, a print …

Axes: pictures are (side, side, 3) uint8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from sdjp_training.scenes.artwork import SIDE
from sdjp_training.scenes.tables import rows, ways


class Style(NamedTuple):
    """A row of ``styles.tsv``.

    Attributes:
        drawings: The set of drawings that scenes are put together of; "" where any will do.
        english: Ways to say it of a subject, ``{}``; what is said more often is there more often.
        japanese: The same in Japanese.
        question: How the evaluation asks for it.
    """

    drawings: str
    english: tuple[str, ...]
    japanese: tuple[str, ...]
    question: str


def _style(drawings: str, silent: str, english: str, japanese: str, question: str) -> Style:
    unsaid = ("{}",) * int(silent)
    return Style(drawings, unsaid + ways(english), unsaid + ways(japanese), question)


STYLES: Final = {name: _style(*cells) for name, *cells in rows("styles.tsv")}
PLAIN: Final = "plain"
OTHERS: Final = tuple(name for name in STYLES if name != PLAIN)

PAPER: Final = (250, 247, 240)
DARK: Final = (12, 8, 28)
INK: Final = (44, 38, 44)
PRINT: Final = (
    (238, 226, 200), (252, 246, 232), (214, 188, 140), (176, 128, 78), (102, 66, 48), (230, 152, 72),
    (196, 62, 48), (228, 138, 118), (238, 186, 190), (222, 170, 52), (118, 140, 78), (58, 92, 72),
    (126, 168, 190), (38, 84, 132), (26, 42, 78), (112, 76, 112), (148, 142, 136), (44, 38, 44),
)  # fmt: skip
"""Colours of a woodblock print: paper, vermilion, ochre, moss, Prussian blue, sumi …"""

Picture = NDArray[np.uint8]


def stylise(picture: Picture, style: str, *, side: int = SIDE) -> Picture:
    """Redraw ``picture`` (side, side, 3) in ``style``."""
    redraw = _REDRAWN.get(style)
    return picture if redraw is None else redraw(Image.fromarray(picture), side)


def _pixels(image: Image.Image, side: int) -> Picture:
    small = image.resize((32, 32), Image.Resampling.BOX)
    return np.asarray(small.resize((side, side), Image.Resampling.NEAREST))


def _monochrome(image: Image.Image, side: int) -> Picture:
    return np.asarray(image.convert("L").convert("RGB"))


def _watercolor(image: Image.Image, side: int) -> Picture:
    brush = max(3, 9 * side // SIDE) | 1
    blurred = image.filter(ImageFilter.MedianFilter(brush))
    soft = np.asarray(blurred.filter(ImageFilter.GaussianBlur(2 * side / SIDE)))
    paper = np.random.default_rng(1).normal(0, 6, (side, side, 1))
    return _bytes(soft * 0.82 + 46 + paper)


def _sketch(image: Image.Image, side: int) -> Picture:
    """Pencil: outlines on paper, and a little tone."""
    lines = np.clip(_edges(image.filter(ImageFilter.GaussianBlur(side / SIDE))) / 70, 0, 1)
    tone = np.asarray(image.convert("L"), "f4")
    return _bytes(((1 - 0.8 * lines) * (0.8 + 0.2 * tone / 255))[..., None] * PAPER)


def _neon(image: Image.Image, side: int) -> Picture:
    """Outlines that glow in the dark."""
    smooth = image.filter(ImageFilter.GaussianBlur(1.5 * side / SIDE))
    edges = np.clip(_edges(smooth) / 40, 0, 1)[..., None]
    bright = np.asarray(image.filter(ImageFilter.MaxFilter(5 if side >= SIDE else 3)), "f4")
    bright = 255 * (bright / np.maximum(bright.max(axis=2, keepdims=True), 1)) ** 1.5
    light = edges * bright
    glow = np.asarray(Image.fromarray(_bytes(light)).filter(ImageFilter.GaussianBlur(6 * side / SIDE)), "f4")
    return _bytes(DARK + light + 1.4 * glow)


def _print(image: Image.Image, side: int) -> Picture:
    """A woodblock print: flat areas of few colours, with an outline in ink."""
    inks = Image.new("P", (1, 1))
    inks.putpalette([value for ink in PRINT for value in ink])
    flat = image.filter(ImageFilter.MedianFilter(max(3, 5 * side // SIDE) | 1))
    areas = np.asarray(flat.quantize(palette=inks, dither=Image.Dither.NONE).convert("RGB"), "f4")
    edges = _edges(image.filter(ImageFilter.GaussianBlur(side / SIDE)))
    lines = np.clip(edges / 60 - 0.5, 0, 1)[..., None]
    return _bytes(areas * (1 - lines) + np.array(INK, "f4") * lines)


_REDRAWN: Final[dict[str, Callable[[Image.Image, int], Picture]]] = {
    "pixel art": _pixels,
    "monochrome": _monochrome,
    "watercolor": _watercolor,
    "sketch": _sketch,
    "neon": _neon,
    "ukiyo-e": _print,
}


def _edges(image: Image.Image) -> NDArray[np.float32]:
    """How steeply colours change at each pixel, (side, side): the longest of three gradients, halved where a
    picture is a quarter as large.
    """
    x = np.pad(np.asarray(image, "f4"), ((1, 1), (1, 1), (0, 0)), mode="edge")
    across, down = x[1:-1, 2:] - x[1:-1, :-2], x[2:, 1:-1] - x[:-2, 1:-1]
    return np.asarray(np.sqrt(across**2 + down**2).max(axis=2) * (len(x) / SIDE) ** 0.5)


def _bytes(x: NDArray[np.floating]) -> Picture:
    return np.asarray(np.clip(x, 0, 255).astype(np.uint8))
