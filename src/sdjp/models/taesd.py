"""The decoder of TAESD (madebyollin/taesd): tiny, distilled from that of Stable Diffusion.

Convolutions and ReLU, no norms and no attention; the numbers of its layers are those of its files.
Axes: B batch, C channels, h w latent cells.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BLOCKS: Final = (3, 3, 3, 1)
"""Blocks at each resolution; between two of them the sides double."""


class Clamp(nn.Module):
    """Latents softly within [-3, 3]."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, h, w) to the same shape."""
        return torch.tanh(x / 3) * 3


class Block(nn.Module):
    """Three convolutions beside what goes in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, width, h, w) to the same shape."""
        return F.relu(self.conv(x) + x)


class TAESDDecoder(nn.Module):
    """Latents, as the UNet knows them, to a picture.

    Args:
        channels: C.
        width: Channels inside; 64 in what is published.
    """

    def __init__(self, *, channels: int = 4, width: int = 64) -> None:
        super().__init__()
        self.channels = channels
        layers: list[nn.Module] = [Clamp(), nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
        for count in BLOCKS[:-1]:
            layers += [Block(width) for _ in range(count)]
            layers += [nn.Upsample(scale_factor=2), nn.Conv2d(width, width, 3, padding=1, bias=False)]
        layers += [Block(width) for _ in range(BLOCKS[-1])]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, 3, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Map latents (B, C, h, w) to pixels (B, 3, 8 h, 8 w), about [-1, 1], float32."""
        dtype = next(self.parameters()).dtype
        return torch.cat([self.layers(one.to(dtype)).float() for one in x.chunk(len(x))]) * 2 - 1
