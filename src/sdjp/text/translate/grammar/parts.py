"""The parts of phrases: nouns, adjectives, clauses, and how they hang together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sdjp.text.translate.grammar.words import Word

_ANIMATE: Final = frozenset(["person", "animal", "name"])
_PLACES: Final = frozenset(["place", "proper"])
POINTING: Final = frozenset(["その", "この", "あの"])
"""Words that point at a thing that was named before, or that everybody sees."""
_EXISTENCE: Final = frozenset(["居る", "有る"])


@dataclass
class Noun:
    """A noun phrase.

    Attributes:
        words: A compound; the last word is the head.
        modifiers: In the order of the source.
        amount: The number before or behind it.
        many: Whether a suffix (たち) says that there are several.
        definite: Whether English says "the": the roof of a house.
        also: What is joined to it, in order: (conjunction, noun).
        limit: ``"only"`` or ``""``.
        tail: Emoji behind it.
        marker: The particle behind it.
        adnominal: Whether marker and noun together modify a noun (京都での).
        event: What happens, where that itself is the noun (固まるのを待つ).
        owner: Whose it is, where only what is done tells it: a girl hiding her face.
    """

    words: list[Word]
    modifiers: list[Modifier] = field(default_factory=list)
    amount: Word | None = None
    many: bool = False
    definite: bool = False
    also: list[tuple[str, Noun]] = field(default_factory=list)
    limit: str = ""
    tail: list[Word] = field(default_factory=list)
    marker: str = ""
    adnominal: bool = False
    owner: Noun | None = None
    event: Clause | None = None

    @property
    def head(self) -> Word:
        """The word that decides the grammar."""
        return self.words[-1]

    @property
    def kind(self) -> str:
        """``"animate"``, ``"place"`` or ``"thing"``; ``""`` for what no table knows."""
        if self.head.category in {"emoji", "latin"} or self.head.how == "romaji":
            return ""
        category = self.head.category
        return "animate" if category in _ANIMATE else "place" if category in _PLACES else "thing"

    @property
    def simple(self) -> bool:
        """Whether nothing modifies it."""
        return not self.modifiers and not self.also and self.amount is None and not self.many


@dataclass
class Adjective:
    """An adjective, its adverbs, what it is said of (耳の長い: long, of ears), and to what extent it is so
    (手に乗るほど小さい).
    """

    word: Word
    adverbs: list[Word] = field(default_factory=list)
    subject: Noun | None = None
    standard: Noun | None = None
    extent: Clause | None = None
    final: bool = False


@dataclass
class Clause:
    """A verb with what it takes.

    Attributes:
        verb: The verb.
        arguments: Nouns with their particles and positions, in the order of the source.
        adverbs: In the order of the source.
        subject: What が marks (は, or の in a relative clause).
        before: Clauses joined to it by て or ながら.
        final: Whether it ends a sentence or a fragment rather than modifying a noun.
        joint: The English that joins it to what happens besides: after, before, while, to.
    """

    verb: Word
    arguments: list[Noun | Related] = field(default_factory=list)
    adverbs: list[Word] = field(default_factory=list)
    subject: Noun | None = None
    before: list[Clause | Adjective] = field(default_factory=list)
    final: bool = False
    joint: str = ""


@dataclass
class Related:
    """A noun put into a relation by a word such as 上, のような, 風 or なし.

    Attributes:
        word: Its English is a template such as ``"on {}"``.
        noun: What fills the template; None if nothing does (上から).
        marker: The particle behind it.
        adnominal: Whether only a noun can take it.
    """

    word: Word
    noun: Noun | None
    marker: str = ""
    adnominal: bool = False


@dataclass
class Genitive:
    """A noun before の, and how English says it: ``"of {}"`` after, or ``"{n}"`` before the head."""

    noun: Noun
    template: str
    before: bool = False


@dataclass
class Equation:
    """AはBだ."""

    subject: Noun
    complement: Noun | Adjective


@dataclass
class Single:
    """A word that stands for itself: an adverb, a number, a prefix or punctuation."""

    word: Word


Modifier = Adjective | Clause | Related | Genitive | Noun | Single
Item = Noun | Adjective | Clause | Related | Single | Equation


def is_object(argument: Noun | Related) -> bool:
    """Whether を marks it."""
    return isinstance(argument, Noun) and argument.marker == "を"


def is_existence(verb: Word) -> bool:
    """Whether ``verb`` is いる or ある."""
    return verb.base in _EXISTENCE


def anyone() -> Noun:
    """A person who is not named."""
    return Noun([Word(source="", kind="noun", category="person")])
