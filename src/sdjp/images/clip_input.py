"""Pictures as CLIP sees them: the square in the middle, small, with the mean and spread of its training."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
STD: Final = (0.26862954, 0.26130258, 0.27577711)
"""Of red, green and blue from 0 to 1 (OpenAI CLIP)."""


def clip_pixels(image: Image.Image, side: int, *, late: bool = False) -> NDArray[np.float32]:
    """Scale the shorter side of an RGB picture to ``side`` (bicubic) and cut out the middle.

    As ``CLIPFeatureExtractor`` of transformers 4.19 does it, the version that the original checker ran with:
    where the margin is odd, the larger half of it is on the left and on top (later versions: on the right and
    at the bottom). What lies outside the square in the middle is not seen.

    Args:
        image: The picture.
        side: Of the square.
        late: As later versions do it.

    Returns:
        (3, side, side) float32, mean and spread taken out.
    """
    short = min(image.size)
    width, height = (side if length == short else int(side * length / short) for length in image.size)
    left, top = ((margin + (not late)) // 2 for margin in (width - side, height - side))
    small = image.resize((width, height), Image.Resampling.BICUBIC)
    array = np.asarray(small.crop((left, top, left + side, top + side)), dtype=np.float32) / np.float32(255)
    normal = (array - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return np.ascontiguousarray(normal.transpose(2, 0, 1))
