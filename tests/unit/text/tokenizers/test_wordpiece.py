"""BERT's word pieces: ids, what is cut, what is lost."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
from importlib.resources import files

import pytest

from sdjp.text.chunks import chunk
from sdjp.text.tokenizers.wordpiece import WordPieceTokenizer

# The ids of the first two are in BERT's own documentation and tests; the others follow from the table.
KNOWN = [
    ("hello world", [7592, 2088]),
    ("[CLS] [SEP]", [101, 102]),
    ("", []),
    (" \t\n", []),
    ("a, b", [1037, 1010, 1038]),
]


@pytest.fixture(scope="module")
def tokens() -> WordPieceTokenizer:
    return WordPieceTokenizer.from_assets()


def test_the_table_is_that_of_bert_base_uncased() -> None:
    packed = files("sdjp") / "assets" / "bert" / "vocab.txt.gz"
    table = gzip.decompress(packed.read_bytes())
    assert table.count(b"\n") == 30522
    digest = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
    assert hashlib.sha256(table).hexdigest() == digest
    assert digest in (files("sdjp") / "assets" / "bert" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("text", "ids"), KNOWN)
def test_known_ids(tokens: WordPieceTokenizer, text: str, ids: list[int]) -> None:
    assert tokens.encode(text) == ids


def test_special_tokens(tokens: WordPieceTokenizer) -> None:
    assert (tokens.pad_id, tokens.start_id, tokens.end_id) == (0, 101, 102)
    assert tokens.vocab_size == 30522
    assert not tokens.japanese


def test_case_accents_and_spaces_make_no_difference(tokens: WordPieceTokenizer) -> None:
    assert tokens.encode("CAFÉ") == tokens.encode("café") == tokens.encode(" cafe ")
    assert tokens.encode("a\u3000b") == tokens.encode("a b")
    assert tokens.encode("馬馬") == tokens.encode("馬 馬")


def test_words_come_back(tokens: WordPieceTokenizer) -> None:
    text = "an astronaut riding a horse on the moon , unbelievably photorealistic"
    assert tokens.decode(tokens.encode(text)) == text
    assert tokens.decode([101, 7592, 102, 0, 0]) == "hello"


def test_what_has_no_pieces_is_told(tokens: WordPieceTokenizer) -> None:
    assert tokens.lost("a horse 🚀 " + "x" * 101) == ["🚀", "x" * 101]
    assert tokens.encode("🚀") == [100]
    assert tokens.lost("an astronaut [UNK]") == []


def test_chunks_are_framed_and_cut_at_a_comma(tokens: WordPieceTokenizer) -> None:
    short = chunk([("a red car", 1.0)], tokens)
    assert short.ids == [[101, 1037, 2417, 2482, 102, *[0] * 72]]
    long = chunk([("car " * 70 + ", " + "blue " * 20, 1.2)], tokens)
    assert [len(ids) for ids in long.ids] == [77, 77]
    assert long.ids[0][71] == 1010  # the comma ends the first chunk
    assert long.ids[0][72] == 102
    cut = chunk([("car " * 80, 1.0)], tokens, max_chunks=1)
    assert cut.truncated == "car car car car car"


def test_importing_it_imports_nothing_heavy() -> None:
    code = (
        "import sys; from sdjp.text.tokenizers.wordpiece import WordPieceTokenizer as W;"
        "W.from_assets().encode('a');"
        "import sdjp.text.tokenizers.pieces; sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
