"""Small ControlNets with random weights for the small model, in every form they are met in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from sdjp.config import TINY, ControlNetConfig, ModelConfig
from sdjp.models import ControlNet
from sdjp.weights.names.controlnet import PREFIX, rows
from sdjp.weights.names.keymap import compile_map, to_theirs

HINTS = (4, 8, 12, 16)
SETTINGS = {
    "_class_name": "ControlNetModel",
    "in_channels": 4,
    "block_out_channels": [32, 64, 128, 128],
    "layers_per_block": 2,
    "attention_head_dim": 4,
    "cross_attention_dim": 32,
    "conditioning_embedding_out_channels": list(HINTS),
}
"""diffusers' settings of the small one."""


def small_config(model: ModelConfig = TINY) -> ControlNetConfig:
    """The sizes of a ControlNet for the small model."""
    return ControlNetConfig(unet=model.unet, hint_channels=HINTS)


@cache
def random_controlnet(seed: int = 0, model: ModelConfig = TINY) -> ControlNet:
    """A ControlNet whose zero convolutions are none, and that heeds its hint; do not change it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = ControlNet.from_config(small_config(model)).eval().requires_grad_(False)
    for layer in network.hint.layers:
        layer.get_parameter("weight").mul_(3)
    return network


def tensors_of(network: ControlNet, layout: str, model: ModelConfig = TINY) -> dict[str, Tensor]:
    """The tensors under the names of a layout, without a prefix."""
    state = network.state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    return to_theirs(compile_map(rows(layout, small_config(model), model), shapes), state)


def write(path: Path, tensors: Mapping[str, Tensor]) -> Path:
    """Write tensors by the ending of ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        save_file({name: tensor.clone() for name, tensor in tensors.items()}, path)
    else:
        torch.save(dict(tensors), path)
    return path


def write_original(path: Path, seed: int = 0, *, prefix: str = PREFIX) -> Path:
    """A file of lllyasviel's, or one without the prefix."""
    tensors = tensors_of(random_controlnet(seed), "ldm")
    return write(path, {prefix + name: tensor for name, tensor in tensors.items()})


def write_folder(folder: Path, seed: int = 0, name: str = "diffusion_pytorch_model.safetensors") -> Path:
    """A folder of diffusers'."""
    write(folder / name, tensors_of(random_controlnet(seed), "diffusers"))
    (folder / "config.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
    return folder


def map_picture(seed: int = 0, size: int = 64) -> Image.Image:
    """A random map."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size // 8, size // 8, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC)
