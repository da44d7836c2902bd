"""Preprocessors: what makes the picture that a ControlNet reads of one that it is to follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from PIL import Image

from sdjp.errors import MissingDependencyError

LOW, HIGH = 100, 200
"""Thresholds of Canny for gradients of pixels in 0..255, as in the original ControlNet."""
HALVINGS: Final = 3
"""A tile is brought to an eighth of its sides: 512 pixels to 64."""


def canny(picture: Image.Image) -> Image.Image:
    """Edges, white on black (Canny 1986, "A computational approach to edge detection"), by OpenCV.

    Args:
        picture: RGB; at each pixel the channel with the largest gradient counts.
    """
    edges = _opencv().Canny(np.asarray(picture), LOW, HIGH)
    return Image.fromarray(edges).convert("RGB")


def tile(picture: Image.Image) -> Image.Image:
    """The picture without its details, as ControlNet 1.1 has it for its ControlNet "tile": an eighth of its
    sides (the mean of each area), enlarged again (three times a Gaussian pyramid's ``pyrUp``).
    """
    cv2 = _opencv()
    small = tuple(max(side >> HALVINGS, 1) for side in picture.size)
    pixels = cv2.resize(np.asarray(picture), small, interpolation=cv2.INTER_AREA)
    for _ in range(HALVINGS):
        pixels = cv2.pyrUp(pixels)
    return Image.fromarray(cv2.resize(pixels, picture.size))  # sides that are no multiples of 8


PREPROCESSORS: Final[Mapping[str, Callable[[Image.Image], Image.Image]]] = {"canny": canny, "tile": tile}
"""Each takes RGB and gives RGB of the same size."""


def _opencv() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise MissingDependencyError(
            "preprocess.opencv",
            ja="前処理（preprocess）には OpenCV が必要です: pip install opencv-python。"
            "または、前処理の済んだ画像を preprocess なしで指定してください。",
            en="preprocess needs OpenCV: pip install opencv-python. Or give a picture that is ready, "
            "without preprocess.",
        ) from error
    return cv2
