"""Things in another colour than their own: a blue house, a pink elephant.

Axes: drawings are (side, side, 4) uint8 RGBA.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdjp_training.scenes.tables import rows, ways


class Tint(NamedTuple):
    """A row of ``tints.tsv``.

    Attributes:
        rgb: Red, green, blue.
        japanese: Ways to say it before a thing.
    """

    rgb: tuple[int, ...]
    japanese: tuple[str, ...]


TINTS: Final = {
    name: Tint(tuple(int(value) for value in rgb.split()), ways(japanese))
    for name, rgb, japanese in rows("tints.tsv")
}

_LUMA: Final = np.array([0.299, 0.587, 0.114], "f4")
_NEAR, _FAR = 0.06, 0.14  # colours this near to the main one are wholly tinted; that far, not at all
_SAME_HUE: Final = 0.80  # cosine between hues that are shades of one colour
_GREY: Final = 0.06  # less colourful is grey, of no hue
_BINS: Final = 24


def tint(drawing: NDArray[np.uint8], rgb: tuple[int, ...]) -> NDArray[np.uint8]:
    """Give the main colour of ``drawing`` another hue; what has other colours, and the shading, stay."""
    x, opaque = drawing[..., :3].astype("f4") / 255, drawing[..., 3] > 128
    if not opaque.any():
        return drawing
    light = x @ _LUMA
    chroma = np.stack([x[..., 2] - light, x[..., 0] - light], axis=-1)
    share = _like_main(light, chroma, opaque)
    main = opaque & (share > 0.5)
    if not main.any():
        return drawing  # all but black
    shade = light / max(float(np.median(light[main])), 0.05)
    target = np.array(rgb, "f4") / 255
    dark, bright = np.minimum(shade, 1)[..., None], np.clip(shade - 1, 0, 1)[..., None]
    room = 0.25 + 0.75 * float(target @ _LUMA)  # black things have dull highlights
    new = target * (0.15 + 0.85 * dark) + (1 - target) * bright * room * 0.6
    mixed = x + (np.clip(new, 0, 1) - x) * share[..., None]
    return np.dstack([(255 * mixed).astype(np.uint8), drawing[..., 3]])


def _like_main(
    light: NDArray[np.floating], chroma: NDArray[np.floating], opaque: NDArray[np.bool_]
) -> NDArray[np.floating]:
    """How much each pixel is of the main colour, 0 to 1: the most usual one that is not nearly black."""
    seen = opaque & (light > 0.2)
    if not seen.any():
        seen = opaque
    cells = np.clip(((chroma + 1) / 2 * _BINS).astype(int), 0, _BINS - 1)
    flat = cells[..., 0] * _BINS + cells[..., 1]
    counts = np.bincount(flat[seen], minlength=_BINS**2)
    main = chroma[seen & (flat == counts.argmax())].mean(axis=0)
    near = np.clip((_FAR - np.linalg.norm(chroma - main, axis=-1)) / (_FAR - _NEAR), 0, 1)
    near = near * np.clip((light - 0.12) / 0.12, 0, 1)
    length = np.linalg.norm(chroma, axis=-1)
    strength = float(np.linalg.norm(main))
    if strength < _GREY:
        return np.asarray(near)
    cosine = (chroma @ main) / np.maximum(length * strength, 1e-6)
    same_hue = np.clip((cosine - _SAME_HUE) / (1 - _SAME_HUE) * 3, 0, 1) * np.clip(length / _GREY - 0.5, 0, 1)
    return np.asarray(np.maximum(near, same_hue))
