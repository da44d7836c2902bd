from __future__ import annotations

import pytest

from sdjp.errors import TranslationError
from sdjp.text.translate import make_translator
from sdjp.text.translate.guards import acceptable, lost, refuse_surrogates, tidy


@pytest.mark.parametrize(
    ("source", "english"),
    [
        ("猫", "cat"),
        ("とてもとても大きい犬", "a very, very big dog"),
        ("ハハハハ", "ha ha ha ha"),
        ("10000000本の桜", "10000000 cherry trees"),
        ("赤い帽子の女と赤い帽子の男", "a woman in a red hat and a man in a red hat"),
    ],
)
def test_a_translation_is_acceptable(source: str, english: str) -> None:
    assert acceptable(source, english)


@pytest.mark.parametrize(
    "english",
    [
        "",
        " ... ",
        "猫",
        "a 猫",
        "you know, you know, you know, you know, you know",
        "Egyptian Egyptian Egyptian Egyptian",
        "the cat of the cat of the cat of the cat of",
        "nanananananana",
    ],
)
def test_an_empty_japanese_or_looping_output_is_not(english: str) -> None:
    assert not acceptable("猫の絵", english)


@pytest.mark.parametrize(
    ("source", "english", "missing"),
    [
        ("猫", "cat", []),
        ("Tokyoの夜景", "night view of TOKYO", []),
        ("夜景 by Claude Monet", "night view", ["by Claude Monet"]),
        ("夜景 by Claude Monet", "night view by Monet", ["Claude"]),
        ("3匹の猫", "three cats", []),
        ("1匹の猫", "a cat", []),
        ("5匹の猫", "cats", ["5"]),
        ("5匹の猫と7匹の犬", "five cats and dogs", ["7"]),
        ("1,000本の桜", "cherry trees", ["1,000"]),
        ("85mmレンズ", "lens", ["85mm"]),
        ("猫🐱と犬👨‍👩‍👧🇯🇵", "a cat 🐱 and a dog", ["👨‍👩‍👧", "🇯🇵"]),
        ("Xの猫とXの犬", "a cat and a dog", ["X"]),
    ],
)
def test_what_was_lost(source: str, english: str, missing: list[str]) -> None:
    assert lost(source, english) == missing


@pytest.mark.parametrize(
    ("source", "english", "tidied"),
    [
        ("馬に乗る宇宙飛行士", " An astronaut  riding\na horse. ", "An astronaut riding a horse"),
        ("雪が降る。", "It snows.", "It snows."),
        ("猫…", "A cat...", "A cat..."),
        ("猫", ".", ""),
    ],
)
def test_tidy(source: str, english: str, tidied: str) -> None:
    assert tidy(source, english) == tidied


def test_half_of_a_surrogate_pair_is_refused() -> None:
    refuse_surrogates(["猫🐱", ""])
    for name in ("lexicon", "combined"):
        with pytest.raises(TranslationError) as error:
            make_translator(name).translate(["猫", "犬\ud800が寝ています。"])
        assert error.value.code == "translate.surrogate"
        assert "2 文字目（U+D800）" in error.value.ja
        assert "character 2" in error.value.en
