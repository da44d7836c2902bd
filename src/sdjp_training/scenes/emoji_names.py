"""A longer list of concepts: the shipped one, then every other emoji that all sets have a drawing of.

Names and groups are CLDR's, as npm's ``emojibase-data`` has them (MIT; names: Unicode License v3). Symbols,
flags and clock faces are no things that a prompt asks for, and one of two directions is enough.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sdjp_training.scenes import artwork
from sdjp_training.scenes.artwork import PACKAGES, Concept, Package

PACKAGE: Final = "emojibase-data@17.0.0"
FOLDER: Final = "names"
"""Where the package is unpacked, beside those of drawings."""

_KINDS: Final = {
    "smileys-emotion": "object",
    "people-body": "object",
    "animals-nature": "animal",
    "food-drink": "food",
    "travel-places": "nature",
    "activities": "object",
    "objects": "object",
}
_KINDS_OF_SUBGROUPS: Final = {
    "person": "person",
    "family": "person",
    "plant": "plant",
    "place-building": "building",
    "place-religious": "building",
    "transport": "vehicle",
    "sky-weather": "weather",
}
_NOT: Final = re.compile(r"(facing|tilted) right|o’clock|-thirty|^sign|symbol|button")
_WITH: Final = {"bald": "bald {}", "beard": "{} with a beard"}


def fetch(packages: Path) -> None:
    """Download names and keywords, once."""
    artwork.unpack(PACKAGE, packages, FOLDER)


def write(packages: Path, target: Path) -> int:
    """Write the list as :func:`sdjp_training.scenes.artwork.concepts` reads it, and tell its length."""
    every = [*artwork.concepts(), *further(packages)]
    target.parent.mkdir(parents=True, exist_ok=True)
    rows = ("\t".join((c.emoji, ", ".join(c.names), c.japanese, c.kind, f"{c.weight:g}")) for c in every)
    target.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return len(every)


def further(packages: Path) -> Iterator[Concept]:
    """Yield what the shipped list lacks. A name that is taken already makes no concept."""
    taken = {name.lower() for c in artwork.concepts() for name in (c.emoji, c.japanese, *c.names)}
    drawn = [Package(packages, name) for name in PACKAGES]
    groups = json.loads((packages / FOLDER / "meta" / "groups.json").read_text(encoding="utf-8"))
    japanese = {row["hexcode"]: row["label"] for row in _rows(packages, "ja")}
    for row in _rows(packages, "en"):
        kind = _kind(
            groups["groups"].get(str(row.get("group"))), groups["subgroups"].get(str(row.get("subgroup")))
        )
        emoji = row["emoji"]
        if row["type"] == 1 and len(emoji) == 2:
            emoji = emoji[0]  # a picture without a selector, too
        english = row["label"]
        if kind is None or _NOT.search(english) or row["hexcode"] not in japanese:
            continue
        names = _english(english), _japanese(japanese[row["hexcode"]])
        words = {emoji, *(name.lower() for name in names)}
        if words & taken or not all(package.key(emoji) for package in drawn):
            continue
        taken |= words
        yield Concept(emoji, names[:1], names[1], kind)


def _rows(packages: Path, lang: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        (packages / FOLDER / lang / "data.json").read_text(encoding="utf-8")
    )
    return sorted(found, key=lambda row: row.get("order", 0))


def _kind(group: str | None, subgroup: str | None) -> str | None:
    """The kind of thing that an emoji shows; None where that is no thing."""
    if group not in _KINDS or subgroup is None:
        return None
    found = (kind for prefix, kind in _KINDS_OF_SUBGROUPS.items() if subgroup.startswith(prefix))
    return next(found, _KINDS[group])


def _english(label: str) -> str:
    """ "woman: red hair" as people say it."""
    name, _, what = label.replace("“", "").replace("”", "").replace(",", "").partition(": ")
    return _WITH.get(what, "{} with " + what).format(name) if what else name


def _japanese(label: str) -> str:
    """「女性: 赤毛」 as people say it."""
    name, _, what = label.replace("：", ": ").partition(": ")
    return f"{what}の{name}" if what else name
