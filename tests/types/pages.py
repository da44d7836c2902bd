"""Types of the Python in the READMEs and the pages: they are to hold in strict projects, too.

``python -m tests.types.pages --package=sdjp`` checks it together with packages: torch, which takes the
longest, is looked through once for all. Other arguments are mypy's, too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from tests import markdown

PAGES: Final = sorted([*markdown.ROOT.glob("README*.md"), *(markdown.ROOT / "docs").glob("*/**/*.md")])
PACKAGE: Final = "pages"
"""What the modules of the pages are in; pyproject.toml has the flags for it."""


def write(pages: Iterable[Path], folder: Path) -> dict[Path, Path]:
    """Write each page with Python as a module, its blocks on the lines that they have on the page.

    Args:
        pages: The Markdown, all of it in the project.
        folder: Where the modules go. What it holds is removed.

    Returns:
        The page of each module.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    written = {}
    for page in pages:
        text = ""
        for block in markdown.blocks(page, ("python",)):
            text += "\n" * (block.line - text.count("\n")) + block.text
        if text:
            name = page.relative_to(markdown.ROOT).with_suffix("").as_posix()
            module = folder / f"{name.translate(str.maketrans('/.-', '___'))}.py"
            module.write_text(text, encoding="utf-8")
            written[module] = page
    return written


def on_pages(said: str, written: Mapping[Path, Path]) -> str:
    """Let what mypy said name the page in place of its module; the lines are the same."""
    names = {str(module.relative_to(markdown.ROOT)): page for module, page in written.items()}
    lines = []
    for line in said.splitlines(keepends=True):
        name, colon, rest = line.partition(":")
        page = names.get(name)
        lines.append(line if page is None else f"{page.relative_to(markdown.ROOT)}{colon}{rest}")
    return "".join(lines)


def main(arguments: list[str]) -> int:
    """Check the pages and what the arguments name; return mypy's exit code."""
    cache = markdown.ROOT / ".mypy_cache"
    written = write(PAGES, cache / PACKAGE)
    run = subprocess.run(
        [sys.executable, "-m", "mypy", f"--package={PACKAGE}", *arguments],
        cwd=markdown.ROOT,
        env={**os.environ, "MYPYPATH": str(cache)},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    print(on_pages(run.stdout, written), end="")
    return run.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
