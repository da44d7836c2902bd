"""The configuration of a safety checker: Hugging Face's JSON, or else the shapes of its tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from sdjp.config import CLIPVisionConfig, Concept, SafetyCheckerConfig
from sdjp.weights.configs.values import only, setting, whole
from sdjp.weights.files.faults import Invalid
from sdjp.weights.files.json_file import to_object
from sdjp.weights.names.safety_checker import PATCHES, POSITIONS, PROJECTION, VISION

HEAD_WIDTH: Final = 64
"""Width of one head in every image encoder of CLIP."""
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


def to_config(data: Mapping[str, Any], shapes: Shapes) -> SafetyCheckerConfig:
    """Return the configuration of a checker.

    Args:
        data: Its ``config.json``; empty if it has none.
        shapes: The shapes of its tensors, which tell what ``data`` does not.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, IndexError: If either makes no sense.
    """
    vision = data.get("vision_config", data.get("vision_config_dict"))
    return SafetyCheckerConfig(
        vision=_from_shapes(shapes) if vision is None else _from_json(data, to_object(vision), len(shapes)),
        concepts=_concepts(data.get("concepts"), shapes.get("concept_embeds", (17,))[0]),
        special=_concepts(data.get("special_concepts"), shapes.get("special_care_embeds", (3,))[0]),
    )


def _from_json(data: Mapping[str, Any], vision: Mapping[str, Any], tensors: int) -> CLIPVisionConfig:
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


def _from_shapes(shapes: Shapes) -> CLIPVisionConfig:
    """The sizes in the shapes; the rest, and all that is missing, is as in ViT-L/14."""
    usual = CLIPVisionConfig()
    projection, width = shapes.get(f"{PROJECTION}.weight", (usual.projection, usual.width))
    patch_size = shapes.get(f"{PATCHES}.weight", (0, 0, 0, usual.patch_size))[-1]
    tokens = shapes.get(f"{POSITIONS}.weight", (257,))[0]
    layers = {m[1] for name in shapes if (m := re.match(VISION + r"encoder\.layers\.(\d+)\.", name))}
    mlp = shapes.get(VISION + "encoder.layers.0.mlp.fc1.weight", (usual.mlp_width,))[0]
    return CLIPVisionConfig(
        width=width,
        layers=len(layers) or usual.layers,
        heads=max(1, width // HEAD_WIDTH),
        mlp_width=mlp,
        image_size=patch_size * round((tokens - 1) ** 0.5),
        patch_size=patch_size,
        projection=projection,
    )


def _concepts(names: Any, count: int) -> tuple[Concept, ...]:
    if names is None:
        return (Concept(),) * count
    concepts = tuple(Concept(ja=str(name["ja"]), en=str(name["en"])) for name in names)
    if len(concepts) != count:
        raise ValueError(f"{len(concepts)} names / {count} concepts")
    return concepts
