"""What is told of a word: every table that knows it, in the order in which a prompt asks them."""

from __future__ import annotations

import pytest

from sdjp.cli.word_names import CATEGORIES, SOURCES, category_of
from sdjp.errors import InputError
from sdjp.text.translate import lexicon_table
from sdjp.text.translate.lexicon_table import user_table
from sdjp.text.translate.senses import Sense, senses


def test_each_table_is_asked() -> None:
    user = user_table({"猫": "kitty", "東京": "Tokio"})
    assert senses("猫", user)[0] == Sense("猫", "kitty", "thing", "user")
    assert Sense("猫", "cat", "animal", "own") in senses("猫", user)
    assert Sense("猫", "cat", "", "jmdict") in senses("猫", user)
    assert [s.source for s in senses("推し活", {})] == ["senses"]
    assert "names" in {s.source for word in ("アイスランド", "フランス語", "函館") for s in senses(word, {})}
    assert senses("ぺろぽん", {}) == []
    assert senses("", {}) == []


def test_a_word_is_looked_up_as_a_prompt_would_have_it() -> None:
    assert senses("ﾈｺ", {}) == senses("ネコ", {}) != []
    found = senses("ねこ", {})
    assert ("猫", "cat") in {(s.word, s.english) for s in found}, "by its reading, too"


def test_all_categories_and_tables_have_names() -> None:
    assert set(CATEGORIES) == set(lexicon_table.CATEGORIES)
    assert len({ja for ja, _ in CATEGORIES.values()}) == len(CATEGORIES), "which can be typed, too"
    assert {sense.source for word in lexicon_table.by_kind() for sense in senses(word, {})} <= set(SOURCES)
    assert category_of("動物") == category_of("animal") == "animal"
    with pytest.raises(InputError, match="使えるもの"):
        category_of("feline")
