"""Small IP-Adapters and image encoders with random weights, as the real ones are published.

The names are those of h94/IP-Adapter; diffusers reads them in ``parity/test_ip_adapter_diffusers.py``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from sdjp.config import CLIPVisionConfig, ModelConfig
from sdjp.models.clip_vision import CLIPVision
from sdjp.models.ip_adapter import cross_attentions
from sdjp.weights.names.clip_vision import vision_names
from tests.conftest import SMALL, random_models

VISION = CLIPVisionConfig(
    width=48, layers=3, heads=4, mlp_width=96, image_size=32, patch_size=8, projection=40, activation="gelu"
)
STATES = 17
CONTEXT = SMALL.unet.context_dim
KINDS = ("linear", "states", "resampler")


def encoder_settings(vision: CLIPVisionConfig = VISION) -> dict[str, Any]:
    """As the ``config.json`` of a CLIPVisionModelWithProjection."""
    return {
        "architectures": ["CLIPVisionModelWithProjection"],
        "model_type": "clip_vision_model",
        "hidden_size": vision.width,
        "intermediate_size": vision.mlp_width,
        "num_hidden_layers": vision.layers,
        "num_attention_heads": vision.heads,
        "image_size": vision.image_size,
        "patch_size": vision.patch_size,
        "projection_dim": vision.projection,
        "hidden_act": vision.activation,
        "layer_norm_eps": 1e-05,
    }


def encoder_tensors(vision: CLIPVisionConfig = VISION, seed: int = 5) -> dict[str, Tensor]:
    """The tensors of a random encoder, under transformers' names."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        encoder = CLIPVision.from_config(vision)
        for parameter in encoder.parameters():  # nothing stays at zero or one
            parameter.data.add_(0.1 * torch.randn_like(parameter))
    state = encoder.state_dict()
    return {theirs: state[ours] for ours, theirs in vision_names(vision.layers)}


def save_encoder(
    folder: Path,
    tensors: dict[str, Tensor] | None = None,
    *,
    vision: CLIPVisionConfig = VISION,
    config: bool = True,
) -> Path:
    """Write the folder of an encoder."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = encoder_tensors(vision) if tensors is None else tensors
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "model.safetensors")
    if config:
        (folder / "config.json").write_text(json.dumps(encoder_settings(vision)), encoding="utf-8")
    return folder


def adapter_tensors(kind: str = "linear", *, config: ModelConfig = SMALL, seed: int = 6) -> dict[str, Tensor]:
    """The tensors of a random adapter: tokens large enough to be seen in a picture."""
    generator = torch.Generator().manual_seed(seed)
    width, E = config.unet.context_dim, VISION.width

    def draw(*shape: int, scale: float = 0.2) -> Tensor:
        return torch.randn(shape, generator=generator) * scale

    def norm(name: str, n: int) -> dict[str, Tensor]:
        return {f"{name}.weight": 1 + draw(n), f"{name}.bias": draw(n)}

    def linear(name: str, n: int, m: int, *, bias: bool = True) -> dict[str, Tensor]:
        return {f"{name}.weight": draw(n, m), **({f"{name}.bias": draw(n)} if bias else {})}

    if kind == "linear":
        tensors = {**linear("proj", 4 * width, VISION.projection), **norm("norm", width)}
    elif kind == "states":
        tensors = {**linear("proj.0", E, E), **linear("proj.2", width, E), **norm("proj.3", width)}
    else:
        D, inner, tokens, layers = 24, 128, 5, 4  # of heads of 64
        tensors = {
            "latents": draw(1, tokens, D, scale=1),
            **linear("proj_in", D, E),
            **linear("proj_out", width, D),
            **norm("norm_out", width),
        }
        for n in range(layers):
            tensors |= {
                **norm(f"layers.{n}.0.norm1", D),
                **norm(f"layers.{n}.0.norm2", D),
                **linear(f"layers.{n}.0.to_q", inner, D, bias=False),
                **linear(f"layers.{n}.0.to_kv", 2 * inner, D, bias=False),
                **linear(f"layers.{n}.0.to_out", D, inner, bias=False),
                **norm(f"layers.{n}.1.0", D),
                **linear(f"layers.{n}.1.1", 4 * D, D, bias=False),
                **linear(f"layers.{n}.1.3", D, 4 * D, bias=False),
            }
    found = {f"image_proj.{name}": tensor for name, tensor in tensors.items()}
    unet = random_models(config).unet
    for n, name in enumerate(cross_attentions(unet)):
        out = len(unet.get_submodule(name).get_parameter("to_q.weight"))
        for layer in ("to_k_ip", "to_v_ip"):
            found[f"ip_adapter.{2 * n + 1}.{layer}.weight"] = draw(out, width)
    return found


def write_adapter(path: Path, tensors: dict[str, Tensor] | None = None) -> Path:
    """Write an adapter by the ending of ``path``; a ``.bin`` has two dictionaries."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = adapter_tensors() if tensors is None else tensors
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    else:
        parts: dict[str, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = tensor
        torch.save(parts, path)
    return path


def picture(seed: int = 0, size: tuple[int, int] = (53, 40)) -> Image.Image:
    """A smooth picture of odd sides."""
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    return small.resize(size, Image.Resampling.BICUBIC)
