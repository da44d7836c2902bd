"""Scenes: what stands where on which background, as a small record that can be drawn and put into words."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final, Literal

from sdjp_training.scenes import people
from sdjp_training.scenes.artwork import Artwork, Concept
from sdjp_training.scenes.people import ANIMALS, PEOPLE, PLAIN_PEOPLE
from sdjp_training.scenes.places import COLORS, PLACES
from sdjp_training.scenes.riding import HELD, MOUNTS, RIDERS, SEATS
from sdjp_training.scenes.styles import OTHERS, PLAIN, STYLES
from sdjp_training.scenes.tints import TINTS

Layout = Literal[
    "empty", "single", "big", "small", "left", "right", "two", "three", "four", "five", "pair", "riding",
    "above", "holding",
]  # fmt: skip
LAYOUTS: Final[dict[Layout, int]] = {
    "empty": 3, "single": 34, "big": 4, "small": 4, "left": 3, "right": 3, "two": 7, "three": 6, "four": 5,
    "five": 5, "pair": 15, "riding": 6, "above": 2,
    "holding": 3,
}  # fmt: skip
"""How the subjects of a scene stand, and how often it is so, out of a hundred. What a layout does to a
drawing has to be seen of each drawing several times, or a model answers with a blur."""
COUNTS: Final[dict[Layout, str]] = {"two": "two", "three": "three", "four": "four", "five": "five"}
"""Layouts of several of one thing, and the English of the number."""
STYLED: Final = 0.3
"""Share of scenes in another style than the plain one."""
TINTED: Final = 0.15
"""Share of things in another colour than their own, where they may have one."""
PERSONS: Final = 0.14
"""Share of scenes with one subject that show someone of whom much can be said, beside those by chance."""
DRESSED: Final = 0.2
"""Share of animals that wear something, where they can, and of things that an animal holds."""
COLORLESS: Final = ("person", "food", "weather", "nature", "japan", "🚲", "🐼")
"""Kinds of things that are not asked for in other colours, and things whose main colour is not meant."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One scene.

    Attributes:
        emojis: The subjects. ``riding``: rider then mount; ``above``: the upper, then the lower;
            ``pair``: the left, then the right; ``empty``: none; ``holding``: who, then what.
        layout: How they stand.
        place: Name of a colour or place in :mod:`sdjp_training.scenes.places`.
        style: How the picture is drawn.
        looks: How each subject looks, "" as it does by itself; nothing of none.
    """

    emojis: tuple[str, ...]
    layout: Layout = "single"
    place: str = "white"
    style: str = PLAIN
    looks: tuple[str, ...] = ()

    @property
    def subjects(self) -> tuple[tuple[str, str], ...]:
        """The emoji of each subject, and how it looks."""
        return tuple(zip(self.emojis, self.looks or ("",) * len(self.emojis), strict=True))


def sample(artwork: Artwork, rng: random.Random) -> Scene:
    """Draw a random scene, of the mix that prompts have: mostly one subject, mostly plain."""
    layout = rng.choices(list(LAYOUTS), weights=list(LAYOUTS.values()))[0]
    place = _place(layout, rng)
    style = rng.choice(OTHERS) if rng.random() < STYLED else PLAIN
    emojis = _subjects(layout, artwork, rng)
    if len(set(emojis)) < len(emojis):
        emojis, layout = emojis[:1], "single"
    dressed = layout in ("single", "left", "right", "two", "pair")
    looks = tuple(_look(artwork.concepts[artwork.index[emoji]], style, dressed, rng) for emoji in emojis)
    looks = looks if any(looks) else ()
    return Scene(emojis=emojis, layout=layout, place=place, style=style, looks=looks)


def _place(layout: Layout, rng: random.Random) -> str:
    if layout == "empty":
        return rng.choice(list(PLACES))
    r = rng.random()
    if r < 0.42:
        return "white"
    return rng.choice(list(PLACES)) if r < 0.82 else rng.choice(list(COLORS))


def _subjects(layout: Layout, artwork: Artwork, rng: random.Random) -> tuple[str, ...]:
    every = [c.emoji for c in artwork.concepts]
    riders = [emoji for emoji in RIDERS if emoji in artwork.index]
    if layout == "empty":
        return ()
    if layout == "riding":
        return rng.choice(riders), rng.choice([emoji for emoji in MOUNTS if emoji in artwork.index])
    if layout == "holding":
        thing = rng.choice([emoji for emoji in HELD if emoji in artwork.index])
        who = HELD[thing].who
        if not who and rng.random() < DRESSED:
            return rng.choice(
                [emoji for emoji in ANIMALS if emoji in artwork.index and emoji != thing]
            ), thing
        able = [emoji for emoji, person in PEOPLE.items() if not who or person.letter in who]
        return rng.choice([emoji for emoji in able if emoji in artwork.index]), thing
    if layout == "above":
        lying = [emoji for emoji in riders if RIDERS[emoji].leg is None]
        return rng.choice(lying), rng.choice([emoji for emoji in SEATS if emoji in artwork.index])
    if layout == "single" and rng.random() < PERSONS:
        return (rng.choice([emoji for emoji in PLAIN_PEOPLE if emoji in artwork.index]),)
    return tuple(rng.sample(every, 2 if layout == "pair" else 1))


def _look(concept: Concept, style: str, dressed: bool, rng: random.Random) -> str:
    """What is said of how a person looks, what an animal wears where it may, or a colour of a thing, but not
    one that its name says already; mostly none.
    """
    if concept.emoji in PEOPLE:
        return people.look(concept.emoji, rng)
    if concept.emoji in ANIMALS and dressed and rng.random() < DRESSED:
        return people.animal_look(rng)
    if not STYLES[style].tinted:
        return ""
    if {concept.kind, concept.emoji} & set(COLORLESS) or rng.random() >= TINTED:
        return ""
    color = rng.choice(list(TINTS))
    said = " ".join(concept.names)
    return "" if any(name in said for name in TINTS) else color
