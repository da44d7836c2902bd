"""Made-up prompts: the Japanese is inflected as it should be, and both sides say the same."""

from __future__ import annotations

import itertools
import re

import pytest

from sdjp.text.normalize import normalize
from sdjp.text.script import is_japanese
from sdjp_training.translator.prompts import LONGEST, Grammar, Phrase
from sdjp_training.translator.verbs import forms

_NUMBERS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


@pytest.mark.parametrize(
    ("verb", "te", "ta", "masu", "nai", "passive"),
    [
        ("読む", "読んで", "読んだ", "読み", "読ま", "読まれ"),
        ("見る", "見て", "見た", "見", "見", "見られ"),
        ("走る", "走って", "走った", "走り", "走ら", "走られ"),
        ("泳ぐ", "泳いで", "泳いだ", "泳ぎ", "泳が", "泳がれ"),
        ("行く", "行って", "行った", "行き", "行か", "行かれ"),
        ("散歩する", "散歩して", "散歩した", "散歩し", "散歩し", "散歩され"),
    ],
)
def test_forms(verb: str, te: str, ta: str, masu: str, nai: str, passive: str) -> None:
    made = forms(verb)
    assert made is not None
    assert (made.te, made.ta, made.masu, made.nai, made.passive) == (te, ta, masu, nai, passive)


@pytest.mark.parametrize("word", ["来る", "大きい", "猫"])
def test_what_cannot_be_inflected_so_is_left_out(word: str) -> None:
    assert forms(word) is None


def test_a_phrase_puts_adjectives_before_and_clauses_behind() -> None:
    cat = Phrase("猫", "cat").before("青い", "orange").behind("眠る", "sleeping")
    assert (cat.ja, cat.whole) == ("眠る青い猫", "an orange cat sleeping")
    assert cat.plural().before("二匹の", "two").whole == "two orange cats sleeping"
    assert Phrase("空", "sky", the=True).whole == "the sky"
    assert Phrase("雪", "snow", article=False).whole == "snow"


def test_prompts_are_normalized_pairs_and_a_seed_makes_the_same() -> None:
    made = list(itertools.islice(Grammar(5).pairs(), 500))
    assert made == list(itertools.islice(Grammar(5).pairs(), 500))
    assert made != list(itertools.islice(Grammar(6).pairs(), 500))
    for ja, english in made:
        assert ja == normalize(ja)
        assert len(ja) <= LONGEST + 10  # the normalizer may write a character with more
        assert english.strip() == english != ""
        assert not is_japanese(english)
        assert not re.search(r"[{}]|  |\ba a\b|\bthe the\b", english), (ja, english)


def test_a_number_says_the_same_on_both_sides() -> None:
    numbers = dict(
        zip(
            "二三四五六七八九十",
            ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"],
            strict=True,
        )
    )
    found = 0
    for ja, english in itertools.islice(Grammar(8).pairs(), 2000):
        counted = re.match(r"([二三四五六七八九十])[匹人つ]の", ja)
        if counted is not None:
            found += 1
            assert numbers[counted[1]] in english.casefold(), (ja, english)
    assert found > 10


def test_children_are_never_undressed() -> None:
    for ja, english in itertools.islice(Grammar(9).pairs(), 3000):
        assert not (re.search("裸|セクシー|下着|ビキニ", ja) and re.search("girl|boy|child|baby", english)), (
            ja
        )
