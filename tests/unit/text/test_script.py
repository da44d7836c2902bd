from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings

from sdjp.text.script import Span, has_letters, is_japanese, split_scripts
from tests import strategies


@pytest.mark.parametrize(
    "text", ["富士山", "ねこ", "カメラ", "ﾈｺ", "a 猫 b", "々", "〆", "ー", "𠮷野家", "か\u3099", "髙", "ゝ"]
)
def test_kana_or_kanji_anywhere_is_japanese(text: str) -> None:
    assert is_japanese(text)


@pytest.mark.parametrize(
    "text", ["", "a cat", "123", "、。・「」〜", "゛", "🐱", "㊗ ①", "ＡＢＣ", "한국어", "Привет", "café"]
)
def test_what_is_not_japanese(text: str) -> None:
    assert not is_japanese(text)


@pytest.mark.parametrize(("text", "says"), [
    ("猫", True), ("a", True), ("é", True), ("한", True), ("4", True), ("Ⅳ", True), ("🐱", True), ("♥", True),
    ("", False), (" \t\n", False), (".,、。!?()[]:", False), ("\u200b\ufe0f\x00", False), ("〜ー"[:1], False),
])  # fmt: skip
def test_has_letters(text: str, says: bool) -> None:
    assert has_letters(text) is says


@pytest.mark.parametrize(("text", "spans"), [
    ("", []),
    ("a cat", ["a cat"]),
    ("猫", ["*猫"]),
    ("赤いdressを着た女性、a cat", ["*赤い", "dress", "*を着た女性、", "a cat"]),
    ("masterpiece, 猫, best quality", ["masterpiece, ", "*猫", ", best quality"]),
    ("3匹の猫と、2匹の犬。", ["*3匹の猫と、2匹の犬。"]),
    ("第3の男 in Tokyo", ["*第3の男", " in Tokyo"]),
    ("1,000本の桜", ["*1,000本の桜"]),
    ("3Dモデル", ["3D", "*モデル"]),
    ("西暦2077 v1.5の絵", ["*西暦2077", " v1.5", "*の絵"]),
    ("全長3m", ["*全長", "3m"]),
    ("猫🐱と 犬", ["*猫🐱と 犬"]),
])  # fmt: skip
def test_spans(text: str, spans: list[str]) -> None:
    assert split_scripts(text) == [Span(s.removeprefix("*"), s.startswith("*")) for s in spans]


@settings(max_examples=200)
@given(strategies.scripts)
def test_nothing_is_lost_and_japanese_is_only_in_japanese_spans(text: str) -> None:
    spans = split_scripts(text)
    assert "".join(s.text for s in spans) == text
    assert all(s.text and is_japanese(s.text) is s.japanese for s in spans)
    assert all(not (a.japanese is b.japanese is False) for a, b in pairwise(spans))


def test_long_text_takes_linear_time() -> None:
    assert len(split_scripts("猫" + "." * 100_000 + "a" + "、" * 100_000)) == 2
