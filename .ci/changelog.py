"""Reads docs/CHANGELOG.md: its versions, the newest first, and the notes of one in each language."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

PATH = Path(__file__).parents[1] / "docs" / "CHANGELOG.md"
KINDS = {
    "追加 · Added": ("追加", "Added"),
    "変更 · Changed": ("変更", "Changed"),
    "非推奨 · Deprecated": ("非推奨", "Deprecated"),
    "削除 · Removed": ("削除", "Removed"),
    "修正 · Fixed": ("修正", "Fixed"),
    "セキュリティ · Security": ("セキュリティ", "Security"),
}
BETWEEN = " · "
"""What stands between the two languages."""

_VERSION = re.compile(r"\[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})")
_NEAR = re.compile(r"\[([^\]]*)\]\((?!https?:)[^)]*\)")


class Entry(NamedTuple):
    """What a version changed; ``version`` and ``date`` are None for what is not released yet."""

    version: str | None
    date: str | None
    lines: dict[str, list[tuple[str, str]]]

    @property
    def seconds(self) -> int:
        """When its date began, as SOURCE_DATE_EPOCH has it."""
        return int(datetime.strptime(self.date or "", "%Y-%m-%d").replace(tzinfo=timezone.utc).timestamp())


def read(text: str) -> list[Entry]:
    """All entries, as they stand in the file.

    Raises:
        ValueError: If a line has another form than Keep a Changelog's, or one language only.
    """
    entries: list[Entry] = []
    lines: list[tuple[str, str]] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("## "):
            entries.append(_entry(line.removeprefix("## "), number))
            lines = None
        elif line.startswith("### "):
            kind = line.removeprefix("### ")
            if not entries or kind not in KINDS or kind in entries[-1].lines:
                raise ValueError(f"line {number}: {kind!r} is none of {', '.join(KINDS)}, or is there twice")
            lines = entries[-1].lines.setdefault(kind, [])
        elif line and entries:
            ja, between, en = line.partition(BETWEEN)
            if lines is None or not between or BETWEEN in en or not line.startswith("- "):
                raise ValueError(f"line {number}: is not of the form `- 日本語{BETWEEN}English` below a kind")
            lines.append((ja.removeprefix("- "), en))
    return entries


def newest(entries: list[Entry]) -> Entry:
    """The newest version that has a number."""
    return next(entry for entry in entries if entry.version is not None)


def notes(entry: Entry, *, english: bool) -> str:
    """The notes for the tag of a version; links to other files of the project are their text alone."""
    blocks = [f"# sdjp {entry.version} ({entry.date})"]
    for kind, lines in entry.lines.items():
        told = "\n".join(f"- {line[english]}" for line in lines)
        blocks.append(f"## {KINDS[kind][english]}\n\n{_NEAR.sub(lambda match: match[1], told)}")
    return "\n\n".join(blocks) + "\n"


def _entry(heading: str, number: int) -> Entry:
    if heading == f"[未リリース{BETWEEN}Unreleased]":
        return Entry(None, None, {})
    match = _VERSION.fullmatch(heading)
    if match is None:
        raise ValueError(f"line {number}: {heading!r} is neither a version with its date nor Unreleased")
    return Entry(match[1], match[2], {})
