"""Typing Japanese: nothing is sent before its time, and the prompt is read while one writes."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.page import Page

# As Safari has it: the composition ends before the key that ended it comes.
SAFARI = """
    const field = document.activeElement;
    const send = (kind, Made, values) => field.dispatchEvent(new Made(kind, {bubbles: true, ...values}));
    send("compositionstart", CompositionEvent, {});
    field.value += "猫";
    send("compositionend", CompositionEvent, {data: "猫"});
    send("keydown", KeyboardEvent, {key: "Enter", ctrlKey: arguments[0], cancelable: true});
    send("keyup", KeyboardEvent, {key: "Enter", ctrlKey: arguments[0]});
"""


def typed(page: Page) -> str:
    return str(page.script("return document.getElementById('prompt').value"))


def explained(page: Page) -> int:
    return sum("/v1/explain" in address for address in page.requests())


def test_nothing_is_drawn_while_kana_are_converted(page: Page) -> None:
    page.find("#prompt").click()
    page.compose("さくら")
    # What a browser sends for every key of a composition, the one that ends it included.
    for values in ({"isComposing": True}, {"keyCode": 229}):
        page.script(
            "document.activeElement.dispatchEvent(new KeyboardEvent('keydown',"
            "{key: 'Enter', ctrlKey: true, bubbles: true, ...arguments[0]}))",
            values,
        )
    page.settle("桜")
    assert typed(page) == "桜"
    page.wait_for_text(".reading .english", "cherry")
    assert page.jobs() == []


def test_in_the_order_of_safari_the_key_that_ends_a_composition_does_not_draw(page: Page) -> None:
    page.find("#prompt").click()
    page.script(SAFARI, True)
    page.wait_for_text(".reading .english", "cat")
    assert page.jobs() == []


def test_enter_is_a_line_break(page: Page) -> None:
    page.find("#prompt").send_keys("猫", Keys.ENTER, "犬")
    page.wait_for_text(".reading .english", "dog")
    assert typed(page) == "猫\n犬"
    page.find("#option-num_inference_steps").send_keys("4", Keys.ENTER)
    assert page.jobs() == []


def test_the_english_comes_after_the_composition_and_not_during_it(page: Page) -> None:
    page.find("#prompt").click()
    page.compose("ねこ")
    page.script("return new Promise((done) => setTimeout(done, 600))")
    assert explained(page) == 0
    page.settle("猫")
    page.wait_for_text(".reading .english", "cat")
    assert explained(page) == 1


def test_each_part_lights_its_english_and_what_was_typed(page: Page) -> None:
    page.write("#prompt", "桜の下で眠る（白い猫：１．３）")
    page.wait_for_text(".reading .english", "(white cat:1.3)")
    part = next(part for part in page.all(".part") if "猫" in part.text)
    part.click()
    assert [lit.text for lit in page.all(".word.lit")] == ["cat"]
    assert page.script("return document.querySelector('.backing mark').textContent") == "猫"
    assert part.get_attribute("aria-pressed") == "true"


def test_where_the_caret_is_the_english_is_lit(page: Page) -> None:
    page.write("#prompt", "猫と犬")
    page.wait_for_text(".reading .english", "dog")
    page.press(Keys.HOME)
    page.wait(lambda: [lit.text for lit in page.all(".word.lit")] == ["cat"])
    page.press(Keys.END)
    page.wait(lambda: [lit.text for lit in page.all(".word.lit")] == ["dog"])


def test_what_is_not_understood_is_marked_in_words(page: Page) -> None:
    page.write("#prompt", "ハイエナとほげ、귀여운 고양이")
    page.wait_for_text(".reading .mark", "わからない語")
    page.wait_for_text(".reading .mark", "近い語 dog で描く")
    page.wait_for_text(".reading .mark", "韓国語（訳しません）")
    page.find("#language").click()
    page.wait_for_text(".reading .mark", "not understood")
    assert page.script("return document.documentElement.lang") == "en"


def test_a_prompt_that_changes_with_the_steps_is_shown_for_each_of_them(page: Page) -> None:
    page.write("#prompt", "[猫:犬:0.5]が走る")
    page.wait_for_text(".reading h4", "ステップ 1–4")
    page.wait_for_text(".reading h4", "ステップ 5–8")


def test_brackets_that_do_not_match_are_told_and_not_read_out_as_an_error(page: Page) -> None:
    page.write("#prompt", "（猫")
    page.wait_for_text(".reading .notes", "対応する")
    assert page.all("#error-text") == []


def test_the_english_can_be_edited_and_left_again(page: Page) -> None:
    page.write("#prompt", "猫")
    page.wait_for_text(".reading .english", "cat")
    page.find(".reading .row button").click()
    page.write("#english", "two cats")
    assert page.module("request.js", "m.bodyOfForm()") == {"prompt": "two cats", "translate": "never"}
    page.write("#prompt", "犬")
    page.wait_for_text(".reading .help", "プロンプトが変わりましたが")
    page.find(".reading .row button").click()
    page.wait_for_text(".reading .english", "dog")
    assert page.module("request.js", "m.bodyOfForm()") == {"prompt": "犬"}


def test_what_is_written_stays_over_a_reload_and_travels_in_an_address(page: Page) -> None:
    page.write("#prompt", "猫\n犬")
    page.write("#option-num_inference_steps", "6\t")
    page.wait_for_text(".reading .english", "dog")
    address = page.module("state.js", "m.addressOfSettings()")
    page.click("#options > button")
    page.wait_for_text("#options > button", "コピーしました")
    page.open()
    assert typed(page) == "猫\n犬"
    assert page.find("#option-num_inference_steps").get_attribute("value") == "6"
    page.forget()
    assert typed(page) == ""
    page.driver.get(address)  # in the tab that has the page already
    page.wait(lambda: typed(page) == "猫\n犬")
    page.forget()
    page.driver.get("about:blank")
    page.open(address.removeprefix(page.url))
    assert typed(page) == "猫\n犬"
    assert page.module("state.js", "m.settings.get('num_inference_steps')") == 6


@pytest.mark.parametrize(
    ("prompt", "word", "keys", "wanted"),
    [
        ("桜の木の下の猫", "猫", "+", "桜の木の下の（猫：1.1）"),
        ("桜の木の下の猫", "猫", "++", "桜の木の下の（猫：1.2）"),
        ("桜の木の下の猫", "猫", "+-", "桜の木の下の猫"),
        ("a cat, a dog", "cat", "--", "a (cat:0.8), a dog"),
    ],
)
def test_weights_by_keys(page: Page, prompt: str, word: str, keys: str, wanted: str) -> None:
    page.write("#prompt", prompt)
    start = prompt.index(word)
    page.script("document.getElementById('prompt').setSelectionRange(...arguments)", start, start + len(word))
    for key in keys:
        page.press(Keys.ARROW_UP if key == "+" else Keys.ARROW_DOWN, control=True)
    assert typed(page) == wanted
    selected = "const {value, selectionStart, selectionEnd} = document.activeElement;"
    assert page.script(f"{selected} return value.slice(selectionStart, selectionEnd)") == word
    page.press("z", control=True)
    assert typed(page) != wanted  # the browser's own undo knows of it


def test_weights_by_touch(page: Page) -> None:
    page.write("#prompt", "白い猫")
    page.script("document.getElementById('prompt').setSelectionRange(2, 3)")
    page.find(".tools button:last-child").click()
    assert typed(page) == "白い（猫：1.1）"
    assert page.script("return document.activeElement.id") == "prompt"


@pytest.mark.parametrize(
    ("marked", "by", "wanted"),
    [
        ("（満開の桜||：１．３）", 0.1, "（満開の桜：１．４）"),  # the innermost brackets around the caret
        ("|(cat)|", 0.1, "(cat:1.2)"),
        ("|(赤い傘:1.4)|、雪", -0.4, "赤い傘、雪"),
        ("((|cat|))", 0.1, "((cat:1.2))"),
        ("\\(|桜|\\)", 0.1, "\\(（桜：1.1）\\)"),
        ("(|猫|:9.95)", 0.1, "(猫:10.0)"),
        ("(|猫|:0.05)", -0.1, "(猫:0.0)"),
        ("（|比率|：1.9）", 0.1, "（比率：2.0）"),
        ("|（猫|", 0.1, None),
        ("||", 0.1, None),
    ],
)
def test_weights_of_all_kinds(opened: Page, marked: str, by: float, wanted: str | None) -> None:
    if not opened.all("[data-ready]"):
        opened.open()
    start, stop = marked.index("|"), marked.rindex("|") - 1
    prompt = marked.replace("|", "")
    change = opened.module("weights.js", "m.reweigh(a[0], a[1], a[2], a[3])", prompt, start, stop, by)
    if wanted is None:
        assert change is None
        return
    assert prompt[: change["start"]] + change["text"] + prompt[change["end"] :] == wanted
