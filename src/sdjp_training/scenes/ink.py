"""Shapes with smooth edges that are drawn on people: lines, discs, areas, and bodies that look round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

RGB = tuple[int, int, int]
Point = tuple[float, float]
_SCALE: Final = 2


class Ink:
    """Something to draw on a picture with.

    Args:
        image: The picture, RGBA; it is changed.
    """

    def __init__(self, image: Image.Image) -> None:
        self.image = image

    def line(self, points: Sequence[Point], color: RGB, width: float) -> None:
        """A line with round ends."""

        def draw(d: ImageDraw.ImageDraw) -> None:
            d.line(_large(points), 255, round(width * _SCALE), "curve")
            for x, y in (points[0], points[-1]):
                _disc(d, x, y, width / 2, width / 2)

        self._put(draw, color)

    def arc(self, x: float, y: float, rx: float, ry: float, color: RGB, width: float) -> None:
        """Half an ellipse above (x, y), or, where ``ry`` is less than nothing, below it."""
        angles = np.linspace(np.pi, 2 * np.pi, 17)
        self.line([(x + rx * float(np.cos(a)), y + ry * float(np.sin(a))) for a in angles], color, width)

    def disc(self, x: float, y: float, rx: float, ry: float, color: RGB) -> None:
        """An ellipse."""
        self._put(lambda d: _disc(d, x, y, rx, ry), color)

    def ring(self, x: float, y: float, r: float, color: RGB, width: float) -> None:
        """A circle."""

        def draw(d: ImageDraw.ImageDraw) -> None:
            _disc(d, x, y, r + width / 2, r + width / 2)
            _disc(d, x, y, r - width / 2, r - width / 2, 0)

        self._put(draw, color)

    def area(self, points: Sequence[Point], color: RGB) -> None:
        """A polygon."""
        self._put(lambda d: d.polygon(_large(points), fill=255), color)

    def body(self, draw: Callable[[ImageDraw.ImageDraw], None], color: RGB) -> None:
        """What ``draw`` fills with 255, as large as the picture, looking round."""
        shape = Image.new("L", self.image.size)
        draw(ImageDraw.Draw(shape))
        self.image.alpha_composite(rounded(shape, color))

    def _put(self, draw: Callable[[ImageDraw.ImageDraw], None], color: RGB) -> None:
        width, height = self.image.size
        mask = Image.new("L", (width * _SCALE, height * _SCALE))
        draw(ImageDraw.Draw(mask))
        drawn = mask.getbbox()
        if drawn is None:
            return
        left, top = (at // _SCALE for at in drawn[:2])
        right, bottom = (-(-at // _SCALE) for at in drawn[2:])
        small = mask.reduce(_SCALE, (left * _SCALE, top * _SCALE, right * _SCALE, bottom * _SCALE))
        layer = Image.new("RGBA", small.size, (*color, 0))
        layer.putalpha(small)
        self.image.alpha_composite(layer, (left, top))


def rounded(shape: Image.Image, color: RGB) -> Image.Image:
    """Fill a shape with a colour, brighter where it faces the light and darker at its edge."""
    soft = shape.filter(ImageFilter.GaussianBlur(9))
    inside = np.asarray(soft, "f4") / 255
    lit = np.asarray(ImageChops.offset(soft, 5, 8), "f4") / 255
    light = np.clip(0.72 + 0.42 * inside + 0.5 * (inside - lit), 0.5, 1.25)[..., None]
    rgb = np.clip(np.array(color, "f4") * light, 0, 255).astype(np.uint8)
    smooth = np.asarray(shape.filter(ImageFilter.GaussianBlur(0.8)))
    return Image.fromarray(np.dstack([rgb, smooth]))


def _large(points: Sequence[Point]) -> list[Point]:
    return [(x * _SCALE, y * _SCALE) for x, y in points]


def _disc(d: ImageDraw.ImageDraw, x: float, y: float, rx: float, ry: float, fill: int = 255) -> None:
    d.ellipse([v * _SCALE for v in (x - rx, y - ry, x + rx, y + ry)], fill=fill)
