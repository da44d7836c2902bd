"""Captions are what prompts become, once they are translated."""

from __future__ import annotations

import random
from pathlib import Path

from sdjp.text import read
from sdjp.text.translate.lexicon import LexiconTranslator
from sdjp_training.scenes import captions
from sdjp_training.scenes.artwork import Artwork, concepts
from sdjp_training.scenes.composition import Scene


def test_the_words_of_the_translator_are_among_them(artwork_folder: Path) -> None:
    artwork, rng = Artwork(artwork_folder), random.Random(1)
    heard = captions.translated(concepts())
    assert heard["🍓"] == "strawberries"
    assert "🐈" not in heard, "cat is its name already"
    texts = [captions.caption(Scene(emojis=("🍓",)), artwork, rng) for _ in range(60)]
    assert any("strawberries" in text for text in texts)
    assert any("a strawberry" in text for text in texts)


def test_what_is_in_the_scene_is_in_the_caption(artwork_folder: Path) -> None:
    artwork, rng = Artwork(artwork_folder), random.Random(2)
    for _ in range(20):
        text = captions.caption(
            Scene(emojis=("🐈", "🐎"), layout="riding", place="red", style="pixel art"), artwork, rng
        )
        assert any(name in text for name in ("cat", "kitten", "kitty"))
        assert any(name in text for name in ("horse", "pony"))
        assert "red background" in text
        assert "pixel art" in text


def _said(scene: Scene, artwork: Artwork, n: int = 200) -> set[str]:
    rng = random.Random(3)
    return {captions.caption(scene, artwork, rng) for _ in range(n)}


def test_scenes_are_said_as_the_translator_says_them(artwork_folder: Path) -> None:
    artwork = Artwork(artwork_folder)
    for prompt, scene in (
        ("左に猫、右に犬", Scene(emojis=("🐈", "🐕"), layout="pair")),
        ("赤い車と青い家", Scene(emojis=("🚗", "🏠"), layout="pair", looks=("red", "blue"))),
        ("五匹の猫", Scene(emojis=("🐈",), layout="five")),
        ("白黒の猫", Scene(emojis=("🐈",), style="monochrome")),
        ("海", Scene(emojis=(), layout="empty", place="sea")),
        ("夜の街", Scene(emojis=(), layout="empty", place="city at night")),
        ("滝", Scene(emojis=(), layout="empty", place="waterfall")),
        ("月", Scene(emojis=("🌕",))),
        ("猫を抱く女の子", Scene(emojis=("👧", "🐈"), layout="holding")),
        ("ギターを弾く男性", Scene(emojis=("👨", "🎸"), layout="holding")),
        ("本を読む女性", Scene(emojis=("👩", "📕"), layout="holding")),
        ("金魚", Scene(emojis=("🐟+orange",))),
    ):
        heard = read.to_english([prompt], translator=LexiconTranslator())[0]
        assert heard in _said(scene, artwork, 1500), prompt
