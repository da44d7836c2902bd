"""What lies over the page: for everyone, in both colour schemes and on a phone."""

from __future__ import annotations

import pytest

from tests.browser.page import DESKTOP, PHONE, Page
from tests.browser.pictures import SMALL, bring, download, draw, png, press, see


@pytest.mark.parametrize(("size", "dark"), [(PHONE, True), (DESKTOP, False)], ids=["phone", "desktop"])
def test_axe_finds_nothing_serious(page: Page, size: tuple[int, int], dark: bool) -> None:
    page.resize(size, dark=dark)
    job = draw(page, "丘の上の家、ぺろぽん", attention=True)
    assert page.serious() == []
    page.script("document.querySelector('.tile').scrollIntoView({block: 'center'})")
    see(page, job)
    press(page, "どの語", ".actions")
    page.wait_for(".chip")
    assert page.serious() == []
    press(page, "消す", ".actions")
    assert page.serious() == []
    press(page, "やめる", "dialog.question")
    press(page, "元の絵にする", ".actions")
    page.wait_for(".source-picture img")
    press(page, "塗", "#source")
    page.wait_for("dialog.mask canvas")
    assert page.serious() == []
    press(page, "反転", "dialog.mask")
    press(page, "できた", "dialog.mask")
    page.wait_for(".source-picture .painted")
    bring(page, download(page, f"v1/jobs/{job['id']}/pictures/0"))
    page.wait_for("dialog.question")
    assert page.serious() == []
    press(page, "やめる", "dialog.question")
    press(page, "モデル", "#models")
    assert page.serious() == []
    press(page, "閉じる", "dialog.question")
    assert page.serious() == []
    assert page.complaints() == []


def test_all_of_it_is_there_in_english(page: Page) -> None:
    job = draw(page, "丘の上の家、ぺろぽん", **SMALL)
    page.find("#language").click()
    page.wait_for_text("#gallery-title", "Gallery")
    page.find(f'.tile[data-key="{job["id"]}/0"] .open').click()
    page.wait_for_text(".actions", "These settings again")
    page.wait_for_text(".facts", "Words not understood")
    labels = page.script(
        "return ['dialog', '#gallery', '#source']"
        ".flatMap((part) => [...document.querySelectorAll(`${part} [data-word]`)])"
        ".map((one) => one.textContent)"
    )
    own = ("丘の上の家、ぺろぽん", "ぺろ", "ぽん")
    kana = [text for text in labels if any("ぁ" <= character <= "ヿ" for character in text)]
    assert [text for text in kana if not any(word in text for word in own)] == []


def test_a_photo_from_the_camera(page: Page) -> None:
    """The stream of a canvas stands for the camera that this machine has not."""
    page.script(
        "const canvas = Object.assign(document.createElement('canvas'), {width: 120, height: 90});"
        "const pen = canvas.getContext('2d'); pen.fillStyle = 'orange'; pen.fillRect(0, 0, 120, 90);"
        "setInterval(() => pen.fillRect(0, 0, 120, 90), 50);"
        "navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(20);"
    )
    press(page, "写真を撮る", "#source")
    page.wait_for("dialog.camera video")
    press(page, "撮る", "dialog.camera")
    page.wait_for_text("#source", "120×90")
    uri = page.wait(lambda: page.module("state.js", "m.inputs.get('image')"))
    assert uri.startswith("data:image/jpeg")
    assert page.all("dialog.camera") == []


def test_a_picture_larger_than_the_server_takes_is_made_smaller(page: Page) -> None:
    page.module("capabilities.js", "Object.assign(m.capabilities().limits, {max_picture_pixels: 1000})")
    bring(page, png(100, 50))
    page.wait_for_text("#source .status", "縮めました")
    page.wait_for_text("#source", "44×22")
