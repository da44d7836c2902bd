"""Fetch further tables of pairs: names of npm's Unicode and map data, dictionaries and a game of Debian's.

The packages of Debian are fetched with ``apt-get`` and unpacked with ``dpkg-deb``; where these are missing,
so are their tables.
"""

from __future__ import annotations

import gettext
import gzip
import json
import logging
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from sdjp.text.script import is_japanese
from sdjp_training.scenes import artwork, emoji_names
from sdjp_training.translator.sources import write

log = logging.getLogger(__name__)

Pairs = Iterable[tuple[str, str]]

NPM: Final = {
    "annotations": "cldr-annotations-full@48.2.0",
    "annotationsDerived": "cldr-annotations-derived-full@48.2.0",
    "localenames": "cldr-localenames-full@48.2.0",
    "labels": emoji_names.PACKAGE,
    "presets": "@openstreetmap/id-tagging-schema@6.19.2",
}
DEBIAN: Final = ("dict-freedict-eng-jpn", "enamdict", "cataclysm-dda-data")
LONGEST_NAME: Final = 5
"""Words of a name; what is longer describes."""
_PLACE: Final = re.compile(r"(\S+)(?: \[[^]]*\])? /\(([^)]*)\) ([^/]+)/")
_WHERE: Final = re.compile(
    r"^Mt\. | (Mt\.|Station|Shrine|Park|Bay|Lake|Ruins|Street|Airport|Peninsula|Island|Temple|Castle|River"
    r"|Bridge|Museum|Tower)$"
)
_KATAKANA: Final = re.compile("[ァ-ヺー・]+")
_NUMBERED: Final = re.compile(r"\b\d+\.|\([^)]*\)|（[^）]*）")
_FORMAT: Final = re.compile(r"[%<>{}|\\\n]")
_BASE64: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def fetch(folder: Path) -> None:
    """Write the tables to ``folder``; what is there is kept."""
    packages = folder / "packages"
    for name, package in NPM.items():
        artwork.unpack(package, packages, name)
    tables: dict[str, tuple[Callable[[Path], Pairs], Path]] = {
        "cldr_names": (cldr, packages),
        "emojibase_labels": (labels, packages / "labels"),
        "osm_presets": (presets, packages / "presets"),
    }
    system = _debian(packages)
    if system is not None:
        game = system / "share/locale/ja/LC_MESSAGES/cataclysm-dda.mo"
        tables |= {
            "wikdict": (dictionary, system / "share/dictd"),
            "jmnedict_places_core": (places, system / "share/edict/enamdict"),
            "cdda_names": (game_names, game),
            "cdda_descriptions": (game_descriptions, game),
        }
    for name, (read, source) in tables.items():
        if not (folder / f"{name}.tsv").exists():
            write(folder / f"{name}.tsv", read(source))


def _debian(packages: Path) -> Path | None:
    """The ``usr`` of Debian's packages; None where they cannot be had."""
    root = packages / "debian"
    if not root.exists():
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            log.warning("no apt-get here: the tables of %s are left out", ", ".join(DEBIAN))
            return None
        partly = packages / "debian.partly"
        partly.mkdir(parents=True, exist_ok=True)
        log.info("fetching %s", ", ".join(DEBIAN))
        if subprocess.run(["apt-get", "download", "-qq", *DEBIAN], cwd=partly, check=False).returncode:
            log.warning("apt-get has no %s: their tables are left out", ", ".join(DEBIAN))
            return None
        for package in partly.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, partly], check=True)
            package.unlink()
        partly.replace(root)
    return root / "usr"


def cldr(packages: Path) -> Iterator[tuple[str, str]]:
    """Names of characters, countries and languages."""
    for name in ("annotations", "annotationsDerived"):
        ja, en = (_json(packages / name / name / lang / "annotations.json")[name] for lang in ("ja", "en"))
        for character, said in ja["annotations"].items():
            if character in en["annotations"] and "tts" in said and "肌色" not in said["tts"][0]:
                yield said["tts"][0], en["annotations"][character]["tts"][0]
    for what in ("territories", "languages", "scripts"):
        ja, en = (
            _json(packages / "localenames" / "main" / lang / f"{what}.json")["main"][lang][
                "localeDisplayNames"
            ][what]
            for lang in ("ja", "en")
        )
        yield from ((name, en[code]) for code, name in ja.items() if code in en)


def labels(folder: Path) -> Iterator[tuple[str, str]]:
    """Names of emojis."""
    ja, en = (
        {row["hexcode"]: row["label"] for row in _json(folder / lang / "data.json")} for lang in ("ja", "en")
    )
    yield from ((label, en[code]) for code, label in ja.items() if code in en)


def presets(folder: Path) -> Iterator[tuple[str, str]]:
    """Names of what is on maps: shops, buildings, roads."""
    ja, en = (
        _json(folder / "dist" / "translations" / f"{lang}.json")[lang]["presets"] for lang in ("ja", "en")
    )
    for kind in ("presets", "fields"):
        for key, said in ja[kind].items():
            other = en[kind].get(key, {})
            for part in ("name", "label"):
                if part in said and part in other:
                    yield said[part], other[part]
            for option, name in said.get("options", {}).items():
                theirs = other.get("options", {}).get(option)
                if isinstance(name, str) and isinstance(theirs, str):
                    yield name, theirs


def dictionary(folder: Path) -> Iterator[tuple[str, str]]:
    """A dictd dictionary from English, the other way round."""
    with gzip.open(folder / "freedict-eng-jpn.dict.dz") as file:
        text = file.read()
    for line in (folder / "freedict-eng-jpn.index").read_text(encoding="utf-8").splitlines():
        key, start, length = line.split("\t")[:3]
        if key.startswith("00"):
            continue  # about the dictionary
        entry = text[_number(start) : _number(start) + _number(length)].decode("utf-8")
        head, *senses = entry.splitlines()
        word = re.split(r" /| <", head)[0].strip()  # before its sound and its part of speech
        for said in senses:
            for ja in _NUMBERED.sub("", said).split(","):
                if is_japanese(ja):
                    yield ja.strip(), word


def places(path: Path) -> Iterator[tuple[str, str]]:
    """Places of JMnedict that are no quarters or villages: stations, shrines, parks …, and those abroad."""
    for line in path.read_text(encoding="euc-jp", errors="ignore").splitlines():
        found = _PLACE.match(line)
        kinds = set(found[2].split(",")) if found is not None else set()
        if found is None or not kinds & {"p", "st"}:
            continue
        ja, english = found[1], re.sub(r"\([^)]*\)", "", found[3]).strip()
        if _WHERE.search(english) or _KATAKANA.fullmatch(ja):
            yield ja, english


def game_names(path: Path) -> Iterator[tuple[str, str]]:
    """Things, clothes and animals of a game."""
    yield from ((ja, english) for ja, english in _messages(path) if len(english.split()) <= LONGEST_NAME)


def game_descriptions(path: Path) -> Iterator[tuple[str, str]]:
    """Descriptions of these."""
    described = ((ja, english) for ja, english in _messages(path) if len(english.split()) > LONGEST_NAME)
    yield from ((ja, english) for ja, english in described if english.endswith("."))


def _messages(path: Path) -> Iterator[tuple[str, str]]:
    with path.open("rb") as file:
        catalog: dict[Any, str] = vars(gettext.GNUTranslations(file))["_catalog"]
    for key, ja in catalog.items():
        english, which = key if isinstance(key, tuple) else (key, 0)
        english = english.rpartition("\x04")[2]  # behind its context
        if which == 0 and is_japanese(ja) and english[:1].isalpha() and not _FORMAT.search(english + ja):
            yield " ".join(ja.split()), " ".join(english.split())


def _number(digits: str) -> int:
    value = 0
    for digit in digits:
        value = value * 64 + _BASE64.index(digit)
    return value


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
