"""The check of prompts on any text at all."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sdjp.records import PromptInfo
from sdjp.text.normalize import normalize
from sdjp.text.prompt_check import PromptChecker
from sdjp.text.word_list import Word, WordList, shipped

WORDS = [w.word for w in shipped().words]
texts = st.one_of(
    st.text(max_size=60),
    st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=6)), max_size=8).map("".join),
)


@settings(max_examples=150, deadline=None)
@given(texts)
def test_it_never_raises_and_spelling_makes_no_difference(text: str) -> None:
    hits = shipped().find(text)
    assert hits == shipped().find(normalize(text))
    assert len(hits) == len(set(hits))
    info = PromptInfo(source=text, normalized=text, english=text, tokens=0)
    (report,) = PromptChecker().check([info])
    assert [w["word"] for w in report.data["words"]] == [w.word for w in hits]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([w for w in shipped().words if w.category != "-"]), st.data())
def test_a_word_is_found_between_other_words(word: Word, data: st.DataObject) -> None:
    around = st.sampled_from(["猫", "a cat", "青い空", "", "12"])
    left, right = data.draw(around), data.draw(around)
    assert word in shipped().find(f"{left}, {word.word}, {right}")
    if word.language == "en":
        assert word not in shipped().find(f"z{word.word}z")


lines = st.tuples(st.sampled_from(["ja", "en"]), st.text(max_size=8), st.text(min_size=1, max_size=3))


@settings(max_examples=100, deadline=None)
@given(st.lists(lines), texts)
def test_any_list_can_be_looked_for(given_lines: list[tuple[str, str, str]], text: str) -> None:
    words = WordList(tuple(Word(*line) for line in given_lines))
    assert set(words.find(text)) <= set(words.words)
