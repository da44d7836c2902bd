"""The tables behind the lexicon translator: Japanese, English, category, features.

A table is a UTF-8 file of lines ``ja<TAB>en[<TAB>category[<TAB>features]]``; ``ja`` may hold spellings
separated by commas. What the categories and features mean is told in ``assets/lexicon/README.md``. Tables are
read when first needed, once for the process, and never change afterwards.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from sdjp.errors import InputError
from sdjp.text.normalize import normalize

_EMPTY: Final[Mapping[str, str]] = MappingProxyType({})
# In this order: where two files know the same word, the earlier one is tried first.
OWN_TABLES: Final = (
    "people", "animals", "body", "clothes", "parts", "places", "nature", "food", "things", "proper", "styles",
    "adjectives", "colours", "materials", "tags", "adverbs", "verbs", "relators", "suffixes", "counters",
)  # fmt: skip
THINGS: Final = frozenset(["person", "animal", "body", "clothes", "part", "place", "food", "thing", "time"])
"""The categories whose nouns tell the grammar of a gloss that ends with them."""
NOUNS: Final = THINGS | frozenset(
    ["weather", "proper", "artist", "name", "medium", "style", "color", "material", "tag", "group"]
)
"""The categories of nouns in the tables."""
CATEGORIES: Final = NOUNS | frozenset(
    ["adj", "adv", "verb", "relator", "position", "suffix", "prefix", "counter", "unit", "quantity"]
)
"""All categories of the tables."""


class Entry(NamedTuple):
    """One line of a table, for one spelling.

    A tuple, because thousands are made before the first text is translated.

    Attributes:
        ja: The spelling.
        english: Its English in dictionary form.
        category: What kind of word it is.
        features: Grammar, such as ``{"prep": "on", "mass": ""}``.
        how: Where it comes from: ``"lexicon"``, ``"glossary"``, ``"user"``.
    """

    ja: str
    english: str
    category: str = "thing"
    features: Mapping[str, str] = _EMPTY
    how: str = "lexicon"


Table = Mapping[str, tuple[Entry, ...]]


def _folder() -> Path:
    return Path(str(files("sdjp"))) / "assets" / "lexicon"


def _lines(name: str) -> Iterator[str]:
    """The lines of a table of ours, without remarks."""
    text = (_folder() / "own" / f"{name}.tsv").read_text(encoding="utf-8")
    return (line for line in text.splitlines() if line and not line.startswith("#"))


class _Words(Mapping[str, tuple[Entry, ...]]):
    """The words that were written for sdjp: those of the tables by kind, and those that have but a sense.

    Of the latter there are tens of thousands, of which a text has a few: an entry is made when it is asked
    for.
    """

    def __init__(self, tables: dict[str, tuple[Entry, ...]], senses: dict[str, str]) -> None:
        self._entries = tables
        self._senses = senses

    def __getitem__(self, ja: str) -> tuple[Entry, ...]:
        found = self._entries.get(ja)
        if found is None:
            english, category, features = (*self._senses[ja].split("\t"), "")[:3]
            found = (Entry(ja, english, category, _features(features)),)
            self._entries[ja] = found
        return found

    def __contains__(self, ja: object) -> bool:
        return ja in self._entries or ja in self._senses

    def __iter__(self) -> Iterator[str]:
        return iter({**self._senses, **self._entries})

    def __len__(self) -> int:
        return len({**self._senses, **self._entries})


@lru_cache(maxsize=1)
def own() -> Table:
    """Return the words that were written for sdjp (CC0)."""
    rows = (line.partition("\t") for line in _lines("senses"))
    return _Words(dict(by_kind()), {ja: row for spellings, _, row in rows for ja in spellings.split(",")})


@lru_cache(maxsize=1)
def by_kind() -> Table:
    """Return the words of :func:`own` whose tables tell their grammar: the few thousand commonest."""
    table: dict[str, tuple[Entry, ...]] = {}
    for name in OWN_TABLES:
        for line in _lines(name):
            ja, english, category, features = ([*line.split("\t"), ""])[:4]
            parsed = _features(features)
            for spelling in ja.split(","):
                entry = Entry(spelling, english, category, parsed)
                table[spelling] = (*table[spelling], entry) if spelling in table else (entry,)
    return table


@lru_cache(maxsize=1)
def frames() -> tuple[tuple[str, str], ...]:
    """Return words that ask for a picture, each with what part of a request it is; see ``frames.py``."""
    rows = (line.partition("\t") for line in _lines("frames"))
    return tuple((form, kind) for form, _, kind in rows)


@lru_cache(maxsize=1)
def edits() -> Mapping[str, str]:
    """Return verbs that ask for a change of a picture, each with its kind; see ``grammar/edits.py``."""
    rows = (line.split("\t") for line in _lines("edits"))
    return {verb: kind for verbs, kind in rows for verb in verbs.split(",")}


@lru_cache(maxsize=1)
def nouns_by_english() -> Mapping[str, Entry]:
    """Return an entry for the last word of every English noun, to guess the grammar of a gloss."""
    known: dict[str, Entry] = {}
    for entries in by_kind().values():
        for entry in entries:
            if entry.category in THINGS:
                words = entry.english.split(" ")
                if len(words) == 1 or words[-1] not in known:
                    known[words[-1]] = entry
    return known


@lru_cache(maxsize=1)
def readings() -> Mapping[str, str]:
    """Return hiragana readings of the words in :func:`own`, to the spelling that is meant most often."""
    return _packed("own/readings.tsv.gz")


@lru_cache(maxsize=1)
def verb_readings() -> Mapping[str, str]:
    """Return hiragana readings of the verbs in :func:`own`, in dictionary form, to their usual spelling."""
    return _packed("own/verb_readings.tsv.gz")


@lru_cache(maxsize=1)
def glossary() -> Mapping[str, str]:
    """Return the fallback glossary: JMdict's common words and the kana spellings that mean only one of
    them.
    """
    return {**_packed("edrdg/kana.tsv.gz"), **_packed("edrdg/glossary.tsv.gz")}


@lru_cache(maxsize=1)
def names() -> Mapping[str, str]:
    """Return names of countries, languages (CLDR) and places (JMnedict)."""
    return {**_packed("edrdg/places.tsv.gz"), **_packed("unicode/names.tsv.gz")}


def _packed(name: str) -> dict[str, str]:
    """Read a packed table, whose lines hold exactly one tab.

    All lines are cut at once: 55,000 lines one by one would be most of the time that a first text takes.
    """
    text = gzip.decompress((_folder() / name).read_bytes()).decode("utf-8")
    cells = text.rstrip("\n").replace("\n", "\t").split("\t")
    return dict(zip(cells[::2], cells[1::2], strict=True))


@lru_cache(maxsize=512)
def _features(text: str) -> Mapping[str, str]:
    if not text:
        return _EMPTY
    pairs = (item.partition("=") for item in text.split(" "))
    return MappingProxyType({name: value.replace("_", " ") for name, _, value in pairs})


def user_table(source: Path | Mapping[str, str] | None) -> Table:
    """Return the user's own words, which win over everything.

    Args:
        source: A TSV file ``ja<TAB>en[<TAB>category[<TAB>features]]``, a mapping from Japanese to English, or
            None.

    Raises:
        InputError: If the file cannot be read or a line of it (or an item of the mapping) cannot be used.
    """
    if source is None:
        return {}
    if isinstance(source, Mapping):
        return user_rows(((f"{ja!r}", [ja, en]) for ja, en in source.items()), "user_lexicon")
    path = Path(source)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "lexicon.unreadable",
            ja=f"ユーザー辞書 {path} を読み込めません（{error}）。UTF-8 の TSV ファイルを指定してください。",
            en=f"the user lexicon {path} cannot be read ({error}). Give a TSV file in UTF-8.",
        ) from error
    numbered = (
        (str(number), line.split("\t"))
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.startswith("#")
    )
    return user_rows(numbered, str(path))


def spellings(cell: str) -> list[str]:
    """The spellings in the first cell of a line, which commas separate."""
    return [word.strip() for word in re.split("[,，、､]", cell) if word.strip()]


def spelling(word: str) -> str:
    """A word as it stands in a prompt that was normalized, which is how it is looked up."""
    normal = normalize(word)
    return word if not normal or "," in normal else normal  # a comma would make two of it


def user_rows(rows: Iterable[tuple[str, list[str]]], where: str) -> Table:
    """Return the table of the user's own words in the cells of these lines.

    Args:
        rows: For each line, its number or what else it is called, and its cells.
        where: What the table is called.

    Raises:
        InputError: If one cannot be used.
    """
    table: dict[str, tuple[Entry, ...]] = {}
    for line, row in rows:
        cells = [cell.strip() if isinstance(cell, str) else "" for cell in row]
        category = cells[2] if len(cells) > 2 and cells[2] else "thing"
        words = [spelling(word) for word in spellings(cells[0])]
        if not 2 <= len(cells) <= 4 or not words or not cells[1] or category not in CATEGORIES:
            raise InputError(
                "lexicon.line",
                ja=f"ユーザー辞書 {where} の {line} 行目を解釈できません: {row!r}。"
                f"「日本語<TAB>英語」または「日本語<TAB>英語<TAB>分類」の形で書いてください"
                f"（分類: {', '.join(sorted(CATEGORIES))}）。",
                en=f"line {line} of the user lexicon {where} cannot be used: {row!r}. "
                f"Write 'Japanese<TAB>English' or 'Japanese<TAB>English<TAB>category' "
                f"(categories: {', '.join(sorted(CATEGORIES))}).",
            )
        features = _features(cells[3] if len(cells) > 3 else "")
        table.update((word, (Entry(word, cells[1], category, features, "user"),)) for word in words)
    return table
