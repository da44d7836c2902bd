"""Previews without the decoder: what a fitted map is worth, and which one a model gets."""

from __future__ import annotations

import dataclasses
import math
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from sdjp.config import TINY
from sdjp.errors import NonFiniteError
from sdjp.generation.preview import Fitted, default_preview, previewed
from sdjp.images import to_pil
from sdjp.models import VAE
from sdjp.models.preview import SD_V1_MAP, PreviewMap, preview_map, random_latents
from sdjp.pipeline import Pipeline
from sdjp.weights import OnDemand
from tests.conftest import SMALL, random_models
from tests.narrow import latents


def psnr(ours: list[Image.Image], theirs: list[Image.Image]) -> float:
    """Mean over the pictures, in dB."""
    errors = [
        np.mean((np.asarray(a, float) - np.asarray(b, float)) ** 2) for a, b in zip(ours, theirs, strict=True)
    ]
    return float(np.mean([10 * math.log10(255**2 / error) for error in errors]))


@pytest.fixture(scope="module")
def drawn(mini: Pipeline) -> tuple[Tensor, list[Image.Image]]:
    """Latents of pictures of the embedded model, and what its decoder makes of them."""
    result = mini.generate(
        ["雪の中の鳥居", "夕焼けのお城"], seed=5, num_inference_steps=8, sampler="dpm++_2m"
    )
    return latents(result), list(result.images)


def first_three(x: Tensor) -> Tensor:
    """The naive map: three channels as they are."""
    return x[:, :3].clamp(-1, 1)


def flat(pictures: list[Image.Image]) -> list[Image.Image]:
    """The best picture of one colour: nobody gets further without a look at the place."""
    return [Image.new("RGB", p.size, tuple(np.asarray(p).mean((0, 1)).round().astype(int))) for p in pictures]


def test_the_map_of_the_embedded_model_shows_its_pictures(
    mini: Pipeline, drawn: tuple[Tensor, list[Image.Image]]
) -> None:
    x, pictures = drawn
    assert isinstance(mini.preview, PreviewMap)
    seen = previewed(mini.preview, x, factor=16)
    assert [p.size for p in seen] == [p.size for p in pictures]
    assert psnr(seen, pictures) > 21  # 23.6 over twenty pictures; one of a sketch has less
    assert psnr(seen, pictures) > psnr(flat(pictures), pictures) + 6


def test_a_fit_is_far_better_than_channels_as_they_are(
    mini: Pipeline, drawn: tuple[Tensor, list[Image.Image]]
) -> None:
    x, pictures = drawn
    fitted = preview_map(mini.vae, random_latents(8)[:8])
    naive = psnr(previewed(first_three, x, factor=16), pictures)
    assert psnr(previewed(fitted, x, factor=16), pictures) > max(naive, psnr(flat(pictures), pictures)) + 6


def test_a_fit_finds_a_map_that_is_linear() -> None:
    class Linear(torch.nn.Module):
        """Three channels, scaled and enlarged: within reach of a map, and free of clipping."""

        scaling_factor, factor = 0.5, 8

        def __init__(self) -> None:
            super().__init__()
            self.post_quant_conv = torch.nn.Conv2d(3, 3, 1)

        def decode(self, z: Tensor) -> Tensor:
            return torch.nn.functional.interpolate(0.02 * z + 0.1, scale_factor=8, mode="nearest")

    vae: VAE = Linear()  # type: ignore[assignment]
    x = torch.randn(1, 3, 4, 5)
    pixels = preview_map(vae)(x)
    assert pixels.shape == (1, 3, 16, 20)
    assert torch.allclose(pixels, vae.decode(x / 0.5)[:, :, ::2, ::2], atol=1e-4)


def test_latents_of_version_one_have_the_published_table() -> None:
    tiny = random_models(SMALL)
    assert default_preview(tiny.vae, OnDemand()) is SD_V1_MAP
    white, black = ([0.9, 1.0, 0.2, -1.1], [-0.9, -1.0, -0.2, 1.1])
    pixels = SD_V1_MAP(torch.tensor([white, black])[:, :, None, None])
    assert pixels.shape == (2, 3, 1, 1)
    assert bool((pixels[0] > 0.8).all() and (pixels[1] < -0.8).all())
    assert previewed(SD_V1_MAP, torch.zeros(1, 4, 2, 3), factor=8)[0].getpixel((5, 5)) == (127, 127, 127)


def test_other_latents_are_fitted_once_whoever_asks_first() -> None:
    config = dataclasses.replace(
        TINY,
        unet=dataclasses.replace(TINY.unet, in_channels=6, out_channels=6),
        vae=dataclasses.replace(TINY.vae, latent_channels=6),
    )
    loaded = random_models(config)
    fitted = default_preview(loaded.vae, loaded.on_demand)
    assert isinstance(fitted, Fitted)
    x = torch.randn(1, 6, 4, 4)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: fitted(x), range(2))
    assert torch.equal(first, second)
    assert fitted.map is fitted.map
    copied = pickle.loads(pickle.dumps(fitted))
    assert torch.equal(copied(x), first)


def test_nothing_is_shown_of_latents_that_are_none(tiny: Pipeline) -> None:
    with pytest.raises(NonFiniteError):
        previewed(tiny.preview, torch.full((1, 4, 8, 8), torch.nan), factor=8)


def test_what_is_fitted_is_what_is_shown(mini: Pipeline, drawn: tuple[Tensor, list[Image.Image]]) -> None:
    x, _ = drawn
    [small] = to_pil(mini.preview(x[:1]))
    assert small.size == (64, 64)
    assert previewed(mini.preview, x[:1], factor=4)[0].tobytes() == small.tobytes()
