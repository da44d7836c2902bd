"""The networks as they are, operation by operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from sdjp.models import VAE, UNet


class Eager:
    """Calls the networks themselves: any device, any size, no memory beyond theirs."""

    name = "eager"
    shortcuts = True

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        pass

    def unet(self, unet: UNet) -> Callable[..., Tensor]:
        """Return the network itself."""
        return unet

    def decoder(self, vae: VAE) -> Callable[[Tensor], Tensor]:
        """Return the network's own method."""
        return vae.decode
