"""The sites as files: every link leads somewhere, nothing comes from elsewhere, every name is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pytest

from tests.site.html import Html
from website import reference
from website.stage import DOCS, LANGUAGES

ELSEWHERE: Final = re.compile(r"(https?:)?//")


@pytest.fixture(scope="module")
def html(built: Path) -> dict[Path, Html]:
    return {path: Html(path) for path in sorted(built.rglob("*.html"))}


def test_every_link_leads_somewhere(html: dict[Path, Html]) -> None:
    """Also from one language to the other, which Zensical does not see, and to the headings of a page."""
    broken = []
    for path, page in html.items():
        for link in (*page.links, *page.loaded):
            if re.match(r"[a-z]+:", link):
                continue
            name, _, fragment = unquote(link).partition("#")
            target = (path.parent / name).resolve() if name else path
            lost = fragment and target in html and fragment not in html[target].anchors
            if lost or not target.is_file():
                broken.append(f"{path}: {link}")
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(built: Path, html: dict[Path, Html]) -> None:
    loaded = {link for page in html.values() for link in page.loaded}
    assert {link for link in loaded if ELSEWHERE.match(link)} == set()
    for path in built.rglob("*.css"):
        styles = path.read_text(encoding="utf-8")
        urls = re.findall(r"url\(['\"]?([^)'\"]+)", styles) + re.findall(r"@import\s+['\"]([^'\"]+)", styles)
        assert [url for url in urls if ELSEWHERE.match(url)] == [], path


def test_nothing_asks_for_a_script_of_a_cdn(built: Path) -> None:
    """Zensical's bundle fetches them where a page has these; ours have none."""
    for path in built.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        for mark in ('class="mermaid"', 'class="glightbox"', 'class="arithmatex"', 'class="pyodide"'):
            assert mark not in page, path


def test_pages_tell_their_language(built: Path, html: dict[Path, Html]) -> None:
    for language in LANGUAGES:
        told = {page.language for path, page in html.items() if path.is_relative_to(built / language)}
        assert told == {language}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_page_is_a_click_away_in_the_other_language(
    built: Path, html: dict[Path, Html], language: str
) -> None:
    [other] = set(LANGUAGES) - {language}
    for page in (DOCS / language).rglob("*.md"):
        name = page.relative_to(DOCS / language).with_suffix(".html")
        path = built / language / name
        targets = {
            (path.parent / link).resolve() for link in html[path].links if not re.match("[a-z]+:|#", link)
        }
        assert built / other / name in targets


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_public_name_has_its_entry(built: Path, html: dict[Path, Html], language: str) -> None:
    for page in (DOCS / language / "reference").glob("*.md"):
        path = built / language / "reference" / f"{page.stem}.html"
        for name in reference.names(page.read_text(encoding="utf-8")):
            assert name.path in html[path].anchors
            assert f"#{name.path}" in html[path].links  # from the table


def test_entries_read_as_markdown(built: Path) -> None:
    pages = [path.read_text(encoding="utf-8") for path in built.rglob("reference/*.html")]
    assert not [role for page in pages for role in re.findall(r":(?:func|class|meth|data|attr):", page)]
    assert not [flag for page in pages for flag in re.findall("doctest: ", page)]


def test_japanese_summaries_stand_first_in_the_entries(built: Path) -> None:
    page = (built / "ja" / "reference" / "errors.html").read_text(encoding="utf-8")
    entry = page[page.index('id="sdjp.errors.InputError"') :]
    assert entry.index("使えない引数やプロンプト") < entry.index("An argument or a prompt")
