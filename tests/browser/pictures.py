"""Pictures on the page: drawn, dropped, painted over. What several tests do with them."""

from __future__ import annotations

import base64
import io
from typing import Any, Final

from PIL import Image
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.page import Page

SMALL: Final = {"width": 64, "height": 64, "num_inference_steps": 1}
"""What a drawing costs next to nothing with."""

_SEND: Final = """
    const [body, kind, done] = arguments;
    const call = kind === 'draw'
        ? import(document.baseURI + 'draw.js').then((m) => m.draw(body))
        : fetch(document.baseURI + 'v1/jobs', {
              method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)
          }).then((answer) => answer.json());
    call.then(done, (error) => done({error: String(error)}));
"""

_DROP: Final = """
    const [bytes, type, name, kind, text] = arguments;
    const data = Uint8Array.from(atob(bytes), (character) => character.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([data], name, {type}));
    if (text) transfer.setData('text/plain', text);
    const target = document.getElementById('gallery');
    const values = {bubbles: true, cancelable: true};
    if (kind === 'paste') {
        document.body.dispatchEvent(new ClipboardEvent('paste', {...values, clipboardData: transfer}));
    } else {
        for (const step of ['dragenter', 'dragover', 'drop']) {
            target.dispatchEvent(new DragEvent(step, {...values, dataTransfer: transfer}));
        }
    }
"""


def draw(page: Page, prompt: str, **options: Any) -> dict[str, Any]:
    """Draw on the page, wait for the pictures in the gallery, and return the job."""
    body = {"prompt": prompt, **SMALL, **options}
    job = page.driver.execute_async_script(_SEND, body, "draw")
    assert "id" in job, job
    return finished(page, job["id"])


def finished(page: Page, job: str) -> dict[str, Any]:
    """Wait until a job is done and its pictures stand in the gallery, and return it."""

    def done() -> dict[str, Any] | None:
        found: dict[str, Any] = page.fetch(f"v1/jobs/{job}")
        assert found["state"] in ("queued", "drawing", "done"), found
        return found if found["state"] == "done" else None

    found: dict[str, Any] = page.wait(done, "the job does not end")
    for picture in found["pictures"]:
        page.wait_for(tile_of(found, picture["index"]))
    return found


def tile_of(job: dict[str, Any], index: int = 0) -> str:
    """The selector of a picture in the gallery."""
    return f'.tile[data-key="{job["id"]}/{index}"]'


def tiles(page: Page) -> list[str]:
    """What the gallery shows: job and index of each."""
    return list(page.script("return [...document.querySelectorAll('.tile')].map((t) => t.dataset.key)"))


def see(page: Page, job: dict[str, Any], index: int = 0) -> None:
    """Open a picture in the viewer, and wait until all about it is there."""
    page.find(f"{tile_of(job, index)} .open").click()
    page.wait_for("dialog.viewer[open]")
    page.wait(lambda: button(page, "元の絵にする", ".actions") and len(page.all(".facts dt")) > 4, "no facts")


def button(page: Page, text: str, within: str = "body") -> WebElement | None:
    """The button, or the link that looks like one, with a text in it."""
    found: WebElement | None = page.script(
        "return [...document.querySelectorAll(arguments[0])]"
        ".find((one) => one.textContent.includes(arguments[1])) ?? null",
        f"{within} button, {within} a.button",
        text,
    )
    return found


def press(page: Page, text: str, within: str = "body") -> None:
    """Click the button with a text in it, as soon as it is there."""

    def pressed() -> bool:
        found = button(page, text, within)
        if found is None or not found.is_enabled():
            return False
        page.script("arguments[0].scrollIntoView({block: 'center'})", found)  # not behind the bar at the end
        found.click()
        return True

    page.wait(pressed, f"no button {text}")


def bring(
    page: Page,
    data: bytes,
    *,
    type: str = "image/png",
    name: str = "a.png",
    kind: str = "drop",
    text: str = "",
) -> None:
    """Drop a file on the page, or paste it."""
    page.script(_DROP, base64.b64encode(data).decode(), type, name, kind, text)


def download(page: Page, path: str) -> bytes:
    """What the server has at a path, as the page gets it; or what a data URI holds."""
    if path.startswith("data:"):
        return base64.b64decode(path.partition(",")[2])
    text = page.driver.execute_async_script(
        "const done = arguments[1];"
        "fetch(arguments[0]).then((answer) => answer.blob()).then((blob) => {"
        "const reader = new FileReader(); reader.onload = () => done(reader.result.split(',')[1]);"
        "reader.readAsDataURL(blob);})",
        path if path.startswith("http:") else page.url + path,
    )
    return base64.b64decode(text)


def settings(page: Page) -> dict[str, Any]:
    """What the form says."""
    return dict(page.module("state.js", "m.settings.all()"))


def inputs(page: Page) -> dict[str, Any]:
    """The pictures that go along with the form."""
    return dict(page.module("state.js", "m.inputs.all()"))


def png(width: int = 64, height: int = 48, color: str = "teal") -> bytes:
    """A picture from elsewhere."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), color).save(file, "PNG")
    return file.getvalue()
