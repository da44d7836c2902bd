"""Scenes drawn: a background, shadows where there is ground, subjects as large as their places allow.

Axes: pictures are (256, 256, 3) uint8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from sdjp_training.scenes import riding
from sdjp_training.scenes.artwork import SIDE, SOLID, Artwork
from sdjp_training.scenes.composition import Layout, Scene
from sdjp_training.scenes.pixels import Drawing, fitted, put
from sdjp_training.scenes.places import background, has_ground
from sdjp_training.scenes.styles import STYLES, stylise
from sdjp_training.scenes.tints import TINTS, tint

Box: TypeAlias = tuple[int, int, int]
BOXES: Final[dict[Layout, tuple[Box, ...]]] = {
    "empty": (),
    "single": ((128, 134, 196),),
    "big": ((128, 126, 244),),
    "small": ((128, 188, 88),),
    "left": ((68, 170, 124),),
    "right": ((188, 170, 124),),
    "two": ((66, 174, 120), (190, 174, 120)),
    "three": ((128, 66, 108), (68, 184, 108), (188, 184, 108)),
    "four": ((68, 68, 108), (188, 68, 108), (68, 188, 108), (188, 188, 108)),
    "five": ((58, 56, 80), (198, 56, 80), (128, 128, 80), (58, 200, 80), (198, 200, 80)),
    "pair": ((66, 174, 120), (190, 174, 120)),
    "riding": ((128, 128, 220),),
    "above": ((128, 128, 220),),
}
"""x, y of the middle and the side of the box of each subject, in pixels; it stands at the bottom of its
box. ``riding`` and ``above`` have one for both."""

_SHADOW: Final = (28, 30, 48)


def draw(scene: Scene, artwork: Artwork) -> NDArray[np.uint8]:
    """Draw ``scene`` as (256, 256, 3) uint8, always alike: nothing varies that no caption tells."""
    drawings = STYLES[scene.style].drawings or SOLID
    canvas = background(scene.place).copy()
    each = [subject(artwork, emoji, drawings, look) for emoji, look in scene.subjects]
    shaded = drawings == SOLID and has_ground(scene.place)
    for drawing, (x, y, side) in arranged(scene, each):
        fit = fitted(drawing, side, side)
        if shaded:
            _shade(canvas, fit, x, y + side // 2)
        put(canvas, fit, x - fit.shape[1] // 2, y + side // 2 - fit.shape[0])
    return stylise(canvas, scene.style)


def arranged(scene: Scene, each: Sequence[Drawing]) -> Iterator[tuple[Drawing, Box]]:
    """Yield what ``scene`` is put together of, given the drawing of each subject, and the box of each."""
    if scene.layout == "riding":
        rider, mount = scene.emojis
        dress = riding.RIDERS.get(rider, riding.Rider())
        each = [riding.ride(each[0], each[1], riding.MOUNTS[mount], dress)]
    elif scene.layout == "above":
        each = [riding.stand(each[0], each[1], riding.SEATS[scene.emojis[1]])]
    boxes = BOXES[scene.layout]
    yield from zip(each if len(each) == len(boxes) else [*each] * len(boxes), boxes, strict=True)


def subject(artwork: Artwork, emoji: str, drawings: str, look: str) -> Drawing:
    """One subject of the set ``drawings``, as it is to look."""
    drawing = artwork.drawing(emoji, drawings)
    return tint(drawing, TINTS[look].rgb) if look else drawing


def _shade(canvas: NDArray[np.uint8], drawing: Drawing, x: int, bottom: int) -> None:
    """Darken the ground below a drawing, whose middle is at ``x``, in place."""
    feet = drawing[-max(4, len(drawing) // 10) :, :, 3] > 40
    across = np.flatnonzero(feet.any(axis=0))
    if not len(across):
        return
    half = (across[-1] - across[0]) / 2 + 0.06 * drawing.shape[1] + 4
    middle = x - drawing.shape[1] / 2 + (across[-1] + across[0]) / 2
    tall = 5 + drawing.shape[1] / 22
    shape = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(shape).ellipse((middle - half, bottom - tall, middle + half, bottom + tall), fill=105)
    alpha = np.asarray(shape.filter(ImageFilter.GaussianBlur(4.5)), "f4")[..., None] / 255
    canvas[:] = (canvas * (1 - alpha) + np.array(_SHADOW, "f4") * alpha).astype(np.uint8)
