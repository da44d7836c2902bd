"""The networks as they are, operation by operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sdjp.engines.base import Engine, channels_last

if TYPE_CHECKING:
    from sdjp.models import VAE, ControlNet, UNet


class Eager(Engine):
    """Calls the networks themselves: any device, any size, no memory beyond theirs."""

    name = "eager"
    shortcuts = True

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self._on_cpu = device.type == "cpu"

    def unet(self, unet: UNet) -> Callable[..., Tensor]:
        """Return the network itself."""
        return channels_last(unet) if self._on_cpu else unet

    def control(self, network: ControlNet) -> Callable[..., list[Tensor]]:
        """Return the network itself."""
        return channels_last(network) if self._on_cpu else network

    def decoder(self, vae: VAE) -> Callable[[Tensor], Tensor]:
        """Return the network's own method."""
        return channels_last(vae.decode) if self._on_cpu else vae.decode
