"""Pack the trained parts into the folder that ships with the library.

``<target>/model.safetensors`` (float16, the names of an original checkpoint), ``config.json``,
``merges.txt``, ``preview.safetensors``.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from sdjp.config import MINI, ModelConfig, to_json
from sdjp.models.preview import preview_map
from sdjp.weights import to_layout
from sdjp.weights.parts import preview
from sdjp_training.trainers import decoder, diffusion, latents, text_encoder

SCENES: Final = 64
"""Scenes that the map of previews is fitted to."""


def config(folder: Path) -> ModelConfig:
    """The configuration of the embedded model as it was trained."""
    _, tokens = text_encoder.load(folder)
    return dataclasses.replace(
        MINI,
        vae=dataclasses.replace(MINI.vae, scaling_factor=latents.scale(folder)),
        text=text_encoder.text_config(tokens),
    )


def export(folder: Path, target: Path) -> None:
    """Write the averaged weights of all three parts below ``target``."""
    target.mkdir(parents=True, exist_ok=True)
    unet, vae = diffusion.load(folder), decoder.load(folder)
    text, tokens = text_encoder.load(folder)
    model = config(folder)
    tensors = to_layout("ldm", model, unet=unet, vae=vae, text=text)
    packed = {name: tensor.to(torch.float16).contiguous() for name, tensor in tensors.items()}
    save_file(
        packed,
        target / "model.safetensors",
        metadata={"format": "pt", "sdjp.config": json.dumps(to_json(model))},
    )
    (target / "model.safetensors").chmod(0o644)  # everyone reads what ships
    (target / "config.json").write_text(json.dumps(to_json(model), indent=2) + "\n", encoding="utf-8")
    tokens.save_merges(target / "merges.txt")
    vae.scaling_factor = model.vae.scaling_factor
    preview.save_preview(preview_map(vae, _scenes(folder, vae.scaling_factor)), target / preview.FILE)


def _scenes(folder: Path, scale: float) -> Tensor | None:
    """Latents of scenes, as the UNet knows them; None where there are none."""
    shards = sorted((folder / "pool").glob("*.latents.npy"))
    return torch.from_numpy(np.load(shards[0])[:SCENES]).float() * scale if shards else None
