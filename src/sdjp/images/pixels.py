"""Between the model's pixels, (B, 3, H, W) floats in [-1, 1], and PIL images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from sdjp.errors import InputError, NonFiniteError
from sdjp.images.read import open_picture, to_rgb

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


def to_uint8(pixels: Tensor | NDArray[Any]) -> NDArray[np.uint8]:
    """Turn pixels (B, 3, H, W) in [-1, 1] into bytes (B, H, W, 3) in 0..255.

    Truncates as the original ``txt2img.py`` does, in float32: the very bytes it would have saved. What lies
    outside [-1, 1] is clipped.

    Raises:
        InputError: If the shape is another.
        NonFiniteError: If there is a NaN or infinity in it, which would turn into black without a word.
    """
    array = pixels if isinstance(pixels, np.ndarray) else pixels.detach().float().cpu().numpy()
    if array.ndim != 4 or array.shape[1] != 3:
        raise InputError(
            "pixels.shape",
            ja=f"画素の配列の形は (枚数, 3, 高さ, 幅) にしてください（{array.shape} が渡されました）。",
            en=f"pixels must have the shape (batch, 3, height, width), not {array.shape}.",
        )
    if not np.isfinite(array).all():
        raise NonFiniteError(
            "nan.pixels",
            ja="画像に NaN か無限大が含まれています。dtype='float32' でもう一度お試しください。",
            en="there is NaN or infinity in the pixels. Try again with dtype='float32'.",
        )
    unit = np.clip((array.astype(np.float32) + 1) / 2, 0, 1)
    return np.moveaxis((unit * 255).astype(np.uint8), 1, 3)


def to_pil(pixels: Tensor | NDArray[Any]) -> list[Image.Image]:
    """Turn pixels (B, 3, H, W) in [-1, 1] into B images; see :func:`to_uint8`."""
    return [Image.fromarray(np.ascontiguousarray(image)) for image in to_uint8(pixels)]


def from_pil(image: Image.Image, *, height: int, width: int) -> Tensor:
    """Turn an image into pixels (1, 3, H, W) in [-1, 1], float32.

    It is turned upright (EXIF), laid on white where it is transparent, and stretched to the size wanted
    (Lanczos); :func:`sdjp.images.fit_picture` has other ways.
    """
    import torch

    scaled = to_rgb(open_picture(image)).resize((width, height), Image.Resampling.LANCZOS)
    array = np.asarray(scaled, dtype=np.float32) / 255
    return torch.from_numpy(2 * array - 1).permute(2, 0, 1)[None].contiguous()
