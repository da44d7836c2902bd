"""A pool of scenes drawn ahead: their records, thumbnails for the text encoder, latents for the UNet.

``pool/000.json`` holds the records of one shard, ``000.thumbs.npy`` (N, 32, 32, 3) uint8 and
``000.latents.npy`` (N, C, h, w) float16 (the encoder's mean, not scaled). Shards are made independently, so
that a trainer can begin with the first and take in the others as they come.
"""

from __future__ import annotations

import dataclasses
import json
import random
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from sdjp.config import MINI
from sdjp.models import VAE
from sdjp_training.loop import checkpoint
from sdjp_training.loop.device import mixed_precision
from sdjp_training.scenes import composition
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.scenes.composition import Scene
from sdjp_training.trainers.autoencoder import to_tensor

SHARD = 2000
THUMB = 32
BATCH = 16


def draw_shard(folder: Path, index: int) -> None:
    """Sample and draw one shard; write its records and thumbnails."""
    artwork = Artwork(folder / "artwork")
    rng = random.Random(f"pool {index}")
    records = [composition.sample(artwork, rng) for _ in range(SHARD)]
    thumbs = np.stack([_thumb(composition.draw(s, artwork)) for s in records])
    base = folder / "pool"
    base.mkdir(parents=True, exist_ok=True)
    np.save(base / f"{index:03}.thumbs.npy", thumbs)
    text = json.dumps([dataclasses.asdict(s) for s in records], ensure_ascii=False)
    (base / f"{index:03}.json").write_text(text, encoding="utf-8")


def _thumb(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(picture).resize((THUMB, THUMB), Image.Resampling.BOX))


def read_records(path: Path) -> list[Scene]:
    """Read the records of one shard."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [Scene(**{**row, "emojis": tuple(row["emojis"])}) for row in rows]


def shards(folder: Path, what: str) -> list[tuple[list[Scene], NDArray[np.generic]]]:
    """Return (records, array) of every shard that has ``what`` (``"thumbs"`` or ``"latents"``) by now."""
    found = sorted((folder / "pool").glob(f"*.{what}.npy"))
    return [(read_records(p.with_name(p.name.split(".")[0] + ".json")), np.load(p)) for p in found]


def load_autoencoder(folder: Path) -> VAE:
    """Return the trained autoencoder (its averaged weights)."""
    state = checkpoint.load(folder / "autoencoder.pt")
    assert state is not None, "train the autoencoder first"
    vae = VAE.from_config(MINI.vae)
    vae.load_state_dict(state["ema"])
    return vae.eval().requires_grad_(False)


@torch.no_grad()
def encode_shard(folder: Path, index: int, vae: VAE) -> None:
    """Encode the pictures of one shard and write their latents."""
    artwork = Artwork(folder / "artwork")
    records = read_records(folder / "pool" / f"{index:03}.json")
    latents = []
    for start in range(0, len(records), BATCH):
        pictures = np.stack([composition.draw(s, artwork) for s in records[start : start + BATCH]])
        with mixed_precision():
            latents.append(vae.encode(to_tensor(pictures)).mean.half().cpu().numpy())
    target = folder / "pool" / f"{index:03}.latents.npy"
    temporary = target.with_name(f"{index:03}.tmp.npy")
    np.save(temporary, np.concatenate(latents))
    temporary.replace(target)


def make(folder: Path, *, count: int, latents: bool) -> None:
    """Make ``count`` shards, or encode them where ``latents`` is set; what exists is kept."""
    vae = load_autoencoder(folder) if latents else None
    for index in range(count):
        start = time.time()
        if vae is None:
            if not (folder / "pool" / f"{index:03}.json").exists():
                draw_shard(folder, index)
        elif not (folder / "pool" / f"{index:03}.latents.npy").exists():
            encode_shard(folder, index, vae)
        print(f"shard {index} {'encoded' if latents else 'drawn'} in {time.time() - start:.0f} s", flush=True)
