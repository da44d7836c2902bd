"""An autoencoder that diffusers wrote, in place of the model's: the same pictures as in diffusers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sdjp import Pipeline
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from sdjp.weights.configs.diffusers import to_files
from tests.conftest import SMALL, random_models
from tests.narrow import latents

diffusers = pytest.importorskip("diffusers")

# diffusers on NumPy 2; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_both_draw_the_same_picture(tmp_path: Path) -> None:
    whole = Pipeline(
        random_models(SMALL), tokenizer=ClipTokenizer.from_assets(), translator=make_translator("lexicon")
    )
    whole.to_diffusers().save_pretrained(tmp_path / "model")
    torch.manual_seed(5)
    settings = {**to_files(SMALL)["vae"], "scaling_factor": 0.3}
    diffusers.AutoencoderKL.from_config(settings).save_pretrained(tmp_path / "vae")
    ours = Pipeline.from_pretrained(
        tmp_path / "model",
        vae=tmp_path / "vae",
        dtype="float32",
        translator="lexicon",
        safety="off",
        watermark=False,
    )
    result = ours.generate("a red car", sampler="ddim", num_inference_steps=2, guidance_scale=3.0, seed=1)
    theirs = diffusers.StableDiffusionPipeline.from_pretrained(
        tmp_path / "model",
        vae=diffusers.AutoencoderKL.from_pretrained(tmp_path / "vae"),
        safety_checker=None,
        requires_safety_checker=False,
    )
    theirs.set_progress_bar_config(disable=True)
    start = torch.randn(latents(result).shape, generator=torch.Generator().manual_seed(1))
    drawn = theirs(
        "a red car", num_inference_steps=2, guidance_scale=3.0, latents=start, output_type="np"
    ).images[0]
    # The original cuts the fraction off, and so do we; numbers in the fifth digit fall to either side of one.
    a, b = np.asarray(result.image, dtype=int), (255 * drawn).astype(int)
    assert a.std() > 1
    assert np.abs(a - b).max() <= 1
    assert (a != b).mean() < 0.01
