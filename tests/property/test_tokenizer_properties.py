"""What holds for every tokenizer, whatever the text."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdjp.text.chunks import chunk
from sdjp.text.tokenizers.base import Tokenizer
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.tokenizers.pieces import SentencePieceTokenizer
from sdjp.text.tokenizers.wordpiece import WordPieceTokenizer
from tests import strategies
from tests.encoder_folders import RINNA_SPECIAL, train_sentencepiece

KINDS = ("clip", "bert", "t5", "xlm_roberta")


@pytest.fixture(scope="module", params=KINDS)
def tokens(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    if request.param == "clip":
        return ClipTokenizer.from_assets()
    if request.param == "bert":
        return WordPieceTokenizer.from_assets()
    path: Path = tmp_path_factory.mktemp("table") / "table.model"
    train_sentencepiece(path, control_symbols=["[PAD]"])
    if request.param == "t5":
        return SentencePieceTokenizer.t5(path, RINNA_SPECIAL)
    return SentencePieceTokenizer.xlm_roberta(path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=strategies.tokenizer_texts)
def test_every_id_is_in_the_table_and_nothing_vanishes(tokens: Tokenizer, text: str) -> None:
    ids = tokens.encode(text)
    assert all(0 <= i < tokens.vocab_size for i in ids)
    if any(unicodedata.category(c)[0] in "LN" for c in text):
        assert ids, "a letter or digit is a token, or a token for what is unknown"
    for lost in tokens.lost(text):
        assert lost


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(texts=st.lists(strategies.tokenizer_texts, max_size=6), weight=st.floats(0.1, 2))
def test_chunks_hold_every_token_once(tokens: Tokenizer, texts: list[str], weight: float) -> None:
    runs = [(text * 4, weight) for text in texts]
    found = chunk(runs, tokens)
    kept: list[int] = []
    for ids, weights in zip(found.ids, found.weights, strict=True):
        assert len(ids) == len(weights) == 77
        if tokens.start_id is not None:
            assert ids[0] == tokens.start_id
        used = sum(1 for w in weights if w == weight) if weight != 1 else None
        start = 0 if tokens.start_id is None else 1
        if used is not None:
            kept += ids[start : start + used]
            assert ids[start + used] == tokens.end_id
            assert set(ids[start + used + 1 :]) <= {tokens.pad_id}
    everything = [i for text, _ in runs for i in tokens.encode(text)]
    assert found.tokens == len(everything)
    if weight != 1:
        assert kept == everything


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=strategies.tokenizer_texts)
def test_what_is_cut_off_is_told(tokens: Tokenizer, text: str) -> None:
    found = chunk([(text * 12, 1.0)], tokens, max_chunks=1)
    everything = tokens.encode(text * 12)
    assert found.tokens == min(len(everything), 77 - (1 if tokens.start_id is None else 2))
    assert (found.truncated != "") <= (found.tokens < len(everything))
