"""A converted checkpoint in diffusers: it loads, is the same model, and goes through the same latents."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from sdjp import Pipeline
from sdjp.config import MINI, TINY, ModelConfig, to_json
from sdjp.samplers import Schedule, classifier_free, eps_from_v, get_sampler
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.weights import Loaded, convert, load, to_layout
from sdjp_training.trainers.merges import subset
from tests.conftest import random_models
from tests.narrow import clip_text, latents

diffusers = pytest.importorskip("diffusers")
pytest.importorskip("transformers")

# diffusers on NumPy 2; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

WORDS = ["a red car", "馬に乗る宇宙飛行士", "an astronaut riding a horse"]
# The topology of the embedded model (v-prediction, 3 levels, a vocabulary of its own), narrower.
TOKENS = subset(ClipTokenizer.from_assets(), WORDS, 100)
OWN = dataclasses.replace(
    MINI,
    name="own",
    unet=dataclasses.replace(MINI.unet, model_channels=24, context_dim=48),
    vae=dataclasses.replace(MINI.vae, ch=8),
    text=dataclasses.replace(
        clip_text(MINI.text), vocab_size=TOKENS.vocab_size, width=48, layers=2, mlp_width=96
    ),
    defaults=dataclasses.replace(MINI.defaults, height=128, width=128),
)


@pytest.fixture(scope="module", params=[TINY, OWN], ids=lambda c: c.name)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Loaded, Any]:
    """Random weights as one original file, converted, loaded by sdjp and by diffusers."""
    config: ModelConfig = request.param
    folder = tmp_path_factory.mktemp("日本語 テスト")
    model = random_models(config)
    tensors = to_layout("ldm", config, unet=model.unet, vae=model.vae, text=model.text)
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(to_json(config)), encoding="utf-8")
    if config is OWN:
        TOKENS.save_merges(folder / "merges.txt")
    convert(folder, folder / "変換後")
    return load(folder), load_in_diffusers(folder / "変換後")


def load_in_diffusers(folder: Path) -> Any:
    pipe = diffusers.StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def states(loaded: Loaded, pipe: Any, prompts: list[str]) -> Tensor:
    ids = pipe.tokenizer(prompts, padding="max_length", max_length=77, truncation=True, return_tensors="pt")
    out: Tensor = loaded.text(ids.input_ids)
    return out


def close(actual: Tensor, expected: Tensor) -> None:
    # float32, summed in another order. Each of the two is up to 2e-5 from its float64 run where a random
    # autoencoder decodes; test_models_diffusers.py compares the formulas in float64.
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-4)


@torch.inference_mode()
def test_every_part_gives_the_same_numbers(both: tuple[Loaded, Any]) -> None:
    loaded, pipe = both
    config = loaded.config
    g = torch.Generator().manual_seed(0)
    x = torch.randn(2, config.unet.in_channels, 8, 8, generator=g)
    t, context = torch.tensor([3, 700]), torch.randn(2, 77, config.text.width, generator=g)
    close(loaded.unet(x, t, context), pipe.unet(x, t, context).sample)
    close(loaded.vae.decode(x), pipe.vae.decode(x).sample)
    picture = torch.randn(1, 3, 4 * loaded.vae.factor, 4 * loaded.vae.factor, generator=g).tanh()
    close(loaded.vae.encode(picture).mean, pipe.vae.encode(picture).latent_dist.mean)
    ids = torch.randint(0, config.text.vocab_size, (2, 77), generator=g)
    close(loaded.text(ids), pipe.text_encoder(ids).last_hidden_state)


def test_the_tokenizer_goes_along(both: tuple[Loaded, Any]) -> None:
    loaded, pipe = both
    tokens = (
        ClipTokenizer.from_assets()
        if loaded.merges is None
        else ClipTokenizer.from_merges_file(loaded.merges)
    )
    for text in WORDS:
        assert pipe.tokenizer(text).input_ids == [tokens.start_id, *tokens.encode(text), tokens.end_id]
    assert pipe.tokenizer.vocab_size == loaded.config.text.vocab_size


def test_diffusers_knows_the_schedule_and_asks_for_no_checker(both: tuple[Loaded, Any]) -> None:
    loaded, pipe = both
    schedule = Schedule.from_config(loaded.config.schedule)
    theirs = pipe.scheduler.alphas_cumprod.double()  # a product of a thousand float32 numbers
    torch.testing.assert_close(theirs, torch.as_tensor(schedule.alpha_bar), rtol=1e-4, atol=0)
    prediction = {"epsilon": "epsilon", "v_prediction": "v"}[pipe.scheduler.config.prediction_type]
    assert prediction == loaded.config.schedule.prediction
    assert pipe.safety_checker is None
    assert pipe.vae_scale_factor == loaded.vae.factor
    assert pipe.unet.config.sample_size * loaded.vae.factor == loaded.config.defaults.height


@torch.inference_mode()
def test_ddim_goes_through_the_same_latents(both: tuple[Loaded, Any]) -> None:
    loaded, pipe = both
    config = loaded.config
    side = config.defaults.height
    shape = (2, config.unet.in_channels, side // loaded.vae.factor, side // loaded.vae.factor)
    start = torch.randn(shape, generator=torch.Generator().manual_seed(7))
    expected = pipe(
        WORDS[:2],
        negative_prompt=["", ""],
        num_inference_steps=4,
        guidance_scale=5.0,
        latents=start,
        output_type="latent",
    ).images
    cond, uncond = states(loaded, pipe, WORDS[:2]), states(loaded, pipe, ["", ""])
    schedule = Schedule.from_config(config.schedule)
    denoise = classifier_free(loaded.unet, cond, uncond, 5.0)
    if config.schedule.prediction == "v":
        denoise = eps_from_v(denoise, schedule)
    ddim = get_sampler("ddim")
    *_, last = ddim(denoise, start, ddim.plan(schedule, 4), lambda: torch.zeros(shape))
    # The first step divides by sqrt(alpha_bar) = 0.07: the rounding of guidance grows fourteen times.
    torch.testing.assert_close(last.x, expected, rtol=0, atol=1e-5 * expected.abs().max().item() + 5e-5)


def test_the_embedded_model_draws_the_same_picture_in_diffusers(tmp_path: Path) -> None:
    """One converted folder, one seed, both programs from the prompt to the pixels."""
    convert("mini", tmp_path / "変換後", dtype="float32")
    ours = Pipeline.from_pretrained(tmp_path / "変換後", dtype="float32", watermark=False, safety="off")
    prompt, negative = "a red apple on a blue background", "a dog"
    result = ours.generate(
        prompt,
        negative_prompt=negative,
        sampler="ddim",
        num_inference_steps=6,
        guidance_scale=5.0,
        seed=[7, 3],
        num_images_per_prompt=2,
    )
    shape = latents(result).shape[1:]
    noise = [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in result.seeds]
    theirs = load_in_diffusers(tmp_path / "変換後")
    pictures = theirs(
        prompt,
        negative_prompt=negative,
        num_inference_steps=6,
        guidance_scale=5.0,
        latents=ours.config.defaults.noise_multiplier * torch.stack(noise),
        num_images_per_prompt=2,
        output_type="np",
    ).images
    for mine, other in zip(result.images, pictures, strict=True):
        # The original cuts the fraction off, and so do we; diffusers' own images are rounded.
        a, b = np.asarray(mine, dtype=int), (255 * other).astype(int)
        assert a.std() > 10, "nothing was drawn"
        # Numbers that differ in the fifth digit may fall to either side of a whole one.
        assert np.abs(a - b).max() <= 1
        assert (a != b).mean() < 0.01
    assert (np.asarray(result.images[0]) != np.asarray(result.images[1])).any()
