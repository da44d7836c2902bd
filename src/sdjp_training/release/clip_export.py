"""The small CLIP as Hugging Face has them: a folder for transformers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from sdjp.images.clip_input import MEAN, STD
from sdjp.models.clip_vision import CLIPVision
from sdjp.weights.configs.clip_vision import vision_settings
from sdjp.weights.configs.diffusers_text import to_settings
from sdjp.weights.names.clip import LAYER
from sdjp.weights.names.clip_vision import vision_names
from sdjp_training.trainers import clip, text_encoder


def in_clips_scale(vision: CLIPVision) -> CLIPVision:
    """The same encoder for pixels as CLIP scales them; it was trained on [-1, 1].

    The factor goes into the kernels, what is added into the positions.
    """
    mean, std = (torch.tensor(values, dtype=torch.float32)[:, None, None] for values in (MEAN, STD))
    return _scaled(vision, factor=2 * std, added=2 * mean - 1)


def in_own_scale(vision: CLIPVision) -> CLIPVision:
    """The encoder that :func:`in_clips_scale` made this one of."""
    mean, std = (torch.tensor(values, dtype=torch.float32)[:, None, None] for values in (MEAN, STD))
    return _scaled(vision, factor=1 / (2 * std), added=(1 - 2 * mean) / (2 * std))


def _scaled(vision: CLIPVision, *, factor: Tensor, added: Tensor) -> CLIPVision:
    """The same encoder for pixels x, where it has been one for ``factor`` · x + ``added``, (3, 1, 1) each."""
    made = CLIPVision.from_config(clip.VISION)
    made.load_state_dict(vision.state_dict())
    with torch.no_grad():
        made.position_embedding.weight[1:] += (made.patches.weight * added).sum(dim=(1, 2, 3))
        made.patches.weight *= factor
    return made.eval().requires_grad_(False)


def export(folder: Path, target: Path) -> None:
    """Write the trained CLIP to ``target``, in half precision, for transformers' ``CLIPModel``."""
    model, tokens = clip.load(folder)
    text = model.text.state_dict()
    tensors: dict[str, Tensor] = {
        "logit_scale": model.sharpness.clamp(max=clip.SHARPEST),
        "text_projection.weight": model.text_projection.weight,
    }
    for ours, theirs in _text_names(len(model.text.layers)):
        tensors[f"text_model.{theirs}"] = text[ours]
    vision = in_clips_scale(model.vision).state_dict()
    names = dict(vision_names(clip.VISION.layers))
    tensors |= {names[ours]: tensor for ours, tensor in vision.items()}
    target.mkdir(parents=True, exist_ok=True)
    halves = {name: tensor.detach().half().contiguous() for name, tensor in tensors.items()}
    save_file(halves, target / "model.safetensors", metadata={"format": "pt"})
    settings: dict[str, Any] = to_settings(text_encoder.text_config(tokens))
    projection = {"projection_dim": clip.VISION.projection}
    config = {
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        **projection,
        "text_config": {**settings, **projection},
        "vision_config": {**vision_settings(clip.VISION), **projection, "model_type": "clip_vision_model"},
    }
    _write(target / "config.json", config)
    tokens.to_transformers_files(target)


def _text_names(layers: int) -> Iterator[tuple[str, str]]:
    yield "token_embedding.weight", "embeddings.token_embedding.weight"
    yield "position_embedding.weight", "embeddings.position_embedding.weight"
    modules = {"norm_out": "final_layer_norm"}
    for n in range(layers):
        modules |= {f"layers.{n}.{ours}": f"encoder.layers.{n}.{theirs}" for ours, theirs in LAYER}
    for ours, theirs in modules.items():
        for kind in ("weight", "bias"):
            yield f"{ours}.{kind}", f"{theirs}.{kind}"


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
