"""The sites in a real browser: search, languages, phones, colours; and that they ask no other machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pytest

from tests.browser.page import DESKTOP, Page

PHONE: Final = (390, 844)
HERE: Final = ("about", "blob", "data", "file")
# The dialog is in a shadow root, and the names of its classes are the bundle's.
DIALOG: Final = """
    const root = [...document.querySelectorAll("body > div")].map((div) => div.shadowRoot).find(Boolean);
    const links = [...root.querySelectorAll("[role=listbox] a")];
    return [
        root.querySelector("input[role=combobox]").value,
        root.querySelector("[role=status]").textContent,
        links.map((link) => new URL(link.href).pathname),
        [...root.querySelectorAll("input[role=combobox]")].map((input) => input.placeholder),
    ];
"""


class Site:
    """A browser at one site, and what it asked for."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address

    def open(self, path: str) -> None:
        self.page.driver.get(f"{self.address}/{path}")
        self.page.wait_for(".md-search__button")

    def search(self, words: str) -> tuple[str, str, list[str]]:
        """Search, and return the words in the field, the count and the paths found, best first."""
        self.page.click(".md-search__button")
        self.page.wait(lambda: self.page.script("return document.activeElement.shadowRoot !== null"))
        self.page.driver.switch_to.active_element.send_keys(words)
        self.page.wait(lambda: self.page.script(DIALOG)[2], f"nothing was found for {words}")
        typed, count, paths, _ = self.page.script(DIALOG)
        return typed, count, [unquote(path) for path in paths]


@pytest.fixture(scope="module")
def site(built: Path, served: Callable[[Path], str], browse: Callable[[str], Page]) -> Site:
    """The sites in a folder of another name than the server's root, as on a shared host."""
    root = built.parent / "served"
    shutil.copytree(built, root / "some" / "where")
    address = served(root)
    site = Site(browse(f"{address}/"), f"{address}/some/where")
    site.open("ja/index.html")  # away from the page that the browser starts with, which is not ours
    return site


@pytest.fixture(autouse=True)
def nothing_from_elsewhere(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test does, the browser asks this machine alone, finds all, and has no complaints."""
    site: Site = request.getfixturevalue("site")
    site.page.resize(DESKTOP)
    site.page.requests()
    yield
    asked = [urlsplit(url) for url in site.page.requests()]
    assert asked
    assert {url.hostname for url in asked if url.scheme not in ("data", "blob", "file", "about")} <= {
        "127.0.0.1"
    }
    assert [message for message in site.page.complaints() if "favicon.ico" not in message] == []


@pytest.mark.parametrize(
    ("language", "words", "page", "among"),
    [
        ("ja", "透かし", "watermark", 1),
        ("ja", "サンプラー", "samplers", 1),
        ("ja", "カエルに乗る", "gallery", 3),
        ("ja", "描き直す", "img2img", 5),
        ("ja", "使えない引数", "reference/errors", 5),
        ("en", "watermark", "watermark", 1),
        ("en", "get_sampler", "reference/samplers", 3),
    ],
)
def test_words_find_their_page(site: Site, language: str, words: str, page: str, among: int) -> None:
    site.open(f"{language}/index.html")
    typed, count, paths = site.search(words)
    assert typed == words
    assert f"/some/where/{language}/{page}.html" in paths[:among]
    assert count.endswith("件" if language == "ja" else "results")


def test_what_is_not_there_is_not_found(site: Site) -> None:
    site.open("ja/index.html")
    site.page.click(".md-search__button")
    site.page.wait(lambda: site.page.script("return document.activeElement.shadowRoot !== null"))
    site.page.driver.switch_to.active_element.send_keys("zzqqxx")
    site.page.wait(lambda: site.page.script(DIALOG)[1] == "見つかりませんでした")


def test_a_result_leads_to_its_page(site: Site) -> None:
    site.open("ja/index.html")
    site.search("透かし")
    site.page.press("\ue007")  # Enter
    site.page.wait(lambda: urlsplit(site.page.driver.current_url).path == "/some/where/ja/watermark.html")


def test_search_works_without_a_server(built: Path, site: Site) -> None:
    files = Site(site.page, built.as_uri())
    files.open("ja/index.html")
    typed, _, paths = files.search("透かし")
    assert typed == "透かし"
    assert paths[0].endswith("/ja/watermark.html")


@pytest.mark.parametrize("page", ["prompts", "reference/text", "CHANGELOG"])
def test_the_other_language_shows_the_same_page(site: Site, page: str) -> None:
    site.open(f"ja/{page}.html")
    [english] = site.page.all(".md-select__link[hreflang=en]")
    site.page.script("arguments[0].click()", english)
    site.page.wait(lambda: urlsplit(site.page.driver.current_url).path == f"/some/where/en/{page}.html")
    assert site.page.script("return document.documentElement.lang") == "en"


@pytest.mark.parametrize(("reads", "language"), [("ja-JP", "ja"), ("fr-FR", "en")])
def test_the_start_page_goes_where_the_browser_reads(site: Site, reads: str, language: str) -> None:
    agent = site.page.script("return navigator.userAgent")
    override = {"userAgent": agent, "acceptLanguage": reads}
    site.page.driver.execute_cdp_cmd("Emulation.setUserAgentOverride", override)
    site.page.driver.get(f"{site.address}/")
    site.page.wait_for(".md-search__button")
    assert site.page.script("return document.documentElement.lang") == language


@pytest.mark.parametrize("page", ["index", "prompts", "api", "reference/pipeline", "server"])
def test_a_phone_shows_the_whole_width(site: Site, page: str) -> None:
    """Tables and code scroll by themselves; the page does not."""
    site.page.resize(PHONE)
    site.open(f"ja/{page}.html")
    assert site.page.script("return document.documentElement.scrollWidth") <= PHONE[0]
    size = "parseFloat(getComputedStyle(document.querySelector('article p')).fontSize)"
    assert site.page.script(f"return {size}") >= 14


def test_code_has_a_button_that_copies(site: Site) -> None:
    site.open("ja/prompts.html")
    names = site.page.script(
        "return [...document.querySelectorAll('.md-code__button')].map((button) => button.title)"
    )
    assert "クリップボードへコピー" in names


@pytest.mark.parametrize("dark", [False, True])
def test_colours_are_those_of_the_system(site: Site, dark: bool) -> None:
    site.page.resize(DESKTOP, dark=dark)
    site.open("ja/prompts.html")
    colour = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    [red, *_] = site.page.script(f"return {colour}")
    assert (red < 100) is dark
    fonts: Any = site.page.script("return getComputedStyle(document.querySelector('article p')).fontFamily")
    assert "Noto Sans CJK JP" in fonts
