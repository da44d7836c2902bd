"""The denoiser: a UNet over latents, conditioned on time and text (Rombach et al. 2022, section 3.3).

Axes: B batch, C channels, h w latent sides, M text tokens, D width of the time embedding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.config import UNetConfig
from sdjp.models.attention import SpatialTransformer
from sdjp.models.attention_maps import AttentionMaps
from sdjp.models.blocks import Downsample, ResBlock, Upsample
from sdjp.models.from_spec import from_spec
from sdjp.models.token_merging import Merge

SHALLOW: Final = 2
"""Rows on the way up that are computed at every step, also where the deep part is reused.

Two: with one, 12 steps of the embedded model lose 6 dB to reuse at every second step; with two, 1 dB."""


@dataclass(eq=False)
class DeepFeatures:
    """The output of the deep part of the UNet, which changes slowly from step to step (DeepCache, Ma et al.
    2023, arXiv 2312.00858, section 3.2).

    Attributes:
        x: What enters the shallow rows on the way up, (B, C, h, w). None: the next call of the UNet computes
            it and leaves it here; after that, calls take it from here.
    """

    x: Tensor | None = None


def timestep_embedding(t: Tensor, dim: int, *, max_period: float = 10000.0) -> Tensor:
    """Sinusoidal embedding of timesteps, cosines first (Vaswani et al. 2017, section 3.5).

    Args:
        t: Timesteps (B,), whole or fractional.
        dim: Width; an odd one ends in a zero.
        max_period: The longest period is 2 pi times this.

    Returns:
        (B, dim) float32.
    """
    half = dim // 2
    freqs = torch.exp(-math.log(max_period) * torch.arange(half, dtype=torch.float32, device=t.device) / half)
    args = t.float()[:, None] * freqs[None]
    embedding = torch.cat([args.cos(), args.sin()], dim=-1)
    return F.pad(embedding, (0, dim % 2))


class TimeEmbedding(nn.Module):
    """Two linear layers over the sinusoidal embedding."""

    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.channels = channels
        self.linear_in = nn.Linear(channels, dim)
        self.linear_out = nn.Linear(dim, dim)

    def forward(self, t: Tensor) -> Tensor:
        """Map t (B,) to (B, D)."""
        x = timestep_embedding(t, self.channels).to(self.linear_in.weight.dtype)
        out: Tensor = self.linear_out(F.silu(self.linear_in(x)))
        return out


class Row(nn.Module):
    """One row of the table that a UNet is: any of residual block, transformer, resampling, in this order."""

    def __init__(
        self,
        *,
        res: ResBlock | None = None,
        attn: SpatialTransformer | None = None,
        down: Downsample | None = None,
        up: Upsample | None = None,
    ) -> None:
        super().__init__()
        self.res = res
        self.attn = attn
        self.down = down
        self.up = up

    def forward(
        self,
        x: Tensor,
        time: Tensor,
        context: Tensor,
        size: tuple[int, int] | None = None,
        merge: Merge | None = None,
        maps: AttentionMaps | None = None,
    ) -> Tensor:
        """Map x (B, C, h, w) on; ``size`` is what an upsampling row has to reach."""
        if self.res is not None:
            x = self.res(x, time)
        if self.attn is not None:
            x = self.attn(x, context, merge, maps)
        if self.down is not None:
            x = self.down(x)
        if self.up is not None:
            x = self.up(x, size)
        return x


class UNet(nn.Module):
    """The UNet of Stable Diffusion v1, at any width and depth.

    Its numbers are those of :class:`~sdjp.config.UNetConfig`.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        out_channels: int,
        model_channels: int,
        channel_mult: Sequence[int],
        num_res_blocks: int,
        attention: Sequence[bool],
        num_heads: int,
        context_dim: int,
        norm_groups: int,
    ) -> None:
        super().__init__()
        time_dim = model_channels * 4
        widths = [model_channels * m for m in channel_mult]

        def res(channels: int, out: int) -> ResBlock:
            return ResBlock(channels, out, time_dim=time_dim, norm_groups=norm_groups, eps=1e-5)

        def attn(channels: int) -> SpatialTransformer:
            return SpatialTransformer(channels, context_dim, num_heads, norm_groups=norm_groups)

        self.time_embedding = TimeEmbedding(model_channels, time_dim)
        self.conv_in = nn.Conv2d(in_channels, model_channels, 3, padding=1)

        down, skips, channels = [], [model_channels], model_channels
        for level, width in enumerate(widths):
            for _ in range(num_res_blocks):
                down.append(Row(res=res(channels, width), attn=attn(width) if attention[level] else None))
                channels = width
                skips.append(channels)
            if level < len(widths) - 1:
                down.append(Row(down=Downsample(channels)))
                skips.append(channels)
        self.down = nn.ModuleList(down)

        self.mid_in = res(channels, channels)
        self.mid_attn = attn(channels)
        self.mid_out = res(channels, channels)

        up = []
        for level, width in reversed(list(enumerate(widths))):
            for i in range(num_res_blocks + 1):
                last = i == num_res_blocks and level > 0
                up.append(
                    Row(
                        res=res(channels + skips.pop(), width),
                        attn=attn(width) if attention[level] else None,
                        up=Upsample(width) if last else None,
                    )
                )
                channels = width
        self.up = nn.ModuleList(up)

        self.norm_out = nn.GroupNorm(norm_groups, channels, eps=1e-5)
        self.conv_out = nn.Conv2d(channels, out_channels, 3, padding=1)

    @classmethod
    def from_config(cls, config: UNetConfig) -> UNet:
        """Build the UNet that ``config`` describes."""
        return from_spec(cls, config)

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        context: Tensor,
        *,
        merge: Merge | None = None,
        deep: DeepFeatures | None = None,
        maps: AttentionMaps | None = None,
        residuals: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """Predict the noise (or v) in ``x``.

        Args:
            x: Noisy latents (B, in_channels, h, w), any h and w.
            t: Timesteps (B,) in [0, T), whole or fractional.
            context: Text states (B, M, context_dim).
            merge: Tokens to merge before self-attention; None: none.
            deep: What the deep part gave at an earlier call, or where it is to be left; None: neither.
            maps: Where the cross-attention to each token is added up; None: nowhere.
            residuals: What a ControlNet adds to the skips, and last to the middle; None: nothing. Where the
                deep part is reused, those of the skips that are computed are enough.

        Returns:
            (B, out_channels, h, w).
        """
        reused = None if deep is None else deep.x
        down, up = list(self.down), list(self.up)
        if reused is not None:  # what lies around the deep part
            down, up = down[: SHALLOW - 1], up[-SHALLOW:]
        time = self.time_embedding(t)
        x = self.conv_in(x)
        skips = [x]
        for row in down:
            x = row(x, time, context, merge=merge, maps=maps)
            skips.append(x)
        if reused is None:
            x = self.mid_out(self.mid_attn(self.mid_in(x, time), context, maps=maps), time)
        else:
            x = reused
        if residuals is not None:
            skips = [skip + residual for skip, residual in zip(skips, residuals, strict=False)]
            x = x + residuals[-1] if reused is None else x
        for row in up:
            if deep is not None and len(skips) == SHALLOW:
                deep.x = x
            x = torch.cat([x, skips.pop()], dim=1)
            # Odd sides: upsampling has to reach the size of the skip that waits.
            size = (skips[-1].shape[-2], skips[-1].shape[-1]) if skips else None
            x = row(x, time, context, size, merge, maps)
        out: Tensor = self.conv_out(F.silu(self.norm_out(x), inplace=True))
        return out
