"""Reads the Markdown of the project: its code blocks, their commands, its links."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SHELLS: Final = ("sh", "console")
CODE: Final = ("python", *SHELLS)

_FENCE: Final = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```[ \t]*$", re.DOTALL | re.MULTILINE)
_INLINE: Final = re.compile(r"`[^`\n]*`")
_LINK: Final = re.compile(r"\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
_HEADING: Final = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)
_COMMENT: Final = re.compile(r"(?:(?<=\s)|^)#.*$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    language: str
    text: str
    line: int

    @property
    def without_comments(self) -> str:
        """The code alone: comments are in the language of the page."""
        lines = (line.rstrip() for line in _COMMENT.sub("", self.text).splitlines())
        return "\n".join(line for line in lines if line)


def blocks(path: Path, languages: tuple[str, ...] = CODE) -> list[Block]:
    """The fenced blocks of ``path`` in these languages."""
    text = path.read_text(encoding="utf-8")
    return [
        Block(match[1], match[2], text.count("\n", 0, match.start()) + 1)
        for match in _FENCE.finditer(text)
        if match[1] in languages
    ]


def commands(path: Path) -> list[str]:
    """Every command of the shell blocks, one for each side of ``&&``; prompts and output are left out."""
    return [command for block in blocks(path, SHELLS) for command in commands_of(block)]


def commands_of(block: Block) -> list[str]:
    """Every command of a block; none if it is not one of the shell."""
    if block.language not in SHELLS:
        return []
    lines = [line for line in block.without_comments.splitlines() if line.strip()]
    if block.language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return [part.strip() for line in lines for part in line.split("&&")]


def arguments(command: str) -> list[str]:
    """A command as the shell would split it, without its first word."""
    return shlex.split(command)[1:]


def links(path: Path) -> list[str]:
    """Targets of links and images, code left out."""
    prose = _INLINE.sub("", _FENCE.sub("", path.read_text(encoding="utf-8")))
    return [match[1] for match in _LINK.finditer(prose)]


def anchors(path: Path) -> set[str]:
    """The fragments that the headings of ``path`` can be reached by, as GitHub makes them."""
    prose = _FENCE.sub("", path.read_text(encoding="utf-8"))
    titles = (re.sub(r"[`*_]", "", title) for title in _HEADING.findall(prose))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def pages() -> list[Path]:
    """All Markdown files of the project."""
    folders = [ROOT / name for name in ("docs", "examples", "src", "tests")]
    return sorted([*ROOT.glob("*.md"), *(path for folder in folders for path in folder.rglob("*.md"))])
