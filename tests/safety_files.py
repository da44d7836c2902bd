"""Safety checkers for tests: the tiny one of the golden file, and where it is written to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.golden_models import Golden

CONFIG: dict[str, Any] = {
    # As a config.json of diffusers has it; for the checker in golden/safety.npz.
    "model_type": "clip",
    "projection_dim": 16,
    "vision_config": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": 32,
        "patch_size": 8,
        "hidden_act": "quick_gelu",
        "layer_norm_eps": 1e-05,
    },
}


def golden_tensors() -> dict[str, Tensor]:
    """The tensors of the golden checker, with the names of the published file."""
    tensors = Golden("safety").weights()
    position_ids = torch.arange(17)[None]
    return {**tensors, "vision_model.vision_model.embeddings.position_ids": position_ids}


def save_checker(
    folder: Path,
    tensors: dict[str, Tensor] | None = None,
    config: dict[str, Any] | None = CONFIG,
    *,
    name: str = "model.safetensors",
) -> Path:
    """Write a checker's folder; the golden one unless ``tensors`` are given."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = golden_tensors() if tensors is None else tensors
    if name.endswith(".bin"):
        torch.save(tensors, folder / name)
    else:
        save_file({k: v.contiguous() for k, v in tensors.items()}, folder / name)
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def with_thresholds(value: float) -> dict[str, Tensor]:
    """The golden checker with one threshold for all concepts: at -2 it flags every picture, at 2 none."""
    tensors = golden_tensors()
    for name in ("concept_embeds_weights", "special_care_embeds_weights"):
        tensors[name] = torch.full_like(tensors[name], value)
    return tensors
