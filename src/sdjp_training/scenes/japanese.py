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
from sdjp.text.script import is_japanese
from sdjp.text.translate.lexicon import LexiconTranslator
from sdjp_training.scenes import composition, people
from sdjp_training.scenes.artwork import Artwork, Concept
from sdjp_training.scenes.captions import SIDES
from sdjp_training.scenes.composition import COUNTS, Scene
from sdjp_training.scenes.places import COLORS, PLACES
from sdjp_training.scenes.riding import HELD, HOLDING
from sdjp_training.scenes.styles import STYLES
from sdjp_training.scenes.tints import TINTS

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
NUMBERS: Final = {"two": ("2", "二"), "three": ("3", "三"), "four": ("4", "四"), "five": ("5", "五")}
"""The numbers of layouts, as a digit and in kanji."""
SIZES: Final = {"big": ("大きな", "大きい", "巨大な"), "small": ("小さな", "小さい")}


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

    tags = rng.random() < 0.3
    parts: list[str] = []
    if scene.layout == "empty":
        subject = rng.choice(PLACES[scene.place].japanese_tags)
    else:
        subject = standing(scene, artwork, rng)
        if scene.place in PLACES:
            place = PLACES[scene.place]
            if tags:
                parts.append(rng.choice(place.japanese_tags))
            else:
                subject = rng.choice(place.japanese) + subject
        elif scene.place != "white" or rng.random() < 0.15:
            background = f"{rng.choice(COLORS[scene.place].japanese)}背景"
            if tags:
                parts.append(background)
            else:
                subject = rng.choice((f"{background}の{subject}", f"{background}に{subject}"))
    subject = rng.choice(STYLES[scene.style].japanese).format(subject)
    if rng.random() < 0.15:
        parts += rng.sample(QUALITY, rng.randint(1, 3))
    rng.shuffle(parts)
    parts.insert(0 if rng.random() < 0.7 else rng.randint(0, len(parts)), subject)
    return rng.choice(("、", "、", ", ", " ")).join(parts)


def standing(scene: Scene, artwork: Artwork, rng: random.Random) -> str:
    """What stands in ``scene``, and how."""

    def concept(index: int) -> Concept:
        return artwork.concepts[artwork.index[scene.emojis[index]]]

    def one(index: int) -> str:
        look, spelt = scene.subjects[index][1], names(concept(index))
        noun = spelt[0] if rng.random() < 0.8 else rng.choice(spelt)
        if look and look not in TINTS:
            return people.japanese(noun, look, rng)
        if look:
            return rng.choice(TINTS[look].japanese) + noun
        return f"{rng.choice(ADJECTIVES)}{noun}" if rng.random() < 0.08 else noun

    layout = scene.layout
    if layout in COUNTS:
        digit, kanji = NUMBERS[layout]
        counter = rng.choice(COUNTERS.get(concept(0).kind, ("つ", "個")))
        number = kanji if counter == "つ" else rng.choice((digit, kanji))
        return rng.choice((f"{number}{counter}の{one(0)}", f"{one(0)}が{number}{counter}"))
    if layout == "pair":
        a, b = one(0), one(1)
        if rng.random() < SIDES:
            return rng.choice((f"左に{a}、右に{b}", f"左側に{a}、右側に{b}", f"右に{b}、左に{a}"))
        return rng.choice((f"{a}と{b}",) * 4 + (f"{a}、{b}",))
    if layout == "riding":
        rider, mount = one(0), one(1)
        return rng.choice(
            (f"{mount}に乗る{rider}",) * 4
            + (f"{mount}に乗った{rider}", f"{rider}が{mount}に乗っている", f"{mount}に乗っている{rider}")
        )
    if layout == "holding":
        return rng.choice(HELD.get(scene.emojis[1], HOLDING).japanese).format(one(1)) + one(0)
    if layout == "above":
        return rng.choice((f"{one(1)}の上の{one(0)}", f"{one(1)}の上に座る{one(0)}"))
    if layout in ("big", "small"):
        return rng.choice(SIZES[layout]) + one(0)
    if layout in ("left", "right"):
        side = {"left": "左", "right": "右"}[layout]
        return rng.choice((f"{side}側の{one(0)}", f"{side}に{one(0)}"))
    subject = one(0)
    return rng.choice(PREFIXES).format(subject) if rng.random() < 0.1 else subject


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
            if is_japanese(said):  # a name in hiragana that the lexicon does not read
                continue
            if one is not None:
                text = text.replace(artwork.concepts[artwork.index[one[1]]].japanese, one[0])
            yield text, said


def _showing(scene: Scene, emoji: str) -> Scene:
    """The scene with another first subject, alone where there was none."""
    if emoji in scene.emojis:
        return scene
    layout = "single" if scene.layout == "empty" else scene.layout
    return dataclasses.replace(scene, emojis=(emoji, *scene.emojis[1:]), layout=layout, looks=())
