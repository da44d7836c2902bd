"""Small things that are done to drawings: trimming, fitting into a box, pasting.

Axes: drawings are (h, w, 4) uint8 RGBA, canvases (256, 256, 3) uint8.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Drawing = NDArray[np.uint8]
Canvas = NDArray[np.uint8]

_SEEN = 40  # alpha of what counts as drawn


def trimmed(drawing: Drawing) -> Drawing:
    """Cut off what is empty around a drawing; an empty one stays as it is."""
    seen = drawing[..., 3] > _SEEN
    if not seen.any():
        return drawing
    across, down = np.flatnonzero(seen.any(axis=0)), np.flatnonzero(seen.any(axis=1))
    return drawing[down[0] : down[-1] + 1, across[0] : across[-1] + 1]


def fitted(drawing: Drawing, width: int, height: int) -> Drawing:
    """Trim a drawing and make it as large as ``width`` and ``height`` allow."""
    drawing = trimmed(drawing)
    h, w = drawing.shape[:2]
    factor = min(width / w, height / h)
    size = max(1, round(w * factor)), max(1, round(h * factor))
    return np.asarray(Image.fromarray(drawing).resize(size, Image.Resampling.LANCZOS))


def flattened(drawing: Drawing, colors: int = 14) -> Drawing:
    """A drawing in a few colours without shading."""
    few = Image.fromarray(drawing[..., :3]).quantize(colors, method=Image.Quantize.MEDIANCUT)
    smooth = few.convert("RGB").filter(ImageFilter.ModeFilter(5))
    return np.dstack([np.asarray(smooth), drawing[..., 3]])


def paste(canvas: Canvas, drawing: Drawing, x: float, y: float, side: float) -> None:
    """Draw ``drawing`` on ``canvas``, in place, ``side`` pixels large with its middle at (x, y)."""
    size = max(8, round(side))
    image = Image.fromarray(drawing).resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0)
    put(canvas, np.asarray(image), round(x - size / 2), round(y - size / 2))


def put(canvas: Canvas, drawing: Drawing, left: int, top: int) -> None:
    """Draw ``drawing`` on ``canvas``, in place, as large as it is."""
    image, over = Image.fromarray(canvas), Image.fromarray(drawing)
    image.paste(over, (left, top), over)
    canvas[:] = np.asarray(image)
