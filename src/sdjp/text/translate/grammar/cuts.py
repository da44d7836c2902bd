"""Cuts where MeCab makes none, or makes them elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sdjp.text.translate import lexicon_table as tables
from sdjp.text.translate.grammar.morphemes import Morpheme
from sdjp.text.translate.lexicon_table import Table

_TAILS: Final = frozenset("姿感形型")
"""Tails that make another word of any noun, and that MeCab does not always cut off."""


def cut(chain: Sequence[Morpheme]) -> list[Morpheme]:
    """Cut honorifics and tails off the nouns that they stand behind."""
    words = [part for m in _with_honorifics(chain) for part in _without_particle(m)]
    return [part for m in words for part in _without_tail(m)]


def before_style(text: str, user: Table) -> list[str]:
    """Known words before 風 and 調, which MeCab likes to cut elsewhere (水墨|画風)."""
    found = []
    for mark in re.finditer("[風調]", text):
        for start in range(max(0, mark.start() - 8), mark.start() - 1):
            word = text[start : mark.start()]
            if any(text[mark.start() : mark.start() + n] in tables.own() for n in (2, 3)):
                break  # 風船, 風鈴, 調理
            if word in tables.own() or word in user:
                found.append(word)
                break
    return found


def _with_honorifics(chain: Sequence[Morpheme]) -> list[Morpheme]:
    """Cut ちゃんと behind a name: 赤ずきんちゃんと狼 is no wolf that behaves."""
    cut: list[Morpheme] = []
    for m in chain:
        behind = bool(cut) and (cut[-1].is_("名詞") or cut[-1].is_("副詞")) and not cut[-1].space
        if m.surface == "ちゃんと" and behind and not m.source:
            san = "ちゃん"
            cut.append(replace(m, surface=san, base=san, lemma=san, space="", pos=("接尾辞", "名詞的")))
            m = replace(m, surface="と", base="と", lemma="と", pos=("助詞", "格助詞"))
        cut.append(m)
    return cut


def _without_particle(m: Morpheme) -> list[Morpheme]:
    """Cut a particle off what MeCab has for a name: 朝顔のつるが is no town of Tsuruga."""
    stem, particle = m.surface[:-1], m.surface[-1:]
    hiragana = all("ぁ" <= c <= "ゖ" for c in m.surface)
    if not (m.is_("名詞", "固有名詞") and hiragana and not m.source and particle in set("がをにはで")):
        return [m]
    if stem not in tables.own() and stem not in tables.readings():
        return [m]
    noun, case = ("名詞", "普通名詞", "一般"), ("助詞", "格助詞")
    return [
        replace(m, surface=stem, base=stem, lemma=stem, kana="", space="", pos=noun),
        replace(m, surface=particle, base=particle, lemma=particle, kana="", pos=case),
    ]


def _without_tail(m: Morpheme) -> list[Morpheme]:
    """Cut a tail off a noun that no table knows: 浴衣姿 is 浴衣 and 姿."""
    stem, tail = m.surface[:-1], m.surface[-1:]
    own = tables.own()
    if tail not in _TAILS or m.source or not m.is_("名詞") or m.surface in own or stem not in own:
        return [m]
    if m.surface in tables.glossary():
        return [m]
    return [
        replace(m, surface=stem, base=stem, lemma=stem, kana="", space=""),
        replace(m, surface=tail, base=tail, lemma=tail, kana=""),
    ]
