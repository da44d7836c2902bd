"""Scenes: what stands where on which background, as a small record that can be drawn and put into words.

Axes: pictures are (256, 256, 3) uint8.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sdjp_training.scenes.artwork import Artwork
from sdjp_training.scenes.places import COLORS, PLACES, background
from sdjp_training.scenes.styles import OTHERS, PLAIN, STYLES, stylise

Layout = Literal["single", "big", "small", "left", "right", "two", "three", "pair", "riding", "above"]
LAYOUTS: Final = get_args(Layout)
STYLED: Final = 0.2
"""Share of scenes in another style than the plain one."""

RIDES: Final = [
    "🐎", "🦄", "🐄", "🐖", "🐑", "🐪", "🐘", "🐅", "🦁", "🐢", "🐉",
    "🐳", "🐬", "🚲", "🏍️", "🚜", "🚗", "🚀", "🦕", "🦌", "☁️",
]  # fmt: skip
SEATS: Final = ["🏠", "🛏️", "🪑", "⛰️", "🚗", "🎁", "📕", "🌕", "☁️", "🍰", "🌍", "🏰"]

# x, y of the middle and the side of each drawing, in pixels. Corners keep to a grid of half latent cells and
# there are few sizes: the same drawing then has the same latents wherever it stands.
BOXES: Final[dict[Layout, tuple[tuple[int, int, int], ...]]] = {
    "single": ((128, 132, 168),),
    "big": ((128, 128, 224),),
    "small": ((128, 152, 80),),
    "left": ((72, 136, 112),),
    "right": ((184, 136, 112),),
    "two": ((72, 136, 112), (184, 136, 112)),
    "three": ((128, 88, 80), (64, 184, 80), (192, 184, 80)),
    "pair": ((72, 136, 112), (184, 136, 112)),
    "riding": ((128, 176, 144), (120, 72, 112)),
    "above": ((128, 176, 144), (120, 72, 112)),
}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One scene.

    Attributes:
        emojis: The subjects. ``riding``: rider then mount; ``above``: the upper, then the lower.
        layout: How they stand.
        place: Name of a colour or place in :mod:`sdjp_training.scenes.places`.
        style: How the picture is drawn.
    """

    emojis: tuple[str, ...]
    layout: Layout = "single"
    place: str = "white"
    style: str = PLAIN


def sample(artwork: Artwork, rng: random.Random) -> Scene:
    """Draw a random scene, of the mix that prompts have: mostly one subject, mostly plain."""
    every = artwork.concepts
    place = "white"
    r = rng.random()
    if r > 0.7:
        place = rng.choice(list(COLORS))
    elif r > 0.33:
        place = rng.choice(list(PLACES))
    style = rng.choice(OTHERS) if rng.random() < STYLED else PLAIN
    rng.randrange(2**31)  # once the seed of positions; drawn still, so that held-out scenes stay the same
    layout: Layout = rng.choices(
        LAYOUTS,
        weights=[58, 3, 3, 2, 2, 7, 4, 11, 7, 3],
    )[0]
    living = [c.emoji for c in every if c.kind in ("animal", "person", "fantasy")]
    if layout == "riding":
        emojis: tuple[str, ...] = (rng.choice(living), rng.choice(RIDES))
    elif layout == "above":
        emojis = (rng.choice(living), rng.choice(SEATS))
    elif layout == "pair":
        first, second = rng.sample([c.emoji for c in every], 2)
        emojis = (first, second)
    else:
        emojis = (rng.choice(every).emoji,)
    if len(set(emojis)) < len(emojis):
        emojis, layout = emojis[:1], "single"
    return Scene(emojis=emojis, layout=layout, place=place, style=style)


def paste(canvas: NDArray[np.uint8], rgba: NDArray[np.uint8], x: float, y: float, side: float) -> None:
    """Draw ``rgba`` on ``canvas``, in place, ``side`` pixels large with its middle at (x, y)."""
    size = max(8, round(side))
    drawing = Image.fromarray(rgba).resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0)
    image = Image.fromarray(canvas)
    image.paste(drawing, (round(x - size / 2), round(y - size / 2)), drawing)
    canvas[:] = np.asarray(image)


def draw(scene: Scene, artwork: Artwork) -> NDArray[np.uint8]:
    """Draw ``scene`` as (256, 256, 3) uint8, always alike: nothing varies that no caption tells."""
    canvas = background(scene.place).copy()
    boxes = BOXES[scene.layout]
    emojis, drawings = scene.emojis, STYLES[scene.style].drawings or "flat"
    if scene.layout in ("riding", "above"):
        emojis = (scene.emojis[1], scene.emojis[0])  # the lower one is drawn first
    elif len(boxes) > len(emojis):
        emojis = emojis * len(boxes)
    for emoji, (x, y, side) in zip(emojis, boxes, strict=True):
        paste(canvas, artwork.drawing(emoji, drawings), x, y, side)
    return stylise(canvas, scene.style)
