"""Japanese words for what the embedded model draws, whose English it does not know.

CLDR has keywords for every emoji: 短冊 is one of 🎋, アンデッド of 🧟. What a translation makes of them says
nothing to a model of a few hundred words, and no table of neighbours foresees all of them. An adapter reads
the Japanese itself and can learn them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Final

from sdjp import weights
from sdjp.text import neighbours
from sdjp.text.neighbours import Words
from sdjp.text.read import to_english
from sdjp.text.script import is_japanese
from sdjp.text.translate import make_translator
from sdjp.weights.source import locate
from sdjp_training.scenes import emoji_names
from sdjp_training.scenes.artwork import Artwork

_NOBODYS: Final = frozenset(
    ["人", "中性的", "薄毛", "ゲイ", "レズビアン", "バイセクシュアル", "トランスジェンダー"]
)
"""Keywords that say something of people, of whom one drawing is no picture."""


def untranslatable(artwork: Artwork, packages: Path) -> dict[str, str]:
    """Words to the emoji of the one concept that they belong to.

    Left out is what several concepts share, and what the translated way draws or reads as something else that
    the model knows (黒 is no black cat).
    """
    named = _keywords(artwork, packages)
    if not named:
        return {}
    known = Words.read(locate(weights.EMBEDDED_MODEL).path / neighbours.FILE)
    english = to_english(list(named), translator=make_translator("auto"))
    found = {}
    for (word, emoji), said in zip(named.items(), english, strict=True):
        read, unknown = known.nearest(said)
        names = artwork.concepts[artwork.index[emoji]].names
        if unknown and not any(name.lower() in read.lower() for name in names):
            found[word] = emoji
    return found


def _keywords(artwork: Artwork, packages: Path) -> dict[str, str]:
    """Words that only one concept has, in Japanese; none where the names were not fetched."""
    path = packages / emoji_names.FOLDER / "ja" / "data.json"
    if not path.is_file():
        return {}
    bare = {concept.emoji.replace("\ufe0f", ""): concept for concept in artwork.concepts}
    having: dict[str, set[str]] = defaultdict(set)
    for row in json.loads(path.read_text(encoding="utf-8")):
        concept = bare.get(row["emoji"].replace("\ufe0f", ""))
        if concept is not None:
            for word in {row["label"], *row.get("tags", ())} - {concept.japanese}:
                having[word].add(concept.emoji)
    return {
        word: emojis.pop()
        for word, emojis in sorted(having.items())
        if len(emojis) == 1 and is_japanese(word) and word not in _NOBODYS
    }
