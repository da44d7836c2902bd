"""Which word drew what."""

from __future__ import annotations

from selenium.webdriver.common.keys import Keys

from tests.browser.page import Page
from tests.browser.pictures import draw, press, see, tiles


def painted(page: Page) -> bool:
    """Whether heat lies over the picture, in more than one colour."""
    return bool(
        page.script(
            "const canvas = document.querySelector('canvas.heat'); if (canvas.hidden) return false;"
            "const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);"
            "const colors = new Set(); for (let i = 0; i < data.length; i += 4)"
            "colors.add(data.slice(i, i + 3).join()); return colors.size > 4"
        )
    )


def test_words_show_their_place_and_the_picture_is_drawn_again_unseen(page: Page) -> None:
    job = draw(page, "海の猫", seed=3)
    before = tiles(page)
    see(page, job)
    press(page, "どの語", ".actions")
    page.wait_for(".chip")
    chips = page.script(
        "return [...document.querySelectorAll('.chip > :first-child')].map((c) => c.textContent)"
    )
    assert set(chips) == {"海", "猫"}
    page.wait(lambda: painted(page), "no heat")
    page.wait_for_text(".where", f"「{chips[0]}」がいちばん強いのは")
    page.press(Keys.TAB)
    page.wait_for_text(".where", f"「{chips[1]}」がいちばん強いのは")
    assert tiles(page) == before
    assert page.jobs()[0]["id"] == job["id"]  # the second drawing is gone


def test_a_picture_that_was_drawn_with_attention_is_not_drawn_again(page: Page) -> None:
    job = draw(page, "赤い花", seed=4, attention=True)
    see(page, job)
    page.requests()
    press(page, "どの語", ".actions")
    page.wait_for(".chip")
    assert not [address for address in page.requests() if address.endswith("/v1/jobs")]
