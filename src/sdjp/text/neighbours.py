"""The words that a small model knows, and the nearest of them to other words.

A large model has met every word; one that was trained on a few hundred things has not, and draws anything for
the rest. Its folder may have a table ``words.tsv``: a word a line, or a word, a tab, and what is to stand for
it. What stands for what is told, and so is what nothing stands for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sdjp.errors import WeightsError, reason
from sdjp.text.translate.grammar import english

FILE: Final = "words.tsv"
LONGEST: Final = 4
"""Words of a phrase in the table, at most."""

_WORD: Final = re.compile(r"[A-Za-z][A-Za-z'’-]*")
_ARTICLE: Final = re.compile(r"\b([Aa])n?(\s+)$")
_GRAMMAR: Final = frozenset(
    """
    a an the of in on at by to from with without and or for as into onto over under above below near beside
    behind before between through across around up down out off is are be am was were been being has have
    had having it its his her their this that these those who which what not no very so too then than other
    another each every all some any many much more most
    """.split()
)


@dataclass(frozen=True, kw_only=True)
class Words:
    """The table of a model.

    Attributes:
        known: Words, in lower case.
        neighbours: Words and phrases, in lower case, to what stands for them.
    """

    known: frozenset[str]
    neighbours: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> Words:
        """Read ``words.tsv``; lines that begin with # are remarks.

        Raises:
            WeightsError: If the file cannot be read.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            broken = ("UTF-8 ではありません", "it is not UTF-8")
            ja, en = reason(error) if isinstance(error, OSError) else broken
            raise WeightsError(
                "words.file",
                ja=f"語の表 {path} を読み込めません（{ja}）。sdjp を入れ直してください。",
                en=f"cannot read the table of words {path} ({en}). Install sdjp again.",
            ) from error
        rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
        return cls(
            known=frozenset(row[0] for row in rows if len(row) == 1),
            neighbours={row[0]: row[1] for row in rows if len(row) > 1},
        )

    def nearest(self, text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Put what is nearest for the words of an English text that the model does not know.

        Returns:
            The text, and each such word as it was written with what stands for it now; ``""`` if nothing
            does, and the word is still there.
        """
        words = list(_WORD.finditer(text))
        result, replaced, end, i = "", [], 0, 0
        while i < len(words):
            if self._knows(words[i].group()):
                i += 1
                continue
            count, neighbour = self._phrase(text, words, i)
            start, stop = words[i].start(), words[i + count - 1].end()
            written = text[start:stop]
            replaced.append((written, neighbour))
            i += count
            if not neighbour:
                continue
            if i < len(words) and text[stop : words[i].start()].isspace():
                after = words[i].group()
                if neighbour.lower() in (after.lower(), *_singulars(after.lower())):  # a husky dog is one dog
                    neighbour, stop, i = after, words[i].end(), i + 1
            result += _with_article(text[end:start], neighbour) + neighbour
            end = stop
        return result + text[end:], tuple(dict.fromkeys(replaced))

    def _knows(self, word: str) -> bool:
        word = word.lower()
        return word in _GRAMMAR or any(one in self.known for one in (word, *_singulars(word)))

    def _phrase(self, text: str, words: list[re.Match[str]], first: int) -> tuple[int, str]:
        """The longest phrase from ``first`` on that something stands for: its words, and what it is."""
        for count in range(min(LONGEST, len(words) - first), 0, -1):
            last = first + count - 1
            phrase = text[words[first].start() : words[last].end()].lower()
            if phrase in self.neighbours:
                return count, self.neighbours[phrase]
            for singular in _singulars(phrase):
                if singular in self.neighbours:
                    return count, english.plural(self.neighbours[singular])
        return 1, ""


def _singulars(word: str) -> list[str]:
    """The words that a word may be the plural of."""
    found = []
    for ending, instead in (("ies", "y"), ("ves", "f"), ("ves", "fe"), ("men", "man"), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            found.append(word[: -len(ending)] + instead)
    return found


def _with_article(before: str, noun: str) -> str:
    """The text before ``noun``, with its article: an eagle where a falcon was, none for shoes."""
    match = _ARTICLE.search(before)
    if match is None:
        return before
    if noun.endswith("s") and not noun.endswith(("ss", "us")):
        return before[: match.start()]
    chosen = english.article(noun)
    chosen = chosen.capitalize() if match[1] == "A" else chosen
    return f"{before[: match.start()]}{chosen}{match[2]}"
