"""Scenes in Japanese, the many ways people write prompts: what the adapter learns to read.

The English of a prompt is what the product's own translator makes of it, so that what is drawn without a
translation is what would be drawn with one.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from sdjp.text import read
from sdjp.text.translate.lexicon import LexiconTranslator
from sdjp_training.scenes import composition
from sdjp_training.scenes.artwork import Artwork, Concept
from sdjp_training.scenes.composition import Scene
from sdjp_training.scenes.places import COLORS, PLACES
from sdjp_training.scenes.styles import STYLES

PREFIXES: Final = ("{}の絵", "{}の写真", "{}のイラスト", "{}を描いて")
ADJECTIVES: Final = (
    "かわいい", "きれいな", "かっこいい", "美しい", "若い", "ふわふわの", "カラフルな", "元気な",
)  # fmt: skip
QUALITY: Final = (
    "高画質", "最高品質", "傑作", "高精細", "4K", "8k", "イラスト", "アニメ調", "柔らかい光",
    "映画のような光", "デジタルアート", "シンプル", "best quality", "masterpiece",
)  # fmt: skip
OTHER_WORDS: Final = 0.1
"""Share of prompts in which a concept has another word than its name, where there are any."""
COUNTERS: Final = {
    "animal": ("匹", "匹", "頭"), "person": ("人",), "fantasy": ("匹", "人"), "vehicle": ("台",),
}  # fmt: skip


@cache
def names(concept: Concept) -> tuple[str, ...]:
    """The Japanese name, and its other spelling in kana where it stands for the same English."""
    shifted = "".join(_other_kana(c) for c in concept.japanese)
    translations = LexiconTranslator().translate([concept.japanese, shifted])
    same = translations[0].english == translations[1].english and shifted != concept.japanese
    return (concept.japanese, shifted) if same else (concept.japanese,)


def _other_kana(character: str) -> str:
    if "ァ" <= character <= "ヶ":
        return chr(ord(character) - 0x60)
    return chr(ord(character) + 0x60) if "ぁ" <= character <= "ゖ" else character


def prompt(scene: Scene, artwork: Artwork, rng: random.Random) -> str:
    """Say ``scene`` in one of the ways people do, in Japanese."""

    def concept(emoji: str) -> Concept:
        return artwork.concepts[artwork.index[emoji]]

    def one(emoji: str) -> str:
        spelt = names(concept(emoji))
        noun = spelt[0] if rng.random() < 0.8 else rng.choice(spelt)
        return f"{rng.choice(ADJECTIVES)}{noun}" if rng.random() < 0.08 else noun

    first, last = scene.emojis[0], scene.emojis[-1]
    if scene.layout in ("two", "three"):
        number = rng.choice(("2", "二") if scene.layout == "two" else ("3", "三"))
        counter = rng.choice(COUNTERS.get(concept(first).kind, ("つ", "個")))
        number = {"2": "二", "3": "三"}.get(number, number) if counter == "つ" else number
        subject = rng.choice((f"{number}{counter}の{one(first)}", f"{one(first)}が{number}{counter}"))
    elif scene.layout == "pair":
        subject = rng.choice((f"{one(first)}と{one(last)}",) * 4 + (f"{one(first)}、{one(last)}",))
    elif scene.layout == "riding":
        rider, mount = one(first), one(last)
        subject = rng.choice(
            (f"{mount}に乗る{rider}",) * 4
            + (f"{mount}に乗った{rider}", f"{rider}が{mount}に乗っている", f"{mount}に乗っている{rider}")
        )
    elif scene.layout == "above":
        subject = rng.choice((f"{one(last)}の上の{one(first)}", f"{one(last)}の上に座る{one(first)}"))
    elif scene.layout in ("big", "small"):
        sizes = ("大きな", "大きい", "巨大な") if scene.layout == "big" else ("小さな", "小さい")
        subject = rng.choice(sizes) + one(first)
    elif scene.layout in ("left", "right"):
        side = {"left": "左", "right": "右"}[scene.layout]
        subject = rng.choice((f"{side}側の{one(first)}", f"{side}に{one(first)}"))
    else:
        subject = one(first)
        if rng.random() < 0.1:
            subject = rng.choice(PREFIXES).format(subject)

    parts: list[str] = []
    tags = rng.random() < 0.3
    if scene.place in COLORS:
        if scene.place != "white" or rng.random() < 0.15:
            background = f"{rng.choice(COLORS[scene.place].japanese)}背景"
            if tags:
                parts.append(background)
            else:
                subject = rng.choice((f"{background}の{subject}", f"{background}に{subject}"))
    else:
        place = PLACES[scene.place]
        if tags:
            parts.append(rng.choice(place.japanese_tags))
        else:
            subject = rng.choice(place.japanese) + subject
    subject = rng.choice(STYLES[scene.style].japanese).format(subject)
    if rng.random() < 0.15:
        parts += rng.sample(QUALITY, rng.randint(1, 3))
    rng.shuffle(parts)
    parts.insert(0 if rng.random() < 0.7 else rng.randint(0, len(parts)), subject)
    return rng.choice(("、", "、", ", ", " ")).join(parts)


def pairs(
    artwork: Artwork, seed: int, *, words: Mapping[str, str] | None = None, batch: int = 64
) -> Iterator[tuple[str, str]]:
    """Yield prompts and what the lexicon makes of them, without end.

    Args:
        artwork: The things that scenes show.
        seed: Of the prompts.
        words: Further words, and the emoji of the concept whose name they stand for.
        batch: Prompts that are translated together.
    """
    rng = random.Random(seed)
    translator = LexiconTranslator()
    others = sorted((words or {}).items())
    while True:
        found = [composition.sample(artwork, rng) for _ in range(batch)]
        heard = [rng.choice(others) if others and rng.random() < OTHER_WORDS else None for _ in found]
        found = [
            scene if one is None else _showing(scene, one[1]) for scene, one in zip(found, heard, strict=True)
        ]
        texts = [prompt(scene, artwork, rng) for scene in found]
        english = read.to_english(texts, translator=translator)
        for text, one, said in zip(texts, heard, english, strict=True):
            if one is not None:
                text = text.replace(artwork.concepts[artwork.index[one[1]]].japanese, one[0])
            yield text, said


def _showing(scene: Scene, emoji: str) -> Scene:
    """The scene with another first subject."""
    if emoji in scene.emojis:
        return scene
    return dataclasses.replace(scene, emojis=(emoji, *scene.emojis[1:]))
