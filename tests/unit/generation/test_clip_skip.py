"""The layer of CLIP whose states are taken: which models let one choose, and what of it is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from sdjp import Pipeline
from sdjp.config import BertConfig, ModelConfig, XLMRobertaConfig
from sdjp.errors import InputError
from sdjp.generation.clip_skip import check_clip_skip
from sdjp.images import read_metadata
from sdjp.images.a1111 import read_parameters
from sdjp.models import Adapter
from sdjp.text.translate import make_translator
from tests.conftest import SMALL, random_models
from tests.encoder_folders import ADAPTER
from tests.narrow import latents

QUICK: dict[str, Any] = {"num_inference_steps": 1, "seed": 1}


def test_the_default_is_the_last_layer(tiny: Pipeline) -> None:
    assert torch.equal(tiny.encode_prompt("a cat"), tiny.encode_prompt("a cat", clip_skip=1))
    plain, last = tiny.generate("a cat", **QUICK), tiny.generate("a cat", clip_skip=1, **QUICK)
    assert torch.equal(latents(plain), latents(last))
    assert b"Clip skip" not in plain.png()


def test_both_prompts_are_encoded_by_the_layer_that_is_asked_for(tiny: Pipeline) -> None:
    skipped = tiny.generate("a cat", negative_prompt="dark", clip_skip=2, **QUICK)
    given = tiny.generate(
        prompt_embeds=tiny.encode_prompt("a cat", clip_skip=2),
        negative_prompt_embeds=tiny.encode_prompt("dark", clip_skip=2),
        **QUICK,
    )
    assert torch.equal(latents(skipped), latents(given))
    plain = tiny.generate("a cat", negative_prompt="dark", **QUICK)
    assert not torch.allclose(latents(skipped), latents(plain), atol=1e-4)


def test_states_are_remembered_with_their_layer() -> None:
    pipe = Pipeline(random_models(SMALL), translator=make_translator("lexicon"))
    first, second = pipe.encode_prompt("a cat"), pipe.encode_prompt("a cat", clip_skip=2)
    assert len(pipe.states) == 2
    assert not torch.allclose(first, second, atol=1e-3)
    assert torch.equal(pipe.encode_prompt("a cat"), first)
    assert torch.equal(pipe.encode_prompt("a cat", clip_skip=2), second)
    assert len(pipe.states) == 2


def test_it_is_in_the_record_and_read_back_from_it(tiny: Pipeline, tmp_path: Path) -> None:
    [path] = tiny.generate("a cat", clip_skip=2, **QUICK).save(tmp_path)
    found = read_metadata(path)
    assert found.options is not None
    assert found.options.clip_skip == 2
    assert found.parameters is not None
    assert read_parameters(found.parameters).options()[0]["clip_skip"] == 2


@pytest.mark.parametrize("value", [3, 0, -1, 1.5, "2", True])
def test_layers_that_are_not_there_are_refused(tiny: Pipeline, value: Any) -> None:
    for call in (tiny.generate, tiny.encode_prompt):
        with pytest.raises(InputError) as caught:
            call("a cat", clip_skip=value)
        assert caught.value.code in ("clip_skip.layers", "clip_skip.range")
        assert "clip_skip" in caught.value.en
        assert "clip_skip" in caught.value.ja


@pytest.mark.parametrize("text", [BertConfig(), XLMRobertaConfig()], ids=lambda text: text.kind)
def test_other_encoders_have_only_their_own_states(text: BertConfig | XLMRobertaConfig) -> None:
    config = ModelConfig(text=text)
    check_clip_skip(1, config)
    with pytest.raises(InputError) as caught:
        check_clip_skip(2, config)
    assert caught.value.code == "clip_skip.encoder"
    assert text.kind in caught.value.ja
    assert text.kind in caught.value.en


@torch.inference_mode()
def test_behind_an_adapter_the_layers_are_those_of_the_models_encoder() -> None:
    check_clip_skip(ADAPTER.own.layers, ModelConfig(text=ADAPTER))
    with pytest.raises(InputError):
        check_clip_skip(ADAPTER.own.layers + 1, ModelConfig(text=ADAPTER))
    torch.manual_seed(0)
    text = Adapter.from_config(ADAPTER).eval()
    ids = torch.tensor([[5, 6, 1, *[2] * 74]])
    shares = text.shares(text.token(text.written(ids, 75)))
    assert torch.equal(text(ids, clip_skip=2), text.own(shares, clip_skip=2))
    assert not torch.allclose(text(ids, clip_skip=2), text(ids), atol=1e-3)
