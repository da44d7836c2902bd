"""Convolutional parts shared by the UNet and the autoencoder.

Axes: B batch, C channels, h w height and width, D width of the time embedding.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class ResBlock(nn.Module):
    """Two times norm, SiLU, convolution, the time embedding added between (He et al. 2016; Ho et al. 2020).

    Args:
        in_channels: Channels in.
        out_channels: Channels out; where they differ, a 1×1 convolution carries the input around.
        time_dim: Width of the time embedding, or None for a block without one (the autoencoder).
        norm_groups: Groups of both GroupNorms.
        eps: Their epsilon: 1e-5 in the UNet, 1e-6 in the autoencoder.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, time_dim: int | None, norm_groups: int, eps: float
    ) -> None:
        super().__init__()
        self.norm_in = nn.GroupNorm(norm_groups, in_channels, eps=eps)
        self.conv_in = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.time_proj = None if time_dim is None else nn.Linear(time_dim, out_channels)
        self.norm_out = nn.GroupNorm(norm_groups, out_channels, eps=eps)
        self.conv_out = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.shortcut = None if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, time: Tensor | None = None) -> Tensor:
        """Map x (B, in_channels, h, w) and time (B, D) to (B, out_channels, h, w)."""
        out: Tensor = self.conv_out(self.inner(x, time))
        out += x if self.shortcut is None else self.shortcut(x)
        return out

    def inner(self, x: Tensor, time: Tensor | None = None) -> Tensor:
        """Map them to what the last convolution takes, (B, out_channels, h, w)."""
        # What nobody else holds is written over: large maps cost more to fetch than to compute.
        y = self.conv_in(F.silu(self.norm_in(x), inplace=True))
        if self.time_proj is not None and time is not None:
            y += self.time_proj(F.silu(time))[:, :, None, None]
        return F.silu(self.norm_out(y), inplace=True)


class Downsample(nn.Module):
    """Halve both sides with a strided 3×3 convolution.

    Args:
        channels: Channels in and out.
        asymmetric: Pad right and bottom only, as the autoencoder does; the UNet pads all around.
    """

    def __init__(self, channels: int, *, asymmetric: bool = False) -> None:
        super().__init__()
        self.asymmetric = asymmetric
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=0 if asymmetric else 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, h, w) to (B, C, h/2, w/2), rounded up for odd sides in the UNet."""
        if self.asymmetric:
            x = F.pad(x, (0, 1, 0, 1))
        one_column = x.shape[-1] < (5 if self.asymmetric else 3)
        if one_column and x.device.type == "cpu" and x.element_size() == 2:
            # For a single column in 16 bits oneDNN reads memory that nobody has written (torch 2.13, on AMX),
            # and gives NaN at times. So it gets more of the zeros that surround x, for more columns.
            return self.conv(F.pad(x, (0, 3)))[..., :1]  # type: ignore[no-any-return]
        out: Tensor = self.conv(x)
        return out


class Upsample(nn.Module):
    """Double both sides by nearest neighbour, then a 3×3 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Map (B, C, h, w) to (B, C, 2h, 2w), or to ``size`` where a skip with odd sides waits."""
        if size is None:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        else:
            x = F.interpolate(x, size=size, mode="nearest")
        out: Tensor = self.conv(x)
        return out
