"""How close pictures come to the scenes that were asked for.

A prompt that the embedded model was taught means one scene, which can be drawn: that is the picture that a
perfect model would give. The distance is taken over the pixels of what stands there, for the background is
most of a picture and easily right.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sdjp_training.release.questions import Question
from sdjp_training.scenes import painting
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.scenes.composition import Scene
from sdjp_training.scenes.places import BACKGROUNDS, COLORS, background
from sdjp_training.scenes.styles import stylise

DRAWN: Final = 16
"""Levels by which some channel of a pixel of the drawing differs from the bare background, at least."""

FRAME: Final = 16
"""Pixels of the frame of a picture, where hardly any subject reaches."""


def drawn(truth: NDArray[np.uint8], scene: Scene) -> NDArray[np.bool_]:
    """The pixels (256, 256) of ``truth`` that are not the bare background; all, where nothing stands."""
    if not scene.emojis:
        return np.ones(truth.shape[:2], bool)
    bare = stylise(background(scene.place), scene.style)
    return np.asarray((np.abs(truth.astype(int) - bare) > DRAWN).any(axis=2))


def psnr(picture: NDArray[np.uint8], truth: NDArray[np.uint8], where: NDArray[np.bool_]) -> float:
    """Peak signal-to-noise ratio over some pixels, in dB: 10 log10(255² / mean squared error)."""
    error = np.square(picture.astype("f8") - truth)[where].mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def measured(
    artwork: Artwork, asked: Sequence[Question], pictures: Sequence[NDArray[np.uint8]]
) -> dict[str, float]:
    """The mean PSNR over the drawings' own pixels, by the kind of prompt.

    Args:
        artwork: What the scenes are drawn of.
        asked: The prompts, and the scenes that they mean.
        pictures: What was drawn, (256, 256, 3) each.
    """
    found: dict[str, list[float]] = {}
    for question, picture in zip(asked, pictures, strict=True):
        truth = painting.draw(question.scene, artwork)
        where = drawn(truth, question.scene)
        found.setdefault(question.kind, []).append(psnr(picture, truth, where))
    return {kind: float(np.mean(values)) for kind, values in found.items()}


def place_of(picture: NDArray[np.uint8]) -> str:
    """The background that the frame of a picture (256, 256, 3) is nearest to, by the mean squared error."""
    errors = np.square(_frame(picture) - _frames()).mean(axis=(1, 2))
    return BACKGROUNDS[int(errors.argmin())]


def places(asked: Sequence[Question], pictures: Sequence[NDArray[np.uint8]]) -> dict[str, float]:
    """The shares of pictures before the background that was asked for, 0 to 1, NaN where none was.

    Args:
        asked: The prompts, and the scenes that they mean.
        pictures: What was drawn, (256, 256, 3) each.

    Returns:
        ``place`` of prompts that name one, ``color`` of those that name a colour.
    """
    right = [
        (question.place in COLORS, place_of(picture) == question.place)
        for question, picture in zip(asked, pictures, strict=True)
        if question.place is not None
    ]
    shares = {"place": [r for _, r in right], "color": [r for is_color, r in right if is_color]}
    return {name: float(np.mean(of)) if of else float("nan") for name, of in shares.items()}


def _frame(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    inside = slice(FRAME, -FRAME)
    around = np.ones(picture.shape[:2], bool)
    around[inside, inside] = False
    return picture[around].astype("f4")


@cache
def _frames() -> NDArray[np.float32]:
    return np.stack([_frame(background(name)) for name in BACKGROUNDS])
