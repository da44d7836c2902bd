"""What the site is made of: the navigation, the reference, and pages on their way. Needs no Zensical."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests import markdown
from website import reference
from website.__main__ import navigation, sections, settings
from website.stage import DOCS, LANGUAGES, ROOT, BrokenLinkError, Stage, fenced, notebook

SOURCES: Final = ROOT / "src"
DOCUMENTED: Final = (
    *("sdjp", "sdjp.batch", "sdjp.engines", "sdjp.postprocess", "sdjp.provenance", "sdjp.samplers"),
    *("sdjp.text.translate", "sdjp.weights"),
)
"""Packages all of whose ``__all__`` is in the reference; of others, what the code of a page imports."""
JAPANESE: Final = re.compile("[ぁ-んァ-ヶ一-龠]")


def pages(language: str) -> list[str]:
    folder = DOCS / language
    return sorted(p.relative_to(folder).with_suffix("").as_posix() for p in folder.rglob("*.md"))


# The navigation.


def test_the_navigation_names_every_page_once() -> None:
    shared = [f"../{path.stem}" for path in DOCS.glob("*.md")]
    for language in LANGUAGES:
        named = [page for section in sections() for page in section["pages"]]
        assert sorted(named) == sorted([*pages(language), *shared]), "docs/website/pages.yml"


def test_each_section_has_a_title_in_both_languages() -> None:
    titles = [{key for key in section if key != "pages"} for section in sections()]
    assert titles == [set(), *[set(LANGUAGES)] * (len(titles) - 1)]
    for section in sections()[1:]:
        assert JAPANESE.search(section["ja"])
        assert not JAPANESE.search(section["en"])


def test_the_start_page_comes_first() -> None:
    assert [navigation(language)[0] for language in LANGUAGES] == ["index.md", "index.md"]


def test_both_sites_have_the_same_settings_but_for_words() -> None:
    ja, en = (settings(language) for language in LANGUAGES)
    assert ja["theme"]["language"] == "ja"
    assert en["theme"]["language"] == "en"
    assert ja["theme"]["font"] is en["theme"]["font"] is False  # none is fetched
    assert ja["markdown_extensions"] == en["markdown_extensions"]


# The reference.


def exported(module: str) -> list[str]:
    """``__all__`` of a package, which is not imported: that may take seconds."""
    path = SOURCES / module.replace(".", "/") / "__init__.py"
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
            return list(ast.literal_eval(statement.value))
    raise AssertionError(f"{path} has no __all__")


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """What the Python of a page imports from sdjp: modules and names."""
    for block in markdown.blocks(path, ("python",)):
        for node in ast.walk(ast.parse(block.text)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sdjp":
                yield from ((str(node.module), alias.name) for alias in node.names)


def is_module(path: str) -> bool:
    place = SOURCES / path.replace(".", "/")
    return place.is_dir() or place.with_suffix(".py").is_file()


def listed(language: str) -> list[reference.Name]:
    folder = DOCS / language / "reference"
    return [
        name for p in sorted(folder.glob("*.md")) for name in reference.names(p.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_public_name_is_in_the_reference(language: str) -> None:
    top = set(exported("sdjp"))
    public = {f"{module}.{name}" for module in DOCUMENTED for name in exported(module)}
    for page in (DOCS / language).rglob("*.md"):
        for module, name in imported(page):
            public.add(f"sdjp.{name}" if name in top else f"{module}.{name}")
    there = {name.path for name in listed(language)}
    assert not {path for path in public if path not in there and not is_module(path)}


def test_the_errors_are_in_the_reference() -> None:
    module = ast.parse((SOURCES / "sdjp" / "errors.py").read_text(encoding="utf-8"))
    classes = {node.name for node in module.body if isinstance(node, ast.ClassDef)}
    there = {name.path.rpartition(".")[2] for name in listed("ja")}
    assert classes <= there


def test_both_languages_list_the_same_names_once() -> None:
    ja, en = (listed(language) for language in LANGUAGES)
    paths = [name.path for name in ja]
    assert paths == [name.path for name in en]
    assert len(paths) == len(set(paths))


def test_summaries_are_in_the_language_of_the_page() -> None:
    assert [name for name in listed("ja") if not JAPANESE.search(name.summary)] == []
    assert [name for name in listed("en") if not re.search("[a-z]{3}", name.summary)] == []


def test_a_name_gets_its_entry_at_the_end_of_its_section() -> None:
    text = (
        "# T\n\n## `sdjp.samplers`\n\n| a | b |\n|---|---|\n| `Step` | 一歩 |\n\n## More\n\n| `Step` | x |\n"
    )
    staged = reference.with_entries(text)
    assert "| [`Step`][sdjp.samplers.Step] | 一歩 |" in staged
    assert staged.index("::: sdjp.samplers.Step") < staged.index("## More")
    assert staged.count(":::") == 1


# Links.


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage("ja", tmp_path)


@pytest.mark.parametrize(
    ("source", "link", "there"),
    [
        ("docs/ja/index.md", "[a](ui.md#b)", "[a](ui.md#b)"),
        ("docs/ja/index.md", "![a](../img/ui.webp)", "![a](img/ui.webp)"),
        ("docs/ja/index.md", "[`a`](../notation.md)", "[`a`](notation.md)"),
        ("docs/ja/reference/text.md", "[a](../../img/ui.webp)", "[a](../img/ui.webp)"),
        ("docs/ja/index.md", "[a](../../README.ja.md)", "[a](files/README.ja.md)"),
        ("docs/ja/index.md", "[a](../../examples/hello.py)", "[a](files/examples/hello.py.md)"),
        ("docs/ja/index.md", "[a](../../examples/deploy)", "[a](files/examples/deploy/files.md)"),
        ("docs/CHANGELOG.md", "[a](ja/ui.md), [b](en/ui.md)", "[a](ui.md), [b](../en/ui.html)"),
        ("README.ja.md", '<img src="docs/img/ui.webp">', '<img src="../img/ui.webp">'),
        ("examples/README.md", "[a](../docs/ja/ui.md)", "[a](../../ui.md)"),
        ("docs/ja/index.md", "[a](https://example.com/a.md)", "[a](https://example.com/a.md)"),
        ("docs/ja/index.md", "[a](#b)", "[a](#b)"),
        ("docs/ja/index.md", "`[a](../img/ui.webp)`", "`[a](../img/ui.webp)`"),
        ("docs/ja/index.md", "```\n[a](../img/none)\n```\n", "```\n[a](../img/none)\n```\n"),
    ],
)
def test_links_lead_to_the_same_from_the_site(stage: Stage, source: str, link: str, there: str) -> None:
    assert stage.relinked(link, ROOT / source) == there


@pytest.mark.parametrize("link", ["none.md", "../img/none.png", "../../../outside.md"])
def test_a_link_to_nothing_is_refused(stage: Stage, link: str) -> None:
    with pytest.raises(BrokenLinkError, match=r"index\.md"):
        stage.relinked(f"[a]({link})", DOCS / "ja" / "index.md")


def test_what_is_linked_comes_along(tmp_path: Path) -> None:
    Stage("ja", tmp_path).fill()
    found = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert {f"{page}.md" for page in pages("ja")} <= found
    assert {"CHANGELOG.md", "notation.md", "img/ui.webp", "report.schema.json"} <= found
    assert "files/examples/README.md" in found
    assert not any(name.startswith(("en/", "ja/", "..")) for name in found)
    code = (tmp_path / "files" / "examples" / "hello.py.md").read_text(encoding="utf-8")
    assert "exclude: true" in code  # found by its link, not by the search
    assert (ROOT / "examples" / "hello.py").read_text(encoding="utf-8").rstrip() in code


def test_a_notebook_becomes_a_page() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# 題\n", "文"]},
        {"cell_type": "code", "source": ["x = 1\n", "x"]},
    ]
    assert notebook(json.dumps({"cells": cells})) == "# 題\n文\n\n```python\nx = 1\nx\n```\n"


def test_code_with_fences_stays_one_block() -> None:
    assert fenced("a\n```\nb\n", "text") == "````text\na\n```\nb\n````\n"
