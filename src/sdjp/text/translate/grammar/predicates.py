"""Verbs and adjectives, one morpheme with its endings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sdjp.text.translate import lexicon_table as tables
from sdjp.text.translate.grammar.inflection import inflection
from sdjp.text.translate.grammar.morphemes import Morpheme
from sdjp.text.translate.grammar.reading import Reading
from sdjp.text.translate.grammar.romaji import hiragana, romaji
from sdjp.text.translate.grammar.words import Form
from sdjp.text.translate.lexicon_table import Entry

# Verbs that no table has, by UniDic lemma.
_LIGHT_VERBS: Final = {"居る": "be", "有る": "be", "為る": "do", "成る": "become", "出来る": "be made"}
PLAIN: Final = dict(zip("いきぎしちにびみり", "うくぐすつぬぶむる", strict=True))
"""The last letter of the stem that goes on (歌い), and that of the dictionary form (歌う)."""


_CAUSED: Final = dict(zip("わかがさたなばまら", "うくぐすつぬぶむる", strict=True))
"""The letter before the す of a causative (歌わす), and that of the verb itself (歌う)."""


def plain_forms(stem: str) -> Iterator[str]:
    """The dictionary forms that a verb may have that goes on as ``stem``: 食べ 食べる; 歌い 歌いる, 歌う."""
    yield stem + "る"
    if stem[-1] in PLAIN:
        yield stem[:-1] + PLAIN[stem[-1]]


def predicate(reading: Reading, i: int) -> int:
    """Take a verb or an adjective with its endings; return where the next word begins."""
    m = reading.chain[i]
    form, end = inflection(reading.chain, i)
    wanted = ("verb",) if m.is_("動詞") else ("adj", "color")
    for spelling in (m.base, m.lemma):
        for table in (reading.user, reading.own):
            for entry in table.get(spelling, ()):
                if entry.category in wanted:
                    form = replace(form, potential=spelling == m.lemma and _is_potential(m))
                    return reading.add(i, end, "verb" if m.is_("動詞") else "adj", entry, form=form)
    if m.is_("動詞") and m.lemma in _LIGHT_VERBS:
        return reading.add(i, end, "verb", how="lexicon", english=_LIGHT_VERBS[m.lemma], category="verb",
                         base=m.lemma, form=form)  # fmt: skip
    if m.lemma == "無い" and (adjective := _negated(reading)) is not None:
        return negate(reading, adjective, i, end, form)  # 有名ではない城
    if m.lemma == "無い":
        return reading.add(i, end, "verb", how="lexicon", english="be", category="verb", base="有る",
                         form=Form(link=form.link, negative=not form.negative))  # fmt: skip
    for spelling in (m.base, m.lemma, hiragana(m.base)):
        gloss = tables.glossary().get(spelling)
        if gloss is not None:
            entry = Entry(
                spelling, gloss.removeprefix("to "), "verb" if m.is_("動詞") else "adj", {}, "glossary"
            )
            return reading.add(i, end, entry.category, entry, form=form)
    made = _made_to(reading, m)
    if made is not None:
        return reading.add(i, end, "verb", made, form=replace(form, causative=True))
    first = _first_verb(reading, m) if m.is_("動詞", "一般") else None
    if first is not None:
        return reading.add(i, end, "verb", first, how="guess", form=form)
    if not m.is_("動詞") or m.is_("動詞", "一般"):
        kana = hiragana(m.kana) if m.kana else m.base
        entry = Entry(m.base, romaji(kana), "verb" if m.is_("動詞") else "adj", {"foreign": ""}, "romaji")
        return reading.add(i, end, entry.category, entry, form=form)
    return reading.add(i, end, "auxiliary", form=form)


def negate(reading: Reading, adjective: int, start: int, end: int, form: Form) -> int:
    """Let what comes up to ``end`` negate an adjective that was found; return where the next word begins."""
    words = reading.words
    source = "".join(w.source for w in words[adjective:]) + reading.source(start, end)
    words[adjective:] = [
        replace(words[adjective], source=source, form=Form(link=form.link, negative=True)),
    ]
    return end


def _negated(reading: Reading) -> int | None:
    """The place of the adjective that ではない or じゃない negates."""
    words = reading.words
    for place, tail in ((-3, "では"), (-2, "じゃ")):
        behind = "".join(w.source for w in words[place + 1 :])
        if len(words) >= -place and words[place].kind == "adj" and behind == tail:
            return len(words) + place
    return None


def _made_to(reading: Reading, m: Morpheme) -> Entry | None:
    """The verb that one is made to do: 背負わす of 背負わされた is to make carry."""
    if not m.base.endswith("す") or m.base[-2:-1] not in _CAUSED:
        return None
    return reading.verb(m.base[:-2] + _CAUSED[m.base[-2]])


def _first_verb(reading: Reading, m: Morpheme) -> Entry | None:
    """The verb that a compound verb begins with, for one that no table has: 歌いふける is to sing."""
    for end in range(len(m.base) - 2, 0, -1):
        stem = m.base[:end]
        for verb in plain_forms(stem):
            entry = reading.verb(verb)
            if entry is not None and len(stem) + len(verb) > 3:
                return entry
    return None


def _is_potential(m: Morpheme) -> bool:
    """Whether a verb is the potential of its lemma: 飛べる of 飛ぶ."""
    return (
        m.base[-2:-1] in set("えけげせてねべめれ")
        and m.base[-1:] == "る"
        and m.lemma[-1:] in set("うくぐすつぬぶむる")
        and (m.base[-2:] != m.lemma[-2:] and len(m.lemma) < len(m.base))
    )
