"""Words written in hiragana alone, given the spelling that says what they are.

Without kanji MeCab often cuts in the wrong place (やまとかわ becomes やま, と and two endings), and what
looks like a particle would be lost. So a stretch without kanji is cut along the readings of the tables
first: the cheapest way through it, by words, particles between them, and runs that are left to MeCab (verbs
mostly).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from sdjp.text.translate import lexicon_table as tables
from sdjp.text.translate.grammar.lookup import GRAMMAR_WORDS
from sdjp.text.translate.grammar.morphemes import Morpheme
from sdjp.text.translate.grammar.romaji import hiragana, katakana
from sdjp.text.translate.grammar.words import NOUNS
from sdjp.text.translate.lexicon_table import Table

_STRETCH: Final = re.compile(r"(?<![ぁ-ゖァ-ヺー一-鿿々0-9])[ぁ-ゖァ-ヺー]{3,}(?![ぁ-ゖァ-ヺー一-鿿々])")
_ALONE: Final = re.compile("[ぁ-ゖー]{2,12}")
_HIRAGANA: Final = re.compile("[ぁ-ゖー]{3,12}")
_PARTICLES: Final = ("から", "まで", "など", "とか", *"のとやかがをにはもでへ")
_MOST: Final = 0.5
"""Share of a telegram that words and particles of the tables have to cover."""
_LONGEST: Final = 10
# Behind these a word begins afresh; a noun on a noun is a compound, which is rarer.
_START, _NOUN, _OTHER, _PARTICLE, _RUN = range(5)
# From one to ten; what has another common meaning (にほん is Japan, にわ a garden) is left out.
_COUNTED: Final = {
    "匹": "いっぴき にひき さんびき よんひき ごひき ろっぴき ななひき はっぴき きゅうひき じゅっぴき",
    "本": "いっぽん - さんぼん よんほん ごほん ろっぽん ななほん はっぽん きゅうほん じゅっぽん",
    "人": "- - さんにん よにん ごにん ろくにん ななにん はちにん きゅうにん じゅうにん",
    "羽": "いちわ - さんわ よんわ ごわ ろくわ ななわ はちわ きゅうわ じゅうわ",
    "枚": "いちまい にまい さんまい よんまい ごまい ろくまい ななまい はちまい きゅうまい じゅうまい",
    "個": "いっこ - さんこ よんこ ごこ ろっこ - はっこ きゅうこ じゅっこ",
    "冊": "いっさつ にさつ さんさつ よんさつ ごさつ ろくさつ ななさつ はっさつ きゅうさつ じゅっさつ",
    "台": "いちだい にだい さんだい よんだい ごだい ろくだい ななだい はちだい きゅうだい じゅうだい",
    "頭": "いっとう にとう さんとう よんとう ごとう ろくとう ななとう はっとう きゅうとう じゅっとう",
}
COUNTS: Final = {
    kana: number + counter
    for counter, row in _COUNTED.items()
    for number, kana in zip("一二三四五六七八九十", row.split(), strict=True)
    if kana != "-"
}
"""Numbers with a counter in kana, and as they are written with kanji: ``"さんびき"`` is ``"三匹"``."""
_WITHIN: Final = frozenset("っんーぁぃぅぇぉゃゅょ")
"""No word begins with one of these."""
_INFINITE: Final = float("inf")

_Step: TypeAlias = "tuple[_Step | None, str, str]"
"""The way before a word, the word, its spelling."""


def respell(text: str, user: Table) -> list[tuple[str, str]]:
    """Cut ``text`` into pairs of a source and its spelling; most are the same.

    Args:
        text: One text leaf, normalized.
        user: The user's own table; its words stay as they are.
    """
    alone = _alone(text, user)
    if alone:
        return alone
    pairs: list[tuple[str, str]] = []
    position = 0
    for stretch in _STRETCH.finditer(text):
        if stretch[0] in tables.own() and (
            _is_noun(stretch[0], tables.own()) or stretch[0] not in tables.readings()
        ):
            continue
        hiragana_in_it = re.search("[ぁ-ゖ]", stretch[0])
        way = _cheapest(stretch[0], user) if hiragana_in_it else _telegram(stretch[0], text, user)
        if not way:
            continue
        pairs += _loanwords(text[position : stretch.start()], user)
        pairs += way
        position = stretch.end()
    return [*pairs, *_loanwords(text[position:], user)]


def _alone(text: str, user: Table) -> list[tuple[str, str]]:
    """A text that is one noun in hiragana and nothing else: しか is a deer, not "only"; [] if it is more."""
    word = text.rstrip()
    if not _ALONE.fullmatch(word) or word in user:
        return []
    own, shifted = tables.own(), katakana(word)
    itself, loan = ({e.english for e in own.get(way, ()) if e.category in NOUNS} for way in (word, shifted))
    spelling = None if itself else tables.readings().get(word)
    if spelling is None and loan and (not itself or itself & loan):
        spelling = shifted
    return [(word, spelling), *((space, space) for space in text[len(word) :])] if spelling else []


def _loanwords(text: str, user: Table) -> list[tuple[str, str]]:
    """Spell loanwords in katakana that stand in hiragana beside kanji: 大きいちーず; all else stays.

    Only what looks like one is tried: with a long vowel mark or a double consonant, or long.
    """
    own, glossary = tables.own(), tables.glossary()
    pairs: list[tuple[str, str]] = []
    i = 0
    while i < len(text):
        run = _HIRAGANA.match(text, i)
        ends = range(run.end(), i + 2, -1) if run is not None else ()
        for end in ends:
            word = text[i:end]
            if word in own or word in glossary or word in user:
                pairs += [(c, c) for c in word]  # ずらっと is itself
                i = end
                break
            foreign = len(word) > 4 or "ー" in word or "っ" in word
            rest = run[0][end - i :] if run is not None else ""
            before = (
                text[i - 1] if i else " "
            )  # what a word may begin behind: 大きいちーず, but not 散らばった
            begins = not "ぁ" <= before <= "ゖ" or before in "いなのをがにはでともへ"
            alone = begins and (not rest or rest[0] in "のとやかがをにはもでへな")
            if foreign and alone and {e.category for e in tables.by_kind().get(katakana(word), ())} & NOUNS:
                pairs.append((word, katakana(word)))
                i = end
                break
        else:
            pairs.append((text[i], text[i]))
            i += 1
    return pairs


def _telegram(stretch: str, text: str, user: Table) -> list[tuple[str, str]]:
    """Cut a stretch of katakana in a text that has nothing else (ロケットニノルウサギ); [] if it is one word.

    It is a sentence if there are particles in it, and if most of it is known.
    """
    if re.search("[ぁ-ゖ一-鿿々]", text) or len(stretch) < 6 or _is_loanword(stretch):
        return []
    way = _cheapest(hiragana(stretch), user)
    particles = [word for word, _ in way if word in _PARTICLES]
    known = sum(
        len(word)
        for word, spelling in way
        if word != spelling or word in _PARTICLES or word in tables.own() or word in tables.readings()
    )
    if not particles or known < _MOST * len(stretch):
        return []
    pairs, at = [], 0
    for word, spelling in way:
        pairs.append((stretch[at : at + len(word)], spelling))
        at += len(word)
    return pairs


def _is_loanword(stretch: str) -> bool:
    """Whether a stretch of katakana is a word of a table, or a compound of words of three letters or more."""
    own, glossary = tables.own(), tables.glossary()
    starts = {0}
    for end in range(3, len(stretch) + 1):
        words = (stretch[start:end] for start in starts if end - start >= 3)
        if any(word in own or word in glossary for word in words):
            starts.add(end)
    return len(stretch) in starts


def with_sources(chain: Sequence[Morpheme], pairs: Sequence[tuple[str, str]]) -> list[Morpheme]:
    """Tell the morphemes of the new spelling what they are in the text."""
    starts: list[int] = []  # of every character of the spelling, in the source
    position = 0
    for source, spelling in pairs:
        starts += [position + min(i, len(source)) for i in range(len(spelling))]
        position += len(source)
    text = "".join(source for source, _ in pairs)
    starts.append(position)
    result: list[Morpheme] = []
    at = 0
    for m in chain:
        end = at + len(m.surface)
        source = text[starts[at] : starts[end]]
        result.append(replace(m, source=source) if source != m.surface else m)
        at = end + len(m.space)
    return result


def _cheapest(text: str, user: Table) -> list[tuple[str, str]]:
    """Dijkstra by position: the best way to every (position, kind of the last word)."""
    best: list[dict[int, tuple[float, _Step | None]]] = [{} for _ in range(len(text) + 1)]
    best[0][_START] = (0.0, None)
    for start in range(len(text)):
        if text[start] in _WITHIN and start:
            continue
        words = list(_words(text, start, user)) if best[start] else []
        for last, (cost, way) in list(best[start].items()):
            for word, spelling, kind, price in words:
                step = price + _joint(last, kind, word)
                end = start + len(word)
                if cost + step < best[end].get(kind, (_INFINITE, None))[0]:
                    best[end][kind] = (cost + step, (way, word, spelling))
    _, step_back = min(best[-1].values(), key=lambda found: found[0])
    pairs: list[tuple[str, str]] = []
    while step_back is not None:
        step_back, word, spelling = step_back
        pairs.append((word, spelling))
    return pairs[::-1]


def _joint(last: int, kind: int, word: str) -> float:
    """The cost of a word of this kind behind the last one."""
    if kind == _PARTICLE:
        return {_NOUN: 0.0, _OTHER: 1.0, _RUN: 1.5}.get(last, _INFINITE)
    if last == _NOUN:
        return _INFINITE if len(word) == 1 else 1.5 if kind == _NOUN else 2.0
    return _INFINITE if last == _RUN == kind else 0.0


def _is_noun(word: str, table: Table) -> bool:
    return any(entry.category in NOUNS for entry in table.get(word, ()))


def _words(text: str, start: int, user: Table) -> Iterator[tuple[str, str, int, float]]:
    """The words that may begin here: each with its spelling, its kind and its price."""
    own, glossary = tables.own(), tables.glossary()
    readings, verbs, loanwords = tables.readings(), tables.verb_readings(), tables.by_kind()
    for end in range(start + 1, len(text) + 1):
        word = text[start:end]
        if word in _PARTICLES:
            yield word, word, _PARTICLE, 0.5
        if len(word) > _LONGEST:
            yield word, word, _RUN, 1 + 1.2 * len(word)
            continue
        known = {e.category for e in own.get(word, ())}
        if word in GRAMMAR_WORDS:
            yield word, word, _OTHER, 2.0
            continue
        if len(word) > 1 and word in verbs:
            yield word, verbs[word], _OTHER, 2.0
        elif known & {"adj", "adv", "verb"}:
            yield word, word, _OTHER, 2.0
        if word in COUNTS:
            yield word, COUNTS[word], _NOUN, 1.5
        if word in user:
            yield word, word, _NOUN, 1.0
        elif (len(word) > 1 and "position" in known) or (len(word) > 2 and known & NOUNS):
            yield word, word, _NOUN, 2.0
        elif word in readings:
            yield word, readings[word], _NOUN, 2.0 if len(word) > 1 else 3.5
        elif len(word) > 1 and known & NOUNS:
            yield word, word, _NOUN, 2.0
        elif len(word) > 2 and _is_noun(katakana(word), loanwords):
            yield word, katakana(word), _NOUN, 2.0  # いるか, ろけっと
        elif len(word) > 2 and word in glossary:
            yield word, word, _NOUN, 3.0
        yield word, word, _RUN, 1 + 1.2 * len(word)
