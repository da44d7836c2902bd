"""The configuration of an image encoder: Hugging Face's JSON, or else the shapes of its tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from sdjp.config import Activation, CLIPVisionConfig
from sdjp.weights.configs.values import only, setting, whole
from sdjp.weights.files.faults import Invalid
from sdjp.weights.names.clip_vision import PATCHES, POSITIONS, PROJECTION, VISION

HEAD_WIDTH: Final = 64
"""Width of one head in every image encoder of OpenAI's."""
OPEN_CLIP: Final = (1280, 1408, 1664)
"""Widths of ViT-H, g and bigG, which OpenCLIP trained: they have 16 heads, and GELU."""
OPEN_CLIP_HEADS: Final = 16
SIZE: Final = whole(16384)  # ViT-L/14 has 4096
ACTIVATION: Final = only("quick_gelu", "gelu")
# What a vision_config of Hugging Face leaves out is as in ViT-B/32, its default.
SETTINGS: Final[Mapping[str, tuple[str, int]]] = {
    "width": ("hidden_size", 768),
    "layers": ("num_hidden_layers", 12),
    "heads": ("num_attention_heads", 12),
    "mlp_width": ("intermediate_size", 3072),
    "image_size": ("image_size", 224),
    "patch_size": ("patch_size", 32),
}
PROJECTION_DIM: Final = 512

Shapes = Mapping[str, tuple[int, ...]]


def vision_settings(vision: CLIPVisionConfig) -> dict[str, Any]:
    """Return the ``vision_config`` of Hugging Face; the projection stands outside it."""
    settings = {theirs: getattr(vision, ours) for ours, (theirs, _) in SETTINGS.items()}
    return {**settings, "hidden_act": vision.activation}


def from_json(data: Mapping[str, Any], vision: Mapping[str, Any], tensors: int) -> CLIPVisionConfig:
    """Return the configuration that JSON tells.

    Args:
        data: What stands around ``vision``, ``projection_dim`` above all.
        vision: The settings of the image encoder.
        tensors: How many tensors there are.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: If it makes no sense.
    """
    setting(vision, "layer_norm_eps", only(1e-5), 1e-5)
    outside = data if "projection_dim" in data else vision
    config = CLIPVisionConfig(
        activation=setting(vision, "hidden_act", ACTIVATION, "quick_gelu"),
        projection=setting(outside, "projection_dim", SIZE, PROJECTION_DIM),
        **{ours: setting(vision, theirs, SIZE, usual) for ours, (theirs, usual) in SETTINGS.items()},
    )
    if config.layers > tensors:
        raise Invalid(f"層 {config.layers}、テンソル {tensors}", f"{config.layers} layers, {tensors} tensors")
    return config


def from_shapes(shapes: Shapes) -> CLIPVisionConfig:
    """Return the sizes in the shapes; the rest, and all that is missing, is as in ViT-L/14.

    Heads and activation are those of the published encoders of the same width.
    """
    usual = CLIPVisionConfig()
    projection, width = shapes.get(f"{PROJECTION}.weight", (usual.projection, usual.width))
    patch_size = shapes.get(f"{PATCHES}.weight", (0, 0, 0, usual.patch_size))[-1]
    tokens = shapes.get(f"{POSITIONS}.weight", (257,))[0]
    layers = {m[1] for name in shapes if (m := re.match(VISION + r"encoder\.layers\.(\d+)\.", name))}
    mlp = shapes.get(VISION + "encoder.layers.0.mlp.fc1.weight", (usual.mlp_width,))[0]
    activation: Activation = "gelu" if width in OPEN_CLIP else usual.activation
    return CLIPVisionConfig(
        width=width,
        layers=len(layers) or usual.layers,
        heads=OPEN_CLIP_HEADS if width in OPEN_CLIP else max(1, width // HEAD_WIDTH),
        mlp_width=mlp,
        image_size=patch_size * round((tokens - 1) ** 0.5),
        patch_size=patch_size,
        projection=projection,
        activation=activation,
    )
