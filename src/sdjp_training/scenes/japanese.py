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
from sdjp_training.scenes.places import COLORS
from sdjp_training.scenes.styles import Style

# Of each place: before a subject, and as a tag.
PLACES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "night": (("夜の", "夜空の下の", "星空の下の", "月明かりの下の"), ("夜", "夜空", "星空", "真夜中")),
    "sky": (("青空の下の", "空を飛ぶ", "雲の上の", "空の"), ("青空", "空", "雲", "晴れた日")),
    "sea": (("海の上の", "海辺の", "海の", "水の上の", "湖の"), ("海", "海辺", "湖", "水面")),
    "underwater": (("水中の", "海の中の", "海底の"), ("水中", "海底", "深海")),
    "grass": (("草原の", "公園の", "野原の", "庭の", "草の上の"), ("草原", "公園", "野原", "庭")),
    "forest": (("森の中の", "森の", "林の中の", "木々の間の"), ("森", "林", "ジャングル")),
    "snow": (("雪の中の", "雪の上の", "冬の", "雪原の"), ("雪", "冬", "雪景色", "雪原")),
    "sunset": (("夕焼けの", "夕日の中の", "夕暮れの"), ("夕焼け", "夕日", "夕暮れ")),
    "beach": (("砂浜の", "浜辺の", "ビーチの"), ("砂浜", "ビーチ", "夏")),
    "desert": (("砂漠の", "砂漠の中の"), ("砂漠",)),
    "mountains": (("山の中の", "山の", "山の上の"), ("山", "山脈")),
    "city": (("街の", "街の中の", "都会の"), ("街", "都会", "街並み")),
    "city at night": (("夜の街の", "夜の都会の"), ("夜の街", "夜景")),
    "space": (("宇宙の", "宇宙空間の"), ("宇宙", "宇宙空間", "銀河")),
    "moon": (("月面の", "月の上の"), ("月面",)),
    "room": (("部屋の中の", "部屋の", "家の中の", "窓辺の"), ("部屋", "室内", "窓")),
    "tatami": (("和室の", "畳の上の"), ("和室", "畳")),
    "cherry blossoms": (("桜の木の下の", "桜の下の", "春の"), ("桜", "春", "桜吹雪")),
    "flowers": (("花畑の", "花畑の中の", "花の中の"), ("花畑", "花")),
    "rain": (("雨の中の", "雨の日の"), ("雨", "雨の日")),
    "fog": (("霧の中の",), ("霧",)),
}
BACKGROUNDS: Final = {
    "white": ("白い", "白の"), "black": ("黒い", "黒の"), "gray": ("灰色の", "グレーの"),
    "red": ("赤い", "赤の"), "orange": ("オレンジ色の",), "yellow": ("黄色い", "黄色の"),
    "green": ("緑の", "緑色の"), "light blue": ("水色の",), "blue": ("青い", "青の", "青色の"),
    "purple": ("紫の", "紫色の"), "pink": ("ピンクの", "ピンク色の"), "brown": ("茶色い", "茶色の"),
    "beige": ("ベージュの",),
}  # fmt: skip
STYLES: Final[dict[Style, tuple[str, ...]]] = {
    "plain": (*("{}",) * 24, "{}、フラットデザイン", "{}の絵文字"),
    "pixel art": ("{}のドット絵", "{}、ドット絵", "ドット絵の{}"),
    "monochrome": ("{}、白黒", "モノクロの{}", "白黒の{}"),
    "watercolor": ("{}の水彩画", "{}、水彩画", "{}、水彩"),
    "sketch": ("{}のスケッチ", "{}の鉛筆画", "{}の線画", "{}、線画", "{}、スケッチ", "スケッチ風の{}"),
    "neon": ("{}のネオンサイン", "ネオン風の{}", "{}のネオンアート", "{}、ネオンアート"),
    "ukiyo-e": ("浮世絵風の{}", "{}の浮世絵", "{}の木版画", "浮世絵、{}", "{}、浮世絵"),
    "3D": ("{}の3DCG", "3Dの{}", "{}、3D", "{}の3Dレンダリング"),
}
PREFIXES: Final = ("{}の絵", "{}の写真", "{}のイラスト", "{}を描いて")
ADJECTIVES: Final = (
    "かわいい",
    "きれいな",
    "かっこいい",
    "美しい",
    "若い",
    "ふわふわの",
    "カラフルな",
    "元気な",
)
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
    told = LexiconTranslator().translate([concept.japanese, shifted])
    same = told[0].english == told[1].english and shifted != concept.japanese
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
            background = f"{rng.choice(BACKGROUNDS[scene.place])}背景"
            if tags:
                parts.append(background)
            else:
                subject = rng.choice((f"{background}の{subject}", f"{background}に{subject}"))
    else:
        before, words = PLACES[scene.place]
        if tags:
            parts.append(rng.choice(words))
        else:
            subject = rng.choice(before) + subject
    subject = rng.choice(STYLES[scene.style]).format(subject)
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
        artwork: What the scenes show.
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
