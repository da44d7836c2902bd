"""Names of the tensors of a ControlNet: the UNet's for its encoder half, and a few of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Final

from sdjp.config import ControlNetConfig, ModelConfig
from sdjp.weights.names.keymap import Row
from sdjp.weights.names.maps import MAPS

PREFIX: Final = "control_model."
"""What the original's names begin with, in most files."""
SIGNS: Final = {"ldm": "input_hint_block.", "diffusers": "controlnet_cond_embedding."}
"""What a ControlNet of each layout has, and no other network."""
UNETS: Final = {"ldm": "model.diffusion_model.", "diffusers": "unet/"}


def rows(layout: str, config: ControlNetConfig, model: ModelConfig) -> Iterator[Row]:
    """Every module of a ControlNet, without a prefix; rows that it lacks do no harm.

    Args:
        layout: ``"ldm"`` or ``"diffusers"``.
        config: The ControlNet's.
        model: The model that it is for.
    """
    for row in MAPS[layout].rows(dataclasses.replace(model, unet=config.unet)):
        if row.ours.startswith("unet."):
            yield Row(row.ours.removeprefix("unet."), row.theirs.removeprefix(UNETS[layout]), row.transform)
    hints, skips = 2 * len(config.hint_channels), _skips(config)
    if layout == "ldm":
        yield from (Row(f"hint.layers.{n}", f"input_hint_block.{2 * n}") for n in range(hints))
        yield from (Row(f"zero.{n}", f"zero_convs.{n}.0") for n in range(skips))
        yield Row("zero_mid", "middle_block_out.0")
        return
    ends = {0: "conv_in", hints - 1: "conv_out"}
    for n in range(hints):
        yield Row(f"hint.layers.{n}", f"controlnet_cond_embedding.{ends.get(n, f'blocks.{n - 1}')}")
    yield from (Row(f"zero.{n}", f"controlnet_down_blocks.{n}") for n in range(skips))
    yield Row("zero_mid", "controlnet_mid_block")


def _skips(config: ControlNetConfig) -> int:
    return len(config.unet.channel_mult) * (config.unet.num_res_blocks + 1)
