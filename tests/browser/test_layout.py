"""What the page looks like and how it is reached: phones, both colour schemes, keyboard, screen reader."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.page import DESKTOP, PHONE, Page

TOUCH = 44  # CSS pixels: WCAG 2.2, 2.5.5
LONG = (
    "桜の木の下で眠る（白い猫：１．３）、ハイエナ、ほげ、"
    + "pneumonoultramicroscopicsilicovolcanoconiosis" * 3
)


def fill(page: Page) -> None:
    """All that can be seen before a picture is drawn."""
    page.write("#prompt", LONG)
    page.wait_for_text(".reading .mark", "わからない語")
    page.script("document.querySelectorAll('details').forEach((box) => (box.open = true))")


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious(page: Page, size: tuple[int, int], dark: bool) -> None:
    page.resize(size, dark=dark)
    fill(page)
    assert page.serious() == []


def test_axe_finds_nothing_serious_around_a_picture(page: Page) -> None:
    page.write("#prompt", LONG)
    page.write("#option-num_inference_steps", "1")
    page.write("#option-num_images_per_prompt", "2")
    page.press(Keys.ENTER, control=True)
    page.wait_for(".state progress")
    page.resize(PHONE)
    assert page.serious() == []
    page.wait_for(".strip button")
    page.wait(lambda: not page.all(".state progress"))
    assert page.serious() == []
    assert page.script("return document.documentElement.scrollWidth") == PHONE[0]


def test_a_phone_has_one_scroll_and_the_picture_first(page: Page) -> None:
    page.resize(PHONE)
    fill(page)
    width, shown = page.script("return [document.documentElement.scrollWidth, innerWidth]")
    assert width == shown == PHONE[0]
    order = [page.find(part).rect["y"] for part in ("#result", "#prompting", "#options")]
    assert order == sorted(order)
    scrolling = page.script(
        "return [...document.querySelectorAll('*')].filter((one) => one.scrollWidth > one.clientWidth + 1"
        " && getComputedStyle(one).overflowX !== 'visible' && one.clientWidth > 1"
        " && !one.matches('input, select')).map((one) => one.outerHTML.slice(0, 100))"
    )
    assert scrolling == []


def test_fingers_find_everything(page: Page) -> None:
    page.resize(PHONE)
    fill(page)
    small = page.script(
        "return [...document.querySelectorAll('button, a, select, summary, textarea, input')]"
        ".map((element) => [element, (element.type === 'checkbox' ? element.parentElement : element)"
        ".getBoundingClientRect()])"
        ".filter(([element, box]) => box.width && !element.matches('.skip, .unseen'))"
        ".filter(([, box]) => Math.min(box.width, box.height) < arguments[0] - 0.5)"
        ".map(([element, box]) => [element.outerHTML.slice(0, 120), box.width, box.height])",
        TOUCH,
    )
    assert small == []


def test_the_first_tab_leads_to_the_prompt(page: Page) -> None:
    page.press(Keys.TAB)
    assert page.driver.switch_to.active_element.get_attribute("class") == "skip"
    page.press(Keys.ENTER)
    assert page.driver.switch_to.active_element == page.find("#prompt")


def test_every_field_has_a_label_of_both_languages(page: Page) -> None:
    page.script("document.querySelectorAll('details').forEach((box) => (box.open = true))")
    assert page.find("label[for=option-num_inference_steps]").text == "ステップ数 Steps"
    page.find("#language").click()
    assert page.find("label[for=option-num_inference_steps]").text == "Steps"
    texts = page.script(
        "return [...document.querySelectorAll(['label', 'legend', 'summary', 'h3', 'button'].map("
        "(tag) => `#form ${tag}`))]"
        ".filter((one) => !one.closest('.samples li')).map((one) => one.innerText)"
    )
    assert [text for text in texts if any("\u3040" <= sign <= "\u30ff" for sign in text)] == []
    page.find("#language").click()


def test_all_texts_are_there_in_both_languages(opened: Page) -> None:
    if not opened.all("[data-ready]"):
        opened.open()
    words = opened.module("words.js", "m.WORDS")
    assert [key for key, texts in words.items() if not texts.get("ja") or not texts.get("en")] == []
    holes = "Object.entries(m.WORDS).filter(([, {ja, en}]) => "
    holes += (
        "String(ja.match(/{\\w+}/g)?.sort()) !== String(en.match(/{\\w+}/g)?.sort())).map(([key]) => key)"
    )
    assert opened.module("words.js", holes) == []


def test_a_sample_fills_the_prompt(page: Page) -> None:
    page.script("document.querySelector('.samples').open = true")
    buttons = page.all(".samples button")
    assert len(buttons) == 10
    images = "return [...document.querySelectorAll('.samples img')]"
    page.wait(lambda: page.script(f"{images}.every((one) => one.complete)"))
    assert page.script(f"{images}.every((one) => one.naturalWidth > 0)")
    buttons[1].click()
    assert page.find("#prompt").get_attribute("value") == "夕焼けのお城"


def test_nothing_is_asked_of_another_host_and_nothing_is_amiss(page: Page) -> None:
    page.open()
    fill(page)
    asked = page.requests()
    assert any("/v1/explain" in address for address in asked)
    assert {urlsplit(address).netloc for address in asked if not address.startswith(("data:", "blob:"))} == {
        page.host
    }
    assert page.complaints() == []
