"""The way of a prompt from what was typed to what the text encoder reads."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings

from sdjp import errors
from sdjp.text.characters import EMOJI_RE
from sdjp.text.read import ReadPrompt, check_prompt, read
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from sdjp.text.translate.base import Translation, Translator
from sdjp.text.translate.passthrough import PassthroughTranslator
from tests import strategies

LEXICON = make_translator("lexicon")


def way(text: str, *, translator: Translator = LEXICON, **options: object) -> ReadPrompt:
    return read([text], translator=translator, tokenizer=ClipTokenizer.from_assets(), **options)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "寿司🍣🍺",
            "ハロウィン🎃👻",
            "(猫😀😂:1.2)",
            "猫👍🏻👏🏿",
            "🐈🐕が走る公園",
            "猫🇯🇵🇫🇷",
            "犬1️⃣2️⃣#️⃣",
            "猫‼️⁉️㊗️",
        ),
        *(
            "👨‍👩‍👧👩‍🚀と猫",
            "❤️‍🔥ハート💔",
            "①②猫🐱🐱の🐶",
            "[海🌊🏖️]、(空☁️🌈)",
            "あと20261️⃣catも",
            "美味しい❗️✨🤟😁",
        ),
    ],
)
def test_emoji_in_a_row_are_all_said(text: str) -> None:
    english = EMOJI_RE.findall(way(text).info.english)
    assert sorted(english) == sorted(EMOJI_RE.findall(text))


@given(strategies.texts_with_emoji)
@settings(max_examples=150)
def test_no_emoji_is_lost(text: str) -> None:
    info = way(text).info
    said = {*EMOJI_RE.findall(info.english), *EMOJI_RE.findall(" ".join(info.unknown))}
    assert said >= set(EMOJI_RE.findall(text))


class Counting:
    """A translator that tells how it was called; the translations are the lexicon's."""

    name = "counting"

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        self.calls.append(list(texts))
        return LEXICON.translate(texts)


def test_every_step_is_told() -> None:
    info = way("馬に乗る　宇宙飛行士").info
    assert info.source == "馬に乗る　宇宙飛行士"
    assert info.normalized == "馬に乗る 宇宙飛行士"
    assert "horse" in info.english
    assert info.tokens == len(ClipTokenizer.from_assets().encode(info.english))
    assert info.truncated == ""
    assert {"source", "normalized", "english", "tokens", "truncated", "parts"} <= set(info.to_json())


def test_weights_tags_and_breaks_survive_translation() -> None:
    prompt = way("（最高品質：１．３）、((猫耳))、<lora:着物:0.6> BREAK [背景]")
    assert prompt.info.english.startswith("(best quality:1.3), ((cat ears)), <lora:着物:0.6> BREAK [")
    assert prompt.tags == ("<lora:着物:0.6>",)
    assert len(prompt.chunks.ids) == 2
    assert 1.3 in prompt.chunks.weights[0]


def test_english_is_left_alone_and_japanese_translated_as_one_batch() -> None:
    counting = Counting()
    prompts = read(
        ["a cat, 夕焼け", "森, 夕焼け, best quality"],
        translator=counting,
        tokenizer=ClipTokenizer.from_assets(),
    )
    assert counting.calls == [["夕焼け", "森"]]
    assert prompts[0].info.english == "a cat, sunset"
    assert prompts[1].info.english == "forest, sunset, best quality"


def test_kanji_alone_is_japanese() -> None:
    assert way("富士山").info.english == "Mount Fuji"


def test_never_and_always() -> None:
    assert way("夕焼け", translate="never").info.english == "夕焼け"
    counting = Counting()
    way("a cat", translator=counting, translate="always")
    assert counting.calls == [["a cat"]]


def test_what_does_not_fit_is_told_and_not_dropped_in_silence() -> None:
    prompt = way("a red car, " * 40 + "a dragon", max_chunks=1)
    assert prompt.info.chunks == 1
    assert prompt.info.truncated.endswith("a dragon")
    assert way("a red car, " * 40 + "a dragon").info.truncated == ""


def test_what_is_not_understood_is_listed_and_still_there() -> None:
    info = way("ムニョゴラスの絵").info
    assert info.unknown
    assert "munyogorasu" in info.english.lower().replace("-", "")


@pytest.mark.parametrize("text", ["", "   ", "、。！", "()", "<lora:a:1>"])
def test_a_prompt_without_words_is_refused_unless_it_may_be_empty(text: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        check_prompt(text)
    assert caught.value.code == "prompt.empty"
    check_prompt(text, allow_empty=True)


@pytest.mark.parametrize("text", ["猫", "🐱", "7", "a"])
def test_one_letter_digit_or_emoji_is_enough(text: str) -> None:
    check_prompt(text)


@pytest.mark.parametrize("text", ["16：9の画像", "縦横比１６：９の富士山", "（8:30の時計:1.2）"])
def test_ratios_and_times_stay_whole(text: str) -> None:
    assert re.search(r"\b(16:9|8:30)\b", way(text).info.english)


def test_models_that_read_japanese_get_what_was_typed() -> None:
    japanese = PassthroughTranslator(reads_japanese=True, as_typed=True)
    text = "赤い車、青い空。 ｶﾅ"
    assert way(text, translator=japanese).info.english == text
    assert way(text, translator=PassthroughTranslator()).info.english == "赤い車, 青い空。 カナ"
