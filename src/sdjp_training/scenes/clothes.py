"""Shoulders below the heads of people, and what they wear.

A figure is (330, 256): a head in its upper 256 rows, shoulders down to its last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PIL import Image, ImageDraw

from sdjp_training.scenes.faces import SKIN
from sdjp_training.scenes.ink import RGB, Ink

WIDTH: Final = 256
HEIGHT: Final = 330
_MIDDLE: Final = 128
_WHITE: Final = (248, 248, 252)
_RED: Final = (216, 44, 54)
_GOLD: Final = (228, 180, 60)


def _shoulders(d: ImageDraw.ImageDraw) -> None:
    d.rounded_rectangle((26, 232, 230, HEIGHT + 90), 66, fill=255)


def _neck(d: ImageDraw.ImageDraw) -> None:
    d.ellipse((_MIDDLE - 40, 210, _MIDDLE + 40, 264), fill=255)


def _shirt(ink: Ink, color: RGB) -> None:
    ink.body(_shoulders, color)
    ink.body(_neck, SKIN)
    for x in (62, 194):
        ink.line([(x, 292), (x, HEIGHT + 8)], _darker(color), 5)


def _dress(ink: Ink, color: RGB) -> None:
    ink.body(_shoulders, SKIN)
    ink.body(lambda d: d.polygon([(58, 282), (198, 282), (214, HEIGHT), (42, HEIGHT)], fill=255), color)
    for x in (78, 178):
        ink.line([(x, 238), (x, 288)], color, 17)
    ink.line([(96, 262), (128, 272), (160, 262)], _WHITE, 8)


def _kimono(ink: Ink, color: RGB) -> None:
    _robe(ink, color)
    for x, y in ((54, 276), (206, 272), (72, 296), (186, 294)):
        for dx, dy in ((-7, 0), (7, 0), (0, -7), (0, 7)):
            ink.disc(x + dx, y + dy, 6, 6, _WHITE)
        ink.disc(x, y, 4, 4, _GOLD)


def _robe(ink: Ink, color: RGB) -> None:
    ink.body(_shoulders, color)
    ink.body(_neck, SKIN)
    ink.area([(100, 234), (156, 234), (_MIDDLE, 284)], SKIN)
    for outer, lining in ((158, 152), (98, 104)):
        way = 1 if outer > _MIDDLE else -1
        end = _MIDDLE - way * 26
        ink.line([(outer, 232), (end, 304)], _WHITE, 20)
        ink.line([(lining + way * 16, 236), (end + way * 16, 306)], _darker(color), 9)
    ink.body(lambda d: d.rectangle((30, 304, 226, HEIGHT), fill=255), _GOLD if color[1] < 230 else _RED)


def _maid(ink: Ink, color: RGB) -> None:
    _shirt(ink, color)
    ink.area([(88, 262), (168, 262), (184, HEIGHT), (72, HEIGHT)], _WHITE)
    for x in (78, 178):
        ink.line([(x + (128 - x) * 0.2, 240), (x, 300)], _WHITE, 19)
    ink.area([(128, 262), (96, 248), (96, 276)], (206, 44, 64))
    ink.area([(128, 262), (160, 248), (160, 276)], (206, 44, 64))


def _uniform(ink: Ink, color: RGB) -> None:
    ink.body(_shoulders, _WHITE)
    ink.body(_neck, SKIN)
    ink.area([(76, 234), (106, 232), (_MIDDLE, 296), (150, 232), (180, 234), (206, 268), (_MIDDLE, 322),
              (50, 268)], color)  # fmt: skip
    ink.area([(104, 234), (152, 234), (_MIDDLE, 288)], SKIN)
    ink.line([(58, 270), (_MIDDLE, 312), (198, 270)], _WHITE, 5)
    ink.area([(_MIDDLE, 296), (96, 326), (110, HEIGHT), (146, HEIGHT), (160, 326)], (222, 44, 54))


def _suit(ink: Ink, color: RGB) -> None:
    ink.body(_shoulders, color)
    ink.area([(92, 236), (164, 236), (_MIDDLE, HEIGHT)], _WHITE)
    ink.area([(118, 252), (138, 252), (142, HEIGHT), (114, HEIGHT)], (206, 44, 54))
    for way in (-1, 1):
        ink.area(
            [(_MIDDLE + way * 40, 232), (_MIDDLE + way * 62, 262), (_MIDDLE + way * 40, 276),
             (_MIDDLE + way * 4, HEIGHT), (_MIDDLE + way * 24, 262)],
            _darker(color),
        )  # fmt: skip
    ink.body(_neck, SKIN)


def _fur(ink: Ink, color: RGB) -> None:
    ink.body(_shoulders, color)


_KINDS: Final[dict[str, Callable[[Ink, RGB], None]]] = {
    "dress": _dress,
    "fur": _fur,
    "kimono": _kimono,
    "robe": _robe,
    "maid": _maid,
    "uniform": _uniform,
    "suit": _suit,
}


def shoulders(name: str, color: RGB) -> Image.Image:
    """What is below a head: the clothes ``name``, whose last word tells the kind, in a colour."""
    image = Image.new("RGBA", (WIDTH, HEIGHT))
    draw = _KINDS.get(name.rpartition(" ")[2], _shirt)
    draw(Ink(image), color)
    return image


def _darker(color: RGB) -> RGB:
    red, green, blue = (int(0.78 * value) for value in color)
    return red, green, blue
