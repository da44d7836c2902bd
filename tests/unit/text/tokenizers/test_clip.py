from __future__ import annotations

import gzip
import hashlib
import json
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import regex
from hypothesis import given, settings

from sdjp.errors import WeightsError
from sdjp.text.tokenizers.clip import CLIP_MERGES, START, ClipTokenizer
from sdjp.text.tokenizers.clip_clean import clean
from sdjp_training.trainers.merges import subset
from tests import strategies

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "golden" / "clip_tokens.json").read_text(encoding="utf-8")
)
CASES = GOLDEN["cases"]
FULL = ClipTokenizer.from_assets()
RANKS = {pair: rank for rank, pair in enumerate(FULL.merges)}

# The published pattern of CLIP, for the engine that knows \p{L}: an independent way to cut words.
PUBLISHED = regex.compile(
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)


def row(ids: list[int], tokenizer: ClipTokenizer = FULL) -> list[int]:
    """77 ids as the original feeds them: cut to 75, start, end, padding."""
    framed = [tokenizer.start_id, *ids[:75], tokenizer.end_id]
    return framed + [tokenizer.pad_id] * (77 - len(framed))


@pytest.mark.parametrize("case", CASES, ids=[ascii(c["prompt"])[1:31] for c in CASES])
def test_ids_of_the_tokenizer_that_sd_v1_was_trained_with(case: dict[str, Any]) -> None:
    ids = FULL.encode(case["prompt"])
    assert row(ids) == case["ids"]
    assert len(ids) + 2 == case["n_before_truncation"]


def test_the_shipped_table_is_the_published_one() -> None:
    packed = (files("sdjp") / "assets" / "clip" / "bpe_simple_vocab_16e6.txt.gz").read_bytes()
    assert hashlib.sha256(packed).hexdigest() == GOLDEN["bpe_file_sha256"]
    assert gzip.decompress(packed).startswith(b'"bpe_simple_vocab_16e6.txt#version: 0.2\n')
    assert (files("sdjp") / "assets" / "clip" / "LICENSE").read_text("utf-8").startswith("MIT License")
    assert len(FULL.merges) == CLIP_MERGES
    assert (FULL.vocab_size, FULL.start_id, FULL.end_id, FULL.pad_id) == (49408, 49406, 49407, 49407)
    assert FULL.tokens([0, 255, 256, 267, 512, 49405, 49406]) == [
        "!", "Ń", "!</w>", ",</w>", "in", "jekyll</w>", START,
    ]  # fmt: skip


def test_the_table_is_read_once() -> None:
    assert ClipTokenizer.from_assets() is FULL


def test_dakuten_survives_in_both_unicode_forms() -> None:
    assert FULL.decode(FULL.encode("パンダとバラ")) == "パンダとバラ"
    assert (
        FULL.encode("ハ\u309aンタ\u3099とハ\u3099ラ")
        == FULL.encode("パンダとバラ")
        != FULL.encode("ハンタとハラ")
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tom &amp;amp; Jerry", "tom & jerry"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("&notit; &#x27;", "&notit; '"),
        ("cafÃ© â€œxâ€™", "café \"x'"),
        ("MANHÃ” CAFÉ…", 'manhã" café…'),
        ("\x1b[31mred\x1b[0m\x00 \ufeffhat", "red hat"),
        ("ＡＢＣ\u3000ﾊﾞﾝﾄﾞ ﬂower", "abc バンド flower"),
        ("\ud83d\ude00 \ud800", "😀 \ufffd"),
        ("a\r\n\u2028b\u00a0\u0085", "a b …"),
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_nested_references_stay_linear() -> None:
    assert clean("&" + "amp;" * 100_000).startswith("&amp;")


@settings(max_examples=150)
@given(strategies.assigned_characters)
def test_words_are_those_of_the_published_pattern(text: str) -> None:
    cleaned = clean(text)
    expected = [token for word in PUBLISHED.findall(cleaned) for token in FULL.encode(word)]
    assert FULL.encode(cleaned) == expected


@settings(max_examples=60)
@given(strategies.any_word)
def test_the_best_pair_is_merged_first_everywhere(word: str) -> None:
    """The textbook loop (every place of the best pair, until there is none) against the queue."""
    parts = [chr(byte) for byte in word.encode()]
    parts[-1] += "</w>"
    while pairs := [pair for pair in pairwise(parts) if pair in RANKS]:
        best, merged = min(pairs, key=RANKS.__getitem__), list[str]()
        while parts:
            step = 2 if tuple(parts[:2]) == best else 1
            merged.append("".join(parts[:step]))
            parts = parts[step:]
        parts = merged
    assert FULL.tokens(FULL.encode(word)) == parts


def test_merges_file(tmp_path: Path) -> None:
    path = tmp_path / "日本語 テスト" / "merges.txt"
    path.parent.mkdir()
    small = subset(FULL, ["astronaut", "馬"], 100)
    small.save_merges(path)
    assert path.read_bytes().startswith(b"#version: 0.2\ni n\nt h\n")
    again = ClipTokenizer.from_merges_file(path)
    assert again.merges == small.merges
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert ClipTokenizer.from_merges_file(path).merges == small.merges


@pytest.mark.parametrize(
    "merges",
    [[("in", "g</w>")], [("i", "n"), ("i", "n")], [("i", "n"), ("", "x")], [("<|startoftext|>", "a")]],
)
def test_a_table_that_does_not_hold_together_is_refused(merges: list[tuple[str, str]]) -> None:
    with pytest.raises(WeightsError) as error:
        ClipTokenizer.from_merges(merges)
    assert error.value.code == "tokenizer.merges"


def test_a_missing_or_foreign_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="merges") as error:
        ClipTokenizer.from_merges_file(tmp_path / "merges.txt")
    assert error.value.code == "tokenizer.file"
    (tmp_path / "merges.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WeightsError):
        ClipTokenizer.from_merges_file(tmp_path / "merges.txt")


@settings(max_examples=60)
@given(strategies.readable_again)
def test_decoding_gives_back_the_cleaned_characters(text: str) -> None:
    assert FULL.decode(FULL.encode(text)).replace(" ", "") == clean(text).replace(" ", "")


def test_decoding_a_text_cut_inside_a_character() -> None:
    assert FULL.decode([FULL.start_id, *FULL.encode("桜餅")[:2], FULL.end_id]).startswith("桜")


def test_a_long_text_without_spaces() -> None:
    """A queue, not a scan for every merge: quadratic time would take minutes here."""
    assert FULL.decode(FULL.encode("桜の木の下で" * 5000)) == "桜の木の下で" * 5000


@pytest.mark.parametrize(
    "table", [FULL, subset(FULL, ["astronaut", "horse", "桜"], 500)], ids=["full", "subset"]
)
def test_transformers_reads_the_written_files(table: ClipTokenizer, tmp_path: Path) -> None:
    from transformers import CLIPTokenizer

    table.to_transformers_files(tmp_path / "tokenizer")
    theirs = CLIPTokenizer.from_pretrained(tmp_path / "tokenizer", local_files_only=True)
    assert len(theirs) == table.vocab_size
    assert (theirs.bos_token_id, theirs.eos_token_id, theirs.pad_token_id) == (
        table.start_id,
        table.end_id,
        table.pad_id,
    )
    # Without ftfy, transformers 5 leaves curly quotes, HTML references, full and half width, ligatures,
    # mojibake and NUL as they are: the nine prompts that differ.
    prompts = [c["prompt"] for c in CASES if "transformers5_fast" not in c.get("differs", {})]
    assert len(prompts) == 60
    ours = [row(table.encode(prompt), table) for prompt in prompts]
    assert theirs(prompts, padding="max_length", max_length=77, truncation=True)["input_ids"] == ours
