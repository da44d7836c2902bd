"""The Marian network written out in plain PyTorch against transformers', on a tiny trained model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sdjp.text.translate.marian import MarianTranslator
from sdjp.text.translate.marian_files import load_model

FOLDER = Path(__file__).parents[1] / "golden" / "tiny_marian"
SENTENCES = [
    "馬に乗る宇宙飛行士",
    "猫",
    "桜の木の下で眠る猫。",
    "3匹の猫",
    "知らない言葉を訳す",
    "犬と猫が海で遊ぶ",
    "𠮷",
]


@pytest.mark.parametrize("beams", [1, 2, 4])
@pytest.mark.parametrize(
    "rules", [{}, {"no_repeat_ngram_size": 3, "min_new_tokens": 2}, {"no_repeat_ngram_size": 2}]
)
def test_the_same_pieces_are_written(beams: int, rules: dict[str, int]) -> None:
    theirs, tokenizer = load_model(str(FOLDER), True, "cpu", "float32")
    mine, pieces = load_model(str(FOLDER), True, "cpu", "float32", plain=True)
    generator = torch.Generator().manual_seed(0)
    rows = [[*torch.randint(2, 97, (n,), generator=generator).tolist(), 0] for n in (1, 3, 8, 12)]
    rows += tokenizer(SENTENCES)["input_ids"]
    inputs = tokenizer.pad({"input_ids": rows}, return_tensors="pt")
    options = {"max_new_tokens": 24, "num_beams": beams, "do_sample": False, **rules}
    expected = theirs.generate(**inputs, **options)
    written = mine.generate(**pieces.pad({"input_ids": rows}), **options)
    ends = expected.shape[1]
    assert written.tolist() == expected[:, : written.shape[1]].tolist()
    assert (expected[:, written.shape[1] : ends] == 97).all()


def test_the_same_states_are_read() -> None:
    theirs, tokenizer = load_model(str(FOLDER), True, "cpu", "float32")
    mine, _ = load_model(str(FOLDER), True, "cpu", "float32", plain=True)
    theirs.get_encoder().embed_positions.weight.data = (
        mine.network.positions
    )  # transformers has them in float16 here
    inputs = tokenizer(SENTENCES, return_tensors="pt", padding=True)
    with torch.inference_mode():
        expected = theirs.get_encoder()(**inputs).last_hidden_state
        states = mine.network.encode(inputs["input_ids"], inputs["attention_mask"].bool())
    seen = inputs["attention_mask"].bool()
    torch.testing.assert_close(states[seen], expected[seen], atol=1e-5, rtol=1e-4)


def test_the_same_pieces_are_read_and_the_same_text_comes_out() -> None:
    _, theirs = load_model(str(FOLDER), True, "cpu", "float32")
    _, mine = load_model(str(FOLDER), True, "cpu", "float32", plain=True)
    assert mine(SENTENCES)["input_ids"] == theirs(SENTENCES)["input_ids"]
    assert mine.unk_token_id == theirs.unk_token_id
    rows = [[97, 5, 9, 12, 0, 97], [97, 20, 30, 0]]
    expected = theirs.batch_decode(rows, skip_special_tokens=True, use_source_tokenizer=False)
    assert mine.batch_decode(rows) == [text.strip() for text in expected]


def test_translations_are_the_same() -> None:
    known = SENTENCES[:4]
    plain = MarianTranslator(FOLDER, plain=True)
    assert plain.translate(known) == MarianTranslator(FOLDER).translate(known)
