"""Categories and tables of words in plain words, Japanese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sdjp import errors
from sdjp.errors import InputError

CATEGORIES: Final[Mapping[str, tuple[str, str]]] = {
    "person": ("人", "a person"),
    "animal": ("動物", "an animal"),
    "body": ("体", "of the body"),
    "clothes": ("服", "clothes"),
    "part": ("部分", "a part of a thing"),
    "place": ("場所", "a place"),
    "food": ("食べ物", "food"),
    "thing": ("物", "a thing"),
    "time": ("時", "a time"),
    "weather": ("天気", "weather"),
    "proper": ("固有名詞", "a proper name"),
    "artist": ("作者", "an artist"),
    "name": ("人名", "a person's name"),
    "medium": ("画材", "a medium"),
    "style": ("画風", "a style"),
    "color": ("色", "a colour"),
    "material": ("素材", "a material"),
    "tag": ("タグ", "a tag"),
    "group": ("集まり", "a group"),
    "adj": ("形容", "an adjective"),
    "adv": ("副詞", "an adverb"),
    "verb": ("動詞", "a verb"),
    "relator": ("関係", "a relation"),
    "position": ("位置", "a position"),
    "suffix": ("接尾辞", "a suffix"),
    "prefix": ("接頭辞", "a prefix"),
    "counter": ("助数詞", "a counter"),
    "unit": ("単位", "a unit"),
    "quantity": ("量", "a quantity"),
}
"""What a category of ``lexicon_table.CATEGORIES`` is called."""

SOURCES: Final[Mapping[str, tuple[str, str]]] = {
    "user": ("ユーザー辞書", "your own words"),
    "own": ("sdjp の辞書", "the lexicon of sdjp"),
    "senses": ("sdjp の語義の表", "the table of senses of sdjp"),
    "jmdict": ("JMdict", "JMdict"),
    "names": ("国・言語・地名の表（CLDR、JMnedict）", "names of countries and places (CLDR, JMnedict)"),
}
"""What a table of ``senses.Source`` is called."""


def plain(names: Mapping[str, tuple[str, str]], key: str) -> str:
    """What a category or table is called, in the language of messages."""
    ja, en = names[key]
    return en if errors.get_language() == "en" else ja


def category_of(text: str) -> str:
    """The category that the user typed, as tables have it (animal) or in Japanese (動物).

    Raises:
        InputError: If there is none of that name.
    """
    found = {ja: category for category, (ja, _) in CATEGORIES.items()}.get(text, text)
    if found not in CATEGORIES:
        raise InputError(
            "words.category",
            ja=f"分類 {text} はありません。使えるもの: "
            f"{'、'.join(f'{ja}（{category}）' for category, (ja, _) in CATEGORIES.items())}。",
            en=f"there is no category {text}. Use one of {', '.join(CATEGORIES)}.",
        )
    return found
