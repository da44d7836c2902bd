"""People put together of the 3D heads: hair of any colour and cut, moods, glasses, hats, clothes.

Axes: drawings are (h, w, 4) uint8 RGBA.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from sdjp_training.scenes import clothes, faces
from sdjp_training.scenes.faces import FACES, Face
from sdjp_training.scenes.ink import RGB, Ink
from sdjp_training.scenes.pixels import Drawing, trimmed
from sdjp_training.scenes.tables import rows, ways


class Person(NamedTuple):
    """One of those that can look in different ways.

    Attributes:
        letter: Of those who have a trait, in ``people.tsv``.
        head: The head by itself.
        cuts: Other heads, by the name of the cut.
        shirt: The colour of what is worn where nothing is said.
        always: What goes without saying: names of traits, or of things drawn on the head.
    """

    letter: str
    head: str
    cuts: Mapping[str, str]
    shirt: RGB
    always: tuple[str, ...] = ()


class Animal(NamedTuple):
    """A row of ``animals.tsv``.

    Attributes:
        head: The drawing of its head alone.
        face: Where its eyes are.
        top: How far down its head begins.
    """

    head: str
    face: Face
    top: int


class Trait(NamedTuple):
    """A row of ``people.tsv``.

    Attributes:
        sort: Of which one person has one.
        who: Letters of those who can have it.
        color: Of hair or clothes.
        english: Ways to say it after a person, or, in braces, before.
        japanese: Ways to say it before a person.
    """

    sort: str
    who: str
    color: RGB | None
    english: tuple[str, ...]
    japanese: tuple[str, ...]


def _rgb(cell: str) -> RGB | None:
    if not cell:
        return None
    red, green, blue = map(int, cell.split())
    return red, green, blue


TRAITS: Final = {
    name: Trait(sort, who, _rgb(color), ways(english), ways(japanese))
    for name, sort, who, color, english, japanese in rows("people.tsv")
}
BLACK: Final = (38, 36, 40)
"""The colour of the hair of the heads."""
_WOMAN: Final = {"long": "👩", "short": "🧑", "curly": "👩‍🦱", "ponytail": "🧑", "twintails": "👧"}
_GIRL: Final = {**_WOMAN, "short": "🧒", "ponytail": "🧒"}
PEOPLE: Final = {
    "👩": Person("f", "👩", _WOMAN, (150, 96, 206)),
    "👨": Person("m", "👨", {"curly": "👨‍🦱", "bald": "👨‍🦲", "beard": "🧔‍♂️"}, (64, 120, 206)),
    "👧": Person("g", "👧", _GIRL, (250, 128, 170)),
    "👦": Person("k", "👦", {}, (74, 172, 120)),
    "🧒": Person("c", "🧒", {}, (250, 176, 64)),
    "👶": Person("b", "👶", {}, (150, 206, 246)),
    "👴": Person("o", "👴", {}, (128, 112, 92)),
    "👵": Person("w", "👵", {}, (172, 96, 120)),
    "👨+samurai": Person("x", "👨", {}, BLACK, ("samurai robe", "topknot", "sword")),
    "👨+monk": Person("x", "👨‍🦲", {}, BLACK, ("monk robe",)),
    "👩+miko": Person("x", "👩", {}, BLACK, ("miko kimono",)),
    "👩+maiko": Person("x", "👩", {}, BLACK, ("maiko kimono", "hairpin")),
    "👩+maid": Person("x", "👩", {}, BLACK, ("maid", "headdress")),
}
"""By emoji."""
PLAIN_PEOPLE: Final = tuple(emoji for emoji, person in PEOPLE.items() if not person.always)
"""Those of whom anything can be said."""
ANIMALS: Final = {
    emoji: Animal(head, Face(int(across), int(eyes), 0, 0), int(top))
    for emoji, head, across, eyes, top in rows("animals.tsv")
}
"""Animals that can be dressed, by emoji."""
PARTS: Final = (*FACES, "👒", "🧢", "👑", *(animal.head for animal in ANIMALS.values()))
"""Drawings of the 3D set that people are put together of."""
HATS: Final = {"straw hat": ("👒", 256, 150, 98), "cap": ("🧢", 210, 128, 92), "crown": ("👑", 150, 116, 62)}
"""What is worn on the head: its drawing, its width and height, and how far down it reaches."""
LOOKS: Final = (0.2, 0.42, 0.28, 0.1)
"""Shares of people of whom nothing, one, two, three things are said."""
TAGS: Final = 0.15
"""Share of people of whom things are said as tags: a girl, blue hair, glasses."""
BEHIND: Final = 64
"""Rows above a head, for what is on it."""

_CUTS: Final = ("with long hair", "with short hair", "with curly hair")
_TAILS: Final = ("with a ponytail", "with twintails", "with pigtails")
_AFTER: Final = re.compile(r"^(with|wearing|in) (an? )?")
_BEARD: Final = "🧔‍♂️"
_HAIRLINE: Final = 30  # how far down the head of a person begins
_LASHES: Final = ("👩", "👧", "👵")
_WHITE: Final = (236, 236, 242)


def look(emoji: str, rng: random.Random) -> str:
    """Some things to say of a person, as a look of a scene."""
    person = PEOPLE[emoji]
    count = rng.choices(range(len(LOOKS)), weights=LOOKS)[0]
    sorts: dict[str, list[str]] = {}
    for name, trait in TRAITS.items():
        if person.letter in trait.who:
            sorts.setdefault(trait.sort, []).append(name)
    chosen = rng.sample(sorted(sorts), min(count, len(sorts)))
    return ", ".join(rng.choice(sorts[sort]) for sort in sorted(chosen))


def animal_look(rng: random.Random) -> str:
    """Something that an animal wears."""
    return rng.choice([name for name, trait in TRAITS.items() if "a" in trait.who])


def english(noun: str, look: str, rng: random.Random) -> str:
    """Say of a person how they look, without an article: smiling woman with long blue hair."""
    said = traits(look)
    ways = [rng.choice(trait.english) for trait in said.values()]
    before = [way.strip("{}") for way in ways if way.startswith("{")]
    after = _together([way for way in ways if not way.startswith("{")], rng)
    if after and rng.random() < TAGS:
        return ", ".join([" ".join([*before, noun]), *(_AFTER.sub("", way) for way in after)])
    phrases = []
    for word in ("with", "wearing", "in"):
        things = [way.removeprefix(f"{word} ") for way in after if way.startswith(f"{word} ")]
        if things:
            phrases.append(f"{word} {' and '.join(things)}")
    return " ".join([*before, noun, *phrases])


def _together(ways: list[str], rng: random.Random) -> list[str]:
    """Say colour and cut of hair in one, mostly: long blue hair, a blue ponytail."""
    cut = next((way for way in ways if way in (*_CUTS, *_TAILS)), "")
    color = next((way for way in ways if way.endswith(" hair") and way != cut), "")
    if not color or not cut or rng.random() < 0.2:
        return ways
    name, kind = color.removeprefix("with ").removesuffix(" hair"), cut.removeprefix("with ")
    if cut in _TAILS:
        both = f"with a {name} {kind[2:]}" if kind.startswith("a ") else f"with {name} {kind}"
    else:
        length = kind.removesuffix(" hair")
        both = f"with {length} {name} hair" if rng.random() < 0.75 else f"with {name} {length} hair"
    return [both, *(way for way in ways if way not in (color, cut))]


def japanese(noun: str, look: str, rng: random.Random) -> str:
    """The same in Japanese."""
    return "".join(rng.choice(trait.japanese) for trait in traits(look).values()) + noun


def traits(look: str) -> dict[str, Trait]:
    """The traits that a look is made of, by name."""
    return {name: TRAITS[name] for name in look.split(", ") if name}


class Crowd:
    """Everyone that can be put together of some drawings.

    Args:
        parts: The drawings, those of :data:`PARTS`.
    """

    def __init__(self, parts: Mapping[str, Drawing]) -> None:
        self.parts = parts
        self.hair = cache(self._hair)
        self.draw = lru_cache(maxsize=128)(self._draw)
        """As :meth:`_draw`; those that were asked for lately are kept."""

    def _hair(self, head: str) -> NDArray[np.bool_]:
        """Where hair is on a head: dark without a hue, and larger than brows or eyes are."""
        x = self.parts[head]
        dark = (x[..., :3].mean(axis=2) < 120) & (np.ptp(x[..., :3], axis=2) < 40) & (x[..., 3] > 20)
        return _large(dark)

    def _draw(self, emoji: str, look: str, flat: bool = False) -> Drawing:
        """A person of head and shoulders who looks so; a flat one has skin of one colour."""
        person = PEOPLE[emoji]
        said = {**{name: TRAITS[name] for name in person.always if name in TRAITS}, **traits(look)}
        names = frozenset({*person.always, *said})
        head = next((person.cuts[name] for name in names if name in person.cuts), person.head)
        colors = {trait.sort: trait.color for trait in said.values() if trait.color is not None}
        hair = colors.get("hair", BLACK)
        drawing = self.parts[head]
        if flat:
            drawing = faces.with_even_skin(drawing)
        if person.letter == "o" and "beard" in names:
            drawing = self._bearded(drawing)
        before = drawing
        drawing = faces.redrawn(drawing, FACES[head], names, lashes=person.head in _LASHES)
        if hair != BLACK:
            free = (drawing == before).all(axis=2)  # of glasses
            drawing = dyed(drawing, self.hair(head) & free, hair)
        worn = next((name for name, trait in said.items() if trait.sort == "dress"), "")
        figure = Image.new("RGBA", (clothes.WIDTH, BEHIND + clothes.HEIGHT))
        if "ponytail" in names:
            _ponytail(Ink(figure), hair)
        figure.alpha_composite(clothes.shoulders(worn, colors.get("dress", person.shirt)), (0, BEHIND))
        figure.alpha_composite(Image.fromarray(drawing), (0, BEHIND))
        for name, draw in _BESIDES.items():
            if name in names:
                draw(Ink(figure), hair)
        self._put_hat(figure, names, 0)
        return np.asarray(figure)

    def animal(self, emoji: str, look: str) -> Drawing:
        """An animal of head and shoulders that is dressed so; else it has shoulders of its own colour."""
        animal, said = ANIMALS[emoji], traits(look)
        names = frozenset(said)
        head = self.parts[animal.head]
        red, green, blue = np.median(head[head[..., 3] > 200][:, :3], axis=0).astype(int).tolist()
        worn = next((name for name, trait in said.items() if trait.sort == "dress"), "fur")
        color = TRAITS[worn].color if worn in TRAITS else None
        figure = Image.new("RGBA", (clothes.WIDTH, BEHIND + clothes.HEIGHT))
        figure.alpha_composite(clothes.shoulders(worn, color or (red, green, blue)), (0, BEHIND))
        figure.alpha_composite(Image.fromarray(faces.dressed(head, animal.face, names)), (0, BEHIND))
        self._put_hat(figure, names, animal.top - _HAIRLINE)
        return np.asarray(figure)

    def _put_hat(self, figure: Image.Image, names: frozenset[str], lower: int) -> None:
        """Put a hat that is among ``names`` on a figure, so much lower than on a person."""
        for name, (hat, wide, tall, bottom) in HATS.items():
            if name in names:
                fit = Image.fromarray(trimmed(self.parts[hat])).resize((wide, tall), Image.Resampling.LANCZOS)
                figure.alpha_composite(fit, (faces.MIDDLE - wide // 2, BEHIND + bottom + lower - tall))

    def _bearded(self, drawing: Drawing) -> Drawing:
        """Give an old man the beard of a young one, in white."""
        mask = self.hair(_BEARD).copy()
        mask[: FACES[_BEARD].eyes + 20] = False
        inside = Image.fromarray((255 * mask).astype(np.uint8)).filter(ImageFilter.MinFilter(5))
        beard = Image.fromarray(dyed(self.parts[_BEARD], mask, _WHITE))
        beard.putalpha(inside.filter(ImageFilter.GaussianBlur(1)))
        image = Image.fromarray(drawing)
        image.alpha_composite(beard)
        return np.asarray(image)


def dyed(drawing: Drawing, hair: NDArray[np.bool_], color: RGB) -> Drawing:
    """Give black hair, where it is, another colour."""
    if not hair.any():
        return drawing
    x = drawing[..., :3].astype("f4")
    light = x.mean(axis=2)
    near = Image.fromarray((255 * hair).astype(np.uint8)).filter(ImageFilter.MaxFilter(3))
    share = np.asarray(near, "f4") / 255 * np.clip((150 - light) / 40, 0, 1)
    shade = light / max(float(np.median(light[hair])), 8)
    dye = np.array(color, "f4")
    new = dye * np.clip(0.72 + 0.28 * shade, 0, 1)[..., None]
    new = new + (255 - new) * np.clip((shade - 1) * 0.10, 0, 0.35)[..., None]
    mixed = x + (np.clip(new, 0, 255) - x) * share[..., None]
    return np.dstack([mixed.astype(np.uint8), drawing[..., 3]])


def _large(dark: NDArray[np.bool_], least: int = 900) -> NDArray[np.bool_]:
    """Those parts of a mask that hang together and are large: hair, and no brows or eyes."""
    left, found = Image.fromarray((255 * dark).astype(np.uint8)), np.zeros_like(dark)
    for y in range(0, dark.shape[0], 6):
        for x in range(0, dark.shape[1], 6):
            if left.getpixel((x, y)) == 255:
                ImageDraw.floodfill(left, (x, y), 128)
                part = np.asarray(left) == 128
                found |= part if part.sum() >= least else False
                left.paste(0, mask=Image.fromarray((255 * part).astype(np.uint8)))
    return found


def _ponytail(ink: Ink, color: RGB) -> None:
    tail = [(176, BEHIND + 34), (226, BEHIND + 40), (240, BEHIND + 110), (226, BEHIND + 200)]

    def draw(d: ImageDraw.ImageDraw) -> None:
        d.line(tail, 255, 44, "curve")
        for x, y in tail:
            d.ellipse((x - 22, y - 22, x + 22, y + 22), fill=255)

    ink.body(draw, color)
    ink.disc(196, BEHIND + 32, 13, 17, (232, 60, 80))


def _cat_ears(ink: Ink, color: RGB) -> None:
    for way in (-1, 1):
        x = faces.MIDDLE + way * 66
        ear = [(x - 36, BEHIND + 52), (x + way * 22, BEHIND - 44), (x + 36, BEHIND + 60)]
        ink.body(lambda d, ear=ear: d.polygon(ear, fill=255), color)  # type: ignore[misc]
        inner = [(x - 17, BEHIND + 36), (x + way * 14, BEHIND - 14), (x + 19, BEHIND + 40)]
        ink.area(inner, (250, 176, 196))


def _topknot(ink: Ink, color: RGB) -> None:
    ink.body(lambda d: d.ellipse((92, BEHIND - 34, 164, BEHIND + 30), fill=255), color)
    ink.line([(98, BEHIND + 22), (158, BEHIND + 22)], (240, 240, 244), 9)


def _sword(ink: Ink, _: RGB) -> None:
    for start, end, color, width in (
        ((214, 290), (232, 236), (60, 56, 70), 19), ((204, 296), (228, 304), (226, 180, 60), 11),
    ):  # fmt: skip
        ink.line([(start[0], BEHIND + start[1] - 40), (end[0], BEHIND + end[1] - 40)], color, width)


def _hairpin(ink: Ink, color: RGB) -> None:
    ink.body(lambda d: d.ellipse((76, BEHIND - 26, 180, BEHIND + 44), fill=255), color)
    for x, y in ((66, BEHIND + 44), (88, BEHIND + 22), (48, BEHIND + 66)):
        for angle in np.linspace(0, 2 * np.pi, 5, endpoint=False):
            ink.disc(x + 11 * float(np.cos(angle)), y + 11 * float(np.sin(angle)), 9, 9, (250, 110, 150))
        ink.disc(x, y, 7, 7, (255, 226, 110))


def _headdress(ink: Ink, _: RGB) -> None:
    for x in range(58, 206, 20):
        y = BEHIND + 38 + (x - faces.MIDDLE) ** 2 / 180
        ink.disc(x, y - 6, 14, 14, (250, 250, 253))
    ink.line([(52, BEHIND + 72), (92, BEHIND + 50), (164, BEHIND + 50), (204, BEHIND + 72)], (60, 58, 70), 8)


_BESIDES: Final = {
    "cat ears": _cat_ears,
    "topknot": _topknot,
    "sword": _sword,
    "hairpin": _hairpin,
    "headdress": _headdress,
}
