"""How a picture of any size comes to a size that the model takes."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageOps

from sdjp.choices import Fit


def natural_size(
    size: tuple[int, int], *, area: int, factor: int, height: int | None = None, width: int | None = None
) -> tuple[int, int]:
    """Return the (height, width) at which a picture of ``size`` is drawn if the caller leaves it open.

    The proportions are the picture's own; the area is about ``area``, at which the model draws best, or
    follows from the side that is given. Both sides are multiples of ``factor``.

    Args:
        size: (width, height) of the picture, as PIL tells it.
        area: Pixels.
        factor: Pixels to one latent cell.
        height: If given, the width follows from it.
        width: If given, the height follows from it.
    """

    def whole(side: float) -> int:
        return max(round(side / factor), 1) * factor

    ratio = size[0] / size[1]
    if height is not None and width is not None:
        return height, width
    if height is not None:
        return height, whole(height * ratio)
    if width is not None:
        return whole(width / ratio), width
    # A picture like a thread would be one cell high and very long: never more than twice the area.
    height = min(whole(math.sqrt(area / ratio)), whole(2 * area / factor))
    width = min(whole(math.sqrt(area * ratio)), whole(2 * area / height))
    return height, width


def enlarge(picture: Image.Image, factor: float, *, multiple: int) -> tuple[Image.Image, tuple[int, int]]:
    """Enlarge a picture (Lanczos), and continue its right and lower edge to sides that are multiples.

    Args:
        picture: RGB.
        factor: 1 or more.
        multiple: Pixels to one latent cell.

    Returns:
        The picture, and (width, height) of what is to be kept of it in the end.
    """
    width, height = max(round(picture.width * factor), 1), max(round(picture.height * factor), 1)
    larger = picture.resize((width, height), Image.Resampling.LANCZOS)
    sides = {"height": -(-height // multiple) * multiple, "width": -(-width // multiple) * multiple}
    return extend(larger, **sides), (width, height)


def fit_picture(
    picture: Image.Image, *, height: int, width: int, fit: Fit = "crop", fill: int | None = None
) -> Image.Image:
    """Scale a picture to a size (Lanczos).

    Args:
        picture: RGB, or L for a mask.
        height: Pixels.
        width: Pixels.
        fit: ``"crop"`` keeps the proportions and cuts off what stands out, the same on both sides; ``"pad"``
            keeps them and adds what is missing, the same on both sides; ``"stretch"`` does not keep them.
        fill: The grey that ``"pad"`` adds; None continues the pixels of the edge.
    """
    lanczos = Image.Resampling.LANCZOS
    if fit == "stretch" or picture.size == (width, height):
        return picture.resize((width, height), lanczos)
    if fit == "crop":
        return ImageOps.fit(picture, (width, height), lanczos)
    scale = min(width / picture.width, height / picture.height)
    inner = picture.resize(
        (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1)), lanczos
    )
    left, top = (width - inner.width) // 2, (height - inner.height) // 2
    return extend(inner, left=left, top=top, height=height, width=width, fill=fill)


def extend(
    picture: Image.Image, *, height: int, width: int, left: int = 0, top: int = 0, fill: int | None = None
) -> Image.Image:
    """Put a picture into a larger one; around it is ``fill``, or its edge pixels go on."""
    if fill is not None:
        sheet = Image.new(picture.mode, (width, height), fill)
        sheet.paste(picture, (left, top))
        return sheet
    # Each pixel of the sheet takes the nearest one of the picture.
    rows = (np.arange(height) - top).clip(0, picture.height - 1)
    columns = (np.arange(width) - left).clip(0, picture.width - 1)
    return Image.fromarray(np.asarray(picture)[rows][:, columns])
