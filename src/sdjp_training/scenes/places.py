"""The backgrounds of scenes: plain colours and small painted places, always drawn the same way.

That a place always looks the same is on purpose: what the caption does not say should not vary, or a small
model spends its strength on guessing.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdjp_training.scenes.brushes import SIDE, Canvas
from sdjp_training.scenes.landscapes import LANDSCAPES
from sdjp_training.scenes.streets import STREETS
from sdjp_training.scenes.tables import rows, ways

FLOOR: Final = np.array([0.87, 0.885, 0.915])  # how much of a colour is left at the foot of a picture


class Color(NamedTuple):
    """A row of ``colors.tsv``.

    Attributes:
        rgb: Red, green, blue.
        japanese: Ways to say it before 背景.
        question: How the evaluation asks for a subject, ``{}``, before it.
    """

    rgb: tuple[int, ...]
    japanese: tuple[str, ...]
    question: str


class Place(NamedTuple):
    """A row of ``places.tsv``.

    Attributes:
        ground: Whether things stand on the ground there, and throw a shadow.
        english: Ways to say it after a subject.
        tags: Ways to say it as a tag.
        alone: Ways to say it where it is all that there is.
        japanese: Ways to say it before a subject, in Japanese.
        japanese_tags: Ways to say it as a tag, in Japanese.
        question: How the evaluation asks for a subject, ``{}``, there.
    """

    ground: bool
    english: tuple[str, ...]
    tags: tuple[str, ...]
    alone: tuple[str, ...]
    japanese: tuple[str, ...]
    japanese_tags: tuple[str, ...]
    question: str


COLORS: Final = {
    name: Color(tuple(int(value) for value in rgb.split()), ways(japanese), question)
    for name, rgb, japanese, question in rows("colors.tsv")
}
PLACES: Final = {
    name: Place(ground == "ground", ways(after), ways(tag), ways(alone), ways(ja), ways(ja_tag), question)
    for name, ground, after, tag, alone, ja, ja_tag, question in rows("places.tsv")
}
BACKGROUNDS: Final = (*COLORS, *PLACES)
QUESTIONS: Final = {name: of.question for table in (COLORS, PLACES) for name, of in table.items()}
PAINTERS: Final = {**LANDSCAPES, **STREETS}


def has_ground(name: str) -> bool:
    """Whether things stand on the ground before a colour or at a place."""
    return name in COLORS or PLACES[name].ground


@cache
def background(name: str) -> NDArray[np.uint8]:
    """Return the colour or place ``name`` as a picture (256, 256, 3) uint8; a colour is a wall that light
    falls on from above.
    """
    if name in COLORS:
        light = np.linspace(1, FLOOR, SIDE)[:, None]
        return np.tile(np.array(COLORS[name].rgb) * light, (1, SIDE, 1)).astype(np.uint8)
    canvas = Canvas()
    PAINTERS[name](canvas)
    return canvas.picture()
