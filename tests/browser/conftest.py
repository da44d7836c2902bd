"""A server and a browser for each file of tests: `sdjp serve` itself, and Chromium without a window."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest

from tests.browser.page import DESKTOP, Page
from tests.serving import Server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts a server with the flags given, and stops it in the end."""
    started: list[Server] = []

    def start(*flags: str) -> Server:
        server = Server(tmp_path_factory.mktemp("served") / "data", *flags)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop(kill=True)


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server]) -> Server:
    """A server with the embedded model."""
    return serve("--lang", "ja")


@pytest.fixture(scope="module")
def browse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Page]]:
    """Opens a browser of its own for an address, and closes it in the end."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("Chromium and chromedriver are not installed (Debian: chromium-driver)")
    pages: list[Page] = []

    def browse(url: str) -> Page:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        folder = tmp_path_factory.mktemp("browser")
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--lang=ja",
            f"--user-data-dir={folder}",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        environment = {**os.environ, "SE_OFFLINE": "true"}  # no look for another driver on the net
        service = webdriver.ChromeService(executable_path=DRIVER, env=environment)
        driver = webdriver.Chrome(options=options, service=service)
        driver.set_script_timeout(60)
        page = Page(driver, url)
        pages.append(page)
        page.resize(DESKTOP)
        return page

    yield browse
    for page in pages:
        page.driver.quit()


@pytest.fixture(scope="module")
def opened(server: Server, browse: Callable[[str], Page]) -> Page:
    """A browser with the page."""
    return browse(f"{server.url}/")


@pytest.fixture
def page(opened: Page) -> Page:
    """The page as one sees it who comes for the first time."""
    opened.resize(DESKTOP)
    opened.forget()
    opened.requests()
    opened.complaints()
    return opened
