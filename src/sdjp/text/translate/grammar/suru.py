"""Nouns that become verbs with する: 安心する, 安心できる, and those that end a text without it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Final

from sdjp.text.translate import lexicon_table as tables
from sdjp.text.translate.grammar.inflection import inflection
from sdjp.text.translate.grammar.reading import Reading
from sdjp.text.translate.grammar.words import Form, Word
from sdjp.text.translate.lexicon_table import Entry

_DOING: Final = frozenset(["為る", "出来る"])
"""Verbs that make a verb of the noun before them."""


def suru(reading: Reading, i: int, j: int, entry: Entry | None) -> int:
    """Take noun + する as one verb, also with を between, if the tables know it; 0 if not."""
    k = j + 1 if (m := reading.at(j)) is not None and m.surface == "を" else j
    verb = reading.at(k)
    if _is_done(reading, i, j):
        return reading.add(i, j, "verb", reading.verb(reading.surface(i, j) + "する"))
    if _asks_for(reading, i, j):
        noun = reading.surface(i, j)
        return reading.add(i, j, "verb", english="change", base=noun + "する", category="verb",
                         form=Form(link="te"))  # fmt: skip
    if verb is None or verb.lemma not in _DOING or reading.chain[j - 1].space:
        return 0
    noun = reading.surface(i, j)
    known = reading.verb(noun + "する")
    if known is None and k > j:
        return 0
    if known is None and entry is not None:
        if entry.english.endswith("ization"):  # 電子化する
            known = Entry(entry.ja, entry.english.removesuffix("ation") + "e", "verb", {"vt": ""})
        elif "play" in entry.features:
            known = Entry(entry.ja, "play " + entry.english, "verb")
        elif "go" in entry.features or entry.english.endswith("ing") or entry.category in {"adj", "tag"}:
            known = Entry(entry.ja, "be " + entry.english, "verb", {}, entry.how)
        else:  # what is done is named: (with) an imitation
            known = Entry(entry.ja, entry.english, "verb", {"as": entry.english}, entry.how)
    if known is None:
        gloss = tables.glossary().get(noun)
        if gloss is None:
            return 0
        features = {"vt": ""} if gloss.startswith("to ") else {"as": gloss}
        known = Entry(noun, gloss.removeprefix("to "), "verb", features, "glossary")
    form, end = inflection(reading.chain, k)
    if verb.lemma == "出来る":
        form = replace(form, potential=True)
    reading.words.append(Word.of(reading.source(i, end), "verb", known, form=form))
    return end


def _is_done(reading: Reading, i: int, j: int) -> bool:
    """Whether a noun at the end is what somebody does: 犬がボールを空中でキャッチ, 猫が縁側で昼寝."""
    after, before = reading.at(j), reading.before()
    if not (after is None or after.is_("補助記号")) or before is None:
        return False
    goes_on = before.kind == "verb" and before.form.link in {"te", "while"}
    if not goes_on and before.source not in {"が", "を", "に", "で", "へ", "と", "から"}:
        return False
    clause = itertools.takewhile(lambda word: word.kind != "punct", reversed(reading.words))
    known = reading.verb(reading.surface(i, j) + "する") is not None
    return known and not {"が", "を"}.isdisjoint({word.source for word in clause})


def _asks_for(reading: Reading, i: int, j: int) -> bool:
    """Whether a noun ends a request to change something: 背景を雪山に変更."""
    after, before = reading.at(j), reading.before()
    ends = after is None or after.is_("補助記号")
    asked = before is not None and before.source in {"を", "に", "すべて", "全て", "全部", "へ"}
    return ends and asked and reading.surface(i, j) + "する" in tables.edits()
