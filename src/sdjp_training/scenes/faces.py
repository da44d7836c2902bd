"""Faces of the 3D heads, redrawn: other moods, and what is worn on them.

Axes: heads are (256, 256, 4) uint8 RGBA.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from sdjp_training.scenes.ink import RGB, Ink
from sdjp_training.scenes.pixels import Drawing
from sdjp_training.scenes.tables import rows


class Face(NamedTuple):
    """A row of ``faces.tsv``.

    Attributes:
        across: How far each eye is from the middle, 128.
        eyes: How far down they are.
        brows: The same, of the brows.
        mouth: The same, of the mouth.
    """

    across: int
    eyes: int
    brows: int
    mouth: int


FACES: Final = {emoji: Face(*map(int, numbers)) for emoji, *numbers in rows("faces.tsv")}
MIDDLE: Final = 128
SKIN: Final = (248, 208, 184)
_CLOSED: Final = frozenset({"smile", "cry", "surprise", "sleep"})  # moods that have eyes of their own

_LINE: Final = (58, 34, 34)
_IRIS: Final = (112, 66, 48)
_LIPS: Final = (128, 20, 60)
_TEAR: Final = (104, 186, 250)
_WHITE: Final = (255, 255, 255)
_TONGUE: Final = (240, 104, 116)

_AROUND: Final = 24  # rows above and below a hole that it is filled from
Box = tuple[float, float, float, float]


class _Head:
    """A head whose face is being redrawn."""

    def __init__(self, drawing: Drawing, face: Face) -> None:
        self.face = face
        self.image = Image.fromarray(drawing)
        self.ink = Ink(self.image)

    @property
    def sides(self) -> tuple[int, int]:
        """Where the eyes are, across."""
        return MIDDLE - self.face.across, MIDDLE + self.face.across

    def erase_mouth(self) -> None:
        """Leave skin where the mouth was."""
        y = self.face.mouth
        self._erase([(MIDDLE - 32, y - 15, MIDDLE + 32, y + 15)])

    def erase_eyes(self) -> None:
        """Leave skin where the eyes were."""
        y = self.face.eyes
        self._erase([(x - 28, y - 17, x + 28, y + 19) for x in self.sides])

    def erase_brows(self) -> None:
        """Leave skin where the brows were."""
        y = self.face.brows
        self._erase([(x - 26, y - 10, x + 26, y + 10) for x in self.sides])

    def _erase(self, boxes: list[Box]) -> None:
        """Fill boxes, which lie in a row, from what is around them."""
        top, bottom = int(boxes[0][1]) - _AROUND, int(boxes[0][3]) + _AROUND
        row = self.image.crop((0, top, self.image.width, bottom))
        hole = Image.new("L", row.size)
        for x0, y0, x1, y1 in boxes:
            ImageDraw.Draw(hole).rounded_rectangle((x0, y0 - top, x1, y1 - top), 8, fill=255)
        known = (np.asarray(hole) == 0) & (np.asarray(row)[..., 3] > 250)
        rgb = np.asarray(row.convert("RGB"), "f4")
        bright = rgb.max(axis=2) > 150  # hair, lashes and lips are no skin
        share = (known & bright).astype("f4")
        blur = ImageFilter.GaussianBlur(11)
        weight = np.asarray(Image.fromarray((255 * share).astype(np.uint8)).filter(blur), "f4") / 255
        layers = [
            np.asarray(Image.fromarray((rgb[..., i] * share).astype(np.uint8)).filter(blur), "f4")
            for i in range(3)
        ]
        skin = np.stack(layers, axis=-1) / np.maximum(weight, 0.02)[..., None]
        patch = Image.fromarray(np.clip(skin, 0, 255).astype(np.uint8)).convert("RGBA")
        patch.putalpha(hole.filter(ImageFilter.GaussianBlur(1.5)))
        self.image.alpha_composite(patch, (0, top))


def _frown(head: _Head) -> None:
    head.erase_mouth()
    head.ink.arc(MIDDLE, head.face.mouth + 10, 25, 15, _LIPS, 10)


def _brows(head: _Head, inner: float, outer: float, color: RGB = _LINE) -> None:
    """Slanted brows, ``inner`` and ``outer`` ends that far down from where they were."""
    head.erase_brows()
    y = head.face.brows
    for x, way in zip(head.sides, (1, -1), strict=True):
        head.ink.line([(x - 22 * way, y + outer), (x + 22 * way, y + inner)], color, 11)


def _smile(head: _Head) -> None:
    head.erase_mouth()
    y = head.face.mouth - 14
    curve = [(MIDDLE + 42 * np.cos(a), y + 40 * np.sin(a)) for a in np.linspace(0, np.pi, 25)]
    head.ink.area(curve, _LIPS)
    head.ink.disc(MIDDLE, y + 28, 20, 10, _TONGUE)
    head.ink.area([(MIDDLE - 39, y), (MIDDLE + 39, y), (MIDDLE + 35, y + 11), (MIDDLE - 35, y + 11)], _WHITE)
    for x in head.sides:
        head.ink.arc(x, head.face.eyes + 8, 23, 20, _LINE, 9)


def _cry(head: _Head) -> None:
    _frown(head)
    _brows(head, -8, 6)
    y = head.face.eyes
    for x in head.sides:
        head.ink.arc(x, y - 2, 23, -13, _LINE, 9)
        head.ink.line([(x, y + 18), (x, y + 62)], _TEAR, 19)
        head.ink.line([(x - 4, y + 22), (x - 4, y + 50)], (206, 234, 255), 5)


def _sad(head: _Head) -> None:
    _frown(head)
    _brows(head, -8, 8)


def _angry(head: _Head) -> None:
    _frown(head)
    _brows(head, 14, -8)


def _surprise(head: _Head) -> None:
    head.erase_mouth()
    _brows(head, -12, -8)
    head.ink.disc(MIDDLE, head.face.mouth + 5, 17, 23, _LIPS)
    for x in head.sides:
        head.ink.disc(x, head.face.eyes, 25, 25, _WHITE)
        head.ink.disc(x, head.face.eyes, 12, 12, _LINE)


def _sleep(head: _Head) -> None:
    head.erase_mouth()
    for x in head.sides:
        head.ink.arc(x, head.face.eyes, 23, -14, _LINE, 9)
    head.ink.disc(MIDDLE, head.face.mouth + 2, 12, 11, _LIPS)


def _wink(head: _Head) -> None:
    head.ink.arc(head.sides[1], head.face.eyes + 8, 23, 20, _LINE, 9)


MOODS: Final[dict[str, Callable[[_Head], None]]] = {
    "smile": _smile,
    "cry": _cry,
    "sad": _sad,
    "angry": _angry,
    "surprise": _surprise,
    "sleep": _sleep,
    "wink": _wink,
}


def _glasses(head: _Head) -> None:
    left, right = head.sides
    y = head.face.eyes
    for x in (left, right):
        head.ink.ring(x, y, 31, (36, 34, 44), 8)
    head.ink.line([(left + 31, y - 6), (right - 31, y - 6)], (36, 34, 44), 7)
    for x, edge in ((left - 31, 34), (right + 31, 222)):
        head.ink.line([(x, y - 6), (edge, y - 12)], (36, 34, 44), 7)


def _sunglasses(head: _Head) -> None:
    left, right = head.sides
    y = head.face.eyes
    for x in (left, right):
        head.ink.disc(x, y + 2, 35, 29, (26, 26, 34))
        head.ink.line([(x - 16, y - 10), (x - 4, y - 14)], (120, 130, 160), 7)
    head.ink.line([(left - 40, y - 14), (right + 40, y - 14)], (26, 26, 34), 10)


def _mustache(head: _Head) -> None:
    y = head.face.mouth - 14
    for way in (-1, 1):
        curve = [(MIDDLE + way * 3, y - 3), (MIDDLE + way * 24, y), (MIDDLE + way * 44, y + 12)]
        head.ink.line(curve, (48, 40, 42), 17)


WORN: Final[dict[str, Callable[[_Head], None]]] = {
    "glasses": _glasses,
    "sunglasses": _sunglasses,
    "mustache": _mustache,
}


def with_even_skin(drawing: Drawing) -> Drawing:
    """A head whose skin has one colour."""
    x = drawing[..., :3].astype(int)
    skin = (x.max(axis=2) > 150) & (x[..., 0] - x[..., 2] > 12)
    even = np.where(skin[..., None], np.array(SKIN), x).astype(np.uint8)
    return np.dstack([even, drawing[..., 3]])


def redrawn(drawing: Drawing, face: Face, names: frozenset[str], *, lashes: bool) -> Drawing:
    """Give a head the mood and the things to wear that are among ``names``, and large eyes."""
    head = _Head(drawing, face)
    head.erase_eyes()
    for x, way in zip(head.sides, (-1, 1), strict=True):
        if not _CLOSED & names and not ("wink" in names and way > 0):
            _eye(head, x, way if lashes else 0)
    for name, draw in MOODS.items():
        if name in names:
            draw(head)
    return dressed(np.asarray(head.image), face, names)


def dressed(drawing: Drawing, face: Face, names: frozenset[str]) -> Drawing:
    """Give a head the things to wear that are among ``names``."""
    head = _Head(drawing, face)
    for name, draw in WORN.items():
        if name in names:
            draw(head)
    return np.asarray(head.image)


def _eye(head: _Head, x: int, lash: int) -> None:
    """An open eye, large and dark, so that it is still seen in a small picture."""
    y = head.face.eyes + 1
    if lash:
        head.ink.line([(x - 4 * lash, y - 18), (x + 13 * lash, y - 13), (x + 27 * lash, y - 15)], _LINE, 7)
    head.ink.disc(x, y, 15, 19, _LINE)
    head.ink.disc(x + 2, y + 6, 9, 9, _IRIS)
    head.ink.disc(x - 4, y - 8, 6, 6, _WHITE)
