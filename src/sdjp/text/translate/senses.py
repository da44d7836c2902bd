"""What the tables know of one word: each sense that any of them has, and which it is from."""

from __future__ import annotations

from typing import Literal, NamedTuple

from sdjp.text.normalize import normalize
from sdjp.text.translate import lexicon_table as tables
from sdjp.text.translate.grammar.lookup import is_kana
from sdjp.text.translate.grammar.romaji import hiragana
from sdjp.text.translate.lexicon_table import Table

Source = Literal["user", "own", "senses", "jmdict", "names"]


class Sense(NamedTuple):
    """One sense of a word.

    Attributes:
        word: The spelling that a table has; another than was asked for, where that is its reading.
        english: Its English.
        category: What kind of word it is; ``""`` where the table does not tell.
        source: The table: the user's own, those by kind, that of senses, JMdict, or names (CLDR, JMnedict).
    """

    word: str
    english: str
    category: str
    source: Source


def senses(word: str, user: Table) -> list[Sense]:
    """Look a word up in every table; what comes first is what is tried first in a prompt."""
    asked = normalize(word)
    key = hiragana(asked)
    readings = (tables.readings().get(key), tables.verb_readings().get(key)) if is_kana(asked) else ()
    found: list[Sense] = []
    for spelling in dict.fromkeys(s for s in (asked, *readings) if s):
        known: Source = "own" if spelling in tables.by_kind() else "senses"
        found += [Sense(spelling, e.english, e.category, "user") for e in user.get(spelling, ())]
        found += [Sense(spelling, e.english, e.category, known) for e in tables.own().get(spelling, ())]
        if spelling in tables.glossary():
            found.append(Sense(spelling, tables.glossary()[spelling], "", "jmdict"))
        if spelling in tables.names():
            found.append(Sense(spelling, tables.names()[spelling], "proper", "names"))
    return found
