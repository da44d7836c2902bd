"""Adapters on disk, and in the place of a model's text encoder."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from sdjp import Pipeline, weights
from sdjp.config import BertConfig, CLIPTextConfig
from sdjp.errors import WeightsError
from sdjp.models import make_text_encoder
from sdjp.weights.load import Loaded
from sdjp.weights.parts.adapter import LoadedAdapter, adapter_folder, load_adapter
from tests.encoder_folders import save_small_adapter


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small adapter of the width of the embedded model."""
    return make(tmp_path_factory.mktemp("アダプター"))


def embedded() -> Loaded:
    return weights.load("mini", dtype=torch.float32)


def make(folder: Path, **sizes: Any) -> Path:
    mini = embedded()
    assert isinstance(mini.config.text, CLIPTextConfig)
    own = dataclasses.replace(mini.config.text, **sizes)
    return save_small_adapter(folder, own=own, start_id=mini.tokenizer.start_id, end_id=mini.tokenizer.end_id)


def load(folder: Path) -> LoadedAdapter:
    mini = embedded()
    return load_adapter(folder, own=mini.text, encoder=mini.config.text)


def test_what_is_written_is_read(folder: Path) -> None:
    loaded = load(folder)
    assert loaded.tokenizer.end_id == 0
    assert loaded.tokenizer.pad_id == loaded.config.pad_id == 2
    assert loaded.tokenizer.start_id is None
    assert loaded.tokenizer.japanese
    states = loaded.text(torch.tensor([[*loaded.tokenizer.encode("馬に乗る宇宙飛行士"), 0]]))
    assert states.shape == (1, 77, 192)
    assert not any(p.requires_grad for p in loaded.text.parameters())


def test_a_model_that_brings_one_and_its_folder_are_both_understood(folder: Path) -> None:
    assert adapter_folder(folder, model="mini") == folder
    assert adapter_folder(folder.parent, model="mini") == folder
    assert adapter_folder(None, model=folder.parent) == folder


@pytest.mark.parametrize("model", ["there is none", None])
def test_a_model_that_brings_none_is_named(tmp_path: Path, model: str | None) -> None:
    with pytest.raises(WeightsError) as caught:
        adapter_folder(None, model=tmp_path if model else None)
    assert caught.value.code == "adapter.none"
    assert "adapter:フォルダー" in caught.value.ja


def test_what_a_folder_lacks_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(WeightsError, match=r"model\.safetensors、sentencepiece\.model"):
        adapter_folder(tmp_path, model="mini")


def test_an_adapter_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        Pipeline.from_pretrained(translator=f"adapter:{make(tmp_path, width=768)}", safety="off")
    assert caught.value.code == "adapter.encoder"
    assert "768" in caught.value.en
    assert "192" in caught.value.en


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ('{"kind": "clip"}', "kind"),
        ("{", "読めません"),
        ('{"kind": "adapter", "colour": 1}', "colour"),
        ("[]", "kind"),
    ],
)
def test_settings_that_cannot_be_used(folder: Path, tmp_path: Path, settings: str, told: str) -> None:
    copy = copied(folder, tmp_path)
    (copy / "config.json").write_text(settings, encoding="utf-8")
    with pytest.raises(WeightsError, match=told) as caught:
        load(copy)
    assert caught.value.code == "adapter.config"


def test_only_clip_can_be_read_for(folder: Path) -> None:
    torch.manual_seed(0)
    config = BertConfig(vocab_size=60, width=32, layers=1, heads=2, head_width=8, mlp_width=32)
    with pytest.raises(WeightsError, match="bert") as caught:
        load_adapter(folder, own=make_text_encoder(config), encoder=config)
    assert caught.value.code == "adapter.encoder"


def test_the_text_encoder_is_the_model_s_own(folder: Path) -> None:
    mini = embedded()
    loaded = load_adapter(folder, own=mini.text, encoder=mini.config.text)
    assert loaded.text.own is mini.text
    assert not any(name.startswith("own.") for name in load_file(folder / "model.safetensors"))


def test_all_that_is_wrong_with_the_tensors_is_in_one_message(folder: Path, tmp_path: Path) -> None:
    copy = copied(folder, tmp_path)
    tensors = load_file(folder / "model.safetensors")
    tensors["new"] = tensors.pop("norm_out.bias")
    tensors["token.bias"] = torch.zeros(3)
    save_file(tensors, copy / "model.safetensors")
    with pytest.raises(WeightsError) as caught:
        load(copy)
    assert all(name in caught.value.ja for name in ("new", "norm_out.bias", "token.bias"))


def test_a_vocabulary_that_does_not_belong_to_it(folder: Path, tmp_path: Path) -> None:
    copy = copied(folder, tmp_path)
    settings = json.loads((copy / "config.json").read_text())
    tensors = load_file(folder / "model.safetensors")
    tensors["piece_embedding.weight"] = tensors["piece_embedding.weight"][:20].clone()
    save_file(tensors, copy / "model.safetensors")
    (copy / "config.json").write_text(json.dumps({**settings, "vocab_size": 20}))
    with pytest.raises(WeightsError, match="語彙"):
        load(copy)


def copied(folder: Path, to: Path) -> Path:
    for file in folder.iterdir():
        (to / file.name).write_bytes(file.read_bytes())
    return to


def test_a_pipeline_draws_from_japanese(folder: Path) -> None:
    pipe = Pipeline.from_pretrained(
        translator=f"adapter:{folder}", dtype="float32", safety="off", watermark=False
    )
    plain = Pipeline.from_pretrained(dtype="float32", safety="off", watermark=False)
    assert pipe.runtime.translator == "adapter"
    info = pipe.explain("(夕焼け:1.2)の海、赤い車 BREAK 青い空")
    assert info.english == "(夕焼け:1.2)の海, 赤い車 BREAK 青い空"
    assert (info.unknown, info.chunks) == ((), 2)
    drawn = pipe.generate("馬に乗る宇宙飛行士", negative_prompt="猫", num_inference_steps=2, seed=1)
    other = pipe.generate("夕焼けの海", negative_prompt="猫", num_inference_steps=2, seed=1)
    assert drawn.images[0].tobytes() != other.images[0].tobytes()
    assert pipe.unet.conv_in.weight.equal(plain.unet.conv_in.weight)


def test_textual_inversion_has_no_place_in_an_adapter(folder: Path, tmp_path: Path) -> None:
    from sdjp.errors import InputError

    save_file({"emb_params": torch.zeros(1, 192)}, tmp_path / "style.safetensors")
    pipe = Pipeline.from_pretrained(
        translator=f"adapter:{folder}", safety="off", watermark=False, embeddings_dir=tmp_path
    )
    with pytest.raises(InputError) as caught:
        pipe.generate("style 猫", num_inference_steps=1)
    assert caught.value.code == "embeddings.encoder"


def test_memory_that_is_given_back_between_steps(folder: Path) -> None:
    pipe = Pipeline.from_pretrained(
        translator=f"adapter:{folder}", safety="off", watermark=False, memory="sequential"
    )
    assert len(pipe.generate("猫", num_inference_steps=1, seed=1).images) == 1
