"""Where a run starts and what its model is: from noise or a picture, whole or masked, at once or in tiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sdjp import images
from sdjp.config import ModelConfig
from sdjp.generation import autoencode
from sdjp.generation.job import Job
from sdjp.models import VAE
from sdjp.samplers import Schedule, beside, eps_from_v, keep_known, renew_known, tiled
from sdjp.samplers.base import Denoise, Noise

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """The arguments of a sampler, made of a job.

    Attributes:
        x: Latents to start from, (B, C, h, w) float32.
        model: Makes the guided network into the model that this run samples from.
        finish: What is done to the last latents.
    """

    x: Tensor
    model: Callable[[Denoise], Denoise]
    finish: Callable[[Tensor], Tensor]


def begin(
    job: Job,
    rows: range,
    pictures: Sequence[Image],
    noise: Noise,
    *,
    vae: VAE,
    config: ModelConfig,
    schedule: Schedule,
    vae_tile: int,
) -> Start:
    """Encode what is given and noise it as the plan says.

    Noise is drawn in the order of diffusers' pipelines: the latents of the picture (a sample of the
    autoencoder's Gaussian, as in the original; its mean at strength 0), the starting noise, the latents of
    the picture without the masked part.

    Args:
        job: The run.
        rows: Which of its pictures.
        pictures: To start from, one for each row, fitted to the size; empty if there are none.
        noise: Draws for all rows.
        vae: The autoencoder.
        config: The model's.
        schedule: The model's.
        vae_tile: Side of the largest square that the autoencoder takes whole, in latent cells.
    """
    device = vae.quant_conv.weight.device
    masks = job.masks[rows.start : rows.stop]
    anew = bool(masks) and job.options.strength == 1  # what is redrawn keeps no trace of the picture

    def latents_of(pictures: Sequence[Image], masks: Sequence[Image], *, mean: bool = False) -> Tensor:
        return _latents(pictures, masks, None if mean else noise, vae=vae, tile=vae_tile)

    at = job.plan.noised_at
    clean = None
    if pictures and not (anew and config.for_inpainting):
        clean = latents_of(pictures, (), mean=at is None)
    given = job.inputs.latents
    x = noise() if given is None else given[rows.start : rows.stop].to(device, torch.float32)
    x = x * job.options.noise_multiplier
    if clean is not None and not anew:
        x = clean if at is None else schedule.add_noise(clean, x, at)

    cells = extra = None
    if masks:
        factor = config.vae.factor
        cells = torch.cat([images.to_cells(mask, factor=factor) for mask in masks]).to(device)
        if config.for_inpainting:
            extra = torch.cat([cells, latents_of(pictures, masks)], dim=1)

    def model(denoise: Denoise) -> Denoise:
        if job.tile is not None:
            denoise = tiled(denoise, tile=job.tile, overlap=job.overlap)
        if extra is not None:
            denoise = beside(denoise, extra)
        if config.schedule.prediction == "v":
            denoise = eps_from_v(denoise, schedule)
        if cells is not None and clean is not None and extra is None:
            if job.options.mask_rule == "compvis":
                return renew_known(denoise, clean, cells, schedule, noise)
            return keep_known(denoise, clean, cells, schedule)
        return denoise

    def finish(x: Tensor) -> Tensor:
        # Some samplers stop a little before t = 0: what is known has no noise left.
        if cells is None or clean is None or extra is not None:
            return x
        return cells * x + (1 - cells) * clean

    return Start(x=x, model=model, finish=finish)


def _latents(
    pictures: Sequence[Image],
    masks: Sequence[Image],
    noise: Noise | None,
    *,
    vae: VAE,
    tile: int,
) -> Tensor:
    """The latents of pictures as the UNet knows them, (B, C, h, w) float32; grey where a mask is white.

    A picture that comes several times is encoded once. With noise each row is a sample of its own, else the
    mean.
    """
    keys = [(id(p), id(m)) for p, m in zip(pictures, masks or pictures, strict=True)]
    drawn = None if noise is None else noise()
    encoded = {}
    rows = []
    for i, key in enumerate(keys):
        if key not in encoded:
            width, height = pictures[i].size
            pixels = images.from_pil(pictures[i], height=height, width=width)
            if masks:
                pixels = pixels * (1 - images.to_cells(masks[i], factor=1))
            encoded[key] = autoencode.encode(vae, pixels, tile=tile)
        gaussian = encoded[key]
        rows.append(gaussian.mean if drawn is None else gaussian.sample(drawn[i : i + 1]))
    return torch.cat(rows) * vae.scaling_factor
