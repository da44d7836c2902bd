"""The pages of a language, and all they link to, in one folder for Zensical.

The Markdown is written for the repository: its links lead to files there. Here each file gets a place on the
site, and each link leads to it:

======================================  =======================================
in the repository                       on the site of ``ja``
======================================  =======================================
``docs/ja/ui.md``                       ``ui.md``
``docs/en/ui.md``                       ``../en/ui.html``, the other site
``docs/notation.md``, ``docs/img/…``    ``notation.md``, ``img/…``
``examples/hello.py`` and any other     ``files/examples/hello.py.md``, a page
======================================  =======================================
"""

from __future__ import annotations

import json
import posixpath
import re
import shutil
from pathlib import Path, PurePosixPath
from typing import Final

from website import reference

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
LANGUAGES: Final = ("ja", "en")

_CODE: Final = re.compile(r"(^```.*?^```[ \t]*$|``[^\n]*?``|`[^`\n]*`)", re.DOTALL | re.MULTILINE)
_LINK: Final = re.compile(r"""(\]\(<?|\b(?:src|srcset|href)=")([^)\s>"]+)""")
_ELSEWHERE: Final = re.compile(r"[a-z][a-z0-9+.-]*:|#|//")
_PICTURES: Final = (".png", ".webp", ".jpg", ".jpeg", ".gif", ".svg")
_LEXERS: Final = {
    ".py": "python",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".conf": "nginx",
    ".json": "json",
    ".toml": "toml",
}
_UNLISTED: Final = "---\nsearch:\n  exclude: true\n---\n\n"


class BrokenLinkError(Exception):
    """A page links to what is not in the repository."""


class Stage:
    """The pages of one language, on their way into ``folder``."""

    def __init__(self, language: str, folder: Path) -> None:
        self.language = language
        self.folder = folder
        self._waiting: list[Path] = []
        self._seen: set[Path] = set()

    def fill(self) -> None:
        """Write all pages of the language, those that both share, and whatever is linked from any of them."""
        for page in [*sorted((DOCS / self.language).rglob("*.md")), *sorted(DOCS.glob("*.md"))]:
            self._await(page)
        while self._waiting:
            self._write(self._waiting.pop())

    def place(self, source: Path) -> PurePosixPath:
        """Where a file or folder of the repository is on this site, from the top of its folder."""
        path = PurePosixPath(source.relative_to(ROOT).as_posix())
        parts = path.parts
        if parts[0] == "docs" and parts[1:2] == (self.language,):
            return PurePosixPath(*parts[2:])
        if parts[0] == "docs" and parts[1] in LANGUAGES:
            return PurePosixPath("..", *parts[1:]).with_suffix(".html")
        if parts[0] == "docs" and source.is_file():
            return PurePosixPath(*parts[1:])
        path = PurePosixPath("files", *parts)
        if source.is_dir():
            return path / "files.md"
        return path if path.suffix in (".md", *_PICTURES) else path.with_name(f"{path.name}.md")

    def relinked(self, text: str, source: Path) -> str:
        """The Markdown of ``source`` with the links of the site; code stays as it is."""

        def link(match: re.Match[str]) -> str:
            return match[1] + self._target(match[2], source)

        pieces = _CODE.split(text)  # prose and code by turns
        return "".join(piece if i % 2 else _LINK.sub(link, piece) for i, piece in enumerate(pieces))

    def _target(self, link: str, source: Path) -> str:
        if _ELSEWHERE.match(link):
            return link
        name, hash_, fragment = link.partition("#")
        target = (source.parent / name).resolve()
        if not target.exists() or not target.is_relative_to(ROOT):
            raise BrokenLinkError(f"{source.relative_to(ROOT)}: {link}")
        place = self.place(target)
        if place.parts[0] != "..":
            self._await(target)
        return posixpath.relpath(place, self.place(source).parent) + hash_ + fragment

    def _await(self, source: Path) -> None:
        if source not in self._seen:
            self._seen.add(source)
            self._waiting.append(source)

    def _write(self, source: Path) -> None:
        place = self.place(source)
        path = self.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix != ".md":
            shutil.copyfile(source, path)
            return
        text = self._markdown(source)
        if place.parts[0] == "reference":
            text = reference.with_entries(text)
        if place.parts[0] == "files":
            text = _UNLISTED + text
        path.write_text(text, encoding="utf-8")

    def _markdown(self, source: Path) -> str:
        if source.is_dir():
            found = sorted(p for p in source.iterdir() if not p.name.startswith((".", "__")))
            links = "\n".join(f"- [`{path.name}`]({path.name})" for path in found)
            return self.relinked(f"# {source.relative_to(ROOT).as_posix()}\n\n{links}\n", source / "files.md")
        text = source.read_text(encoding="utf-8")
        if source.suffix == ".md":
            return self.relinked(text, source)
        title = f"# {source.relative_to(ROOT).as_posix()}\n\n"
        if source.suffix == ".ipynb":
            return title + self.relinked(notebook(text), source)
        return f"{title}{fenced(text, _LEXERS.get(source.suffix, 'text'))}"


def notebook(text: str) -> str:
    """The cells of a notebook as Markdown."""
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    return "\n\n".join(words if kind == "markdown" else fenced(words, "python") for kind, words in cells)


def fenced(text: str, lexer: str) -> str:
    """Text as a block of code."""
    fence = max(["```", *(run + "`" for run in re.findall("`{3,}", text))], key=len)
    return f"{fence}{lexer}\n{text.rstrip()}\n{fence}\n"
