"""Scenes in words, the many ways people write prompts."""

from __future__ import annotations

import random
import re
from functools import cache
from typing import Final

from sdjp.text.translate.lexicon import LexiconTranslator
from sdjp_training.scenes import people
from sdjp_training.scenes.artwork import Artwork, Concept
from sdjp_training.scenes.composition import COUNTS, Scene, sample
from sdjp_training.scenes.nouns import MASS, UNIQUE, article, plural
from sdjp_training.scenes.people import PEOPLE
from sdjp_training.scenes.places import PLACES
from sdjp_training.scenes.riding import HELD, HOLDING
from sdjp_training.scenes.styles import STYLES
from sdjp_training.scenes.tints import TINTS

PREFIXES: Final = (
    "a picture of", "an illustration of", "a photo of", "a drawing of", "a close-up photo of", "an image of",
)  # fmt: skip
PORTRAITS: Final = (*PREFIXES, "a portrait of", "a portrait of", "the face of", "a close-up of")
"""The same of people."""
ADJECTIVES: Final = ("cute", "beautiful", "cool", "lovely", "young", "fluffy", "colorful", "happy", "little")
QUALITY: Final = (
    "best quality", "masterpiece", "high quality", "highly detailed", "4K", "8k", "illustration",
    "anime style", "soft light", "cinematic lighting", "digital art", "simple", "detailed",
)  # fmt: skip
SIDES: Final = 0.3
"""Share of pairs of which it is said what is on which side."""


@cache
def translated(every: tuple[Concept, ...]) -> dict[str, str]:
    """The English that the translator gives to the Japanese name of a concept, where that is none of its
    English names: いちご comes as strawberries. By emoji.
    """
    found = LexiconTranslator().translate([c.japanese for c in every])
    return {
        c.emoji: t.english
        for c, t in zip(every, found, strict=True)
        if t.english.lower() not in {name.lower() for name in c.names}
    }


def caption(scene: Scene, artwork: Artwork, rng: random.Random) -> str:
    """Say ``scene`` in one of the ways people do."""
    tags = rng.random() < 0.3
    parts: list[str] = []
    if scene.layout == "empty":
        subject = rng.choice(PLACES[scene.place].alone)
        if rng.random() < 0.15:
            subject = f"{rng.choice(PREFIXES)} {subject}"
    else:
        subject = _subject(scene, artwork, rng)
        if scene.place in PLACES:
            place = PLACES[scene.place]
            if tags:
                parts.append(rng.choice(place.tags))
            else:
                subject = f"{subject} {rng.choice(place.english)}"
        elif scene.place != "white" or rng.random() < 0.15:
            if tags:
                parts.append(f"{scene.place} background")
            else:
                before = rng.choice(("on", "with", "against"))
                subject = f"{subject} {before} {article(scene.place)} background"
    subject = in_style(rng.choice(STYLES[scene.style].english), subject)
    if rng.random() < 0.15:
        parts += rng.sample(QUALITY, rng.randint(1, 3))
    rng.shuffle(parts)
    at = 0 if rng.random() < 0.7 else rng.randint(0, len(parts))
    parts.insert(at, subject)
    return ", ".join(parts)


def _subject(scene: Scene, artwork: Artwork, rng: random.Random) -> str:
    """What stands in ``scene``, and how."""

    def name(index: int) -> str:
        emoji, look = scene.subjects[index]
        names = artwork.concepts[artwork.index[emoji]].names
        noun = names[0] if rng.random() < 0.75 else rng.choice(names)
        return f"{look} {noun}" if look in TINTS else people.english(noun, look, rng)

    def one(index: int) -> str:
        noun = name(index)
        if rng.random() < 0.08 and noun not in UNIQUE and noun not in MASS:
            noun = f"{rng.choice(ADJECTIVES)} {noun}"
        bare = rng.random() < 0.15
        return noun if bare else article(noun)

    layout = scene.layout
    if layout in COUNTS:
        return f"{COUNTS[layout]} {plural(name(0))}"
    if layout == "pair":
        a, b = one(0), one(1)
        together = (f"{a} and {b}",) * 4 + (f"{a} next to {b}", f"{a} with {b}", f"{a}, {b}")
        sides = (
            f"{a} on the left, {b} on the right", f"{a} on the left, {b} on the right",
            f"{a} on the left and {b} on the right", f"{b} on the right, {a} on the left",
            f"{b} on the right and {a} on the left", f"{a} on the left of {b}", f"{b} on the right of {a}",
        )  # fmt: skip
        return rng.choice(sides if rng.random() < SIDES else together)
    if layout == "riding":
        return f"{one(0)} {rng.choice(('riding', 'riding', 'riding', 'riding on', 'on'))} {one(1)}"
    if layout == "holding":
        way = rng.choice(HELD.get(scene.emojis[1], HOLDING).english)
        thing = name(1)
        return f"{one(0)} {way.format(article(thing), bare=thing)}"
    if layout == "above":
        return f"{one(0)} {rng.choice(('on', 'on top of', 'above', 'sitting on'))} {one(1)}"
    if layout == "big":
        return article(f"{rng.choice(('big', 'giant', 'huge', 'large'))} {name(0)}")
    if layout == "small":
        return article(f"{rng.choice(('small', 'tiny'))} {name(0)}")
    if layout in ("left", "right"):
        return f"{one(0)} on the {layout}"
    heard = None if any(scene.looks) else translated(artwork.concepts).get(scene.emojis[0])
    subject = heard if heard is not None and rng.random() < 0.4 else one(0)
    prefixes = PORTRAITS if scene.emojis[0] in PEOPLE else PREFIXES
    return f"{rng.choice(prefixes)} {subject}" if rng.random() < 0.15 else subject


def in_style(phrase: str, subject: str) -> str:
    """Put ``subject`` into a phrase; without its article after that of the phrase, as in "a neon cat"."""
    if phrase.startswith(("a ", "an ")) and not phrase.endswith(" of {}"):
        bare = re.sub(r"^(an?|the) ", "", subject)
        phrase = phrase if bare != subject else phrase.partition(" ")[2]
        subject = bare
    return phrase.format(subject)


def vocabulary(artwork: Artwork, n: int = 60000) -> set[str]:
    """Every word that captions use, for the byte-pair table of the embedded model."""
    rng = random.Random(0)
    words: set[str] = set()
    for _ in range(n):
        words.update(caption(sample(artwork, rng), artwork, rng).replace(",", " ").split())
    for concept in artwork.concepts:
        for noun in concept.names:
            words.update(noun.split(), plural(noun).split())
    return words
