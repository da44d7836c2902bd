"""Masks: white is redrawn, black is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from sdjp.choices import Fit
from sdjp.errors import InputError
from sdjp.images.fit import fit_picture
from sdjp.images.read import to_rgb

if TYPE_CHECKING:
    from torch import Tensor


def fit_mask(mask: Image.Image, *, like: tuple[int, int], height: int, width: int, fit: Fit) -> Image.Image:
    """Turn a mask of any mode and size into L with 0 (keep) and 255 (redraw) alone.

    Greys from 128 on count as white, transparency as black. What ``fit="pad"`` adds is white: there is no
    picture to keep (outpainting).

    Args:
        mask: Any mode and size.
        like: (width, height) of the picture that it belongs to: it is brought to them first.
        height: Pixels.
        width: Pixels.
        fit: What happens to the picture; see :func:`sdjp.images.fit_picture`.

    Raises:
        InputError: If nothing in it is white.
    """
    grey = to_rgb(mask, background="black", name="mask").convert("L")
    if grey.size != like:
        grey = grey.resize(like, Image.Resampling.LANCZOS)
    binary = fit_picture(grey, height=height, width=width, fit=fit, fill=255).point(_threshold)
    if binary.getextrema()[1] == 0:
        raise InputError(
            "mask.black",
            ja="マスクに白い部分がありません。描き直したいところを白（明るさ 128 以上）で塗ってください。",
            en="nothing in the mask is white: paint white (128 or brighter) what is to be redrawn.",
        )
    return binary


def to_cells(mask: Image.Image, *, factor: int) -> Tensor:
    """Return the mask of latent cells, (1, 1, h, w) float32 of 0 and 1.

    A cell is redrawn if any of its pixels is.
    """
    import torch

    pixels = torch.from_numpy(np.asarray(mask, dtype=np.float32) / 255)[None, None]
    return torch.nn.functional.max_pool2d(pixels, factor)


def paste_back(drawn: Image.Image, original: Image.Image, mask: Image.Image, *, feather: int) -> Image.Image:
    """Put the pixels that were to be kept back over what was drawn.

    Inside the mask everything is drawn; from its edge outwards the picture goes over into the original within
    ``feather`` pixels, and beyond them it is the original, byte by byte. (Outside the mask the model gives
    the same picture back, a little blurred by the autoencoder, so that nothing shows double.)

    Args:
        drawn: RGB.
        original: RGB, of the same size.
        mask: L with 0 and 255, of the same size.
        feather: Pixels, 0 or more.
    """
    reach = feather // 2
    if reach > 0:
        # Grown by r, then averaged over r: 1 everywhere inside, 0 beyond 2 r.
        grown = np.asarray(mask, dtype=bool)
        for axis in (0, 1):
            grown = _grow(grown, reach, axis)
        mask = Image.fromarray(grown.astype(np.uint8) * 255).filter(ImageFilter.BoxBlur(reach))
    return Image.composite(drawn, original, mask)


def _threshold(value: int) -> int:
    return 255 if value >= 128 else 0


def _grow(mask: np.ndarray, reach: int, axis: int) -> np.ndarray:
    """True within ``reach`` of what is True, along one axis."""
    padded = np.pad(mask, [(reach, reach) if a == axis else (0, 0) for a in (0, 1)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=axis)
    return np.asarray(windows.any(axis=-1))
