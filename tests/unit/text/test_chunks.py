from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdjp.errors import InputError
from sdjp.text.chunks import Chunks, chunk
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp_training.trainers.merges import subset
from tests import strategies

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "golden" / "clip_tokens.json").read_text(encoding="utf-8")
)["cases"]
CLIP = ClipTokenizer.from_assets()
BREAK = object()
COMMA = CLIP.encode(",")[0]


def texts(chunks: Chunks) -> list[str]:
    return [CLIP.decode(row) for row in chunks.ids]


def words(count: int) -> str:
    return " ".join(["cat"] * count)


@pytest.mark.parametrize("case", CASES, ids=[ascii(c["prompt"])[1:31] for c in CASES])
def test_one_chunk_is_the_truncation_of_the_original(case: dict[str, Any]) -> None:
    chunks = chunk([(case["prompt"], 1.0)], CLIP, max_chunks=1)
    assert chunks.ids == [case["ids"]]
    assert chunks.weights == [[1.0] * 77]
    assert chunks.tokens == min(case["n_before_truncation"] - 2, 75)
    assert (chunks.truncated != "") is (case["n_before_truncation"] > 77)


def test_no_runs_are_one_empty_chunk() -> None:
    assert chunk([], CLIP) == chunk([("", 1.3)], CLIP) == chunk([(" \n", 0.0)], CLIP)
    assert chunk([], CLIP) == Chunks(
        ids=[[CLIP.start_id] + [CLIP.end_id] * 76], weights=[[1.0] * 77], tokens=0, truncated=""
    )


def test_weights_stand_beside_their_tokens() -> None:
    chunks = chunk([("a ", 1.0), ("red astronaut", 1.5), ("cat", 0.0)], CLIP)
    assert CLIP.tokens(chunks.ids[0][:6]) == [
        "<|startoftext|>", "a</w>", "red</w>", "astronaut</w>", "cat</w>", "<|endoftext|>",
    ]  # fmt: skip
    assert chunks.weights[0][:6] == [1.0, 1.0, 1.5, 1.5, 0.0, 1.0]
    assert chunks.weights[0][6:] == [1.0] * 71
    assert chunks.tokens == 4


@pytest.mark.parametrize(
    ("prompt", "lengths"),
    [
        (words(75), [75]),
        (words(76), [75, 1]),
        (words(74) + ", dog", [75, 1]),  # the comma is the last of the 75
        (words(75) + ", dog", [75, 2]),  # the comma itself opens the next chunk, as in the web UI
        (words(55) + "," + words(30), [56, 30]),  # the twentieth from the end still counts
        (words(54) + "," + words(30), [75, 10]),  # the twenty-first does not
        (words(60) + "," + words(5) + "," + words(30), [67, 30]),  # the last comma, not the first
        (words(200), [75, 75, 50]),
    ],
)
def test_where_a_long_prompt_is_cut(prompt: str, lengths: list[int]) -> None:
    chunks = chunk([(prompt, 1.0)], CLIP)
    assert [row.index(CLIP.end_id) - 1 for row in chunks.ids] == lengths
    assert all(len(row) == 77 for row in chunks.ids + chunks.weights)
    assert chunks.tokens == sum(lengths)
    assert " ".join(texts(chunks)) == CLIP.decode(CLIP.encode(prompt))


def test_without_backtracking_chunks_are_full() -> None:
    chunks = chunk([(words(60) + "," + words(30), 1.0)], CLIP, comma_backtrack=0)
    assert [row.index(CLIP.end_id) - 1 for row in chunks.ids] == [75, 16]


def test_break_ends_a_chunk() -> None:
    assert texts(chunk([("a cat", 1.0), BREAK, ("a dog", 1.2)], CLIP)) == ["a cat", "a dog"]
    assert texts(chunk([("a cat", 1.0), BREAK], CLIP)) == ["a cat"]
    assert texts(chunk([BREAK, ("a cat", 1.0)], CLIP)) == ["", "a cat"]
    assert texts(chunk([("a", 1.0), BREAK, BREAK, ("b", 1.0), BREAK], CLIP)) == ["a", "", "b"]
    assert texts(chunk([BREAK], CLIP)) == [""]


def test_what_a_limit_cuts_off_is_told() -> None:
    runs = [(words(80) + ", dog", 1.0), BREAK, ("A Bird", 1.0)]
    assert [len(chunk(runs, CLIP, max_chunks=n).ids) for n in (1, 2, 3, 4)] == [1, 2, 3, 3]
    assert chunk(runs, CLIP, max_chunks=1).truncated == words(5) + " , dog a bird"
    assert chunk(runs, CLIP, max_chunks=2).truncated == "a bird"
    assert chunk(runs, CLIP, max_chunks=3).truncated == ""
    assert chunk(runs, CLIP, max_chunks=3) == chunk(runs, CLIP)


def test_the_last_chunk_allowed_is_filled_to_the_brim() -> None:
    prompt = words(60) + "," + words(30)
    assert chunk([(prompt, 1.0)], CLIP).tokens == 91
    assert chunk([(prompt, 1.0)], CLIP, max_chunks=1).tokens == 75


def test_a_smaller_table_works_with_the_same_code() -> None:
    small = subset(CLIP, ["cat", ","], 50)
    chunks = chunk([(words(60) + "," + words(30), 1.0)], small)
    assert [row.index(small.end_id) - 1 for row in chunks.ids] == [61, 30]
    assert chunks.ids[0][-1] == small.pad_id < 1000


@pytest.mark.parametrize("bad", [{"chunk_length": 0}, {"max_chunks": 0}, {"max_chunks": -1}])
def test_sizes_below_one_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(InputError) as error:
        chunk([("a cat", 1.0)], CLIP, **bad)  # type: ignore[arg-type]
    assert error.value.code == "chunks.size"


@settings(max_examples=100)
@given(
    runs=strategies.runs(BREAK),
    length=st.integers(1, 30),
    backtrack=st.integers(0, 40),
    limit=st.none() | st.integers(1, 6),
)
def test_every_token_is_in_a_chunk_or_told(
    runs: list[Any], length: int, backtrack: int, limit: int | None
) -> None:
    whole = [(i, w) for run in runs if run is not BREAK for i in CLIP.encode(run[0]) for w in (run[1],)]
    chunks = chunk(runs, CLIP, chunk_length=length, comma_backtrack=backtrack, max_chunks=limit)
    kept = [
        pair
        for ids, weights in zip(chunks.ids, chunks.weights, strict=True)
        for pair in list(zip(ids, weights, strict=True))[1 : ids.index(CLIP.end_id)]
    ]
    assert kept == whole[: len(kept)]
    assert chunks.truncated == CLIP.decode(i for i, _ in whole[len(kept) :])
    assert chunks.tokens == len(kept)
    assert limit is not None or len(kept) == len(whole)
    assert limit is None or len(chunks.ids) <= limit
    for ids, weights in zip(chunks.ids, chunks.weights, strict=True):
        end = ids.index(CLIP.end_id)
        assert len(ids) == len(weights) == length + 2
        assert ids[0] == CLIP.start_id
        assert set(ids[end:]) == {CLIP.end_id}
        assert weights[0] == 1.0
        assert set(weights[end:]) == {1.0}
