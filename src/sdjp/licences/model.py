"""The licence of a model, as the model itself tells it: in its file, on its card, or in a file of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from sdjp.licences.catalogue import LICENCES, OPENRAIL, Licence, by_name, by_title, openrail_text
from sdjp.licences.shipped import folder

How = Literal["embedded", "published", "file", "card", "text", "unknown"]

MOST: Final = 1 << 20
"""Bytes of a card or licence that are read."""
_CARDS: Final = ("readme.md", "modelcard.md", "model_card.md")
_TEXT: Final = re.compile(r"(licen[cs]e|copying)[\w.-]*", re.IGNORECASE)
_WEIGHTS: Final = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")
_FIELD: Final = "modelspec.license"
"""The licence in the metadata of a file: SAI Model Spec 1.0, https://github.com/Stability-AI/ModelSpec."""
_ENTRY: Final = re.compile(r"^license:[ \t]*(?:\n[ \t]*-[ \t]*)?(['\"]?)(.+?)\1[ \t]*$", re.MULTILINE)
_NAME: Final = re.compile(r"^license_name:[ \t]*(['\"]?)(.+?)\1[ \t]*$", re.MULTILINE)
_LINK: Final = re.compile(r"^license_link:[ \t]*(['\"]?)(.+?)\1[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class ModelLicence:
    """The licence of a model.

    Attributes:
        name: As it was found; None if it is not known.
        licence: The same among :data:`LICENCES`; None if it is none of them, or not known.
        how: Where it was found: ``"embedded"`` (the model of the package), ``"published"`` (a published file
            or repository of Stable Diffusion v1), ``"file"`` (the metadata of the weights), ``"card"`` (the
            head of a README.md), ``"text"`` (the title of a licence file), or ``"unknown"``.
        where: The file that says so.
        text: A file with the text of the licence, or with what there is.
        link: Where the text is, if the card tells.
    """

    name: str | None = None
    licence: Licence | None = None
    how: How = "unknown"
    where: Path | None = None
    text: Path | None = None
    link: str | None = None

    @property
    def url(self) -> str | None:
        """Where the text of the licence is; for people, and never opened here."""
        return self.licence.url if self.licence is not None else self.link

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            "name": self.name,
            "id": None if self.licence is None else self.licence.id,
            "url": self.url,
            "how": self.how,
            "where": None if self.where is None else str(self.where),
            "text": None if self.text is None else str(self.text),
        }


UNKNOWN: Final = ModelLicence()
PUBLISHED: Final = ModelLicence(name=OPENRAIL.name, licence=OPENRAIL, how="published")
"""The licence of the published files of Stable Diffusion v1."""


def embedded() -> ModelLicence:
    """The licence of the model that is in the package."""
    apache, own = LICENCES["Apache-2.0"], folder() / "assets" / "mini"
    return ModelLicence(
        name=apache.name, licence=apache, how="embedded", where=own / "README.md", text=own / "LICENSE"
    )


def text_of(model: ModelLicence) -> str | None:
    """The text of a model's licence: the one with the model, or else one that ships; None without one."""
    if model.how == "embedded":
        own = "" if model.text is None else model.text.read_text(encoding="utf-8")
        return f"{own}\n{_apache()}"
    if model.text is not None:
        return "".join(c if c.isprintable() or c in "\n\t" else " " for c in _read(model.text))
    return openrail_text() if model.licence is OPENRAIL else None


def told_within(path: Path) -> ModelLicence:
    """What a model says of its licence in its own file or folder; it is read, and never run.

    Args:
        path: A file of weights, or the folder of a model.
    """
    if path.is_dir():
        return _told_in(path)
    name = _metadata(path) if path.suffix.lower() == ".safetensors" else None
    return UNKNOWN if not name else _named(name, how="file", where=path)


def told_beside(path: Path) -> ModelLicence:
    """What stands beside a file of weights, unless others are there, too: the card may be theirs."""
    try:
        others = [one for one in path.parent.iterdir() if one.suffix.lower() in _WEIGHTS and one != path]
    except OSError:
        return UNKNOWN
    return UNKNOWN if others else _told_in(path.parent)


def _told_in(place: Path) -> ModelLicence:
    """The card of a folder, or the licence in it."""
    try:
        files = sorted(one for one in place.iterdir() if one.is_file())
    except OSError:
        return UNKNOWN
    text = next((one for one in files if _TEXT.fullmatch(one.name)), None)
    for card in (one for one in files if one.name.lower() in _CARDS):
        head = _head(_read(card))
        entry = _ENTRY.search(head)
        if entry is not None:
            name, link = _NAME.search(head), _LINK.search(head)
            # "other" means: see license_name.
            said = name[2] if name is not None and entry[2] in ("other", "unknown") else entry[2]
            return _named(said, how="card", where=card, text=text, link=None if link is None else link[2])
    if text is None:
        return UNKNOWN
    licence = by_title(_read(text))
    return ModelLicence(
        name=text.name if licence is None else licence.name,
        licence=licence,
        how="text",
        where=text,
        text=text,
    )


def _named(
    name: str, *, how: How, where: Path, text: Path | None = None, link: str | None = None
) -> ModelLicence:
    licence = by_name(name)
    shown = name if licence is None else licence.name
    return ModelLicence(name=shown, licence=licence, how=how, where=where, text=text, link=link)


def _head(card: str) -> str:
    """The metadata at the top of a card, between two lines of ``---``."""
    match = re.match(r"\ufeff?---[ \t]*\n(.*?)\n---[ \t]*(?:\n|$)", card.replace("\r\n", "\n"), re.DOTALL)
    return "" if match is None else match[1]


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MOST).decode("utf-8", "replace")
    except OSError:
        return ""


def _apache() -> str:
    """The text of the Apache License, which the vocabulary of BERT comes with."""
    return (folder() / "assets" / "bert" / "LICENSE").read_text(encoding="utf-8")


def _metadata(path: Path) -> str | None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "np") as file:
            return (file.metadata() or {}).get(_FIELD)
    except (SafetensorError, OSError):
        return None
