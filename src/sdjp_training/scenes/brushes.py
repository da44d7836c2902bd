"""What places are painted with: areas, discs, clouds, trees, light.

Coordinates are pixels of a picture (256, 256); it is painted twice as large, then reduced, which makes edges
smooth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

SIDE: Final = 256
RGB = tuple[int, int, int]
WHITE: Final = (255, 255, 255)
_SCALE: Final = 2


class Canvas:
    """A picture that is being painted."""

    def __init__(self) -> None:
        self._image = Image.new("RGB", (SIDE * _SCALE, SIDE * _SCALE))
        self._draw = ImageDraw.Draw(self._image)

    def picture(self) -> NDArray[np.uint8]:
        """What has been painted, (256, 256, 3) uint8."""
        return np.asarray(self._image.resize((SIDE, SIDE), Image.Resampling.LANCZOS))

    def gradient(self, top: RGB, bottom: RGB, y0: int = 0, y1: int = SIDE) -> None:
        """Fill rows y0 to y1 from ``top`` to ``bottom``."""
        t = np.linspace(0.0, 1.0, (y1 - y0) * _SCALE)[:, None]
        rows = np.array(top) * (1 - t) + np.array(bottom) * t
        block = np.repeat(rows[:, None, :], SIDE * _SCALE, axis=1).astype(np.uint8)
        self._image.paste(Image.fromarray(block), (0, y0 * _SCALE))

    def disc(self, x: float, y: float, rx: float, ry: float, fill: RGB) -> None:
        """An ellipse around (x, y)."""
        self._draw.ellipse([v * _SCALE for v in (x - rx, y - ry, x + rx, y + ry)], fill=fill)

    def box(self, x0: float, y0: float, x1: float, y1: float, fill: RGB) -> None:
        """A rectangle."""
        self._draw.rectangle((x0 * _SCALE, y0 * _SCALE, x1 * _SCALE - 1, y1 * _SCALE - 1), fill=fill)

    def area(self, points: Sequence[tuple[float, float]], fill: RGB) -> None:
        """A polygon."""
        self._draw.polygon([(x * _SCALE, y * _SCALE) for x, y in points], fill=fill)

    def line(self, points: Sequence[tuple[float, float]], fill: RGB, width: float) -> None:
        """A line from point to point."""
        self._draw.line([(x * _SCALE, y * _SCALE) for x, y in points], fill, round(width * _SCALE), "curve")

    def hill(self, top: float, wave: float, length: float, shift: float, fill: RGB) -> None:
        """Land below a wavy line."""
        crest = [(x, top - wave * float(np.sin((x + shift) / length))) for x in range(-4, SIDE + 8, 4)]
        self.area([*crest, (SIDE + 4, SIDE), (-4, SIDE)], fill)

    def cloud(self, x: float, y: float, size: float, fill: RGB = WHITE) -> None:
        """A cloud of three puffs on a flat bottom."""
        for dx, dy, r in ((-1.0, 0.1, 0.55), (0.0, -0.15, 0.8), (0.95, 0.1, 0.6), (0.3, 0.2, 0.5)):
            self.disc(x + dx * size, y + dy * size, r * size, r * size * 0.75, fill)

    def stars(self, bottom: float, fill: RGB = (255, 250, 220)) -> None:
        """Stars down to a row, each large enough to be seen."""
        rng = np.random.default_rng(7)
        each = zip(
            rng.uniform(6, 250, 24), rng.uniform(6, bottom, 24), rng.uniform(2.2, 4.6, 24), strict=True
        )
        for x, y, r in each:
            self.disc(x, y, r, r, fill)

    def fir(self, x: float, y: float, size: float, fill: RGB) -> None:
        """A fir that stands at (x, y), of three storeys."""
        self.box(x - size * 0.06, y - size * 0.25, x + size * 0.06, y, (104, 74, 56))
        for bottom, top, half in ((0.16, 0.62, 0.36), (0.40, 0.82, 0.29), (0.62, 1.0, 0.2)):
            base = y - size * bottom
            self.area([(x - size * half, base), (x + size * half, base), (x, y - size * top)], fill)

    def glow(self, x: float, y: float, radius: float, color: RGB, strength: float = 0.6) -> None:
        """Light that fades away from (x, y)."""
        at = np.arange(SIDE * _SCALE) / _SCALE
        far = np.hypot(at[None, :] - x, at[:, None] - y) / radius
        self._blend(np.exp(-(far**2)) * strength, color)

    def veil(self, mask: NDArray[np.floating], color: RGB) -> None:
        """Lay a colour over the picture, as much as ``mask`` (256, 256) says, 0 to 1."""
        large = Image.fromarray((255 * np.clip(mask, 0, 1)).astype(np.uint8))
        large = large.resize((SIDE * _SCALE, SIDE * _SCALE), Image.Resampling.BICUBIC)
        self._blend(np.asarray(large, "f4") / 255, color)

    def blur(self, radius: float) -> None:
        """Blur what has been painted so far."""
        self._image.paste(self._image.filter(ImageFilter.GaussianBlur(radius * _SCALE)))

    def _blend(self, share: NDArray[np.floating], color: RGB) -> None:
        x = np.asarray(self._image, "f4")
        mixed = x + (np.array(color, "f4") - x) * share[..., None]
        self._image.paste(Image.fromarray(mixed.astype(np.uint8)))
