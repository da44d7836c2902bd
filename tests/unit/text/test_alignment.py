"""Which tokens came from which word: every way a word comes into the English, and what is no word of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from sdjp.conditioning.reader import Reader
from sdjp.errors import InputError, TranslationError
from sdjp.text.alignment import Alignment
from sdjp.text.names import Names
from sdjp.text.read import check_prompt
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from tests import strategies

FULL = Reader(tokenizer=ClipTokenizer.from_assets(), translator=make_translator("lexicon"))


@pytest.fixture(scope="module")
def mini() -> Reader:
    return Reader.of_embedded(make_translator("combined"))


def aligned(reader: Reader, text: str) -> Alignment:
    [read] = reader.read([check_prompt(text)])
    return reader.align(read)


def said(reader: Reader, text: str, word: str) -> list[str]:
    """The English of a word, unit by unit."""
    alignment = aligned(reader, text)
    places = set(alignment.places(word))
    found = [unit for unit in alignment.units if places & set(unit.places)]
    assert {place for unit in found for place in unit.places} == places
    return [unit.text for unit in found]


WORDS: list[tuple[str, str, list[str]]] = [
    # by the grammar, word by word
    ("馬に乗る宇宙飛行士", "馬", ["horse"]),
    ("馬に乗る宇宙飛行士", "宇宙飛行士", ["astronaut"]),
    ("猫が木の上で寝ている", "猫", ["cat"]),
    ("猫が木の上で寝ている", "木の上", ["on", "tree"]),
    ("二匹の犬", "犬", ["dogs"]),
    ("(猫:1.3)と犬、白い背景", "猫", ["cat"]),
    ("りんご", "りんご", ["apple"]),
    # in other forms, other spellings, other words
    ("猫が木の上で寝ている", "寝る", ["sleeping"]),
    ("二匹の犬", "イヌ", ["dogs"]),
    ("走る犬たち", "犬", ["dogs"]),
    ("ハスキーが寝ている", "ハスキー", ["dog"]),  # what is nearest, for a model that knows few words
    ("ハスキーが寝ている", "husky", ["dog"]),
    # several times; the nearest of a phrase
    ("赤い帽子の女の子と赤い靴の男の子", "赤い", ["red", "red"]),
    ("赤い帽子の女の子と赤い靴の男の子", "赤い帽子", ["red", "hat"]),
    ("赤い帽子の女の子と赤い靴の男の子", "赤い靴", ["red", "shoes"]),
    # a clause that was translated as a whole
    ("母は庭で花に水をやりながら歌を歌っていました。", "花", ["flowers"]),
    ("母は庭で花に水をやりながら歌を歌っていました。", "庭", ["garden"]),
    ("母は庭で花に水をやりながら歌を歌っていました。", "母", ["woman"]),
    # English
    ("馬に乗る宇宙飛行士", "horse", ["horse"]),
    ("馬に乗る宇宙飛行士", "Horses", ["horse"]),
    ("a teddy-bear and two children", "teddy bear", ["teddy", "-", "bear"]),
    ("a teddy-bear and two children", "child", ["children"]),
]


@pytest.mark.parametrize(("text", "word", "english"), WORDS, ids=[f"{t[:6]}-{w}" for t, w, _ in WORDS])
def test_a_word_has_its_tokens(mini: Reader, text: str, word: str, english: list[str]) -> None:
    assert said(mini, text, word) == english


def test_places_are_those_of_the_ids(mini: Reader) -> None:
    [read] = mini.read([check_prompt("馬に乗る宇宙飛行士")])
    ids = [i for row in read.chunks.ids for i in row]
    places = mini.align(read).places("馬")
    assert [ids[i] for i in places] == mini.tokenizer.encode("horse")


def test_a_word_in_a_later_chunk(mini: Reader) -> None:
    filling = "、".join(["白い背景"] * 40)
    [read] = mini.read([check_prompt(f"{filling}、猫 BREAK 犬")])
    assert read.info.chunks == 3
    ids = [i for row in read.chunks.ids for i in row]
    alignment = mini.align(read)
    for word, english in (("猫", "cat"), ("犬", "dog")):
        assert [ids[i] for i in alignment.places(word)] == mini.tokenizer.encode(english)
    assert len(alignment.places("背景")) == 40
    assert len(alignment.places("白い背景")) == 80


def test_no_word_is_the_end_of_another() -> None:
    reader = Reader(tokenizer=ClipTokenizer([]), translator=make_translator("lexicon"))  # bytes alone
    [unit] = aligned(reader, "bobcat").units
    assert len(unit.places) == 6
    with pytest.raises(InputError):
        aligned(reader, "bobcat").places("cat")
    with pytest.raises(InputError):
        aligned(reader, "catalog").places("cat")


@pytest.mark.parametrize("word", ["猫", "cat", "", " ", "、", "🐱", 3, None, ["馬"]])
def test_what_is_not_there_is_refused_and_what_is_there_told(mini: Reader, word: object) -> None:
    with pytest.raises(InputError) as caught:
        aligned(mini, "馬に乗る宇宙飛行士").places(word)  # type: ignore[arg-type]
    assert caught.value.code == "attention.word"
    for message in (caught.value.ja, caught.value.en):
        for known in ("馬", "宇宙飛行士", "horse"):
            assert known in message


def test_a_particle_is_told_to_have_left_nothing(mini: Reader) -> None:
    with pytest.raises(InputError) as caught:
        aligned(mini, "馬に乗る宇宙飛行士").places("に")
    assert caught.value.code == "attention.silent"
    assert "馬" in caught.value.ja


def test_words_that_ask_for_a_picture_have_left_nothing(mini: Reader) -> None:
    [read] = mini.read([check_prompt("猫の絵を描いて")])
    requests = [part.source for part in read.info.parts if part.how == "request"]
    assert requests
    with pytest.raises(InputError) as caught:
        mini.align(read).places(requests[0])
    assert caught.value.code == "attention.silent"


def test_every_word_that_is_told_can_be_asked_for(mini: Reader) -> None:
    for text in (
        "満開の桜の下でお弁当を食べる家族",
        "子供たち、キラキラ",
        "母は庭で花に水をやりました。",
        "A red car!",
    ):
        alignment = aligned(mini, text)
        assert alignment.words
        for word in alignment.words:
            assert alignment.places(word)


def test_a_name_of_vectors_is_a_word() -> None:
    names = Names({"my-cat": 3})
    reader = Reader(tokenizer=ClipTokenizer.from_assets(), translator=make_translator("lexicon"), names=names)
    alignment = aligned(reader, "my-catと犬")
    assert len(alignment.places("my-cat")) == 3
    assert set(alignment.places("my-cat")).isdisjoint(alignment.places("犬"))


@given(text=strategies.texts)
@settings(max_examples=60)
def test_any_prompt_has_its_words(text: str) -> None:
    try:
        [read] = FULL.read([check_prompt(text)])
    except (InputError, TranslationError):
        return
    alignment = FULL.align(read)
    places = [place for unit in alignment.units for place in unit.places]
    assert len(places) == len(set(places)) == read.chunks.tokens
    for word in alignment.words[:5]:
        assert alignment.places(word)
