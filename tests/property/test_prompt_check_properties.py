"""The check of prompts on any text at all."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sdjp.records import PromptInfo
from sdjp.text.normalize import normalize
from sdjp.text.prompt_check import PromptChecker
from sdjp.text.word_list import Word, WordList, shipped
from tests import strategies


@settings(max_examples=150)
@given(strategies.texts_to_screen)
def test_it_never_raises_and_spelling_makes_no_difference(text: str) -> None:
    hits = shipped().find(text)
    assert hits == shipped().find(normalize(text))
    assert len(hits) == len(set(hits))
    info = PromptInfo(source=text, normalized=text, english=text, tokens=0)
    (report,) = PromptChecker().check([info])
    assert [w["word"] for w in report.data["words"]] == [w.word for w in hits]


@settings(max_examples=100)
@given(strategies.screened_words, st.data())
def test_a_word_is_found_between_other_words(word: Word, data: st.DataObject) -> None:
    left, right = data.draw(strategies.neighbours), data.draw(strategies.neighbours)
    assert word in shipped().find(f"{left}, {word.word}, {right}")
    if word.language == "en":
        assert word not in shipped().find(f"z{word.word}z")


@settings(max_examples=100)
@given(st.lists(strategies.lines_of_a_word_list), strategies.texts_to_screen)
def test_any_list_can_be_looked_for(given_lines: list[tuple[str, str, str]], text: str) -> None:
    words = WordList(tuple(Word(*line) for line in given_lines))
    assert set(words.find(text)) <= set(words.words)
