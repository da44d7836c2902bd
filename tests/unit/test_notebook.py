"""What notebooks show: strips of steps, prompts, maps."""

from __future__ import annotations

from typing import Any

import pytest

from sdjp import Progress, set_language
from sdjp.errors import InputError
from sdjp.notebook import Strip, in_notebook
from sdjp.pipeline import Pipeline
from sdjp.records import Part, PromptInfo, Report


def test_a_strip_has_a_row_for_each_picture_and_each_run(tiny: Pipeline) -> None:
    strip = Strip(side=32)
    tiny.generate("猫", seed=1, num_images_per_prompt=2, num_inference_steps=4, on_step=strip)
    assert [[frame.step for frame in row] for row in strip.rows] == [[1, 2, 3, 4]] * 2
    tiny.generate("猫", seed=1, num_inference_steps=3, on_step=strip)
    assert [len(row) for row in strip.rows] == [4, 4, 3]
    assert {max(frame.picture.size) for row in strip.rows for frame in row} == {32}
    first, last = strip.rows[0][0].picture, strip.rows[0][-1].picture
    assert first.tobytes() != last.tobytes()
    assert strip.rows[0][-1].picture.tobytes() != strip.rows[1][-1].picture.tobytes()
    assert repr(strip) == "<Strip 3 x 4>"


def test_batches_of_one_are_rows_of_their_own(tiny: Pipeline) -> None:
    strip = Strip(show=False)
    tiny.generate("猫", seed=1, num_images_per_prompt=2, batch_size=1, num_inference_steps=2, on_step=strip)
    assert [len(row) for row in strip.rows] == [2, 2]


def test_a_long_run_has_about_ten_pictures_with_the_first_and_the_last(tiny: Pipeline) -> None:
    strip, sparse = Strip(), Strip(every=15)
    for one in (strip, sparse):
        tiny.generate("猫", seed=1, num_inference_steps=40, on_step=one)
    [row] = strip.rows
    assert [frame.step for frame in row] == [1, *range(4, 41, 4)]
    assert [frame.step for frame in sparse.rows[0]] == [1, 15, 30, 40]


def test_a_strip_changes_nothing_and_is_a_picture(tiny: Pipeline) -> None:
    strip = Strip(side=64)
    watched = tiny.generate("猫", seed=1, num_inference_steps=3, on_step=strip)
    assert watched.image.tobytes() == tiny.generate("猫", seed=1, num_inference_steps=3).image.tobytes()
    assert strip.image(captions=False).size == (3 * 66 + 2, 68)
    assert strip.image().size[1] > 68
    html = strip._repr_html_()
    assert html.count("<img") == 3
    assert "ステップ 3/3" in html


def test_a_strip_is_shown_once_and_then_updated(tiny: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    module = pytest.importorskip("IPython.display")
    shown: list[Any] = []

    class Handle:
        def update(self, what: object) -> None:
            shown.append(what)

    def display(what: object, *, display_id: bool) -> Handle:
        assert display_id
        shown.append(what)
        return Handle()

    monkeypatch.setattr(module, "display", display)
    assert not in_notebook()
    silent = Strip()
    tiny.generate("猫", seed=1, num_inference_steps=2, on_step=silent)
    assert shown == []
    strip = Strip(show=True)
    tiny.generate("猫", seed=1, num_inference_steps=3, on_step=strip)
    assert shown == [strip] * 3


@pytest.mark.parametrize("wrong", [{"every": 0}, {"side": 0}, {"every": 1.5}, {"side": True}])
def test_a_strip_takes_whole_numbers(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Strip(**wrong)


def test_a_strip_is_what_on_step_takes(tiny: Pipeline) -> None:
    taken: list[Progress] = []
    tiny.generate("猫", seed=1, num_inference_steps=1, on_step=taken.append)
    strip = Strip()
    assert strip(taken[0]) is None  # type: ignore[func-returns-value]
    with pytest.raises(InputError):
        Strip().image()


INFO = PromptInfo(
    source="<b>謎</b>の猫",
    normalized="",
    english="a <b>",
    tokens=3,
    parts=(Part(source="猫", english="cat", how="lexicon"), Part(source="の", english="", how="grammar")),
    unknown=("謎",),
    neighbours=(("zebra", "horse"), ("soup", "")),
    truncated="残り",
)


def test_a_prompt_tells_what_was_not_understood() -> None:
    html = INFO._repr_html_()
    for text in ("わからなかった語: 謎", "zebra → horse", "soup", "入りきらなかった部分: 残り", "lexicon"):
        assert text in html
    assert "<b>" not in html
    assert "&lt;b&gt;謎" in html
    set_language("en")
    try:
        assert "not understood: 謎" in INFO._repr_html_()
    finally:
        set_language("ja")


def test_a_prompt_that_was_understood_has_no_notes() -> None:
    plain = PromptInfo(source="猫", normalized="猫", english="a cat", tokens=2)
    assert plain.notes == ()
    assert "⚠" not in plain._repr_html_()


@pytest.mark.parametrize(
    ("status", "data", "notable"),
    [
        ("done", {"flagged": True}, True),
        ("done", {"flagged": False, "action": "none"}, False),
        ("done", {"action": "blur"}, True),
        ("failed", {}, True),
        ("off", {}, False),
        ("done", {"unused": ["a"]}, True),
    ],
)
def test_reports_that_are_to_be_seen(status: Any, data: dict[str, Any], notable: bool) -> None:
    assert Report(name="safety", status=status, ja="", en="", data=data).notable == notable


def test_a_map_is_shown_with_its_word(tiny: Pipeline) -> None:
    result = tiny.generate("a cat", seed=1, attention=True)
    html = result.attention("cat")._repr_html_()
    assert html.count("<img") == 1
    assert "「cat」" in html
