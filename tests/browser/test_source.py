"""Pictures that drawing starts from: dropped, pasted, chosen; and the settings in them."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from tests.browser.page import Page
from tests.browser.pictures import (
    SMALL,
    bring,
    download,
    draw,
    finished,
    inputs,
    png,
    press,
    see,
    settings,
)


def test_a_dropped_picture_of_sdjp_brings_its_settings_back(page: Page) -> None:
    job = draw(page, "白い月", seed=11, num_inference_steps=2, guidance_scale=2.0)
    data = download(page, f"v1/jobs/{job['id']}/pictures/0")
    for kind in ("drop", "paste"):
        page.module("state.js", "m.settings.replace({})")
        bring(page, data, kind=kind)
        page.wait_for("dialog.question")
        assert "白い月" in page.find("dialog.question").text
        press(page, "この絵の設定を読み込む", "dialog.question")
        page.wait_for_text("#source .notes", "設定をフォームに入れました")
        found = settings(page)
        assert (found["prompt"], found["seed"], found["num_inference_steps"]) == ("白い月", 11, 2)
        assert "image" not in inputs(page)
    bring(page, data)
    press(page, "両方", "dialog.question")
    page.wait(lambda: inputs(page).get("image"), "it is no source")
    page.wait_for_text("#source .notes", "設定をフォームに入れました")


def test_or_it_is_drawn_from(page: Page) -> None:
    job = draw(page, "白い月", seed=12)
    before = settings(page)
    bring(page, download(page, f"v1/jobs/{job['id']}/pictures/0"))
    press(page, "元の絵として使う", "dialog.question")
    page.wait_for(".source-picture img")
    assert settings(page) == before
    page.module("state.js", "m.settings.set(a[0])", {**SMALL, "prompt": "黒い月", "strength": 0.6})
    page.find("#draw").click()
    again = finished(page, page.wait(lambda: (new := page.jobs()[0]["id"]) != job["id"] and new))
    assert again["inputs"] == ["image"]
    assert again["options"]["strength"] == 0.6


def test_what_could_not_be_taken_over_is_told(page: Page) -> None:
    start = draw(page, "土")
    page.module("state.js", "m.emit('source', a[0])", {"job": start["id"], "index": 0})
    page.wait_for(".source-picture img")
    page.module("state.js", "m.settings.set(a[0])", {**SMALL, "prompt": "土の家"})
    page.find("#draw").click()
    job = finished(page, page.wait(lambda: (new := page.jobs()[0]["id"]) != start["id"] and new))
    bring(page, download(page, f"v1/jobs/{job['id']}/pictures/0"))
    press(page, "この絵の設定を読み込む", "dialog.question")
    page.wait_for_text("#source .notes", "image")


def test_any_other_picture_is_the_source_at_once(page: Page, tmp_path: Path) -> None:
    bring(page, png(80, 40), kind="paste")
    page.wait_for_text("#source", "80×40")
    assert str(inputs(page)["image"]).startswith("data:image/png;base64,")
    file = tmp_path / "元.png"
    file.write_bytes(png(40, 80))
    page.find("#source input[type=file]").send_keys(str(file))
    page.wait_for_text("#source", "40×80")
    press(page, "この形で描く", "#source")
    found = settings(page)
    assert found["height"] > found["width"]
    page.open()
    page.wait_for_text("#source", "40×80")  # kept over a reload
    page.wait(lambda: inputs(page).get("image"), "it is shown, but would not be sent")
    press(page, "外す", "#source")
    page.wait(lambda: not page.all(".source-picture"), "it stays")
    assert inputs(page) == {}


def test_kinds_that_only_the_browser_knows_become_png(page: Page) -> None:
    file = io.BytesIO()
    Image.new("P", (32, 32)).save(file, "GIF")
    bring(page, file.getvalue(), type="image/gif", name="a.gif")
    page.wait(lambda: str(inputs(page).get("image", "")).startswith("data:image/png"), "it is no PNG")


def test_what_is_no_picture_is_refused(page: Page) -> None:
    bring(page, b"no picture", name="手紙.png")
    page.wait_for_text("#source .error", "「手紙.png」は絵として読めません")
    bring(page, b"text", type="text/plain", name="メモ.txt")
    page.wait_for_text("#source .error", "「メモ.txt」は絵として読めません")
    assert inputs(page) == {}


def test_pasted_text_stays_text(page: Page) -> None:
    bring(page, png(), kind="paste", text="桜")  # as a word processor copies
    assert inputs(page) == {}


def test_settings_again_bring_picture_and_mask_again(page: Page) -> None:
    start = draw(page, "庭")
    mask = io.BytesIO()
    Image.new("L", (64, 64), 255).save(mask, "PNG")
    bring(page, png(64, 64))
    page.wait_for(".source-picture img")
    uri = f"data:image/png;base64,{base64.b64encode(mask.getvalue()).decode()}"
    page.module("state.js", "m.inputs.set({mask: a[0]})", uri)
    page.module("state.js", "m.settings.set(a[0])", {**SMALL, "prompt": "庭の犬"})
    page.find("#draw").click()
    job = finished(page, page.wait(lambda: (new := page.jobs()[0]["id"]) != start["id"] and new))
    assert job["inputs"] == ["image", "mask"]
    press(page, "外す", "#source .source-tools")
    see(page, job)
    press(page, "この設定でもう一度", ".actions")
    page.wait(lambda: inputs(page).get("image") == {"job": job["id"], "input": "image", "index": 0})
    page.wait_for(".source-picture .painted")
    see(page, start)  # that one had no source
    press(page, "この設定でもう一度", ".actions")
    page.wait(lambda: inputs(page) == {}, "the source of the other one stays")
