"""A server that asks for a token: the page asks for it, and goes on with the right one."""

from __future__ import annotations

from collections.abc import Callable

from selenium.webdriver.common.keys import Keys

from tests.browser.page import Page
from tests.serving import Server

TOKEN = "correct-horse-battery-staple"


def test_the_page_asks_for_the_token(serve: Callable[..., Server], browse: Callable[[str], Page]) -> None:
    server = serve("--token", f"hana:{TOKEN}")
    page = browse(f"{server.url}/")
    page.driver.get(page.url)
    page.wait_for("dialog #token")
    assert page.serious() == []
    page.press(Keys.ESCAPE)
    page.write("#token", "not-the-right-token-at-all")
    page.press(Keys.ENTER)
    page.wait(lambda: page.all("dialog #token") and not page.find("#token").get_attribute("value"))
    assert "token" not in page.driver.current_url

    page.write("#token", TOKEN)
    page.press(Keys.ENTER)
    page.wait_for("[data-ready]")
    assert "token" not in page.driver.current_url
    assert page.all("dialog[open]") == []
    assert TOKEN not in page.script("return document.cookie")
    assert page.jobs() == []
    page.open()  # the browser keeps it
