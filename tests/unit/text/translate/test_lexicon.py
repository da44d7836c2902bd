from __future__ import annotations

import re
import threading
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sdjp.errors import InputError
from sdjp.text.normalize import normalize
from sdjp.text.script import has_letters, is_japanese
from sdjp.text.translate import lexicon_table as tables
from sdjp.text.translate.base import Piece, Translation
from sdjp.text.translate.lexicon import LexiconTranslator
from tests import strategies

CASES = Path(__file__).parents[3] / "cases"
# Words that say nothing by themselves in English: being and doing, and table rows that say so (さん, たち).
LIGHT = re.compile("い|居|あ|有|在|す|し|さ|な|無|出|で")


@pytest.fixture(scope="module")
def lexicon() -> LexiconTranslator:
    return LexiconTranslator()


def one(text: str, **options: object) -> Translation:
    (record,) = LexiconTranslator(**options).translate([text])  # type: ignore[arg-type]
    return record


# -- the record ----------------------------------------------------------------------------------------------


def may_be_silent(piece: Piece) -> bool:
    """Whether a piece without English is grammar or a word that English leaves out."""
    rows = tables.own().get(piece.source.strip(), ())
    light = any(row.category in {"suffix", "relator", "position"} or not row.english for row in rows)
    return piece.how == "grammar" or light or LIGHT.match(piece.source) is not None


@settings(max_examples=150)
@given(text=strategies.word_salads | strategies.japanese_letters)
@example(text="をんた")
@example(text="いた")
@example(text="1をaん")
@example(text="a人を人んと")
@example(text="BGMを流すときーきー")
def test_nothing_is_lost(text: str) -> None:
    """The pieces are the source; each says something or is grammar; never nothing, never Japanese."""
    record = one(text)
    if is_japanese(text):
        assert "".join(piece.source for piece in record.pieces) == text
    for piece in record.pieces:
        assert piece.english or may_be_silent(piece) or not has_letters(piece.source), (piece, record)
    if has_letters(text):
        assert record.english.strip()
    assert not re.search(r"\{\w*\}", record.english)
    for part in record.unknown:
        assert part in text


@pytest.mark.parametrize(
    ("text", "english"), [("いた", "ita"), ("をんた", "onta"), ("ありました", "arimashita"), ("の", "no")]
)
def test_a_text_that_is_nothing_but_grammar_is_spelt_out_and_told(text: str, english: str) -> None:
    record = one(text)
    assert (record.english, record.unknown) == (english, (text,))


@settings(max_examples=60)
@given(words=st.lists(strategies.foods, min_size=1, max_size=4, unique=True))
def test_every_word_of_a_tag_list_is_said(words: list[tuple[str, str]]) -> None:
    english = one("、".join(ja for ja, _ in words)).english.casefold()
    for _, expected in words:
        assert expected.casefold() in english


@settings(max_examples=60)
@given(text=strategies.word_salads)
def test_its_english_is_not_translated_again(text: str) -> None:
    english = one(text).english
    if not is_japanese(english):
        assert one(english).english == english


@pytest.mark.parametrize("text", ["a cat, 8k", "", " ", "naïve café 🐱", "(masterpiece)"])
def test_english_passes_as_it_is(lexicon: LexiconTranslator, text: str) -> None:
    (record,) = lexicon.translate([text])
    assert record.english == text
    assert not record.unknown


def test_what_no_table_knows_is_spelt_out_and_reported(lexicon: LexiconTranslator) -> None:
    (record,) = lexicon.translate(["ぺろぽんの帽子"])
    assert "peropon" in record.english.replace(" ", "")
    assert "hat" in record.english
    assert "".join(record.unknown) in "ぺろぽんの帽子"
    assert record.unknown


def test_latin_words_emoji_and_numbers_are_copied(lexicon: LexiconTranslator) -> None:
    (record,) = lexicon.translate(["赤い帽子の犬, best quality, 8k, 🐕"])
    assert record.english == "a dog in a red hat, best quality, 8k, 🐕"
    assert [p.how for p in record.pieces if p.source in {"best quality", "8k", "🐕"}] == ["copied"] * 3


# -- kana ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kana", "words"),
    [
        ("やまとかわ", "mountain river"),
        ("ねことにわ", "cat garden"),
        ("さくらのきのしたでねこがねむる", "cat sleeping under cherry tree"),
        ("うみ", "sea"),
        ("ねことやま", "cat mountain"),
    ],
)
def test_kana_are_read(lexicon: LexiconTranslator, kana: str, words: str) -> None:
    (record,) = lexicon.translate([kana])
    assert set(words.split()) <= set(re.findall(r"\w+", record.english))
    assert not record.unknown


# -- threads -------------------------------------------------------------------------------------------------


def test_threads_get_the_same_english(lexicon: LexiconTranslator) -> None:
    texts = [ja for ja, _ in _cases("prompts.tsv")][:24]
    expected = [record.english for record in lexicon.translate(texts)]
    results: list[list[str]] = []

    def work() -> None:
        results.append([record.english for record in lexicon.translate(texts)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


# -- the user's table ----------------------------------------------------------------------------------------


def test_the_users_word_wins(tmp_path: Path) -> None:
    table = tmp_path / "私の辞書.tsv"
    table.write_text(
        "# 私の言葉\n猫\tSiamese cat\tanimal\nぺろぽん,ペロポン\tperopon creature\n\n", encoding="utf-8"
    )
    record = one("帽子をかぶった猫", user_lexicon=table)
    assert record.english == "a Siamese cat wearing a hat"
    assert [p.how for p in record.pieces if p.source == "猫"] == ["user"]
    assert one("ペロポンの帽子", user_lexicon=table).english == "a peropon creature hat"
    assert one("猫", user_lexicon={"猫": "kitty"}).english == "kitty"


def test_the_users_features_count() -> None:
    rows = {"霧吹雪": "blizzard of mist"}
    assert one("霧吹雪の城", user_lexicon=rows).english.count("blizzard of mist") == 1


def test_the_users_words_are_normalized_as_prompts_are() -> None:
    assert one("ABCと猫", user_lexicon={"ＡＢＣ": "robot"}).english == "a robot and a cat"
    assert one("ポチ丸", user_lexicon={"犬丸、ﾎﾟﾁ丸": "dog"}).english == "dog"


@pytest.mark.parametrize("row", ["猫", "猫\t", "\tcat", "猫\tcat\tfeline", "猫\tcat\tanimal\t\textra"])
def test_bad_rows_are_refused_with_their_line(tmp_path: Path, row: str) -> None:
    table = tmp_path / "words.tsv"
    table.write_text(f"犬\tdog\tanimal\n{row}\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        LexiconTranslator(user_lexicon=table)
    error = caught.value
    assert error.code == "lexicon.line"
    assert "2 行目" in error.ja
    assert "line 2" in error.en
    assert str(table) in error.ja
    assert str(table) in error.en


def test_an_unreadable_table_is_refused(tmp_path: Path) -> None:
    shift_jis = tmp_path / "sjis.tsv"
    shift_jis.write_bytes("猫\tcat".encode("shift_jis"))
    for path in (shift_jis, tmp_path / "none.tsv", tmp_path):
        with pytest.raises(InputError) as caught:
            LexiconTranslator(user_lexicon=path)
        assert caught.value.code == "lexicon.unreadable"
        assert "UTF-8" in caught.value.ja
        assert "UTF-8" in caught.value.en


# -- the shipped tables --------------------------------------------------------------------------------------


def test_every_row_of_the_shipped_tables_is_sound() -> None:
    for entries in tables.own().values():
        for entry in entries:
            assert entry.category in tables.CATEGORIES, entry
            assert entry.ja
            assert entry.ja == entry.ja.strip()
            assert not is_japanese(entry.english), entry
            assert entry.english == entry.english.strip()


# -- how good it is ------------------------------------------------------------------------------------------


def _cases(name: str) -> list[tuple[str, str]]:
    lines = (CASES / name).read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(normalize(row[0]), row[1]) for row in rows]


def chrf(hypotheses: list[str], references: list[str], *, order: int = 6, beta: float = 2.0) -> float:
    """chrF of a corpus, 0 to 100 (Popović 2015): F-beta of character n-grams, white space left out."""
    total = 0.0
    for n in range(1, order + 1):
        matched = given = wanted = 0
        for hypothesis, reference in zip(hypotheses, references, strict=True):
            a, b = (
                Counter(s[i : i + n] for i in range(len(s) - n + 1))
                for s in ("".join(hypothesis.split()), "".join(reference.split()))
            )
            matched, given, wanted = matched + (a & b).total(), given + a.total(), wanted + b.total()
        precision, recall = matched / max(given, 1), matched / max(wanted, 1)
        scale = beta**2 * precision + recall
        total += (1 + beta**2) * precision * recall / scale if scale else 0.0
    return 100 * total / order


_LITTLE = frozenset(
    ["a", "an", "the", "of", "in", "on", "at", "by", "with", "and", "to", "is", "are", "some"]
)


def recall(hypotheses: list[str], references: list[str]) -> float:
    """The share of the references' content words that the hypotheses say."""
    found = total = 0
    for hypothesis, reference in zip(hypotheses, references, strict=True):
        said = set(re.findall(r"\w+", hypothesis.casefold()))
        wanted = set(re.findall(r"\w+", reference.casefold())) - _LITTLE
        found, total = found + len(wanted & said), total + len(wanted)
    return found / total


# The floors lie a good way below what is reached (91 and 94; recall 0.9), so that a better
# translation that differs from one reference does not fail, and a broken rule does.
@pytest.mark.parametrize(("name", "floor", "said"), [("prompts.tsv", 80, 0.8), ("prompts_own.tsv", 85, 0.85)])
def test_chrf_and_recall(lexicon: LexiconTranslator, name: str, floor: float, said: float) -> None:
    sources, references = zip(*_cases(name), strict=True)
    english = [record.english for record in lexicon.translate(list(sources))]
    assert chrf(english, list(references)) >= floor
    assert recall(english, list(references)) >= said


def test_chrf_helper() -> None:
    assert chrf(["a sleeping cat"], ["a sleeping cat"]) == 100
    assert chrf(["xyz"], ["a cat"]) == 0
    assert 0 < chrf(["a dog sleeping"], ["a cat sleeping"]) < 100
