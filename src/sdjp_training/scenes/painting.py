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
from sdjp_training.scenes.artwork import FLAT, SIDE, SOLID, Artwork
from sdjp_training.scenes.composition import Layout, Scene
from sdjp_training.scenes.faces import SKIN
from sdjp_training.scenes.ink import RGB
from sdjp_training.scenes.people import ANIMALS, PEOPLE
from sdjp_training.scenes.pixels import Drawing, fitted, flattened, put, trimmed
from sdjp_training.scenes.places import background, has_ground
from sdjp_training.scenes.riding import RIDERS, Rider
from sdjp_training.scenes.styles import STYLES, stylise
from sdjp_training.scenes.tints import TINTS, tint

Box: TypeAlias = tuple[int, int, int]
BOXES: Final[dict[Layout, tuple[Box, ...]]] = {
    "empty": (),
    "single": ((128, 134, 196),),
    "big": ((128, 126, 244),),
    "small": ((128, 188, 88),),
    "left": ((68, 158, 124),),
    "right": ((188, 158, 124),),
    "two": ((66, 160, 122), (190, 160, 122)),
    "three": ((128, 66, 108), (68, 184, 108), (188, 184, 108)),
    "four": ((68, 68, 108), (188, 68, 108), (68, 188, 108), (188, 188, 108)),
    "five": ((58, 56, 80), (198, 56, 80), (128, 128, 80), (58, 200, 80), (198, 200, 80)),
    "pair": ((66, 160, 122), (190, 160, 122)),
    "riding": ((128, 128, 220),),
    "above": ((128, 128, 220),),
    "holding": ((128, 134, 196),),
}
"""x, y of the middle and the side of the box of each subject, in pixels; it stands at the bottom of its
box. ``riding``, ``above`` and ``holding`` have one for both."""

HALVES: Final = ("left", "right", "two", "pair")
"""Layouts of which each subject has a half, and may be taller than it is wide."""
PORTRAITS: Final = ("single", "holding", *HALVES)
"""Layouts in which people reach to the edge of the picture."""

_SHADOW: Final = (28, 30, 48)


def draw(scene: Scene, artwork: Artwork) -> NDArray[np.uint8]:
    """Draw ``scene`` as (256, 256, 3) uint8, always alike: nothing varies that no caption tells."""
    drawings = STYLES[scene.style].drawings or SOLID
    canvas = background(scene.place).copy()
    each = [subject(artwork, emoji, drawings, look) for emoji, look in scene.subjects]
    if scene.layout == "holding" and scene.emojis[0] in ANIMALS:
        each[0] = dressed(artwork, scene.emojis[0], drawings, "")
    shaded = drawings == SOLID and has_ground(scene.place)
    busts = [_is_bust(emoji, look, scene.layout) for emoji, look in scene.subjects]
    busts = busts if len(busts) > 1 else busts * len(BOXES[scene.layout])
    for bust, (drawing, box) in zip(busts, arranged(scene, each), strict=False):
        fit, left, top = _fit(drawing, bust, scene.layout, box)
        if shaded and top + len(fit) < SIDE:
            _shade(canvas, fit, left, top)
        put(canvas, fit, left, top)
    return stylise(canvas, scene.style)


def arranged(scene: Scene, each: Sequence[Drawing]) -> Iterator[tuple[Drawing, Box]]:
    """Yield what ``scene`` is put together of, given the drawing of each subject, and the box of each."""
    if scene.layout == "riding":
        rider, mount = scene.emojis
        dress = riding.RIDERS.get(rider, riding.Rider())
        each = [riding.ride(each[0], each[1], riding.MOUNTS[mount], dress)]
    elif scene.layout == "above":
        each = [riding.stand(each[0], each[1], riding.SEATS[scene.emojis[1]])]
    elif scene.layout == "holding":
        hand = _color(each[0]) if scene.emojis[0] in ANIMALS else SKIN
        each = [riding.hold(each[0], each[1], hand)]
    boxes = BOXES[scene.layout]
    yield from zip(each if len(each) == len(boxes) else [*each] * len(boxes), boxes, strict=True)


def subject(artwork: Artwork, emoji: str, drawings: str, look: str) -> Drawing:
    """One subject of the set ``drawings``, as it is to look. People are always put together of 3D parts."""
    if emoji in PEOPLE:
        person = artwork.crowd.draw(emoji, look, drawings == FLAT)
        return flattened(person) if drawings == FLAT else person
    if emoji in ANIMALS and look and look not in TINTS:
        return dressed(artwork, emoji, drawings, look)
    drawing = artwork.drawing(emoji, drawings)
    return tint(drawing, TINTS[look].rgb) if look in TINTS else drawing


def dressed(artwork: Artwork, emoji: str, drawings: str, look: str) -> Drawing:
    """An animal of the set ``drawings`` that stands upright and wears something."""
    animal = artwork.crowd.animal(emoji, look)
    return flattened(animal) if drawings == FLAT else animal


def _color(animal: Drawing) -> RGB:
    """The colour of the shoulders of an animal that wears nothing."""
    low = trimmed(animal)[-20:]
    seen = low[low[..., 3] > 200]
    if not len(seen):
        return SKIN
    red, green, blue = np.median(seen[:, :3], axis=0).astype(int).tolist()
    return red, green, blue


def _is_bust(emoji: str, look: str, layout: Layout) -> bool:
    """Whether a subject has a head and shoulders only."""
    if emoji in ANIMALS:
        return layout == "holding" or (look != "" and look not in TINTS)
    return emoji in PEOPLE or RIDERS.get(emoji, Rider()).leg is not None


def _fit(drawing: Drawing, bust: bool, layout: Layout, box: Box) -> tuple[Drawing, int, int]:
    """A drawing as large as its box allows, and its corner. People of head and shoulders, who have nothing to
    stand on, are seen as in a portrait: taller, down to the edge of the picture.
    """
    x, y, side = box
    if layout in PORTRAITS and bust:
        fit = fitted(drawing, round(1.05 * side), round(min(1.6 * side, 250)))
        return fit, x - fit.shape[1] // 2, SIDE - fit.shape[0]
    fit = fitted(drawing, side, side if layout not in HALVES else round(1.5 * side))
    return fit, x - fit.shape[1] // 2, y + side // 2 - fit.shape[0]


def _shade(canvas: NDArray[np.uint8], drawing: Drawing, left: int, top: int) -> None:
    """Darken the ground below a drawing, whose corner is given, in place."""
    feet = drawing[-max(4, len(drawing) // 10) :, :, 3] > 40
    across = np.flatnonzero(feet.any(axis=0))
    if not len(across):
        return
    half = (across[-1] - across[0]) / 2 + 0.06 * drawing.shape[1] + 4
    middle, bottom = left + (across[-1] + across[0]) / 2, top + len(drawing)
    tall = 5 + drawing.shape[1] / 22
    shape = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(shape).ellipse((middle - half, bottom - tall, middle + half, bottom + tall), fill=105)
    alpha = np.asarray(shape.filter(ImageFilter.GaussianBlur(4.5)), "f4")[..., None] / 255
    canvas[:] = (canvas * (1 - alpha) + np.array(_SHADOW, "f4") * alpha).astype(np.uint8)
