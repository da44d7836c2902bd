"""Tokenizers: the part of them that prompts need, whatever model they belong to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Tokenizer(Protocol):
    """Text to the token ids of one text encoder, and back.

    How to add one: write a class with these members in a module of its own, and teach
    :mod:`sdjp.weights.parts.vocabulary` for which models to make it.
    """

    @property
    def start_id(self) -> int | None:
        """Id of the token before every text; None if there is none."""

    @property
    def end_id(self) -> int:
        """Id of the token after it."""

    @property
    def pad_id(self) -> int:
        """Id that fills a chunk up."""

    @property
    def commas(self) -> frozenset[int]:
        """Ids after which a long prompt is best cut."""

    @property
    def japanese(self) -> bool:
        """Whether models with this tokenizer read Japanese as it is, without a translation."""

    @property
    def vocab_size(self) -> int:
        """One more than the largest id."""

    def encode(self, text: str) -> list[int]:
        """Return the ids of ``text``, without start and end."""

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text that ``ids`` stand for, start, end and padding left out."""

    def lost(self, text: str) -> list[str]:
        """Return the parts of ``text`` that have no ids of their own, and of which the model sees nothing."""
