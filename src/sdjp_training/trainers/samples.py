"""Latents as the UNet draws them, for scenes of the pool: what the decoder is given, and learns from.

``pool/samples.npz`` has ``rows``, the numbers of the scenes, and ``latents`` (N, C, h, w) float16, not
scaled.
"""

from __future__ import annotations

import logging
import random
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch

from sdjp.config import MINI
from sdjp.samplers import Schedule, get_sampler
from sdjp.samplers.guidance import classifier_free, eps_from_v
from sdjp_training.loop.device import mixed_precision
from sdjp_training.trainers import diffusion, latents, text_encoder
from sdjp_training.trainers.examples import Examples

log = logging.getLogger(__name__)

FILE: Final = "samples.npz"
BATCH: Final = 16


@torch.no_grad()
def draw(folder: Path, count: int) -> None:
    """Write latents of ``count`` scenes of the pool, drawn with the UNet at the model's default settings."""
    data, scale = Examples(folder), latents.scale(folder)
    text, tokens = text_encoder.load(folder)
    unet = diffusion.load(folder).to(torch.get_default_device())
    schedule, usual = Schedule.from_config(MINI.schedule), MINI.defaults
    sampler = get_sampler(usual.sampler)
    plan = sampler.plan(schedule, usual.num_inference_steps, spacing=usual.spacing)
    torch.manual_seed(0)
    rng = random.Random("samples")
    rows, drawn = [], []
    for first in range(0, count, BATCH):
        some = data.sample(min(BATCH, count - first), rng)
        z, texts, _ = data.of(some, rng)
        with mixed_precision():
            states = text(text_encoder.encode(tokens, [*texts, ""])).float()
            cond, uncond = states[:-1], states[-1:].expand(len(z), -1, -1)
            model = classifier_free(unet, cond, uncond, usual.guidance_scale)
            denoise = eps_from_v(model, schedule)
            begin = usual.noise_multiplier * torch.randn_like(z)
            *_, last = sampler(denoise, begin, plan, partial(torch.randn_like, z))
        rows += some
        drawn.append((last.x / scale).half().cpu().numpy())
        if first % (BATCH * 16) == 0:
            log.info("%d of %d drawn", first, count)
    np.savez(folder / "pool" / FILE, rows=np.array(rows), latents=np.concatenate(drawn))
