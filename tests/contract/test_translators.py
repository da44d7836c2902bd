"""What every registered translator keeps to."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from sdjp.errors import InputError
from sdjp.text.script import has_letters
from sdjp.text.translate import TRANSLATORS, Translation, Translator, make_translator
from sdjp.text.translate.passthrough import PassthroughTranslator

ENGLISH = [
    "An astronaut riding a horse",
    "oil painting, by Claude Monet, 8k",
    "it's a café",
    "4 dogs",
    "🐱",
    "",
]
JAPANESE = [
    "馬に乗る宇宙飛行士",
    "猫",
    "桜の木の下で眠る猫。雪が降る。",
    "東京の夜景",
    "赤い帽子の犬, best quality",
    "3匹の猫",
    "海 🌊",
]


MARIAN = Path(__file__).parents[1] / "golden" / "tiny_marian"
OPTIONS = {
    "marian": {"model": MARIAN},
    "combined": {"model": MARIAN},
}  # for those that cannot be made without


@pytest.fixture(scope="module", params=list(TRANSLATORS))
def make(request: pytest.FixtureRequest) -> tuple[str, Translator]:
    """Every translator of the registry, made by name."""
    return request.param, make_translator(request.param, **OPTIONS.get(request.param, {}))


def test_protocol_and_name(make: tuple[str, Translator]) -> None:
    name, translator = make
    assert isinstance(translator, Translator)
    assert translator.name == name


def test_one_record_for_each_text_in_order(make: tuple[str, Translator]) -> None:
    name, translator = make
    texts = [*JAPANESE, *ENGLISH, *JAPANESE[::-1]]
    records = translator.translate(texts)
    assert [record.source for record in records] == texts
    assert all(isinstance(record, Translation) and record.translator == name for record in records)
    assert translator.translate([]) == []


def test_what_has_letters_is_never_translated_to_nothing(make: tuple[str, Translator]) -> None:
    for record in make[1].translate([*JAPANESE, *ENGLISH]):
        if has_letters(record.source):
            assert has_letters(record.english), record
            assert record.pieces
        assert "\x00" not in record.english


def test_english_is_left_alone(make: tuple[str, Translator]) -> None:
    assert [record.english for record in make[1].translate(ENGLISH)] == ENGLISH


def test_the_same_again_and_alone(make: tuple[str, Translator]) -> None:
    translator = make[1]
    together = translator.translate(JAPANESE)
    assert translator.translate(JAPANESE) == together
    assert [translator.translate([text])[0] for text in JAPANESE] == together


def test_the_same_from_four_threads(make: tuple[str, Translator]) -> None:
    translator = make[1]
    expected = translator.translate(JAPANESE)
    results: list[list[Translation]] = []
    threads = [
        threading.Thread(target=lambda: results.append(translator.translate(JAPANESE))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


def test_make_translator_takes_objects_names_and_folders() -> None:
    own = PassthroughTranslator()
    assert make_translator(own) is own
    assert make_translator("passthrough").name == "passthrough"
    for spec in (MARIAN, str(MARIAN), f"marian:{MARIAN}", "marian:staka/fugumt-ja-en"):
        assert make_translator(spec).name == "marian"
    assert vars(make_translator(MARIAN, num_beams=2))["num_beams"] == 2


@pytest.mark.parametrize(
    "spec", ["", "deepl", "staka/fugumt-ja-en", Path("no-such-folder"), Path("passthrough"), None, 3]
)
def test_unknown_translators_are_refused_with_the_names(spec: object) -> None:
    with pytest.raises(InputError) as error:
        make_translator(spec)  # type: ignore[arg-type]
    assert error.value.code == "translator.unknown"
    for name in TRANSLATORS:
        assert name in error.value.ja
        assert name in error.value.en


@pytest.mark.parametrize("spec", ["marian", "marian:"])
def test_marian_needs_a_model(spec: str) -> None:
    with pytest.raises(InputError) as error:
        make_translator(spec)
    assert error.value.code == "translator.model"


def test_options_for_an_object_are_refused() -> None:
    with pytest.raises(InputError) as error:
        make_translator(PassthroughTranslator(), num_beams=2)
    assert error.value.code == "translator.options"


@pytest.mark.parametrize(
    "translator", ["passthrough", "adapter", "marian:somewhere", MARIAN, PassthroughTranslator(), 3]
)
def test_words_of_ones_own_are_for_those_that_look_words_up(translator: Any) -> None:
    with pytest.raises(InputError) as caught:
        make_translator(translator, user_lexicon={"猫": "kitty"})
    assert caught.value.code == "translator.user_lexicon"
    for name in ("auto", "lexicon", "combined", f"combined:{MARIAN}"):
        made = make_translator(name, user_lexicon={"猫": "kitty"})
        assert made.translate(["猫"])[0].english == "kitty"
