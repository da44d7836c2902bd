"""A text while it is cut into words: its morphemes, the tables, and the words that were found until now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sdjp.text.translate import lexicon_table as tables
from sdjp.text.translate.grammar.morphemes import Morpheme
from sdjp.text.translate.grammar.words import Word
from sdjp.text.translate.lexicon_table import Entry, Table

LONGEST: Final = 9
"""Morphemes that one entry may span."""


class Reading:
    """One pass over one chain of morphemes.

    Args:
        chain: The morphemes.
        user: The user's own table.

    Attributes:
        own: The words that were written for sdjp.
        words: What was found until now.
    """

    def __init__(self, chain: Sequence[Morpheme], user: Table) -> None:
        self.chain = chain
        self.user = user
        self.own = tables.own()
        self.words: list[Word] = []

    def source(self, start: int, end: int) -> str:
        """The source of some morphemes, with the spaces behind them."""
        return "".join(m.stretch for m in self.chain[start:end])

    def surface(self, start: int, end: int) -> str:
        """The same without spaces."""
        return "".join(m.surface for m in self.chain[start:end])

    def at(self, i: int) -> Morpheme | None:
        """A morpheme, or None before the first and behind the last."""
        return self.chain[i] if 0 <= i < len(self.chain) else None

    def before(self) -> Word | None:
        """The word that was found last."""
        return self.words[-1] if self.words else None

    def verb(self, spelling: str) -> Entry | None:
        """The entry of a verb in our own table, by its plain form."""
        return next((e for e in self.own.get(spelling, ()) if e.category == "verb"), None)

    def add(self, start: int, end: int, kind: str, entry: Entry | None = None, **more: object) -> int:
        """Make a word of some morphemes; return where the next begins."""
        source = self.source(start, end)
        if entry is None:
            self.words.append(Word(source=source, kind=kind, **more))  # type: ignore[arg-type]
        else:
            self.words.append(Word.of(source, kind, entry, **more))
            self.words[-1].senses = tuple(e for e in self.own.get(entry.ja, ()) if e != entry)
        return end

    def copy(self, start: int, end: int, category: str, english: str = "") -> int:
        """Make a noun that stays as it is written; return where the next word begins."""
        return self.add(
            start,
            end,
            "noun",
            how="copied",
            english=english or self.surface(start, end),
            category=category,
            features={"bare": ""},
        )


def is_grammar(m: Morpheme) -> bool:
    """Whether a morpheme is a particle, an auxiliary or a mark."""
    return m.is_("助詞") or m.is_("助動詞") or m.is_("補助記号")
