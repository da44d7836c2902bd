"""CLIP's byte-pair tokenizer, exactly as Stable Diffusion v1 was trained with it.

Byte-pair encoding: Sennrich et al. 2016, arXiv 1508.07909; over bytes: GPT-2; the table and the way words are
cut: OpenAI CLIP (Radford et al. 2021, arXiv 2103.00020). Pure Python: counting tokens imports nothing heavy.
The same code reads smaller tables, such as the one of the embedded model.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from heapq import heapify, heappop, heappush
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Final

from sdjp.errors import WeightsError
from sdjp.text.tokenizers.clip_clean import clean

START: Final = "<|startoftext|>"
END: Final = "<|endoftext|>"
CLIP_MERGES: Final = 48_894
"""Merges of the published table that CLIP uses."""
CLIP_BYTES: Final = 524_644
"""Their end in it: it goes on for five times as long."""

_HEADER: Final = "#version: 0.2"
_WORD_END: Final = "</w>"
_CACHE_SIZE: Final = 16_384
_KIND: Final = {"L": "a", "N": "0"}  # by the first letter of the general category
# Applied to the shape of a text (see _shape), where every letter is ASCII and every number is a digit.
_WORD: Final = re.compile(r"<\|(?:start|end)oftext\|>|'(?:s|t|re|ve|m|ll|d)|[a-z]+|[0-9]|[^\sa-z0-9]+")


def _byte_symbols() -> dict[int, str]:
    """Give each byte a printable character, in the order of their ids: first those that are printable."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    return {b: chr(b) for b in printable} | {b: chr(256 + n) for n, b in enumerate(others)}


_SYMBOL: Final = _byte_symbols()
_BYTE: Final = {symbol: byte for byte, symbol in _SYMBOL.items()}


class ClipTokenizer:
    """Text to token ids and back.

    Ids: 256 bytes, the same 256 at the end of a word, the product of each merge, start, end.

    Attributes:
        start_id: Id of the token before every text.
        end_id: Id of the token after it.
        pad_id: Id that fills a chunk up; the end token, as SD v1 has it.
        japanese: False: the models with these tokens read English.
    """

    japanese = False

    def __init__(self, pairs: Sequence[str]) -> None:
        """Take a table known to be sound, each pair as ``"left right"``; others: ``from_merges``."""
        self._pairs = pairs
        bytes_ = list(_SYMBOL.values())
        products = "\n".join(pairs).replace(" ", "").split("\n") if pairs else []  # all at once: 49,000
        self._tokens = [*bytes_, *(b + _WORD_END for b in bytes_), *products, START, END]
        self._ids = dict(zip(self._tokens, range(len(self._tokens)), strict=True))
        self._ranks = dict(zip(pairs, range(len(pairs)), strict=True))
        self.start_id = len(self._tokens) - 2
        self.end_id = self.pad_id = len(self._tokens) - 1
        self._cache: dict[str, tuple[int, ...]] = {}

    @classmethod
    def from_assets(cls) -> ClipTokenizer:
        """Return the full table of CLIP ViT-L/14 (49,408 entries), read once."""
        return _clip()

    @classmethod
    def from_merges(cls, merges: Sequence[tuple[str, str]]) -> ClipTokenizer:
        """Build a tokenizer from any table of byte pairs.

        Raises:
            WeightsError: If a part of a pair is neither a byte symbol nor the product of an earlier pair, or
                if two pairs have the same product.
        """
        known = {*_BYTE, *(symbol + _WORD_END for symbol in _BYTE)}
        for line, (left, right) in enumerate(merges, start=1):
            if left not in known or right not in known or left + right in known:
                raise WeightsError(
                    "tokenizer.merges",
                    ja=f"バイトペア表の {line} 番目の組「{left} {right}」は、それより前の組から作れないか、"
                    "すでにある組と重複しています。表が途中で欠けていないか確認してください。",
                    en=f"pair {line} of the byte-pair table, {left!r} {right!r}, does not follow from the "
                    "pairs before it or repeats one. Check that the table is complete.",
                )
            known.add(left + right)
        return cls([f"{left} {right}" for left, right in merges])

    @classmethod
    def from_merges_file(cls, path: str | os.PathLike[str]) -> ClipTokenizer:
        """Read a ``merges.txt`` as :meth:`save_merges` and Hugging Face write it.

        Raises:
            WeightsError: If the file cannot be read or is not a byte-pair table.
        """
        try:
            lines = Path(path).read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise WeightsError(
                "tokenizer.file",
                ja=f"バイトペア表 {path} を読み込めません（{error}）。ファイルを入手し直してください。",
                en=f"cannot read the byte-pair table {path} ({error}). Get the file again.",
            ) from error
        pairs = [line.partition(" ") for line in lines if line.strip() and not line.startswith("#version")]
        return cls.from_merges([(left, right.rstrip("\r")) for left, _, right in pairs])

    @property
    def merges(self) -> tuple[tuple[str, str], ...]:
        """The pairs, most common first."""
        return tuple((left, right) for left, _, right in (pair.partition(" ") for pair in self._pairs))

    @property
    def vocab_size(self) -> int:
        """Number of entries, start and end included."""
        return len(self._tokens)

    @property
    def commas(self) -> frozenset[int]:
        """Id of the comma, where the table has it as a token."""
        found = self._ids.get("," + _WORD_END)
        return frozenset() if found is None else frozenset({found})

    def lost(self, text: str) -> list[str]:
        """Return nothing: every byte has an id."""
        return []

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Return the entries of the table; a byte is one printable character, a word ends with ``</w>``."""
        return [self._tokens[i] for i in ids]

    def encode(self, text: str) -> list[int]:
        """Return the ids of ``text``, without start and end."""
        ids: list[int] = []
        for word in _words(clean(text)):
            found = self._cache.get(word)
            if found is None:
                found = tuple(self._ids[part] for part in self._parts(word))
                if len(self._cache) < _CACHE_SIZE:
                    self._cache[word] = found
            ids += found
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text that ``ids`` stand for, words parted by spaces, start and end left out.

        Bytes that form no character (a text cut inside one) become U+FFFD.
        """
        text = bytearray()
        for token in self.tokens(i for i in ids if i < self.start_id):
            text += bytes(_BYTE[symbol] for symbol in token.removesuffix(_WORD_END))
            if token.endswith(_WORD_END):
                text += b" "
        return text.decode("utf-8", "replace").strip()

    def save_merges(self, path: str | os.PathLike[str]) -> None:
        """Write ``merges.txt``: a header, then one pair a line, UTF-8."""
        Path(path).write_bytes("\n".join([_HEADER, *self._pairs, ""]).encode())

    def to_transformers_files(
        self, folder: str | os.PathLike[str], *, added: Mapping[str, int] | None = None
    ) -> None:
        """Write the files of a tokenizer that ``transformers.CLIPTokenizer.from_pretrained`` loads.

        Args:
            folder: Where to.
            added: Tokens behind those of the table, and their ids.
        """
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
        config: dict[str, object] = {
            "tokenizer_class": "CLIPTokenizer",
            "model_max_length": 77,
            **special,
        }
        if added:  # of which newer versions want to know more
            rows = {START: self.start_id, END: self.end_id, **added}
            config["added_tokens_decoder"] = {
                str(i): {
                    "content": name,
                    **dict.fromkeys(("lstrip", "rstrip", "single_word"), False),
                    "normalized": name != END,
                    "special": name in (START, END),
                }
                for name, i in rows.items()
            }
        self.save_merges(target / "merges.txt")
        for name, data in (
            ("vocab.json", self._ids),
            ("tokenizer_config.json", config),
            ("special_tokens_map.json", special),
        ):
            text = json.dumps(data, ensure_ascii=False, indent=None if data is self._ids else 2)
            (target / name).write_bytes((text + "\n").encode())
        if added:
            text = json.dumps(dict(added), ensure_ascii=False, indent=2)
            (target / "added_tokens.json").write_bytes((text + "\n").encode())

    def _parts(self, word: str) -> list[str]:
        """Merge the bytes of one word, best pair first, leftmost first among equals; O(n log n)."""
        if word in (START, END):
            return [word]
        parts = [_SYMBOL[b] for b in word.encode("utf-8")]
        parts[-1] += _WORD_END
        end = len(parts)
        after, before = list(range(1, end + 1)), list(range(-1, end - 1))
        ranks = self._ranks
        pairs = (f"{left} {right}" for left, right in pairwise(parts))
        queue = [(ranks[pair], i) for i, pair in enumerate(pairs) if pair in ranks]
        heapify(queue)
        while queue:
            rank, i = heappop(queue)
            j = after[i]
            if j == end or ranks.get(f"{parts[i]} {parts[j]}") != rank:
                continue  # one of the two has been merged with another neighbour since
            parts[i] += parts[j]
            parts[j] = ""
            after[i] = after[j]
            if after[j] < end:
                before[after[j]] = i
            for left, right in ((before[i], i), (i, after[i])):
                if left >= 0 and right < end and (pair := f"{parts[left]} {parts[right]}") in ranks:
                    heappush(queue, (ranks[pair], left))
        return [part for part in parts if part]


@cache
def _clip() -> ClipTokenizer:
    packed = files("sdjp") / "assets" / "clip" / "bpe_simple_vocab_16e6.txt.gz"
    with packed.open("rb") as file, gzip.open(file) as table:
        beginning = table.read(CLIP_BYTES).decode("utf-8")
    return ClipTokenizer(beginning.split("\n")[1:])  # without the header


def _words(text: str) -> Iterator[str]:
    """Cut a clean text into runs of letters, single digits, English endings ('s), runs of anything else."""
    return (text[m.start() : m.end()] for m in _WORD.finditer(_shape(text)))


def _shape(text: str) -> str:
    """Put ``a`` for every letter beyond ASCII and ``0`` for every number: ``re`` knows no ``\\p{L}``."""
    if text.isascii():
        return text
    kinds = {ord(c): _KIND.get(unicodedata.category(c)[0], "!") for c in set(text) if not c.isascii()}
    return text.translate(kinds)
