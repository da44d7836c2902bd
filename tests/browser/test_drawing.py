"""Drawing with the page: progress, the queue, cancelling, errors, and a server that goes away."""

from __future__ import annotations

from selenium.webdriver.common.keys import Keys

from tests.browser.page import Page
from tests.serving import Server

LONG = "120"  # steps of a picture that is still being drawn when the test is through with it


def draw(page: Page, prompt: str, *, steps: str = "2") -> None:
    page.write("#prompt", prompt)
    page.write("#option-num_inference_steps", steps)
    page.press(Keys.ENTER, control=True)


def test_a_picture_is_drawn_shown_and_found_again(page: Page) -> None:
    draw(page, "桜の木の下のパンダ")
    image = page.wait_for("img.picture")
    page.wait(lambda: page.script("return arguments[0].naturalWidth", image) == 256)
    assert image.get_attribute("alt") == "「桜の木の下のパンダ」の絵"
    page.wait_for_text("#spoken", "1 枚描けました")
    page.wait_for_text("figcaption", "a panda under a cherry tree")
    job = page.jobs()[0]
    assert job["state"] == "done"
    assert job["options"]["num_inference_steps"] == 2
    assert not page.find(".samples").get_attribute("open")
    page.open()
    page.wait_for("img.picture")


def test_the_seed_of_the_last_picture_and_a_new_one(page: Page) -> None:
    draw(page, "猫")
    page.wait_for_text("figcaption", "猫")
    page.click(".seed button:last-child")
    seed = str(page.jobs()[0]["pictures"][-1]["seed"])
    page.wait(lambda: page.find("#option-seed").get_attribute("value") == seed)
    page.click(".seed button")
    assert page.find("#option-seed").get_attribute("value") == ""


def test_a_reload_and_another_tab_find_what_is_being_drawn_and_can_stop_it(page: Page) -> None:
    draw(page, "海のクジラ", steps=LONG)
    page.wait_for("img.preview")
    page.wait_for_text(".told", f"/{LONG} ステップ")
    page.open()
    page.wait_for("img.preview")
    draw(page, "猫", steps="3")
    page.wait_for_text(".queue li", "次に描きます")

    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    try:
        page.open()
        page.wait_for_text(".told", f"/{LONG} ステップ")
        page.wait_for_text(".queue li", "猫")
        page.find(".queue button").click()
        page.wait(lambda: page.jobs()[0]["state"] == "cancelled")
        page.find(".state button").click()
        page.wait(lambda: page.jobs()[1]["state"] == "cancelled")
        page.wait(lambda: page.all(".state progress") == [])
    finally:
        page.driver.close()
        page.driver.switch_to.window(first)
    page.wait(lambda: page.all(".state progress") == [] and page.all(".queue li") == [])


def test_a_picture_of_several_can_be_looked_at_before_the_others_are_done(page: Page) -> None:
    page.write("#option-num_images_per_prompt", "2")
    draw(page, "犬", steps="4")
    page.wait(lambda: len(page.all(".strip button")) == 2)
    page.find(".strip button").click()
    seed = page.jobs()[0]["pictures"][0]["seed"]
    page.wait_for_text("figcaption", f"シード {seed}")


def test_an_error_stands_beside_its_field(page: Page) -> None:
    page.write("#option-width", "250\t")
    draw(page, "猫")
    error = page.wait_for("[data-answers~=width] #error-text")
    assert error.get_attribute("role") == "alert"
    assert "16" in error.text
    field = page.find("#option-width")
    assert field.get_attribute("aria-invalid") == "true"
    assert page.driver.switch_to.active_element == field
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("256\t")
    assert page.all("#error-text") == []


def test_an_error_of_an_option_under_details_opens_them(page: Page) -> None:
    page.script("document.querySelector('#options details').open = true")
    page.write("#option-clip_skip", "90\t")
    page.script("document.querySelector('#options details').open = false")
    draw(page, "猫")
    page.wait_for("[data-answers~=clip_skip] #error-text")
    assert page.find("#options details").get_attribute("open")
    page.find("#language").click()
    page.wait_for_text("#error-text", "clip_skip")


def test_brackets_that_do_not_match_cannot_be_drawn(page: Page) -> None:
    draw(page, "（猫")
    page.wait_for("[data-answers~=prompt] #error-text")
    assert page.driver.switch_to.active_element == page.find("#prompt")


def test_a_server_that_goes_away_is_waited_for(page: Page, server: Server) -> None:
    page.write("#prompt", "宇宙のロケット")
    page.wait_for_text(".reading .english", "rocket")
    server.stop()
    page.find("#draw").click()
    page.wait_for_text("#connection", "サーバーにつながりません")
    server.start()
    page.wait(lambda: "つながりません" not in page.find("#connection").text)
    page.wait_for_text("figcaption", "宇宙のロケット")  # it was asked for again, and only once
    assert len([job for job in page.jobs() if job["options"]["prompt"] == "宇宙のロケット"]) == 1
