"""The Python of the READMEs and the pages has types that hold where it is copied into a strict project."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests import markdown

api = pytest.importorskip("mypy.api")

PAGES: Final = sorted([*markdown.ROOT.glob("README*.md"), *(markdown.ROOT / "docs").glob("*/**/*.md")])
CACHE: Final = markdown.ROOT / ".mypy_cache" / "docs"
UNTYPED: Final = ("diffusers", "safetensors", "torch")
"""Packages that are called without all of their functions having types."""


@pytest.mark.slow  # all of torch is looked through; `nox -s types` runs it
def test_the_blocks_of_each_page_pass_strict_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page is one module, with its blocks on the lines that they have on the page."""
    files = []
    for page in PAGES:
        text = ""
        for block in markdown.blocks(page, ("python",)):
            text += "\n" * (block.line - text.count("\n")) + block.text
        if text:
            name = page.relative_to(markdown.ROOT).with_suffix("").as_posix()
            files.append(tmp_path / f"{name.translate(str.maketrans('/.-', '___'))}.py")
            files[-1].write_text(text, encoding="utf-8")
    assert len(files) > 30
    monkeypatch.setenv("MYPYPATH", str(markdown.ROOT / "src"))
    excluded = [f"--untyped-calls-exclude={package}" for package in UNTYPED]
    config = ["--config-file", str(markdown.ROOT / "pyproject.toml"), "--cache-dir", str(CACHE)]
    said, failed, code = api.run(["--strict", *config, *excluded, *map(str, files)])
    assert (code, failed) == (0, ""), said
