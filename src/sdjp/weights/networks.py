"""The three networks of a model, built without memory for their tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch.overrides import TorchFunctionMode

from sdjp.config import ModelConfig
from sdjp.models import VAE, TextEncoder, UNet, make_text_encoder


class Networks(NamedTuple):
    """The three networks; their names are the first part of our tensor names (``"unet.conv_in.weight"``)."""

    unet: UNet
    vae: VAE
    text: TextEncoder


class Unfilled(TorchFunctionMode):
    """Leave new parameters unfilled: drawing random numbers takes seconds, even on the meta device."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = {} if kwargs is None else kwargs
        if getattr(func, "__module__", None) == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def on_meta(config: ModelConfig) -> Networks:
    """Build the networks on torch's meta device: names and shapes, no memory, no random numbers."""
    with torch.device("meta"), Unfilled():
        return Networks(
            UNet.from_config(config.unet), VAE.from_config(config.vae), make_text_encoder(config.text)
        )


def shapes_of(networks: Networks) -> dict[str, tuple[int, ...]]:
    """Return our name and the shape of every tensor."""
    return {
        f"{part}.{name}": tuple(tensor.shape)
        for part, network in networks._asdict().items()
        for name, tensor in network.state_dict().items()
    }
