"""The protocol of translators: texts in, records out.

A translator sees plain text leaves only: no weights, brackets, tags or line breaks (the prompt parser keeps
those), already normalized. It answers with one record for each text and never with an empty translation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One stretch of the source and what became of it.

    Attributes:
        source: The stretch as it stands in the normalized text.
        english: What it became; ``""`` for a stretch that only carries grammar (a particle).
        how: What produced it: ``"lexicon"``, ``"user"`` (the user's table), ``"glossary"``, ``"grammar"``,
            ``"counter"``, ``"copied"`` (already English, digits, emoji), ``"romaji"`` (not understood, spelt
            out), ``"marian"`` …
    """

    source: str
    english: str
    how: str


@dataclass(frozen=True, kw_only=True)
class Translation:
    """One text leaf and its English.

    Attributes:
        source: The text that was given.
        english: Its English; never empty for a source with a letter in it.
        translator: The name of the translator that made it.
        pieces: How each part was translated, in the order of the source.
        unknown: The stretches that were not understood (they are still in ``english``, romanized or copied).
    """

    source: str
    english: str
    translator: str
    pieces: tuple[Piece, ...] = ()
    unknown: tuple[str, ...] = ()


@runtime_checkable
class Translator(Protocol):
    """Japanese text leaves in, English out, one :class:`Translation` for each, in order."""

    @property
    def name(self) -> str:
        """The registry name, such as ``"lexicon"``."""
        ...

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        """Translate all ``texts`` as one batch.

        Raises:
            TranslationError: If a text cannot be translated at all.
        """
        ...


@runtime_checkable
class PromptTranslator(Protocol):
    """A translator that has to know which texts stand in one prompt."""

    def translate_prompts(self, prompts: Sequence[Sequence[str]]) -> list[list[Translation]]:
        """Translate the texts of prompts as one batch.

        Raises:
            TranslationError: If a text cannot be translated at all.
        """
        ...
