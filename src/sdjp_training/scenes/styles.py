"""How a scene is drawn: painted over as pixels, water colour, a pencil sketch, a print …

Axes: pictures are (side, side, 3) uint8.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
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
        tinted: Whether colours of single things can be told.
        english: Ways to say it of a subject, ``{}``; what is said more often is there more often.
        japanese: The same in Japanese.
        question: How the evaluation asks for it.
    """

    drawings: str
    tinted: bool
    english: tuple[str, ...]
    japanese: tuple[str, ...]
    question: str


def _style(drawings: str, tinted: str, silent: str, english: str, japanese: str, question: str) -> Style:
    unsaid = ("{}",) * int(silent)
    return Style(drawings, tinted == "tinted", unsaid + ways(english), unsaid + ways(japanese), question)


STYLES: Final = {name: _style(*cells) for name, *cells in rows("styles.tsv")}
PLAIN: Final = "plain"
OTHERS: Final = tuple(name for name in STYLES if name != PLAIN)

PIXELS: Final = 16  # a side: one to each cell of a latent
PIXEL_COLORS: Final = 16
PAPER_WHITE: Final = np.array((252, 250, 244), "f4")
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
    """Large pixels of few colours, each of that which most of it has."""
    few = image.quantize(PIXEL_COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    block = side // PIXELS
    each = np.asarray(few).reshape(PIXELS, block, PIXELS, block).transpose(0, 2, 1, 3)
    counts = np.stack([(each == color).sum(axis=(2, 3)) for color in range(PIXEL_COLORS)])
    palette = np.array(few.getpalette(), np.uint8).reshape(-1, 3)
    return np.asarray(palette[counts.argmax(axis=0)].repeat(block, axis=0).repeat(block, axis=1))


def _monochrome(image: Image.Image, side: int) -> Picture:
    return np.asarray(image.convert("L").convert("RGB"))


def _watercolor(image: Image.Image, side: int) -> Picture:
    """Blots of thinned paint with darker rims, on paper that stays white towards its edges."""
    brush = max(3, 9 * side // SIDE) | 1
    x = np.asarray(image.filter(ImageFilter.MedianFilter(brush)), "f4")
    wet, rims = _soft(x, 3, side), np.clip(_edges(Image.fromarray(_bytes(_soft(x, 2.5, side)))) / 90, 0, 1)
    blots = _noise(side)[..., None]
    paint = 255 - (255 - wet) * (0.62 + 0.38 * blots) * (1 + 0.6 * rims[..., None])
    at = np.abs(np.linspace(-1, 1, side))
    inwards = 1 - np.maximum(at[:, None], at[None, :])
    washed = np.clip((inwards + 0.10 * (_noise(side) - 0.5)) / 0.16 - 0.25, 0, 1)[..., None]
    return _bytes(PAPER_WHITE + (paint - PAPER_WHITE) * washed)


def _sketch(image: Image.Image, side: int) -> Picture:
    """Pencil: thick outlines on paper, and a little tone."""
    tone = _soft(np.asarray(image.convert("L"), "f4")[..., None], 2, side) / 255
    return _bytes((1 - 0.82 * _lines(image, side)[..., None]) * (0.8 + 0.2 * tone) * PAPER)


def _neon(image: Image.Image, side: int) -> Picture:
    """Thick outlines that glow in the dark."""
    lines = _lines(image, side)[..., None]
    x = np.asarray(image, "f4")
    colorful = ((np.ptp(x, axis=2, keepdims=True) + 0.25 * x.max(axis=2, keepdims=True) + 4) / 323) ** 2
    bright = _soft(x * colorful, 4, side) / np.maximum(_soft(255 * colorful, 4, side) / 255, 1 / 255)
    bright = 255 * (bright / np.maximum(bright.max(axis=2, keepdims=True), 1)) ** 1.8
    light = lines * bright
    return _bytes(DARK + 1.1 * light + 1.3 * _soft(light, 7, side))


def _print(image: Image.Image, side: int) -> Picture:
    """A woodblock print: flat areas of few colours, with an outline in ink."""
    inks = Image.new("P", (1, 1))
    inks.putpalette([value for ink in PRINT for value in ink])
    flat = image.filter(ImageFilter.MedianFilter(max(3, 7 * side // SIDE) | 1))
    areas = np.asarray(flat.quantize(palette=inks, dither=Image.Dither.NONE).convert("RGB"), "f4")
    lines = _lines(image, side)[..., None]
    return _bytes(areas * (1 - lines) + np.array(INK, "f4") * lines)


_REDRAWN: Final[dict[str, Callable[[Image.Image, int], Picture]]] = {
    "pixel art": _pixels,
    "monochrome": _monochrome,
    "watercolor": _watercolor,
    "sketch": _sketch,
    "neon": _neon,
    "ukiyo-e": _print,
}


def _lines(image: Image.Image, side: int) -> NDArray[np.float32]:
    """Outlines about five pixels wide (of 256), where areas of different colours meet:
    (side, side), 0 to 1.
    """
    areas = image.filter(ImageFilter.MedianFilter(max(3, 7 * side // SIDE) | 1))
    sharp = np.clip(_edges(areas) / 50 - 0.4, 0, 1)
    thick = Image.fromarray(_bytes(255 * sharp)).filter(ImageFilter.MaxFilter(3))
    return np.asarray(np.clip(_soft(np.asarray(thick, "f4")[..., None], 0.8, side)[..., 0] / 200, 0, 1))


@cache
def _noise(side: int) -> NDArray[np.float32]:
    """Blots of several sizes, always the same: (side, side), 0 to 1."""
    rng = np.random.default_rng(1)
    sizes = (5, 9, 17)
    small = [Image.fromarray(rng.uniform(0, 255, (n, n)).astype(np.uint8)) for n in sizes]
    large = [np.asarray(one.resize((side, side), Image.Resampling.BICUBIC), "f4") for one in small]
    return np.asarray(sum(large) / (255 * len(sizes)), "f4")


def _soft(x: NDArray[np.float32], radius: float, side: int) -> NDArray[np.float32]:
    """Blur (side, side, C) of 0 to 255 by ``radius`` pixels of 256."""
    blur = ImageFilter.GaussianBlur(radius * side / SIDE)
    layers = [Image.fromarray(_bytes(layer)).filter(blur) for layer in np.moveaxis(x, -1, 0)]
    return np.stack([np.asarray(layer, "f4") for layer in layers], axis=-1)


def _edges(image: Image.Image) -> NDArray[np.float32]:
    """How steeply colours change at each pixel, (side, side): the longest of three gradients, halved where a
    picture is a quarter as large.
    """
    x = np.pad(np.asarray(image, "f4"), ((1, 1), (1, 1), (0, 0)), mode="edge")
    across, down = x[1:-1, 2:] - x[1:-1, :-2], x[2:, 1:-1] - x[:-2, 1:-1]
    return np.asarray(np.sqrt(across**2 + down**2).max(axis=2) * (len(x) / SIDE) ** 0.5)


def _bytes(x: NDArray[np.floating]) -> Picture:
    return np.asarray(np.clip(x, 0, 255).astype(np.uint8))
