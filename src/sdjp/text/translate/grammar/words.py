"""Words with their English and their grammar, as the segmenter hands them to the parser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from sdjp.text.translate import lexicon_table
from sdjp.text.translate.lexicon_table import Entry

NOUNS: Final = lexicon_table.NOUNS | frozenset(["latin", "emoji", "quoted"])
"""The categories that can stand as the head of a noun phrase."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """The inflection of a Japanese predicate.

    Attributes:
        link: How it goes on: ``"plain"`` (ends or modifies a noun), ``"te"``, ``"while"``, ``"adverb"`` (く,
            に).
    """

    link: str = "plain"
    past: bool = False
    progressive: bool = False
    resultative: bool = False
    negative: bool = False
    passive: bool = False
    causative: bool = False
    desire: bool = False
    seeming: bool = False
    like: bool = False
    excess: bool = False
    request: bool = False
    potential: bool = False
    benefit: bool = False
    volitional: bool = False
    condition: bool = False
    recent: bool = False
    mutual: bool = False


@dataclass
class Word:
    """A stretch of the source and what it is.

    Attributes:
        source: The stretch as it stands in the text, with the space that follows it.
        kind: ``noun adj verb adv particle copula relator position number prefix suffix conjunction punct
            request auxiliary``.
        english: Dictionary form.
        how: As in :class:`sdjp.text.translate.base.Piece`.
        category: As in the table.
        senses: What else the tables have under the same spelling.
        rendered: What became of it in the English text; set by the generator.
    """

    source: str
    kind: str
    english: str = ""
    how: str = "grammar"
    category: str = ""
    features: Mapping[str, str] = field(default_factory=dict)
    base: str = ""
    form: Form = field(default_factory=Form)
    number: int | float | None = None
    senses: tuple[Entry, ...] = ()
    rendered: str | None = None

    @classmethod
    def of(cls, source: str, kind: str, entry: Entry, **more: object) -> Word:
        """Make a word from a table entry; one that English does not say is grammar."""
        word = cls(
            source=source,
            kind=kind,
            english=entry.english,
            how=entry.how if entry.english else "grammar",
            category=entry.category,
            features=entry.features,
            base=entry.ja,
        )
        return replace(word, **more) if more else word  # type: ignore[arg-type]

    def rendered_or(self, default: str) -> str:
        """The English that it became, or ``default`` if nothing has yet."""
        return default if self.rendered is None else self.rendered

    def use(self, text: str) -> str:
        """Note that ``text`` is what became of this word, and return it; what is not said was grammar."""
        self.rendered = text
        if not text and self.how in {"lexicon", "glossary"}:
            self.how = "grammar"
        return text


def is_look(word: Word) -> bool:
    """Whether an adverb tells how something is to look (明るく); it is given the English of that look."""
    if word.base.endswith("く") and word.category == "adv":
        own = lexicon_table.own().get(word.base.removesuffix("く") + "い", ())
        adjective = next((entry for entry in own if entry.category == "adj"), None)
        if adjective is not None:
            word.english, word.category = adjective.english, "adj"
    return word.category in {"adj", "color"} or word.form.link == "adverb"
