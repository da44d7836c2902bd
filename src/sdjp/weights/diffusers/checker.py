"""A safety checker as diffusers' ``StableDiffusionSafetyChecker``, and back: the same memory."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch
from torch import nn

from sdjp.config import CLIPVisionConfig, Concept, SafetyCheckerConfig
from sdjp.errors import WeightsError
from sdjp.models.clip import ACTIVATIONS
from sdjp.models.safety_checker import SafetyChecker
from sdjp.weights.configs.clip_vision import vision_settings
from sdjp.weights.diffusers.modules import require_diffusers
from sdjp.weights.names.clip_vision import canonical
from sdjp.weights.names.safety_checker import tensor_names
from sdjp.weights.networks import Unfilled


def to_checker(checker: SafetyChecker) -> tuple[Any, Any]:
    """Build the checker of diffusers around the tensors of ours, and the feature extractor before it."""
    require_diffusers()
    accelerate: Any = import_module("accelerate")
    diffusers: Any = import_module("diffusers.pipelines.stable_diffusion.safety_checker")
    from transformers import CLIPConfig, CLIPImageProcessor

    vision = _config(checker)
    settings = {**vision_settings(vision), "projection_dim": vision.projection}
    with accelerate.init_empty_weights(include_buffers=False):
        theirs = diffusers.StableDiffusionSafetyChecker(
            CLIPConfig(vision_config=settings, projection_dim=vision.projection)
        )
    for name in ("concept_embeds", "special_care_embeds"):
        count = len(checker.concepts if name == "concept_embeds" else checker.special)
        # The class has 17 and 3 whatever its file has.
        for leaf, shape in ((name, (count, vision.projection)), (f"{name}_weights", (count,))):
            setattr(theirs, leaf, nn.Parameter(torch.empty(shape, device="meta"), requires_grad=False))
    ours = checker.state_dict()
    config = SafetyCheckerConfig(vision=vision, concepts=checker.concept_names, special=checker.special_names)
    tensors = {name: ours[mine] for mine, name in tensor_names(config)}
    state = {name: tensors[canonical(name)] for name in theirs.state_dict() if canonical(name) in tensors}
    theirs.load_state_dict(state, strict=True, assign=True)
    for buffer in theirs.buffers():
        buffer.data = buffer.data.to(checker.concepts.device)
    side = {"shortest_edge": vision.image_size}
    crop = {"height": vision.image_size, "width": vision.image_size}
    return theirs.eval().requires_grad_(False), CLIPImageProcessor(size=side, crop_size=crop)


def from_checker(theirs: Any) -> SafetyChecker:
    """Build our checker around the tensors of diffusers'.

    Raises:
        WeightsError: If it is another kind of checker.
    """
    tensors = {canonical(name): tensor for name, tensor in theirs.state_dict().items()}
    try:
        vision = theirs.config.vision_config
        config = SafetyCheckerConfig(
            vision=CLIPVisionConfig(
                width=vision.hidden_size,
                layers=vision.num_hidden_layers,
                heads=vision.num_attention_heads,
                mlp_width=vision.intermediate_size,
                image_size=vision.image_size,
                patch_size=vision.patch_size,
                projection=theirs.config.projection_dim,
                activation=vision.hidden_act,
            ),
            concepts=(Concept(),) * len(tensors["concept_embeds"]),
            special=(Concept(),) * len(tensors["special_care_embeds"]),
        )
        with torch.device("meta"), Unfilled():
            checker = SafetyChecker.from_config(config)
        names = dict(tensor_names(config))
        checker.load_state_dict({ours: tensors[name] for ours, name in names.items()}, assign=True)
    except (AttributeError, KeyError, RuntimeError) as error:
        raise WeightsError(
            "diffusers.checker",
            ja=f"このパイプラインの safety_checker（{type(theirs).__name__}）は読み込めません: {error}。"
            "safety='off' を指定すると、使わずに読み込みます。",
            en=f"cannot take over the safety_checker of this pipeline ({type(theirs).__name__}): {error}. "
            "Use safety='off' to do without it.",
        ) from error
    return checker.eval().requires_grad_(False)


def _config(checker: SafetyChecker) -> CLIPVisionConfig:
    """The configuration that the image encoder was built from."""
    vision: Any = checker.vision
    layer = vision.layers[0]
    projection, width = vision.projection.weight.shape
    activation = next(name for name, function in ACTIVATIONS.items() if function is layer.activation)
    return CLIPVisionConfig(
        width=width,
        layers=len(vision.layers),
        heads=layer.attention.heads,
        mlp_width=layer.mlp_in.out_features,
        image_size=vision.image_size,
        patch_size=vision.patches.kernel_size[0],
        projection=projection,
        activation=activation,
    )
