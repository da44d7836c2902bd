"""Scenes in words, the many ways people write prompts."""

from __future__ import annotations

import random
import re
from functools import cache
from typing import Final

from sdjp.text.translate.lexicon import LexiconTranslator
from sdjp_training.scenes.artwork import Artwork, Concept
from sdjp_training.scenes.composition import Scene, sample
from sdjp_training.scenes.nouns import MASS, UNIQUE, article, plural
from sdjp_training.scenes.places import COLORS, PLACES
from sdjp_training.scenes.styles import STYLES

PREFIXES: Final = (
    "a picture of", "an illustration of", "a photo of", "a drawing of", "a close-up photo of", "an image of",
)  # fmt: skip
ADJECTIVES: Final = ("cute", "beautiful", "cool", "lovely", "young", "fluffy", "colorful", "happy", "little")
QUALITY: Final = (
    "best quality", "masterpiece", "high quality", "highly detailed", "4K", "8k", "illustration",
    "anime style", "soft light", "cinematic lighting", "digital art", "simple", "detailed",
)  # fmt: skip


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

    def name(emoji: str) -> str:
        names = artwork.concepts[artwork.index[emoji]].names
        return names[0] if rng.random() < 0.75 else rng.choice(names)

    def one(emoji: str) -> str:
        noun = name(emoji)
        if rng.random() < 0.08 and noun not in UNIQUE and noun not in MASS:
            noun = f"{rng.choice(ADJECTIVES)} {noun}"
        bare = rng.random() < 0.15
        return noun if bare else article(noun)

    first = scene.emojis[0]
    tags = rng.random() < 0.3
    if scene.layout == "two":
        subject = f"two {plural(name(first))}"
    elif scene.layout == "three":
        subject = f"three {plural(name(first))}"
    elif scene.layout == "pair":
        a, b = (one(e) for e in scene.emojis)
        subject = rng.choice((f"{a} and {b}",) * 4 + (f"{a} next to {b}", f"{a} with {b}", f"{a}, {b}"))
    elif scene.layout == "riding":
        rider = one(first)
        verb = rng.choice(("riding", "riding", "riding", "riding on", "on"))
        subject = f"{rider} {verb} {one(scene.emojis[1])}"
    elif scene.layout == "above":
        subject = (
            f"{one(first)} {rng.choice(('on', 'on top of', 'above', 'sitting on'))} {one(scene.emojis[1])}"
        )
    elif scene.layout == "big":
        subject = article(f"{rng.choice(('big', 'giant', 'huge', 'large'))} {name(first)}")
    elif scene.layout == "small":
        subject = article(f"{rng.choice(('small', 'tiny'))} {name(first)}")
    elif scene.layout in ("left", "right"):
        subject = f"{one(first)} on the {scene.layout}"
    else:
        heard = translated(artwork.concepts).get(first)
        subject = heard if heard is not None and rng.random() < 0.4 else one(first)
        if rng.random() < 0.15:
            subject = f"{rng.choice(PREFIXES)} {subject}"

    parts: list[str] = []
    if scene.place in COLORS:
        if scene.place != "white" or rng.random() < 0.15:
            color = scene.place
            if tags:
                parts.append(f"{color} background")
            else:
                subject = f"{subject} {rng.choice(('on', 'with', 'against'))} {article(color)} background"
    else:
        place = PLACES[scene.place]
        if tags:
            parts.append(rng.choice(place.tags))
        else:
            subject = f"{subject} {rng.choice(place.english)}"
    subject = in_style(rng.choice(STYLES[scene.style].english), subject)
    if rng.random() < 0.15:
        parts += rng.sample(QUALITY, rng.randint(1, 3))
    rng.shuffle(parts)
    at = 0 if rng.random() < 0.7 else rng.randint(0, len(parts))
    parts.insert(at, subject)
    return ", ".join(parts)


def in_style(phrase: str, subject: str) -> str:
    """Put ``subject`` into a phrase; without its article after that of the phrase, as in "a neon cat"."""
    if phrase.startswith(("a ", "an ")) and not phrase.endswith(" of {}"):
        subject = re.sub(r"^(an?|the) ", "", subject)
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
