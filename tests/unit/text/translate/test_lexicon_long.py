"""Long texts: nothing breaks, nothing is lost, and time grows with the length."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings

from sdjp.conditioning.reader import Reader
from sdjp.text.prompt import MAX_PROMPT_LENGTH, parse
from sdjp.text.translate import make_translator
from sdjp.text.translate.grammar.numerals import value
from sdjp.text.translate.grammar.stretches import LONGEST, stretches
from sdjp.text.translate.lexicon import LexiconTranslator
from tests import strategies

PATTERNS = [
    *("あ", "の", "ー", "ではない", "とても", "かゞ", "猫の", "猫", "人", "一", "〇", "1", "です", "は"),
    *("が", "赤い", "ア", "アの", "ロケットニ", "」と", "「猫」と", "私は猫が", "だった", "水墨風"),
    *("ちゃんと", "走って", "🐱", "🐱猫", "猫 ", "a ", "1,", "<a:"),
]
SECONDS = 3.0
"""For 1,000 characters, of which the slowest took 0.3 s; what grew with the square took 6 s and more."""


def seconds(text: str, reader: Reader) -> float:
    before = time.process_time()
    reader.read([parse(text)])
    return time.process_time() - before


@pytest.fixture(scope="module")
def reader() -> Reader:
    reader = Reader.of_embedded(make_translator("combined"))
    reader.read([parse("私は猫が好きです。")])  # loads tables and model
    return reader


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_thousand_characters_are_read_in_time(reader: Reader, pattern: str) -> None:
    assert seconds((pattern * 1_000)[:1_000], reader) < SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_longest_prompts_are_read_in_time(reader: Reader, pattern: str) -> None:
    assert seconds((pattern * MAX_PROMPT_LENGTH)[:MAX_PROMPT_LENGTH], reader) < 10


@pytest.mark.parametrize(
    "text", ["猫の" * 300, "1" * 5_000 + "匹の猫", "一" * 1_000, "猫と" + "9" * 400 + "本"]
)
def test_nothing_breaks(text: str) -> None:
    (record,) = LexiconTranslator().translate([text])
    assert record.source == "".join(piece.source for piece in record.pieces) == text
    digits = "".join(c for c in text if c.isdecimal())
    assert digits in record.english
    assert "inf" not in record.english


def test_numbers_that_are_no_amounts() -> None:
    assert value("1" * 15) == int("1" * 15)
    assert value("1" * 16) is None


@given(strategies.word_salads.map(lambda text: text * 40))
@settings(max_examples=60)
def test_stretches_are_the_text(text: str) -> None:
    parts = list(stretches(text))
    assert "".join(parts) == text
    assert len(text) > LONGEST or parts == [text]


def test_stretches_end_where_a_phrase_does() -> None:
    text = "赤い帽子の少女が森を歩いている。" * 20
    assert all(part.endswith("。") for part in stretches(text))
    whole = "猫" * 150 + "A" * 50 + "猫" * 150
    assert any("A" * 50 in part for part in stretches(whole))
