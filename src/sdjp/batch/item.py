"""An item: one picture that is to be drawn; and how a file of them is read and written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sdjp.errors import InputError, SdjpError
from sdjp.options import OPTIONS, GenerationOptions

_ID: Final = 24  # hex digits: 96 bits


@dataclass(frozen=True, kw_only=True)
class Item:
    """One picture that is to be drawn.

    Attributes:
        number: Its place among all items of the job, from 0.
        id: Made of all that decides the picture, and of its place.
        row: Where it stands in the input: the line, or the row of a table, from 1.
        copy: Which picture of its row, from 0.
        key: The id that the input has for the row; None if it has none.
        options: What is drawn: one prompt, one seed, one picture.
    """

    number: int
    id: str
    row: int
    copy: int = 0
    key: str | None = None
    options: GenerationOptions

    @classmethod
    def of(
        cls,
        options: GenerationOptions,
        *,
        fingerprint: str,
        number: int,
        row: int,
        copy: int,
        key: str | None,
    ) -> Item:
        """Make an item, with its id.

        Args:
            options: What is drawn, settled.
            fingerprint: That of the job.
            number: See above; and so are the others.
        """
        content = [fingerprint, row, copy, key, options.to_json()]
        text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return cls(number=number, id=_short(text), row=row, copy=copy, key=key, options=options)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {**vars(self), "options": _given(self.options)}


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A row of the input that cannot be drawn; it has a number, too, and is a record like any other.

    Attributes:
        number: Its place among all items.
        row: Where it stands in the input.
        key: The id that the input has for it.
        text: What stands there, or its beginning.
        error: ``code``, ``ja`` and ``en``.
    """

    number: int
    row: int
    key: str | None = None
    text: str
    error: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {**vars(self), "error": dict(self.error)}


Planned: TypeAlias = Item | Refused
"""What a row of the input becomes."""


def group_id(items: Iterable[Planned]) -> str:
    """The id of a group: made of the ids of all its items, whatever is drawn of them already."""
    return _short("\n".join(item.id for item in items if isinstance(item, Item)))


def write_items(items: Iterable[Planned]) -> bytes:
    """Write items as lines of JSON."""
    lines = (json.dumps(item.to_json(), ensure_ascii=False, separators=(",", ":")) for item in items)
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")


def read_items(data: bytes) -> list[Planned]:
    """Read what :func:`write_items` wrote.

    Raises:
        InputError: If it is something else.
    """
    try:
        # As bytes: text has other line endings, too (U+2028), and they may stand in prompts.
        return [_read(json.loads(line.decode("utf-8", "surrogatepass"))) for line in data.splitlines()]
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            "batch.items",
            ja=f"ジョブのフォルダーの items が壊れているか、別の版の sdjp のものです（{error}）。"
            "別のフォルダーを --out に指定して、はじめから描いてください。",
            en=f"the items in the folder of the job are broken, or of another version of sdjp ({error}). "
            "Begin anew in another folder.",
        ) from error


def as_json(error: SdjpError) -> dict[str, str]:
    """An error as it is kept."""
    return {"code": error.code, "ja": error.ja, "en": error.en}


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_ID]


def _read(row: dict[str, Any]) -> Planned:
    if "error" in row:
        return Refused(**row)
    return Item(**{**row, "options": GenerationOptions.from_json({"prompt": None, **row["options"]})})


def _given(options: GenerationOptions) -> dict[str, Any]:
    """The options without those that are left open: a billion of them are to be written."""
    return {name: value for name, value in options.to_json().items() if value != OPTIONS[name].default}
