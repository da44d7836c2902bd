"""The layout of ``--help``: columns as a terminal counts them, where a Japanese character takes two."""

from __future__ import annotations

import argparse
import re
import shutil
import unicodedata
from typing import Final

MAX_COLUMNS: Final = 100

# What a line is never broken within: a default; words and names of files; a character with what must not
# stand apart from it.
_UNIT: Final = re.compile(
    r"（既定値: [^）]*）|\(default: [^)]*\)|[「『（(\[“]*(?:[!-'*-Z\\^-~]+|[^\s])"
    r"[、。，．・：；？！ー〜…」』）)\]”ぁぃぅぇぉっゃゅょァィゥェォッャュョ]*\s*"
)


class Help(argparse.HelpFormatter):
    """Help in Japanese or English that is no wider than the terminal, nor than :data:`MAX_COLUMNS`."""

    def __init__(self, prog: str) -> None:
        columns = min(shutil.get_terminal_size().columns, MAX_COLUMNS)
        super().__init__(prog, max_help_position=26, width=columns - 2)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrap(text, width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = (line for paragraph in text.splitlines() for line in wrap(paragraph, width - len(indent)))
        return "\n".join(f"{indent}{line}" for line in lines)


def columns(text: str) -> int:
    """The columns that a text takes in a terminal."""
    return sum(2 if unicodedata.east_asian_width(c) in "WFA" else 1 for c in text)


def wrap(text: str, width: int) -> list[str]:
    """Break a text into lines of so many columns; its own indentation stays, a longer word does not break."""
    start = text[: len(text) - len(text.lstrip())]
    lines = [start]
    for unit in _UNIT.findall(text.strip()):
        if lines[-1].strip() and columns(lines[-1] + unit.rstrip()) > width:
            lines[-1] = lines[-1].rstrip()
            lines.append(start)
        lines[-1] += unit
    lines[-1] = lines[-1].rstrip()
    return lines
