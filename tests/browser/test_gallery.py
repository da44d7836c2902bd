"""The gallery and the viewer: what was drawn is found again, and more can be made of it."""

from __future__ import annotations

import io
from functools import partial
from typing import Any

import pytest
from PIL import Image
from selenium.webdriver.common.keys import Keys

from sdjp.images import read_metadata
from tests.browser.page import PHONE, Page
from tests.browser.pictures import button, download, draw, finished, press, see, settings, tile_of, tiles


@pytest.fixture
def drawn(page: Page) -> list[dict[str, Any]]:
    """Three jobs, oldest first; drawn once for all tests of this file."""
    known = [job for job in page.jobs() if job["options"]["prompt"] in PROMPTS and job["pictures"]]
    if len(known) >= len(PROMPTS):
        by_prompt = {job["options"]["prompt"]: job for job in known}
        return [by_prompt[prompt] for prompt in PROMPTS]
    return [draw(page, prompt, seed=i + 1) for i, prompt in enumerate(PROMPTS)]


PROMPTS = ("草原の馬", "海辺の猫", "夜空の星、ぺろぽん")


def search(page: Page, text: str) -> None:
    page.write("#gallery-search", text)


def shown(page: Page, *jobs: dict[str, Any]) -> bool:
    """Whether these pictures are in the gallery, in this order, and no others."""
    return [key.split("/")[0] for key in tiles(page)] == [job["id"] for job in jobs]


def large(page: Page) -> str:
    """The job whose picture the viewer shows."""
    source = page.find("dialog.viewer img.large").get_attribute("src") or ""
    return source.split("/v1/jobs/")[1].split("/")[0]


def test_pictures_come_as_they_are_drawn_the_newest_first(page: Page, drawn: list[dict[str, Any]]) -> None:
    newest = draw(page, "雨の森")  # without a reload
    assert tiles(page)[0] == f"{newest['id']}/0"
    page.open()
    page.wait_for(tile_of(newest))
    order = [key.split("/")[0] for key in tiles(page)]
    assert order.index(newest["id"]) < order.index(drawn[2]["id"]) < order.index(drawn[0]["id"])
    assert page.script("return document.querySelector('.tile img').loading") == "lazy"


def test_a_search_in_japanese_or_english_finds_them_again_after_a_reload(
    page: Page, drawn: list[dict[str, Any]]
) -> None:
    horse, cat, _ = drawn
    for text, wanted in (("馬", horse), ("cat", cat), ("ＨＯＲＳＥ　草原", horse)):
        search(page, text)
        page.wait(partial(shown, page, wanted), f"{text} finds another")
    page.open()
    page.wait(lambda: shown(page, horse), "the search is lost")
    search(page, "そんなものはない")
    page.wait_for_text("#gallery .empty", "合う絵はありません")


def test_nothing_is_searched_for_while_kana_are_converted(page: Page, drawn: list[dict[str, Any]]) -> None:
    page.find("#gallery-search").click()
    page.requests()
    page.compose("うま")
    page.settle("馬")
    page.wait(lambda: shown(page, drawn[0]), "馬 is not found")
    asked = [address for address in page.requests() if "/v1/pictures" in address]
    assert len(asked) == 1


def test_stars_and_only_what_has_one(page: Page, drawn: list[dict[str, Any]]) -> None:
    star = page.wait_for(f"{tile_of(drawn[1])} .star")
    star.click()
    page.wait(lambda: page.find(f"{tile_of(drawn[1])} .star").get_attribute("aria-pressed") == "true")
    press(page, "★ だけ", "#gallery")
    page.wait(lambda: shown(page, drawn[1]), "others are there, too")
    page.open()
    page.wait(lambda: shown(page, drawn[1]), "the choice is lost")
    see(page, drawn[1])
    press(page, "スター付き", ".actions")
    page.wait_for_text(".actions", "☆ スターを付ける")
    assert not page.fetch(f"v1/jobs/{drawn[1]['id']}")["pictures"][0]["starred"]


def test_a_picture_is_deleted_after_a_question(page: Page) -> None:
    job = draw(page, "消える雲", num_images_per_prompt=2)
    see(page, job, 0)
    press(page, "消す", ".actions")
    press(page, "やめる", "dialog.question")
    assert len(page.fetch(f"v1/jobs/{job['id']}")["pictures"]) == 2
    press(page, "消す", ".actions")
    press(page, "消す", "dialog.question")
    page.wait(lambda: not page.all(tile_of(job, 0)), "it is still in the gallery")
    assert page.fetch(f"v1/jobs/{job['id']}/pictures/0")["error"]["code"] in (
        "job.expired",
        "picture.deleted",
    )
    assert page.all("dialog.viewer[open]")  # the next one is seen


def test_the_viewer_tells_all_and_is_worked_by_keys(page: Page, drawn: list[dict[str, Any]]) -> None:
    star, cat = drawn[2], drawn[1]
    page.wait_for(tile_of(cat))
    see(page, star)
    facts = page.find(".facts").text
    for text in ("夜空の星、ぺろぽん", star["pictures"][0]["english"], "ぺろ", "シード", "64×64", "mini"):
        assert text in facts
    page.press(Keys.ARROW_RIGHT)
    page.wait(lambda: large(page) != star["id"], "there is no next one")
    page.press(Keys.ARROW_LEFT)
    page.wait(lambda: large(page) == star["id"], "the one before does not come back")
    for _ in range(40):  # the focus never leaves
        page.press(Keys.TAB)
        assert page.script(
            "const a = document.activeElement; return a === document.body || !!a.closest('dialog')"
        )
    page.press(Keys.ESCAPE)
    page.wait(lambda: not page.all("dialog.viewer[open]"), "Escape does not close it")
    opener = page.script("return document.activeElement.closest('.tile')?.dataset.key")
    assert opener == f"{star['id']}/0"


def test_its_settings_come_back_into_the_form(page: Page) -> None:
    job = draw(page, "虹", seed=77, num_inference_steps=2, guidance_scale=2.5, sampler="euler_a")
    page.script("localStorage.removeItem('sdjp.settings')")
    page.open()
    see(page, page.wait(lambda: job))
    press(page, "この設定でもう一度", ".actions")
    page.wait(lambda: not page.all("dialog.viewer[open]"), "the viewer stays")
    wanted = {
        "prompt": "虹",
        "seed": 77,
        "num_inference_steps": 2,
        "guidance_scale": 2.5,
        "sampler": "euler_a",
    }
    found = settings(page)
    assert {name: found.get(name) for name in wanted} == wanted
    assert page.script("return document.getElementById('prompt').value") == "虹"
    page.find("#draw").click()
    again = finished(page, page.wait(lambda: newest(page, job)))
    first, second = (
        Image.open(io.BytesIO(download(page, f"v1/jobs/{one['id']}/pictures/0"))) for one in (job, again)
    )
    assert first.tobytes() == second.tobytes()


def newest(page: Page, before: dict[str, Any]) -> str | None:
    """The id of the newest job, if it is not that one."""
    job = page.jobs()[0]["id"]
    return None if job == before["id"] else job


def test_variations(page: Page) -> None:
    job = draw(page, "青い鳥", seed=5)
    see(page, job)
    press(page, "別のシードで 4 枚", ".actions")
    others = finished(page, page.wait(lambda: newest(page, job)))
    assert len(others["pictures"]) == 4
    assert 5 not in [picture["seed"] for picture in others["pictures"]]
    assert others["options"]["prompt"] == "青い鳥"
    see(page, job)
    press(page, "少し変えて 4 枚", ".actions")
    slight = finished(page, page.wait(lambda: newest(page, others)))
    assert len(slight["pictures"]) == 4
    assert slight["inputs"] == ["image"]
    assert slight["options"]["strength"] == 0.4


def test_enlarged(page: Page, drawn: list[dict[str, Any]]) -> None:
    see(page, drawn[0])
    before = page.jobs()[0]
    press(page, "拡大", ".actions")
    large = finished(page, page.wait(lambda: newest(page, before)))
    assert large["task"] == "upscale"
    assert (large["pictures"][0]["width"], large["pictures"][0]["height"]) == (128, 128)
    see(page, large)
    assert button(page, "この設定でもう一度", ".actions") is None  # nothing was drawn
    press(page, "少し変えて 4 枚", ".actions")
    slight = finished(page, page.wait(lambda: newest(page, large)))
    assert (slight["pictures"][0]["width"], slight["pictures"][0]["height"]) == (64, 64)


def test_what_is_saved_carries_its_record(page: Page, drawn: list[dict[str, Any]]) -> None:
    see(page, drawn[0])
    link = button(page, "保存", ".actions")
    assert link is not None
    assert link.get_attribute("download")
    found = read_metadata(io.BytesIO(download(page, str(link.get_attribute("href")))))
    assert found.options is not None
    assert (found.options.prompt, found.options.seed) == ("草原の馬", 1)


def test_a_job_that_is_gone_is_told(page: Page) -> None:
    job = draw(page, "幻")
    page.script(
        "fetch(arguments[0], {method: 'DELETE'}).then(() => document.body.dataset.gone = '')",
        f"{page.url}v1/jobs/{job['id']}",
    )
    page.wait_for("[data-gone]")
    page.find(f"{tile_of(job)} .open").click()
    page.wait_for_text("dialog.viewer [role=alert]", "削除")


def test_a_phone_shows_it_all_without_sideways_scrolling(page: Page, drawn: list[dict[str, Any]]) -> None:
    page.resize(PHONE)
    page.open()
    page.wait_for(tile_of(drawn[0]))
    assert page.script("return document.documentElement.scrollWidth") <= PHONE[0]
    page.script("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", tile_of(drawn[0]))
    see(page, drawn[0])
    assert page.script("return document.querySelector('dialog.viewer').scrollWidth") <= PHONE[0]
    small = page.script(
        "return [...document.querySelectorAll('dialog[open] button, dialog[open] a, .tile button')]"
        ".map((one) => [one.textContent, one.getBoundingClientRect()])"
        ".filter(([, box]) => box.width && (box.width < 44 || box.height < 44)).map(([text]) => text)"
    )
    assert small == []


def test_a_finger_goes_to_the_next_picture(page: Page, drawn: list[dict[str, Any]]) -> None:
    page.resize(PHONE)
    page.open()
    page.wait_for(tile_of(drawn[2]))
    page.script("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", tile_of(drawn[2]))
    see(page, drawn[2])
    for kind, x in (("touchStart", 300), ("touchMove", 200), ("touchMove", 60), ("touchEnd", None)):
        points = [] if x is None else [{"x": x, "y": 200}]
        page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.wait(lambda: large(page) != drawn[2]["id"], "nothing moves")
