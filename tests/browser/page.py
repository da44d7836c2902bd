"""The page of `sdjp ui` in a real browser, as a person uses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

AXE = Path(__file__).parent / "axe-core" / "axe.min.js"
PATIENCE = 60  # seconds: the machine may be busy with other tests
DESKTOP = (1280, 900)
PHONE = (360, 740)


class Page:
    """The page, and one browser that shows it."""

    def __init__(self, driver: WebDriver, url: str) -> None:
        self.driver = driver
        self.url = url

    def open(self, path: str = "") -> None:
        """Load the page, and wait until all its parts are there."""
        self.driver.get(self.url + path)
        self.wait_for("[data-ready]")

    def forget(self) -> None:
        """Empty what the page keeps in the browser, and load it anew."""
        if not self.driver.current_url.startswith(self.url):
            self.driver.get(f"{self.url}healthz")
        self.driver.execute_async_script(
            "const [done] = arguments; localStorage.clear();"
            "const asked = indexedDB.deleteDatabase('sdjp');"
            "asked.onsuccess = asked.onerror = asked.onblocked = () => done()"
        )
        self.open()

    def find(self, selector: str) -> WebElement:
        """The first element of a CSS selector."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """All elements of a CSS selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def click(self, selector: str) -> None:
        """Click an element, away from the bar at the lower edge."""
        element = self.find(selector)
        self.script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def script(self, source: str, *arguments: Any) -> Any:
        """Run JavaScript in the page, and return its value."""
        return self.driver.execute_script(source, *arguments)

    def module(self, name: str, expression: str, *arguments: Any) -> Any:
        """The value of an expression over a module of the page, ``m``, and its arguments, ``a``."""
        source = (
            "const done = arguments[arguments.length - 1], a = [...arguments];"
            f"import('{self.url}{name}').then((m) => done({{value: {expression}}}),"
            "(error) => done({error: String(error)}))"
        )
        answer = self.driver.execute_async_script(source, *arguments)
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def wait(self, condition: Callable[[], Any], what: str = "") -> Any:
        """Wait until a condition holds, and return what it gave."""
        waiting = WebDriverWait(
            self.driver, PATIENCE, poll_frequency=0.05, ignored_exceptions=[StaleElementReferenceException]
        )
        return waiting.until(lambda _: condition(), what)

    def wait_for(self, selector: str) -> WebElement:
        """Wait until there is such an element, and return it."""
        found: list[WebElement] = self.wait(lambda: self.all(selector), f"no {selector}")
        return found[0]

    def wait_for_text(self, selector: str, text: str) -> None:
        """Wait until one of these elements has this text in it."""
        self.wait(
            lambda: self.script(
                "return [...document.querySelectorAll(arguments[0])]"
                ".some((element) => element.textContent.includes(arguments[1]))",
                selector,
                text,
            ),
            f"{text!r} is not in {selector}",
        )

    def write(self, selector: str, text: str) -> None:
        """Put a text into a field as if it had been typed, in place of what is there."""
        field = self.find(selector)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(text)

    def compose(self, kana: str) -> None:
        """Type with the input method; nothing is settled yet."""
        for end in range(1, len(kana) + 1):
            self.driver.execute_cdp_cmd(
                "Input.imeSetComposition",
                {"text": kana[:end], "selectionStart": end, "selectionEnd": end},
            )

    def settle(self, text: str) -> None:
        """End the composition with this text."""
        self.driver.execute_cdp_cmd("Input.insertText", {"text": text})

    def press(self, key: str, *, control: bool = False) -> None:
        """Press a key, with Ctrl or without."""
        actions = ActionChains(self.driver)
        if control:
            actions.key_down(Keys.CONTROL).send_keys(key).key_up(Keys.CONTROL)
        else:
            actions.send_keys(key)
        actions.perform()

    def resize(self, size: tuple[int, int], *, dark: bool = False) -> None:
        """Take the width and height of another device, and its colours."""
        width, height = size
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE},
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def fetch(self, path: str) -> Any:
        """What the server answers the page at a path of the API."""
        return self.driver.execute_async_script(
            "const done = arguments[1];"
            "fetch(arguments[0]).then((answer) => answer.json()).then(done, (error) => done(String(error)))",
            self.url + path,
        )

    def jobs(self) -> list[dict[str, Any]]:
        """All jobs there are, newest first."""
        jobs: list[dict[str, Any]] = self.fetch("v1/jobs?limit=200")["jobs"]
        return jobs

    def serious(self) -> list[Any]:
        """What axe-core finds that is serious or critical, in all that can be reached now."""
        self.script(AXE.read_text(encoding="utf-8"))
        found = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {resultTypes: ['violations']}).then((result) => done(result.violations.map("
            "({id, impact, nodes}) => [impact, id, nodes.map((node) => [node.html, node.failureSummary])])))"
        )
        return [violation for violation in found if violation[0] in ("serious", "critical")]

    def requests(self) -> list[str]:
        """Addresses asked for since the last call, by the browser's own log."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]

    def complaints(self) -> list[str]:
        """Errors on the browser's console since the last call: exceptions, and breaches of the CSP."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    @property
    def host(self) -> str:
        """The host and port of the server."""
        return urlsplit(self.url).netloc
