"""The English of one word, from the own tables or a glossary, with the grammar that it has in English."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from sdjp.text.translate import lexicon_table as tables
from sdjp.text.translate.grammar.morphemes import Morpheme
from sdjp.text.translate.grammar.romaji import hiragana
from sdjp.text.translate.grammar.words import NOUNS
from sdjp.text.translate.lexicon_table import Entry, Table

# What is grammar though a reading of the tables is spelt like it: そう is no monk, てる does not shine.
GRAMMAR_WORDS: Final = frozenset(
    """
    そう そうな そうに そこ ここ どこ だれ なに なん よう こと もの とき ため まま ほう いま あと てる でる
    てた でた ている でいる たり だり ない なく たち ころ はず ほど くらい だけ から まで こう どう ああ
    この その あの どの これ それ あれ どれ
    ます ました まして ません ましょう です でした でしょう
    くれる くれた くれて くれ もらう もらった もらって
    """.split()
)
_KANA: Final = re.compile("[ぁ-ヿ]+")
_KATAKANA: Final = re.compile("[ァ-ヺ]")
# Plurals that do not end in s, and the grammar that a gloss has from the known noun it ends with.
_PEOPLE: Final = frozenset("men women children people".split())
_INHERITED: Final = frozenset("mass prep pl many the".split())


def lookup(m: Morpheme, user: Table) -> Entry | None:
    """Look one noun, adjective or adverb up everywhere."""
    kana = hiragana(m.surface)
    reading = tables.readings().get(kana) if is_kana(m.surface) and kana not in GRAMMAR_WORDS else None
    spellings = dict.fromkeys(s for s in (m.surface, m.base, m.lemma, reading) if s)
    for spelling in spellings:
        for table in (user, tables.own()):
            for entry in table.get(spelling, ()):
                if entry.category in NOUNS or entry.category in {"adj", "adv"}:
                    return entry
    for spelling in (*spellings, kana):
        gloss = tables.glossary().get(spelling)
        if gloss is not None and not m.is_("名詞", "固有名詞"):
            return _from_gloss(spelling, gloss, m)
    for spelling in spellings:
        name = tables.names().get(spelling)
        if name is not None:
            return Entry(spelling, name, "proper", {"bare": ""}, "glossary")
    if m.foreign:
        return _from_gloss(m.surface, m.foreign, m)
    for spelling in (*spellings, kana):
        gloss = tables.glossary().get(spelling)
        if gloss is not None:
            return _from_gloss(spelling, gloss, m)
    return None


def glossary_match(chain: Sequence[Morpheme], i: int) -> tuple[Entry, int] | None:
    """The longest stretch of two or more nouns that a glossary knows."""
    for j in range(min(len(chain), i + 5), i + 1, -1):
        part = chain[i:j]
        if any(m.space for m in part[:-1]) or not all(_is_nominal(m) for m in part):
            continue
        spelling = "".join(m.surface for m in part)
        gloss = tables.glossary().get(spelling)
        if gloss is not None:
            return _from_gloss(spelling, gloss, part[-1]), j
        name = tables.names().get(spelling)
        if name is not None:
            return Entry(spelling, name, "proper", {"bare": ""}, "glossary"), j
    return None


def cover(text: str) -> list[tuple[str, Entry]]:
    """Cut ``text`` into entries of two characters and more, longest first; [] if they do not cover it."""
    if not text:
        return []
    for end in range(len(text), 1, -1):
        part = text[:end]
        native = is_kana(part) and (len(part) > 2 or not _KATAKANA.search(part))  # アメカジ is no rain
        reading = tables.readings().get(hiragana(part)) if native else None
        for spelling in (part, reading):
            for entry in tables.own().get(spelling or "", ()):
                if entry.category in NOUNS or entry.category == "adj":
                    rest = cover(text[end:])
                    if rest or end == len(text):
                        return [(part, entry), *rest]
    return []


def is_kana(text: str) -> bool:
    """Whether ``text`` is hiragana and katakana alone."""
    return _KANA.fullmatch(text) is not None


def _from_gloss(spelling: str, gloss: str, m: Morpheme) -> Entry:
    """Make an entry of a glossary's English; its grammar is that of a known noun with the same last word."""
    if m.is_("副詞"):
        return Entry(spelling, gloss, "adv", {}, "glossary")
    if m.is_("形状詞") or m.is_("連体詞"):
        return Entry(spelling, gloss, "adj", {}, "glossary")
    if gloss.startswith("to "):
        gloss = gloss.removeprefix("to ")
    last = gloss.split(" ")[-1]
    nouns = tables.nouns_by_english()
    like = nouns.get(last)
    one = nouns.get(last.removesuffix("s"))
    if last in _PEOPLE or (like is None and last[-1:] == "s" and one is not None):
        return Entry(spelling, gloss, one.category if one is not None else "person", {"pl": ""}, "glossary")
    if like is not None and (like.english == gloss or " " in gloss):
        features = {k: v for k, v in like.features.items() if k in _INHERITED}
        return Entry(spelling, gloss, like.category, features, "glossary")
    proper = {"bare": ""} if gloss[:1].isupper() else {}
    return Entry(spelling, gloss, "proper" if proper else "thing", proper, "glossary")


def _is_nominal(m: Morpheme) -> bool:
    return m.is_("名詞") or m.is_("接尾辞") or m.is_("接頭辞") or m.is_("形状詞") or m.is_("latin")
