"""The pictures of the page in docs/img, taken anew with `python -m tests.browser.screenshots`."""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path
from typing import Any, Final

from PIL import Image
from selenium import webdriver

from tests.browser.conftest import CHROMIUM, DRIVER
from tests.browser.page import DESKTOP, PHONE, Page
from tests.browser.pictures import draw, finished, press, see
from tests.serving import Server

SIZE: Final[dict[str, Any]] = {"width": None, "height": None, "num_inference_steps": None}
"""Those of the model, and not the small ones of tests."""
SEED: Final = 7
"""That of the sample prompts."""
GALLERY: Final = (
    "女の子",
    "夜の街",
    "ロボット",
    "雪の中の鳥居",
    "夕焼けのお城",
    "馬に乗る宇宙飛行士",
)
PROMPT: Final = "森の中の狐"
HEAT: Final = ("馬に乗る宇宙飛行士", "宇宙飛行士")
TALL: Final = (DESKTOP[0], 1100)


def save(page: Page, file: Path) -> None:
    """Keep what the page looks like, small."""
    with Image.open(io.BytesIO(page.driver.get_screenshot_as_png())) as shot:
        shot.convert("RGB").save(file, quality=80, method=6)


def main() -> None:
    """Start a server and a browser, draw, and take the pictures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parents[2] / "docs" / "img")
    folder: Path = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as data:
        server = Server(Path(data) / "data", "--lang", "ja", "--safety", "flag")
        server.start()
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM or ""
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--lang=ja"):
            options.add_argument(argument)
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
        try:
            take(Page(driver, f"{server.url}/"), folder)
        finally:
            driver.quit()
            server.stop()


def to_the_top(page: Page) -> None:
    """Scroll the page, and the form in it, to where they begin."""
    page.script("window.scrollTo(0, 0); for (const one of document.querySelectorAll('*')) one.scrollTop = 0")


def take(page: Page, folder: Path) -> None:
    """All pictures, one after the other."""
    page.driver.set_script_timeout(120)
    page.resize(DESKTOP)
    page.forget()
    for prompt in GALLERY:
        draw(page, prompt, seed=SEED, **SIZE)
    page.resize(TALL)
    page.module("state.js", "m.settings.set({seed: a[0]})", SEED)
    page.write("#prompt", PROMPT)
    page.wait_for(".reading .read")
    page.click("#draw")
    page.wait(lambda: page.jobs()[0]["options"]["prompt"] == PROMPT)
    finished(page, page.jobs()[0]["id"])
    page.wait_for_text("#shown", PROMPT)
    to_the_top(page)
    save(page, folder / "ui.webp")

    page.resize(PHONE)
    to_the_top(page)
    save(page, folder / "ui-phone.webp")

    page.resize(DESKTOP)
    job = next(one for one in page.jobs() if one["options"]["prompt"] == HEAT[0])
    see(page, job)
    press(page, "どの語", ".actions")
    page.wait_for(".chip")
    press(page, HEAT[1], ".chips")
    page.wait_for_text(".where", f"「{HEAT[1]}」がいちばん強い")
    save(page, folder / "ui-heat.webp")


if __name__ == "__main__":
    main()
