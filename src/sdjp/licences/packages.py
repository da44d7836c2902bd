"""The Python packages that are installed for sdjp, and their licences as their own metadata have them.

Nothing is guessed at: where neither a field, nor a classifier, nor the title of the one licence file tells,
the licence is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Final, Literal

from sdjp.licences.catalogue import by_title

Told = Literal["expression", "field", "classifiers", "file"]
Family = Literal["permissive", "weak copyleft", "copyleft", "proprietary", "other"]

_REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?[^;]*(?:;(.*))?", re.DOTALL)
_EXTRA: Final = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")
_FILE: Final = re.compile(r"(LICEN[CS]E|COPYING)", re.IGNORECASE)
_NO_ANSWER: Final = re.compile(
    r"unknown|none|other|dual( license)?|licen[cs]e|proprietary license|.*\.(txt|md|rst)|see .*",
    re.IGNORECASE,
)
_LONGEST: Final = 120
"""Characters of a field that names a licence; what is longer is the text of one."""
_OSI: Final = re.compile(r"License :: (?:OSI Approved :: )?(.+)")

# By severity: of several that hold together the last one counts, of several to choose from the first.
_FAMILIES: Final[tuple[tuple[Family, re.Pattern[str]], ...]] = (
    ("weak copyleft", re.compile(r"\bLGPL|LESSER|LIBRARY GENERAL|\bMPL|MOZILLA|\bEPL\b|\bCDDL")),
    ("copyleft", re.compile(r"\bA?GPL|GENERAL PUBLIC|AFFERO|\bEUPL|\bSSPL")),
    ("proprietary", re.compile(r"PROPRIETARY|NVIDIA|COMMERCIAL")),
    (
        "permissive",
        re.compile(
            r"\bMIT\b|BSD|APACHE|\bISC\b|PSF|PYTHON|ZLIB|\bHPND|HISTORICAL|UNLICENSE|\bCC0\b|PUBLIC DOMAIN|"
            r"\bBSL|BOOST|CNRI"
        ),
    ),
)
_SEVERITY: Final[tuple[Family, ...]] = ("permissive", "weak copyleft", "copyleft", "proprietary", "other")


@dataclass(frozen=True, kw_only=True)
class Package:
    """An installed package.

    Attributes:
        name: As it calls itself.
        version: Its version.
        licence: What it says of its licence; None if that cannot be told.
        told: Where it says so: ``"expression"`` (License-Expression), ``"field"`` (License),
            ``"classifiers"``, ``"file"`` (the title of its one licence file).
        files: Its licence files.
    """

    name: str
    version: str
    licence: str | None
    told: Told | None
    files: tuple[str, ...]

    @property
    def family(self) -> Family:
        """What its licence is like; ``"other"`` if that is not known."""
        return "other" if self.licence is None else family_of(self.licence)


def installed_for(name: str = "sdjp") -> tuple[Package, ...]:
    """The package's requirements that are installed, and what these require, by name; none if it is not.

    Those of all its extras are among them, and extras that requirements ask for. Conditions on the system are
    not looked at: what is installed is installed.
    """
    asked: dict[str, set[str]] = {}
    waiting: list[tuple[str, set[str] | None]] = [(name, None)]
    found: dict[str, metadata.Distribution] = {}
    while waiting:
        wanted, extras = waiting.pop()
        key = normalized(wanted)
        if key in asked and (extras is None or extras <= asked[key]):
            continue
        try:
            distribution = found[key] if key in found else metadata.distribution(wanted)
        except metadata.PackageNotFoundError:
            continue
        found[key] = distribution
        asked.setdefault(key, set()).update(extras or ())
        waiting += requirements(distribution, None if key == normalized(name) else asked[key])
    found.pop(normalized(name), None)
    return tuple(package_of(found[key]) for key in sorted(found))


def requirements(
    distribution: metadata.Distribution, extras: set[str] | None
) -> Iterator[tuple[str, set[str]]]:
    """What a distribution requires, each with the extras it wants of it.

    Args:
        distribution: The distribution.
        extras: Its own extras that are asked for; None for all.
    """
    for text in distribution.requires or ():
        match = _REQUIREMENT.match(text)
        if match is None:
            continue
        name, wanted, marker = match.groups()
        conditions = set(map(normalized, _EXTRA.findall(marker or "")))
        if not conditions or extras is None or conditions & extras:
            yield name, {normalized(extra) for extra in (wanted or "").split(",") if extra.strip()}


def package_of(distribution: metadata.Distribution) -> Package:
    """Read what a distribution says of its licence."""
    about: Any = distribution.metadata  # a message of email, whose types differ between versions
    paths = [
        path
        for path in distribution.files or ()
        if ".dist-info" in path.parts[0] and _FILE.match(path.name) is not None
    ]
    licence, told = _licence(about, [path.read_text() for path in paths] if len(paths) == 1 else [])
    return Package(
        name=str(about["Name"]),
        version=distribution.version,
        licence=licence,
        told=told,
        files=tuple(str(path) for path in paths),
    )


def _licence(about: Any, texts: list[str]) -> tuple[str | None, Told | None]:
    expression = about.get("License-Expression")
    if expression:
        return str(expression), "expression"
    field = str(about.get("License") or "").strip()
    if field and "\n" not in field and len(field) <= _LONGEST and not _NO_ANSWER.fullmatch(field):
        return field, "field"
    matches = map(_OSI.fullmatch, about.get_all("Classifier") or ())
    names = [match[1] for match in matches if match is not None and match[1] != "OSI Approved"]
    if names:
        return " / ".join(names), "classifiers"
    found = by_title(field)
    if found is not None:
        return found.id, "field"
    titles = [title for title in map(by_title, texts) if title is not None]
    return (titles[0].id, "file") if titles else (None, None)


def family_of(licence: str) -> Family:
    """Tell what a licence is like, by its name or expression.

    ``A OR B`` leaves a choice, and so does the slash between classifiers; ``A AND B`` holds together.
    """
    choices = re.split(r"\bOR\b| / ", licence.strip("() "))
    return min((_all_of(choice) for choice in choices), key=_SEVERITY.index)


def _all_of(licence: str) -> Family:
    return max(map(_single, re.split(r"\bAND\b", licence)), key=_SEVERITY.index)


def _single(licence: str) -> Family:
    text = licence.upper()
    for family, pattern in _FAMILIES:
        if pattern.search(text):
            # An exception lets programs be that link to it.
            return "weak copyleft" if family == "copyleft" and "EXCEPTION" in text else family
    return "other"


def normalized(name: str) -> str:
    """A name as indexes compare them (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
