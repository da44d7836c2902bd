"""What the embedded model is asked for when it is measured: prompts in Japanese, and the scene that each
means.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from sdjp_training.scenes import keywords, people
from sdjp_training.scenes.artwork import Artwork, Concept
from sdjp_training.scenes.composition import COUNTS, Layout, Scene
from sdjp_training.scenes.japanese import standing
from sdjp_training.scenes.people import PEOPLE, PLAIN_PEOPLE
from sdjp_training.scenes.places import PLACES
from sdjp_training.scenes.places import QUESTIONS as PLACE_QUESTIONS
from sdjp_training.scenes.riding import MOUNTS, RIDERS
from sdjp_training.scenes.styles import OTHERS, STYLES

T = TypeVar("T")

SIDES: Final[tuple[tuple[Layout, str], ...]] = (("left", "左"), ("right", "右"))
NOUNS: Final = 64
"""Subjects alone, drawn by chance once and for all, that distances are measured on and a panel sees."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A prompt, and what its picture has to show.

    Attributes:
        kind: ``"single"``, ``"place"``, ``"pair"``, ``"riding"``, ``"count"``, ``"side"``, ``"sides"``,
            ``"style"``, ``"person"``, ``"empty"`` or ``"word"``.
        prompt: In Japanese.
        scene: What it means; what the prompt does not say is as in most scenes.
    """

    kind: str
    prompt: str
    scene: Scene

    @property
    def subjects(self) -> tuple[str, ...]:
        """Their emojis."""
        return self.scene.emojis

    @property
    def place(self) -> str | None:
        """The background, where the prompt names one."""
        return self.scene.place if self.kind in ("place", "empty") else None

    @property
    def side(self) -> str | None:
        """``"left"`` or ``"right"``, where the prompt names one of a single subject."""
        return self.scene.layout if self.kind == "side" else None

    @property
    def style(self) -> str | None:
        """How it is drawn, where the prompt says so."""
        return self.scene.style if self.kind == "style" else None


def nouns(artwork: Artwork, count: int | None = NOUNS) -> list[Question]:
    """Subjects alone, chosen by chance, always the same; all if ``count`` is None."""
    every = list(artwork.concepts)
    chosen = every if count is None else random.Random("nouns").sample(every, count)
    return [_single(concept) for concept in chosen]


def others(artwork: Artwork, count: int = 60) -> list[Question]:
    """``count`` prompts of each other kind, always the same."""
    rng = random.Random("questions")
    every = artwork.concepts
    asked = []
    for place, phrase in _circled(list(PLACE_QUESTIONS.items()), count):
        concept = rng.choice(every)
        scene = Scene(emojis=(concept.emoji,), place=place)
        asked.append(Question(kind="place", prompt=phrase.format(concept.japanese), scene=scene))
    for _ in range(count):
        a, b = rng.sample(every, 2)
        asked.append(_two("pair", "pair", f"{a.japanese}と{b.japanese}", a, b))
    riders, mounts = (
        [every[artwork.index[emoji]] for emoji in table if emoji in artwork.index]
        for table in (RIDERS, MOUNTS)
    )
    for _ in range(count):
        mount = rng.choice(mounts)
        rider = rng.choice([c for c in riders if c is not mount])
        asked.append(_two("riding", "riding", f"{mount.japanese}に乗る{rider.japanese}", rider, mount))
    for side, word in _circled(SIDES, count):
        concept = rng.choice(every)
        scene = Scene(emojis=(concept.emoji,), layout=side)
        asked.append(Question(kind="side", prompt=f"{word}側の{concept.japanese}", scene=scene))
    for style in _circled(OTHERS, count):
        concept = rng.choice(every)
        scene = Scene(emojis=(concept.emoji,), style=style)
        prompt = STYLES[style].question.format(concept.japanese)
        asked.append(Question(kind="style", prompt=prompt, scene=scene))
    things = [c for c in every if c.emoji not in PEOPLE]
    for layout in _circled(list(COUNTS), count):
        scene = Scene(emojis=(rng.choice(things).emoji,), layout=layout)
        asked.append(Question(kind="count", prompt=standing(scene, artwork, rng), scene=scene))
    for _ in range(count):
        a, b = rng.sample(every, 2)
        asked.append(_two("sides", "pair", f"左に{a.japanese}、右に{b.japanese}", a, b))
    for emoji in _circled([emoji for emoji in PLAIN_PEOPLE if emoji in artwork.index], count):
        scene = Scene(emojis=(emoji,), looks=(people.look(emoji, rng),))
        asked.append(Question(kind="person", prompt=standing(scene, artwork, rng), scene=scene))
    for name, words in _circled([(name, of.japanese_tags) for name, of in PLACES.items()], count):
        scene = Scene(emojis=(), layout="empty", place=name)
        asked.append(Question(kind="empty", prompt=words[0], scene=scene))
    return asked


def words_without_english(artwork: Artwork, packages: Path) -> list[Question]:
    """A prompt of each word that belongs to a concept and whose English the model does not know."""
    words = keywords.untranslatable(artwork, packages)
    return [Question(kind="word", prompt=word, scene=Scene(emojis=(emoji,))) for word, emoji in words.items()]


def _single(concept: Concept) -> Question:
    return Question(kind="single", prompt=concept.japanese, scene=Scene(emojis=(concept.emoji,)))


def _two(kind: str, layout: Layout, prompt: str, a: Concept, b: Concept) -> Question:
    return Question(kind=kind, prompt=prompt, scene=Scene(emojis=(a.emoji, b.emoji), layout=layout))


def _circled(values: Sequence[T], count: int) -> Iterator[T]:
    """``count`` of some values, one after the other, from the first again after the last."""
    return itertools.islice(itertools.cycle(values), count)
