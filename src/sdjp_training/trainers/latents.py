"""The latents that the UNet learns from: those of the pool, of bare backgrounds, and their scale.

``pool/000.latents.npy`` (N, C, h, w) float16 lies beside the records of a shard; latents are the encoder's
mean, not scaled.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdjp.models import VAE
from sdjp_training.loop import checkpoint
from sdjp_training.loop.device import mixed_precision
from sdjp_training.scenes import painting, shards
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.scenes.places import BACKGROUNDS, background
from sdjp_training.scenes.styles import STYLES, stylise
from sdjp_training.trainers import autoencoder

log = logging.getLogger(__name__)

BATCH: Final = 16


@torch.no_grad()
def _encode(vae: VAE, pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Map pictures (256, 256, 3) to latents (N, C, h, w) float16 on the processor."""
    with mixed_precision():
        return vae.encode(autoencoder.to_tensor(np.stack(pictures))).mean.half().cpu()


def encode(folder: Path, count: int) -> None:
    """Encode the scenes of ``count`` shards; what is encoded is kept."""
    vae, artwork = autoencoder.load(folder), Artwork(folder / "artwork")
    for index in range(count):
        start = time.time()
        path = folder / "pool" / f"{index:03}.latents.npy"
        if not path.exists():
            records = shards.read_records(folder / "pool" / f"{index:03}.json")
            parts = (records[i : i + BATCH] for i in range(0, len(records), BATCH))
            latents = [_encode(vae, [painting.draw(scene, artwork) for scene in part]) for part in parts]
            temporary = path.with_name(f"{index:03}.tmp.npy")
            np.save(temporary, torch.cat(latents).numpy())
            temporary.replace(path)
        log.info("shard %d encoded in %.0f s", index, time.time() - start)


def bare(folder: Path) -> dict[str, Tensor]:
    """The latents (C, h, w) of each background without a drawing, by place and style; made once and kept."""
    path = folder / "bare.pt"
    kept = checkpoint.load(path) or {}
    if kept.keys() >= {f"{place} {style}" for place in BACKGROUNDS for style in STYLES}:
        return kept
    vae, made = autoencoder.load(folder), {}
    for place in BACKGROUNDS:
        pictures = [stylise(background(place), style) for style in STYLES]
        for style, z in zip(STYLES, _encode(vae, pictures), strict=True):
            made[f"{place} {style}"] = z.clone()
    checkpoint.save(path, made)
    return made


def scale(folder: Path) -> float:
    """One over the standard deviation of the latents, measured once and kept."""
    path = folder / "latent_scale.json"
    if not path.exists():
        latents = shards.read(folder, "latents")[0][1].astype(np.float32)
        path.write_text(json.dumps(float(1 / latents.std())))
    return float(json.loads(path.read_text()))
