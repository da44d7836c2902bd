"""What makes the lexicon quick changes no translation: tables, what is remembered, taggers that are lent."""

from __future__ import annotations

import gzip
import pickle
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings

from sdjp.text.translate import lexicon_table as tables
from sdjp.text.translate.grammar import morphemes
from sdjp.text.translate.lexicon import LexiconTranslator
from tests import strategies

ASSETS = Path(tables.__file__).parents[2] / "assets" / "lexicon"


@pytest.mark.parametrize("path", sorted(ASSETS.glob("*/*.tsv.gz")), ids=lambda path: path.name)
def test_a_packed_table_is_what_its_lines_say(path: Path) -> None:
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        lines = [line.rstrip("\n").split("\t") for line in file]
    assert tables._packed(f"{path.parent.name}/{path.name}") == dict(lines)


def test_the_very_same_comes_back() -> None:
    lexicon = LexiconTranslator()
    (first,) = lexicon.translate(["馬に乗る宇宙飛行士"])
    (again,) = lexicon.translate(["馬に乗る宇宙飛行士"])
    assert again is first
    assert LexiconTranslator().translate(["馬に乗る宇宙飛行士"]) == [first]


def test_each_object_remembers_for_itself() -> None:
    plain, own = LexiconTranslator(), LexiconTranslator(user_lexicon={"馬": "unicorn"})
    assert plain.translate(["白い馬"])[0].english == "a white horse"
    assert own.translate(["白い馬"])[0].english == "a white unicorn"
    assert plain.translate(["白い馬"])[0].english == "a white horse"


def test_it_is_bounded() -> None:
    lexicon = LexiconTranslator()
    lexicon._known.limit = 1_000
    lexicon.translate([f"{i}匹の猫" for i in range(50)])
    assert 0 < lexicon._known.size <= 1_000
    assert lexicon.translate(["3匹の猫"])[0].english == "three cats"


def test_it_can_be_sent_to_another_process() -> None:
    lexicon = LexiconTranslator()
    expected = lexicon.translate(["赤い車"])
    assert pickle.loads(pickle.dumps(lexicon)).translate(["赤い車"]) == expected


@settings(max_examples=30)
@given(strategies.batches_of_words)
def test_a_batch_is_its_texts_one_by_one(texts: list[str]) -> None:
    together = LexiconTranslator().translate([*texts, *texts])
    assert together == [LexiconTranslator().translate([text])[0] for text in [*texts, *texts]]


def test_threads_lend_taggers_and_remember_together() -> None:
    texts = [f"{i}匹の猫が{place}で眠る" for i in range(2, 8) for place in ("海", "森", "雪山")]
    expected = LexiconTranslator().translate(texts)
    lexicon, results, before = LexiconTranslator(), [], len(morphemes._idle)

    def work(turn: int) -> None:
        for text in texts[turn:] + texts[:turn]:
            results.append(lexicon.translate([text])[0])

    for _ in range(2):  # threads of a server come and go
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(results, key=lambda r: texts.index(r.source)) == [r for r in expected for _ in range(8)]
    assert 1 <= len(morphemes._idle) <= max(before, 4)


def test_a_tagger_comes_back_from_an_error() -> None:
    morphemes.morphemes("猫")
    before = len(morphemes._idle)
    with morphemes._tagger():
        assert len(morphemes._idle) == before - 1
    with pytest.raises(AttributeError), morphemes._tagger() as tagger:
        tagger.no_such_attribute()
    assert len(morphemes._idle) == before
