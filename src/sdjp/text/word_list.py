"""A list of words, and where they stand in a text.

A list is a file of lines ``language<TAB>word<TAB>category``: ``en`` words match whole words only, ``ja``
words wherever they stand, except that a word in katakana must begin a run of katakana (レイプ is not in
グレイプ). From left to right the longest word wins, and the category ``-`` is for words that mean something
else: 裸足 is ``-``, so that 裸 is not found in it. A later line for the same word replaces an earlier one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

from sdjp.errors import InputError, reason
from sdjp.text.normalize import normalize

LANGUAGES: Final = ("ja", "en")
HARMLESS: Final = "-"
"""The category of what only looks like a word of the list."""

_KATAKANA: Final = "ァ-ヺー-ヿㇰ-ㇿ"
_STARTS_IN_KATAKANA: Final = re.compile(f"[{_KATAKANA}]")
_LATIN: Final = "0-9a-z_\u00df-\u00f6\u00f8-\u024f\u1e00-\u1eff"  # of folded text


class Word(NamedTuple):
    """One line of a list."""

    language: str
    word: str
    category: str


@dataclass(frozen=True)
class WordList:
    """Words to look for.

    Attributes:
        words: In the order of the file.
    """

    words: tuple[Word, ...]
    _found: Mapping[str, Word] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_text = {_fold(word.word): word for word in self.words}  # the later one replaces the earlier
        by_text.pop("", None)
        object.__setattr__(self, "_found", by_text)

    def __add__(self, other: WordList) -> WordList:
        """Both lists; the lines of ``other`` come later."""
        return WordList(self.words + other.words)

    def find(self, text: str) -> tuple[Word, ...]:
        """Return the words that stand in ``text``, each once, in order; never raises."""
        folded = _fold(normalize(text))
        # A pattern of all words takes a quarter of a second to make; a text has few of them.
        there = [word for word in self._longest_first if word in folded]
        if not there:
            return ()
        pattern = "|".join(_expression(word, self._found[word].language) for word in there)
        hits = (self._found[match[0]] for match in re.finditer(pattern, folded))
        return tuple(dict.fromkeys(hit for hit in hits if hit.category != HARMLESS))

    @cached_property
    def _longest_first(self) -> list[str]:
        return sorted(self._found, key=len, reverse=True)


@cache
def shipped() -> WordList:
    """The list that comes with sdjp: explicit, violent and self-harming words in Japanese and English."""
    path = Path(str(files("sdjp"))) / "assets" / "screen" / "words.tsv"
    return read(path)


def read(path: str | Path) -> WordList:
    """Read a list; blank lines and those that begin with ``#`` are passed over.

    Raises:
        InputError: If the file cannot be read, or a line is not of the form.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        ja, en = reason(error)
        raise InputError(
            "prompt_words.unreadable",
            ja=f"語の一覧 {path} を読めません（{ja}）。UTF-8 のファイルのパスを指定してください。",
            en=f"cannot read the list of words {path} ({en}). Give the path of a file in UTF-8.",
        ) from error
    return WordList(tuple(_words(path, lines)))


def _words(path: str | Path, lines: Iterable[str]) -> Iterable[Word]:
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split("\t")]
        if len(parts) != 3 or parts[0] not in LANGUAGES or not parts[2] or not _fold(parts[1]):
            raise InputError(
                "prompt_words.line",
                ja=f"{path} の {number} 行目が読めません: {line[:60]!r}。"
                "「言語（ja か en）・語・分類」をタブで区切って書いてください。",
                en=f"line {number} of {path} cannot be read: {line[:60]!r}. "
                "Write language (ja or en), word and category, with tabs between them.",
            )
        yield Word(*parts)


def _expression(text: str, language: str) -> str:
    """A pattern that matches ``text`` where it is a word."""
    pattern = re.escape(text)
    if language == "en":
        return f"(?<![{_LATIN}]){pattern}(?![{_LATIN}])"
    return f"(?<![{_KATAKANA}]){pattern}" if _STARTS_IN_KATAKANA.match(text) else pattern


def _fold(text: str) -> str:
    """Compatibility forms, upper case and repeated spaces do not tell words apart."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
