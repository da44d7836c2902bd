"""``clip_skip`` beside diffusers, which counts what is skipped: its 1 is the last layer but one, our 2.

It skips nothing for the negative prompt. We do, as AUTOMATIC1111's web UI does, so ours is given its states.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from sdjp import Pipeline
from sdjp.config import ModelConfig
from sdjp.errors import InputError
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from sdjp.weights import load
from tests.conftest import SMALL, random_models
from tests.narrow import clip_text, latents

diffusers = pytest.importorskip("diffusers")

# diffusers on NumPy 2; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

DEEP = dataclasses.replace(SMALL, text=dataclasses.replace(clip_text(SMALL.text), layers=4))


def pipeline(config: ModelConfig = DEEP) -> Pipeline:
    model = random_models(config)
    return Pipeline(model, tokenizer=ClipTokenizer.from_assets(), translator=make_translator("lexicon"))


def like_transformers_4(pipe: Any) -> Any:
    """diffusers looks for the norm in ``text_model``, which transformers 5 no longer has."""
    encoder = pipe.text_encoder
    if not hasattr(encoder, "text_model"):
        object.__setattr__(encoder, "text_model", encoder)
    return pipe


@pytest.mark.parametrize("skipped", [1, 3])
def test_both_draw_the_same(skipped: int) -> None:
    ours = pipeline()
    theirs = like_transformers_4(ours.to_diffusers(sampler="ddim"))
    theirs.set_progress_bar_config(disable=True)
    settings: dict[str, Any] = {"num_inference_steps": 3, "guidance_scale": 5.0}
    mine = {**settings, "negative_prompt_embeds": ours.encode_prompt("dark"), "sampler": "ddim", "seed": 1}
    result = ours.generate("a red car", clip_skip=skipped + 1, **mine)
    start = torch.randn(latents(result).shape, generator=torch.Generator().manual_seed(1))
    drawn = theirs(
        "a red car",
        negative_prompt="dark",
        latents=start,
        output_type="latent",
        clip_skip=skipped,
        **settings,
    ).images
    torch.testing.assert_close(latents(result), drawn, rtol=0, atol=1e-4 * float(drawn.abs().max()))
    plain = ours.generate("a red car", **mine)
    assert not torch.allclose(latents(plain), drawn, atol=1e-2)


@torch.inference_mode()
def test_a_folder_with_a_layer_less_counts_from_its_last_one(tmp_path: Path) -> None:
    """As folders for models that were trained with the last layer but one have it: ``num_hidden_layers`` 3 of
    4, beside weights of all four or of three."""
    whole = pipeline()
    theirs = whole.to_diffusers()
    theirs.save_pretrained(tmp_path)
    settings = tmp_path / "text_encoder" / "config.json"
    data = json.loads(settings.read_text())
    settings.write_text(json.dumps({**data, "num_hidden_layers": 3}))
    shorter = Pipeline(load(tmp_path), translator=make_translator("lexicon"))
    assert clip_text(shorter.config.text).layers == 3
    for clip_skip in (1, 2, 3):
        expected = whole.encode_prompt("a red car", clip_skip=clip_skip + 1)
        assert torch.equal(shorter.encode_prompt("a red car", clip_skip=clip_skip), expected)
    with pytest.raises(InputError, match="3"):
        shorter.encode_prompt("a red car", clip_skip=4)
    model = load(tmp_path)
    saved = tmp_path / "three"
    Pipeline(model, translator=make_translator("lexicon")).to_diffusers().save_pretrained(saved)
    three = Pipeline(load(saved), translator=make_translator("lexicon"))
    assert clip_text(three.config.text).layers == 3
    assert torch.equal(three.encode_prompt("a red car"), shorter.encode_prompt("a red car"))
