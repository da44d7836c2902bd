"""The modules that the types of the pages are checked in; `nox -s types` checks them."""

from __future__ import annotations

import ast
from pathlib import Path

from tests import markdown
from tests.types import pages


def test_blocks_keep_the_lines_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "left from before.py").write_text("?")
    written = pages.write(pages.PAGES, tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(written)
    assert len(written) > 30
    for module, page in written.items():
        text = module.read_text(encoding="utf-8")
        ast.parse(text)
        lines = page.read_text(encoding="utf-8").splitlines()
        blocks = markdown.blocks(page, ("python",))
        for block in blocks:
            assert lines[block.line - 1].startswith("```python")
            inside = slice(block.line, block.line + block.text.count("\n"))
            assert text.splitlines()[inside] == lines[inside]
        assert sum(map(bool, text.splitlines())) == sum(
            bool(line) for block in blocks for line in block.text.splitlines()
        )


def test_an_error_leads_to_the_page() -> None:
    page = markdown.ROOT / "docs" / "ja" / "api.md"
    module = markdown.ROOT / ".mypy_cache" / "pages" / "docs_ja_api.py"
    name = module.relative_to(markdown.ROOT)
    said = f"src/sdjp/run.py:8: error: No\n{name}:12: error: Yes\n{name}: note: In function\nFound 2 errors\n"
    shown = Path("docs", "ja", "api.md")
    assert pages.on_pages(said, {module: page}) == (
        f"src/sdjp/run.py:8: error: No\n{shown}:12: error: Yes\n{shown}: note: In function\nFound 2 errors\n"
    )
