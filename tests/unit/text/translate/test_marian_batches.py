"""Many sentences at once, by a tiny Marian model: few calls, each sentence once, the same as one by one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings

from sdjp.errors import TranslationError
from sdjp.text.translate import marian as module
from sdjp.text.translate.marian import MarianTranslator
from tests import strategies

FOLDER = Path(__file__).parents[3] / "golden" / "tiny_marian"


@pytest.fixture(scope="module")
def network() -> MarianTranslator:
    """Greedy, and loaded."""
    translator = MarianTranslator(FOLDER, num_beams=1)
    translator._load()
    return translator


@pytest.fixture
def marian(network: MarianTranslator) -> MarianTranslator:
    """The same network, nothing remembered."""
    network._known.clear()
    network.batch_size = 64
    network.num_beams = 1
    return network


@pytest.fixture
def calls(network: MarianTranslator) -> Iterator[list[tuple[int, int]]]:
    """Sentences and pieces of every call of the encoder: once for each batch, whatever is written."""
    shapes: list[tuple[int, int]] = []
    encoder = network._load()[0].get_encoder()
    handle = encoder.register_forward_hook(lambda module, args, out: shapes.append(tuple(out[0].shape[:2])))
    yield shapes
    handle.remove()


def english(translator: MarianTranslator, texts: list[str]) -> list[str]:
    return [record.english for record in translator.translate(texts)]


def test_a_thousand_prompts_are_one_batch(marian: MarianTranslator, calls: list[tuple[int, int]]) -> None:
    texts = [f"{strategies.SENTENCES[i % 7]}, {strategies.SENTENCES[i % 5]}" for i in range(1_000)]
    found = english(marian, texts)
    assert [size for size, _ in calls] == [7]  # different sentences
    marian._known.clear()
    assert found[:7] == [english(marian, [text])[0] for text in texts[:7]]


def test_what_was_translated_is_remembered(marian: MarianTranslator, calls: list[tuple[int, int]]) -> None:
    first = marian.translate(["猫, 海", "東京の夜景"])
    assert len(calls) == 1
    assert marian.translate(["猫, 海", "東京の夜景"]) == first
    assert [record.english for record in marian.translate(["海, 猫"])] == ["sea, cat"]
    assert len(calls) == 1
    marian.translate(["猫, 雪が降る。"])
    assert [size for size, _ in calls] == [3, 1]


def test_other_beams_are_another_translation(marian: MarianTranslator, calls: list[tuple[int, int]]) -> None:
    english(marian, ["猫"])
    marian.num_beams = 2
    english(marian, ["猫"])
    english(marian, ["猫"])
    assert len(calls) == 2


def test_like_lengths_go_together_and_batches_are_bounded(
    marian: MarianTranslator, calls: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    marian.batch_size = 3
    lengths = {text: len(ids) for text, ids in marian._ids(strategies.SENTENCES).items()}
    english(marian, strategies.SENTENCES)
    assert [size for size, _ in calls] == [3, 3, 1]
    assert [longest for _, longest in calls] == [*sorted(lengths.values())[2::3], max(lengths.values())]
    marian.batch_size = 64
    marian._known.clear()
    calls.clear()
    monkeypatch.setattr(module, "_BATCH_PIECES", 2 * max(lengths.values()))
    english(marian, strategies.SENTENCES)
    assert sum(size for size, _ in calls) == len(strategies.SENTENCES)
    assert all(size * longest <= 2 * max(lengths.values()) for size, longest in calls)


def test_the_cache_of_keys_is_used(marian: MarianTranslator) -> None:
    """After the first, a step of the decoder sees one new piece for each sentence."""
    decoder, widths = marian._load()[0].get_decoder(), []
    handle = decoder.register_forward_hook(
        lambda module, args, out: widths.append(out.last_hidden_state.shape[1])
    )
    english(marian, ["馬に乗る宇宙飛行士", "猫"])
    handle.remove()
    assert len(widths) > 2
    assert set(widths) == {1}


def test_too_long_is_refused_before_any_is_translated(
    marian: MarianTranslator, calls: list[tuple[int, int]]
) -> None:
    with pytest.raises(TranslationError) as error:
        english(marian, ["猫", "馬に乗る宇宙飛行士" * 20, "海"])
    assert error.value.code == "marian.length"
    assert calls == []


def test_one_that_fails_costs_the_others_nothing(
    marian: MarianTranslator, calls: list[tuple[int, int]]
) -> None:
    with pytest.raises(TranslationError):
        english(marian, ["猫", "写"])
    calls.clear()
    assert english(marian, ["猫"]) == ["cat"]
    assert calls == []


@settings(max_examples=5)
@given(strategies.batches_of_sentences)
def test_a_batch_is_its_texts_one_by_one(network: MarianTranslator, texts: list[str]) -> None:
    network._known.clear()
    network.batch_size, network.num_beams = 64, 1
    together = network.translate(texts)
    assert [record.source for record in together] == texts
    network._known.clear()
    for text, record in zip(texts, together, strict=True):
        assert network.translate([text]) == [record]


def test_threads_share_what_is_remembered(marian: MarianTranslator) -> None:
    expected = english(marian, strategies.SENTENCES)
    marian._known.clear()
    results: list[list[str]] = []
    work = lambda: results.append(english(marian, strategies.SENTENCES))  # noqa: E731
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4
    assert len(marian._known) == len(strategies.SENTENCES)
