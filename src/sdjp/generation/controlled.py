"""The UNet of one batch with the ControlNets beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sdjp.generation.job import Job
from sdjp.models.unet import SHALLOW
from sdjp.samplers.tiles import windows

if TYPE_CHECKING:
    from PIL.Image import Image

    from sdjp.addons.controlnets import LoadedControlNet
    from sdjp.engines import Engine


class Acting(NamedTuple):
    """A ControlNet in one call of the UNet."""

    network: Callable[..., list[Tensor]]
    channels: int
    """Of the latents that it takes: models for inpainting have others behind them."""
    features: Tensor
    """Of its hint, (1, C, h, w)."""
    weight: float


class Controls:
    """The ControlNets of one batch of a run; hints are encoded once, each tile of them by itself.

    Args:
        job: The run.
        networks: That of each of its controls.
        engine: Runs them.
    """

    def __init__(self, job: Job, networks: Sequence[LoadedControlNet], engine: Engine) -> None:
        self._hints, self._steps = job.controls, len(job.plan)
        self._networks = [one.network for one in networks]
        self._run = [engine.control(network) for network in self._networks]
        self._boxes = _boxes(job)
        self._features: dict[tuple[int, int], Tensor] = {}

    def __call__(self, step: int, tile: int) -> list[Acting]:
        """Return those that act in a step, for a tile of the picture."""
        acting = []
        for i, hint in enumerate(self._hints):
            if hint.control.acts(step, self._steps):
                network = self._networks[i]
                if (i, tile) not in self._features:
                    weight = network.conv_in.weight
                    assert hint.map is not None
                    pixels = _pixels(hint.map.crop(self._boxes[tile]))
                    self._features[i, tile] = network.hint(pixels.to(weight.device, weight.dtype))
                channels = network.conv_in.in_channels
                features = self._features[i, tile]
                acting.append(Acting(self._run[i], channels, features, hint.control.weight))
        return acting


def controlled(unet: Callable[..., Tensor], *, image_tokens: int = 0) -> Callable[..., Tensor]:
    """Have a UNet take ``acting``, the ControlNets of a call, beside what it takes.

    Args:
        unet: The UNet.
        image_tokens: Rows at the end of the states that stand for pictures of the prompt: ControlNets were
            trained with the text alone.
    """

    def run(
        x: Tensor, t: Tensor, context: Tensor, *, acting: Sequence[Acting] = (), **shortcuts: Any
    ) -> Tensor:
        if not acting:
            return unet(x, t, context, **shortcuts)
        deep = shortcuts.get("deep")
        depth = SHALLOW if deep is not None and deep.x is not None else None
        text = context[:, : context.shape[1] - image_tokens]
        total: list[Tensor] = []
        for one in acting:
            out = one.network(x[:, : one.channels], t, text, one.features, depth=depth)
            weighted = [residual * one.weight for residual in out]
            total = [a + b for a, b in zip(total, weighted, strict=True)] if total else weighted
        return unet(x, t, context, residuals=total, **shortcuts)

    return run


def _boxes(job: Job) -> list[tuple[int, int, int, int]]:
    """Each tile in pixels, (left, top, right, bottom), in the order in which the model is asked."""
    height, width = job.shape[1:]
    rows, columns = (
        [(0, side)] if job.tile is None else windows(side, job.tile, job.overlap) for side in (height, width)
    )
    factor = job.options.height // height
    return [
        (left * factor, top * factor, right * factor, bottom * factor)
        for top, bottom in rows
        for left, right in columns
    ]


def _pixels(picture: Image) -> Tensor:
    """A map as ControlNets read it: (1, 3, H, W) float32 in [0, 1]."""
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]
    return pixels.float() / 255
