"""Tables of sentencepiece, as T5 and XLM-R use them; trained here, on a few sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdjp.errors import WeightsError
from sdjp.text.chunks import chunk
from sdjp.text.tokenizers.pieces import SentencePieceTokenizer
from tests.encoder_folders import RINNA_SPECIAL, SENTENCES, train_sentencepiece

SPECIAL = [RINNA_SPECIAL[f"{name}_token"] for name in ("pad", "cls", "sep", "mask")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("日本語 テスト")
    train_sentencepiece(path / "spiece.model", lower_case=True, control_symbols=SPECIAL)
    train_sentencepiece(path / "sentencepiece.bpe.model")
    return path


@pytest.fixture(scope="module")
def t5(folder: Path) -> SentencePieceTokenizer:
    return SentencePieceTokenizer.t5(folder / "spiece.model", RINNA_SPECIAL)


@pytest.fixture(scope="module")
def xlm_r(folder: Path) -> SentencePieceTokenizer:
    return SentencePieceTokenizer.xlm_roberta(folder / "sentencepiece.bpe.model")


def test_special_tokens(t5: SentencePieceTokenizer, xlm_r: SentencePieceTokenizer) -> None:
    assert (t5.start_id, t5.end_id, t5.pad_id) == (None, 2, 3)
    assert (xlm_r.start_id, xlm_r.end_id, xlm_r.pad_id) == (0, 2, 1)
    assert t5.japanese
    assert xlm_r.japanese


@pytest.mark.parametrize("kind", ["t5", "xlm_r"])
@pytest.mark.parametrize("sentence", SENTENCES)
def test_sentences_come_back(kind: str, sentence: str, request: pytest.FixtureRequest) -> None:
    tokens: SentencePieceTokenizer = request.getfixturevalue(kind)
    ids = tokens.encode(sentence)
    assert max(ids) < tokens.vocab_size
    assert tokens.lost(sentence) == []
    # The table's own normalization (NFKC) has one kind of comma; T5's is lower-cased.
    wanted = sentence.replace("，", ",")
    assert tokens.decode(ids) == (wanted.lower() if kind == "t5" else wanted)
    framed = [0, *ids, 2, 1, 1] if kind == "xlm_r" else [*ids, 2, 3, 3]
    assert tokens.decode(framed) == tokens.decode(ids)


def test_ids_of_xlm_r_are_one_higher_than_those_of_its_table(
    folder: Path, xlm_r: SentencePieceTokenizer
) -> None:
    import sentencepiece

    table = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sentencepiece.bpe.model"))
    assert xlm_r.encode("赤い車") == [i + 1 for i in table.encode("赤い車")]
    assert xlm_r.vocab_size == table.get_piece_size() + 2  # <pad> and <mask>
    assert 3 in xlm_r.encode("鬱")  # <unk>, 0 in the table


def test_what_the_table_lacks_is_told(t5: SentencePieceTokenizer, xlm_r: SentencePieceTokenizer) -> None:
    for tokens in (t5, xlm_r):
        assert tokens.lost("馬 鬱🚀 車") == ["鬱🚀"]
    assert t5.lost("RED CAR") == []  # lower-cased first
    assert xlm_r.lost("Z") == ["Z"]


def test_chunks_without_a_start_hold_one_token_more(t5: SentencePieceTokenizer) -> None:
    ids = t5.encode("馬に乗る宇宙飛行士")
    found = chunk([("馬に乗る宇宙飛行士", 1.3)], t5)
    assert found.ids == [[*ids, 2, *[3] * (76 - len(ids))]]
    assert found.weights == [[1.3] * len(ids) + [1.0] * (77 - len(ids))]
    long = chunk([("猫と犬が走る" * 40, 1.0)], t5, max_chunks=1)
    assert long.tokens == 76
    assert long.ids[0][-1] == 2
    assert long.truncated.startswith(("猫", "と", "犬", "が", "走", "る"))


def test_long_prompts_are_cut_after_japanese_commas(xlm_r: SentencePieceTokenizer) -> None:
    text = "、".join(["赤い車"] * 60)
    first, *_, last = chunk([(text, 1.0)], xlm_r).ids
    tokens = [i for i in first[1:] if i not in (1, 2)]
    assert tokens[-1] in xlm_r.commas
    assert last[0] == 0


def test_files_that_are_no_tables(folder: Path) -> None:
    (folder / "broken.model").write_bytes(b"\x00\x01 no model")
    for path, word in ((folder / "broken.model", "sentencepiece"), (folder / "none.model", "見つかりません")):
        with pytest.raises(WeightsError) as caught:
            SentencePieceTokenizer.xlm_roberta(path)
        assert caught.value.code == "tokenizer.file"
        assert word in caught.value.ja


def test_special_tokens_that_the_table_lacks(folder: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        SentencePieceTokenizer.t5(folder / "sentencepiece.bpe.model", {"pad_token": "[PAD]"})
    assert caught.value.code == "tokenizer.special"
    assert "[PAD]" in caught.value.en
