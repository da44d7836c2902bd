"""Heat over a picture: where numbers are large, in colours that also differ in lightness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sdjp.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

COLORS: Final = ((24, 18, 66), (94, 26, 124), (190, 44, 96), (240, 122, 48), (252, 232, 120))
"""From the least to the greatest, at equal distances; each lighter than the one before it."""


def heated(picture: Image, values: NDArray[np.float32], *, alpha: float) -> Image:
    """Lay numbers over a picture, from the least of them to the greatest.

    Args:
        picture: RGB, of any size.
        values: (h, w), stretched over the picture (bicubic).
        alpha: Share of the colours, 0 (the picture alone) to 1 (the colours alone).

    Returns:
        RGB, of the size of the picture.

    Raises:
        InputError: If ``alpha`` is out of range.
    """
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 <= alpha <= 1:
        raise InputError(
            "alpha.range",
            ja=f"alpha（色の濃さ）は 0 から 1 までの数にしてください（{alpha!r} が指定されました）。",
            en=f"alpha, the share of the colours, must be a number from 0 to 1, not {alpha!r}.",
        )
    import PIL.Image

    least, span = values.min(), np.ptp(values)
    scaled = (values - least) / span if span > 0 else np.zeros_like(values)
    size: Any = picture.size
    heat = PIL.Image.fromarray(scaled.astype(np.float32)).resize(size, PIL.Image.Resampling.BICUBIC)
    at = np.asarray(heat).clip(0, 1) * (len(COLORS) - 1)  # (H, W)
    channels = np.array(COLORS, dtype=np.float32).T
    colors = np.stack([np.interp(at, range(len(COLORS)), channel) for channel in channels], axis=-1)
    mixed = alpha * colors + (1 - alpha) * np.asarray(picture.convert("RGB"), dtype=np.float32)
    return PIL.Image.fromarray(np.round(mixed).astype(np.uint8))
