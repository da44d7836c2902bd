"""BERT's word pieces (Devlin et al. 2019, arXiv 1810.04805, section 3), uncased.

The text is cleaned, lower-cased and stripped of accents, cut at spaces and punctuation; each word is then put
together from the longest pieces of the table, from left to right. Pure Python: nothing heavy is imported.
"""

from __future__ import annotations

import gzip
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

PAD, UNKNOWN, START, END, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
MAX_LETTERS: Final = 100
"""Longer words are unknown as a whole."""

_INSIDE: Final = "##"  # begins a piece that does not begin a word
_SPECIAL: Final = re.compile(r"(\[(?:PAD|UNK|CLS|SEP|MASK)\])")
# Chinese characters, as BERT counts them; kana and Hangul are not among them.
_IDEOGRAPHS: Final = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class WordPieceTokenizer:
    """Text to token ids and back.

    Attributes:
        start_id: Id of ``[CLS]``.
        end_id: Id of ``[SEP]``.
        pad_id: Id of ``[PAD]``.
        commas: Id of the comma.
        japanese: False: the models with these tokens read English.
    """

    japanese = False

    def __init__(self, pieces: Sequence[str]) -> None:
        """Take the table; the place of a piece is its id."""
        self._pieces = pieces
        self._ids = {piece: i for i, piece in enumerate(pieces)}
        self.start_id, self.end_id = self._ids[START], self._ids[END]
        self.pad_id, self._unknown = self._ids[PAD], self._ids[UNKNOWN]
        self.commas = frozenset({self._ids[","]})

    @classmethod
    def from_assets(cls) -> WordPieceTokenizer:
        """Return the table of bert-base-uncased (30,522 pieces), read once."""
        return _bert()

    @property
    def vocab_size(self) -> int:
        """Number of pieces."""
        return len(self._pieces)

    def encode(self, text: str) -> list[int]:
        """Return the ids of ``text``, without start and end; special tokens may be typed."""
        ids: list[int] = []
        for word in _words(text):
            ids += self._cut(word)
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text that ``ids`` stand for, words parted by spaces; start, end, padding left out."""
        left_out = (self.start_id, self.end_id, self.pad_id)
        pieces = (self._pieces[i] for i in ids if i not in left_out)
        return " ".join(pieces).replace(f" {_INSIDE}", "")

    def lost(self, text: str) -> list[str]:
        """Return the words of ``text`` that no pieces make up."""
        return [word for word in _words(text) if word != UNKNOWN and self._cut(word) == [self._unknown]]

    def _cut(self, word: str) -> list[int]:
        if word in (PAD, UNKNOWN, START, END, MASK):
            return [self._ids[word]]
        if len(word) > MAX_LETTERS:
            return [self._unknown]
        ids: list[int] = []
        start = 0
        while start < len(word):
            before = _INSIDE if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if before + word[start:end] in self._ids), None)
            if end is None:
                return [self._unknown]
            ids.append(self._ids[before + word[start:end]])
            start = end
        return ids


@cache
def _bert() -> WordPieceTokenizer:
    packed = files("sdjp") / "assets" / "bert" / "vocab.txt.gz"
    with packed.open("rb") as file, gzip.open(file, "rt", encoding="utf-8", newline="\n") as lines:
        return WordPieceTokenizer([line.rstrip("\n") for line in lines])


def _words(text: str) -> Iterator[str]:
    """Special tokens, runs of letters and the like, single marks of punctuation."""
    for part in _SPECIAL.split(text):
        if _SPECIAL.fullmatch(part):
            yield part
            continue
        for run in _plain(part).split(" "):
            word = ""
            for char in run:
                if _is_punctuation(char):
                    yield from (word, char) if word else (char,)
                    word = ""
                else:
                    word += char
            if word:
                yield word


def _plain(text: str) -> str:
    """Clean, lower-cased, without accents; Chinese characters between spaces."""
    clean = "".join(_clean(char) for char in text)
    decomposed = unicodedata.normalize("NFD", clean)
    # Letter by letter: the small sigma at the end of a Greek word is not told apart.
    return "".join(char.lower() for char in decomposed if unicodedata.category(char) != "Mn")


def _clean(char: str) -> str:
    if char in "\t\n\r" or unicodedata.category(char).startswith("Z"):
        return " "
    if char == "\ufffd" or unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs"):
        return ""  # what is not assigned stays: it may be a new emoji
    return f" {char} " if _is_ideograph(char) else char


def _is_ideograph(char: str) -> bool:
    return any(first <= ord(char) <= last for first, last in _IDEOGRAPHS)


def _is_punctuation(char: str) -> bool:
    """ASCII signs such as ``$`` and ``+`` are punctuation here, too."""
    if char.isascii():
        return char.isprintable() and not char.isalnum() and char != " "
    return unicodedata.category(char).startswith("P")
