"""The configuration of a ControlNet, from the names and shapes of its tensors and diffusers' settings.

What shapes do not tell (the number of heads, the groups of the norms) is taken from the model that it is
for, of which it is a copy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import count, takewhile
from typing import Any, Final

from sdjp.config import ControlNetConfig, UNetConfig
from sdjp.weights.configs.infer import Shapes, encoder_half
from sdjp.weights.configs.values import alike, only, setting, whole
from sdjp.weights.files.faults import Invalid

CLASS: Final = "ControlNetModel"


def from_shapes(
    layout: str, shapes: Shapes, settings: Mapping[str, Any], *, unet: UNetConfig
) -> ControlNetConfig:
    """Return the configuration of a ControlNet.

    Args:
        layout: ``"ldm"`` or ``"diffusers"``.
        shapes: The shapes of its tensors, by their names without a prefix.
        settings: diffusers' ``config.json``; empty without one.
        unet: That of the model it is for.

    Raises:
        KeyError, IndexError, ZeroDivisionError, ValueError: If they are not those of a ControlNet for a model
            of the family of Stable Diffusion v1.
    """
    _check(settings)
    half, hints = {"ldm": _ldm, "diffusers": _diffusers}[layout](shapes)
    heads = "attention_head_dim" if settings.get("num_attention_heads") is None else "num_attention_heads"
    each = alike(whole(1_000))
    found = dataclasses.replace(
        half,
        out_channels=unet.out_channels,
        num_heads=setting(settings, heads, each, unet.num_heads),
        norm_groups=setting(settings, "norm_num_groups", whole(1_000), unet.norm_groups),
    )
    # Two convolutions for each width, the last of another one.
    widths = [shapes[name][0] for name in hints]
    return ControlNetConfig(unet=found, hint_channels=tuple(widths[:-1:2]))


def _check(settings: Mapping[str, Any]) -> None:
    """Refuse what diffusers can do with the same tensors, and sdjp does not.

    Raises:
        Invalid: If the settings ask for it.
    """
    setting(settings, "_class_name", only(CLASS), CLASS)
    setting(settings, "controlnet_conditioning_channel_order", only("rgb"), "rgb")
    setting(settings, "flip_sin_to_cos", only(True), True)
    setting(settings, "freq_shift", only(0), 0)
    setting(settings, "act_fn", only("silu"), "silu")
    if settings.get("global_pool_conditions"):
        raise Invalid(
            "出力を画像全体でならす種類（shuffle）は使えません",
            "global_pool_conditions: it pools its output over the picture (shuffle), which sdjp does not do",
        )


def _ldm(shapes: Shapes) -> tuple[UNetConfig, list[str]]:
    names = (f"input_hint_block.{2 * n}.weight" for n in count())
    return encoder_half(shapes, ""), list(takewhile(shapes.__contains__, names))


def _diffusers(shapes: Shapes) -> tuple[UNetConfig, list[str]]:
    width, channels = shapes["conv_in.weight"][:2]
    levels = _length(shapes, "down_blocks.{}.resnets.0.conv1.weight")
    last = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight"
    half = UNetConfig(
        in_channels=channels,
        model_channels=width,
        channel_mult=tuple(
            shapes[f"down_blocks.{level}.resnets.0.conv1.weight"][0] // width for level in range(levels)
        ),
        num_res_blocks=_length(shapes, "down_blocks.0.resnets.{}.conv1.weight"),
        attention=tuple(f"down_blocks.{level}.attentions.0.norm.weight" in shapes for level in range(levels)),
        context_dim=shapes[last][1],
    )
    hint = "controlnet_cond_embedding."
    blocks = range(_length(shapes, hint + "blocks.{}.weight"))
    ends = hint + "conv_in.weight", hint + "conv_out.weight"
    return half, [ends[0], *(f"{hint}blocks.{n}.weight" for n in blocks), ends[1]]


def _length(shapes: Shapes, template: str) -> int:
    return sum(1 for _ in takewhile(lambda n: template.format(n) in shapes, count()))
