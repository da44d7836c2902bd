"""The Marian network written out in NumPy against transformers', on a tiny trained model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdjp.text.translate.marian import MarianTranslator
from sdjp.text.translate.marian_files import load_model
from sdjp.text.translate.marian_layers import hide

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
    options = {"max_new_tokens": 24, "num_beams": beams, **rules}
    expected = theirs.generate(**inputs, do_sample=False, **options)
    written = mine.generate(**pieces.pad({"input_ids": rows}), **options)
    ends = expected.shape[1]
    assert written.tolist() == expected[:, : written.shape[1]].tolist()
    assert (expected[:, written.shape[1] : ends] == 97).all()


@pytest.mark.parametrize("activation", ["swish", "silu", "gelu", "relu"])
@pytest.mark.parametrize("scaled", [True, False])
def test_the_same_states_are_read_and_the_same_is_likely(
    activation: str, scaled: bool, tmp_path: Path
) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "model")
    settings = json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))
    settings |= {"activation_function": activation, "scale_embedding": scaled}
    (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    theirs, tokenizer = load_model(str(folder), True, "cpu", "float32")
    mine, _ = load_model(str(folder), True, "cpu", "float32", plain=True)
    for part in (theirs.get_encoder(), theirs.get_decoder()):
        # transformers has them in float16 here
        part.embed_positions.weight.data = torch.from_numpy(mine.network.positions)
    inputs = tokenizer(SENTENCES, return_tensors="pt", padding=True)
    seen = inputs["attention_mask"].bool().numpy()
    states = mine.network.encode(inputs["input_ids"].numpy(), seen)
    said = torch.randint(2, 97, (len(SENTENCES), 5), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = theirs(**inputs, decoder_input_ids=said)
    read = expected.encoder_last_hidden_state.numpy()
    np.testing.assert_allclose(states[seen], read[seen], atol=1e-5, rtol=1e-4)
    memory, written = mine.network.memory(states), mine.network.nothing_written(len(said))
    for place, ids in enumerate(said.T):
        logits = mine.network.logits(mine.network.decode(ids.numpy(), written, memory, hide(seen)))
        pieces = np.arange(97)  # the last is padding
        theirs_here = expected.logits[:, place].numpy()
        np.testing.assert_allclose(logits[:, pieces], theirs_here[:, pieces], atol=2e-4, rtol=1e-4)


def of_kind(folder: Path, kind: str) -> None:
    """Write the weights of a folder in another form."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    tensors = load_file(path)
    path.unlink()
    if kind == "pytorch_model.bin":
        torch.save(tensors, folder / kind)
    else:
        dtype: Any = getattr(torch, kind)
        save_file({name: t.to(dtype) for name, t in tensors.items()}, path, metadata={"format": "pt"})


@pytest.mark.parametrize("kind", ["float32", "float64", "bfloat16", "pytorch_model.bin"])
def test_weights_in_any_form_are_read(kind: str, tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "model")
    of_kind(folder, kind)
    plain = MarianTranslator(folder, plain=True)
    assert [t.english for t in plain.translate(SENTENCES[:2])] == ["An astronaut riding a horse", "cat"]


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
