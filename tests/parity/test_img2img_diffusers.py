"""img2img and inpainting beside diffusers' pipelines: same weights, picture and seed, same latents."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from sdjp import Pipeline
from sdjp.config import TINY, ModelConfig, to_json
from sdjp.weights import convert, to_layout
from tests.conftest import random_models

diffusers = pytest.importorskip("diffusers")
pytest.importorskip("transformers")

# diffusers on NumPy 2; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NINE = dataclasses.replace(TINY, name="nine", unet=dataclasses.replace(TINY.unet, in_channels=9))
PROMPT, NEGATIVE = "an astronaut riding a horse", "a red car"
COMMON: dict[str, Any] = {"negative_prompt": NEGATIVE, "num_inference_steps": 5, "guidance_scale": 4.0}


def picture() -> Image.Image:
    pixels = np.random.default_rng(3).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC)


def mask() -> Image.Image:
    """Along the borders of latent cells, where both agree on what a cell is."""
    pixels = np.zeros((64, 64), dtype=np.uint8)
    pixels[16:48, 8:40] = 255
    return Image.fromarray(pixels)


def both(config: ModelConfig, name: str, folder: Path) -> tuple[Pipeline, Any]:
    """Random weights in a diffusers folder, loaded by sdjp and by one of diffusers' pipelines."""
    model = random_models(config)
    tensors = to_layout("ldm", config, unet=model.unet, vae=model.vae, text=model.text)
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(to_json(config)), encoding="utf-8")
    convert(folder, folder / "diffusers")
    mine = Pipeline.from_pretrained(folder / "diffusers", dtype="float32", watermark=False, safety="off")
    other = getattr(diffusers, name).from_pretrained(folder / "diffusers", local_files_only=True)
    other.set_progress_bar_config(disable=True)
    return mine, other


def ours(pipe: Pipeline, **arguments: Any) -> Tensor:
    latents = pipe.generate(PROMPT, sampler="ddim", seed=11, **COMMON, **arguments).latents
    assert latents is not None
    return latents


def theirs(pipe: Any, **arguments: Any) -> Tensor:
    generator = torch.Generator().manual_seed(11)
    result: Tensor = pipe(PROMPT, generator=generator, output_type="latent", **COMMON, **arguments).images
    return result


def close(actual: Tensor, expected: Tensor) -> None:
    # float32 in another order over up to five guided steps; seen: 2e-5 of the largest value.
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-4 * float(expected.abs().max()))


def test_img2img(tmp_path: Path) -> None:
    mine, other = both(TINY, "StableDiffusionImg2ImgPipeline", tmp_path)
    for strength in (0.45, 0.8, 1.0):
        given = {"image": picture(), "strength": strength}
        close(ours(mine, **given), theirs(other, **given))


@pytest.mark.parametrize("config", [TINY, NINE], ids=lambda c: c.name)
def test_inpainting(config: ModelConfig, tmp_path: Path) -> None:
    """Nine channels: the same network, fed the same. Four: the same blending, by another formula."""
    mine, other = both(config, "StableDiffusionInpaintPipeline", tmp_path)

    def latents(strength: float) -> tuple[Tensor, Tensor]:
        return (
            ours(mine, image=picture(), mask=mask(), strength=strength),
            theirs(other, image=picture(), mask_image=mask(), strength=strength, height=64, width=64),
        )

    close(*latents(0.8))
    actual, expected = latents(1.0)
    if config is NINE:
        close(actual, expected)
        return
    # diffusers starts from pure noise, and then goes on as if the known part had been in it; we go on from
    # where x is. What is known is the same at the end, and the rest near it.
    known = torch.ones(8, 8, dtype=torch.bool)
    known[2:6, 1:5] = False
    close(actual[..., known], expected[..., known])
    assert (actual - expected).abs().max() < 0.1 * expected.abs().max()
