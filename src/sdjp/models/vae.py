"""The autoencoder between pictures and latents (Rombach et al. 2022, section 3.1; KL-regularised).

Axes: B batch, C channels, H W pixels, h w latent cells (H / factor, W / factor).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.config import VAEConfig
from sdjp.models.attention import attention
from sdjp.models.blocks import Downsample, ResBlock, Upsample
from sdjp.models.from_spec import from_spec

EPS = 1e-6


@dataclass(frozen=True)
class Gaussian:
    """The diagonal Gaussian that the encoder gives.

    Attributes:
        mean: (B, latent_channels, h, w).
        logvar: The same shape, clamped to [-30, 20].
    """

    mean: Tensor
    logvar: Tensor

    @classmethod
    def from_moments(cls, moments: Tensor) -> Gaussian:
        """Split moments (B, 2 latent_channels, h, w) into mean and log-variance."""
        mean, logvar = moments.chunk(2, dim=1)
        return cls(mean, logvar.clamp(-30.0, 20.0))

    @property
    def std(self) -> Tensor:
        """Standard deviation, the shape of ``mean``."""
        return torch.exp(0.5 * self.logvar)

    def sample(self, noise: Tensor) -> Tensor:
        """Mean plus std times ``noise`` (standard normal, the shape of ``mean``)."""
        return self.mean + self.std * noise

    def kl(self) -> Tensor:
        """KL divergence to the standard normal, summed over all but the batch (Kingma & Welling 2014)."""
        return 0.5 * (self.mean**2 + self.logvar.exp() - 1.0 - self.logvar).sum(dim=(1, 2, 3))


class AttentionBlock(nn.Module):
    """Single-head self-attention over all positions."""

    def __init__(self, channels: int, *, norm_groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(norm_groups, channels, eps=EPS)
        self.q = nn.Conv2d(channels, channels, 1)
        self.k = nn.Conv2d(channels, channels, 1)
        self.v = nn.Conv2d(channels, channels, 1)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, h, w) to the same shape."""
        y = self.norm(x)
        q, k, v = (rearrange(f(y), "B C h w -> B (h w) C") for f in (self.q, self.k, self.v))
        # By reshape rather than einops: for a single picture the strides differ, and with them the rounding.
        y = attention(q, k, v, heads=1).transpose(1, 2).reshape(x.shape)  # (B, C, h, w)
        out: Tensor = self.proj_out(y)
        out += x
        return out


class Middle(nn.Module):
    """Residual block, attention, residual block: the lowest level of both halves."""

    def __init__(self, channels: int, *, norm_groups: int) -> None:
        super().__init__()
        self.res_in = ResBlock(channels, channels, time_dim=None, norm_groups=norm_groups, eps=EPS)
        self.attn = AttentionBlock(channels, norm_groups=norm_groups)
        self.res_out = ResBlock(channels, channels, time_dim=None, norm_groups=norm_groups, eps=EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, h, w) to the same shape."""
        out: Tensor = self.res_out(self.attn(self.res_in(x)))
        return out


class Level(nn.Module):
    """The residual blocks of one resolution and the resampling to the next, if there is one."""

    def __init__(
        self, res: Sequence[ResBlock], *, down: Downsample | None = None, up: Upsample | None = None
    ):
        super().__init__()
        self.res = nn.ModuleList(res)
        self.down = down
        self.up = up

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the channels and sides of the next level."""
        for block in self.res:
            x = block(x)
        if self.down is not None:
            x = self.down(x)
        if self.up is not None:
            x = self.up(x)
        return x


class Encoder(nn.Module):
    """Picture to moments."""

    def __init__(
        self,
        *,
        in_channels: int,
        ch: int,
        ch_mult: Sequence[int],
        num_res_blocks: int,
        latent_channels: int,
        norm_groups: int,
    ) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(in_channels, ch, 3, padding=1)
        levels, channels = [], ch
        for i, mult in enumerate(ch_mult):
            blocks = []
            for _ in range(num_res_blocks):
                blocks.append(ResBlock(channels, ch * mult, time_dim=None, norm_groups=norm_groups, eps=EPS))
                channels = ch * mult
            last = i == len(ch_mult) - 1
            levels.append(Level(blocks, down=None if last else Downsample(channels, asymmetric=True)))
        self.levels = nn.ModuleList(levels)
        self.mid = Middle(channels, norm_groups=norm_groups)
        self.norm_out = nn.GroupNorm(norm_groups, channels, eps=EPS)
        self.conv_out = nn.Conv2d(channels, 2 * latent_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 3, H, W) to (B, 2 latent_channels, h, w)."""
        x = self.conv_in(x)
        for level in self.levels:
            x = level(x)
        out: Tensor = self.conv_out(F.silu(self.norm_out(self.mid(x)), inplace=True))
        return out


class Decoder(nn.Module):
    """Latent to picture."""

    def __init__(
        self,
        *,
        out_channels: int,
        ch: int,
        ch_mult: Sequence[int],
        num_res_blocks: int,
        latent_channels: int,
        norm_groups: int,
    ) -> None:
        super().__init__()
        channels = ch * ch_mult[-1]
        self.conv_in = nn.Conv2d(latent_channels, channels, 3, padding=1)
        self.mid = Middle(channels, norm_groups=norm_groups)
        levels = []  # from the lowest resolution up
        for i, mult in reversed(list(enumerate(ch_mult))):
            blocks = []
            for _ in range(num_res_blocks + 1):
                blocks.append(ResBlock(channels, ch * mult, time_dim=None, norm_groups=norm_groups, eps=EPS))
                channels = ch * mult
            levels.append(Level(blocks, up=Upsample(channels) if i > 0 else None))
        self.levels = nn.ModuleList(levels)
        self.norm_out = nn.GroupNorm(norm_groups, channels, eps=EPS)
        self.conv_out = nn.Conv2d(channels, out_channels, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """Map (B, latent_channels, h, w) to (B, 3, H, W)."""
        x = self.mid(self.conv_in(z))
        for level in self.levels:
            x = level(x)
        out: Tensor = self.conv_out(F.silu(self.norm_out(x), inplace=True))
        return out


class VAE(nn.Module):
    """Autoencoder with a Gaussian latent.

    Its numbers are those of :class:`~sdjp.config.VAEConfig`.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        latent_channels: int,
        ch: int,
        ch_mult: Sequence[int],
        num_res_blocks: int,
        norm_groups: int,
        scaling_factor: float,
    ) -> None:
        super().__init__()
        self.scaling_factor = scaling_factor
        self.factor = 2 ** (len(ch_mult) - 1)
        self.encoder = Encoder(
            in_channels=in_channels,
            ch=ch,
            ch_mult=ch_mult,
            num_res_blocks=num_res_blocks,
            latent_channels=latent_channels,
            norm_groups=norm_groups,
        )
        self.decoder = Decoder(
            out_channels=in_channels,
            ch=ch,
            ch_mult=ch_mult,
            num_res_blocks=num_res_blocks,
            latent_channels=latent_channels,
            norm_groups=norm_groups,
        )
        self.quant_conv = nn.Conv2d(2 * latent_channels, 2 * latent_channels, 1)
        self.post_quant_conv = nn.Conv2d(latent_channels, latent_channels, 1)

    @classmethod
    def from_config(cls, config: VAEConfig) -> VAE:
        """Build the autoencoder that ``config`` describes."""
        return from_spec(cls, config)

    def encode(self, x: Tensor) -> Gaussian:
        """Encode pictures (B, 3, H, W) in [-1, 1], sides multiples of ``factor``; latents unscaled."""
        return Gaussian.from_moments(self.quant_conv(self.encoder(x)))

    def decode(self, z: Tensor) -> Tensor:
        """Decode unscaled latents (B, latent_channels, h, w) to pictures (B, 3, H, W), about [-1, 1]."""
        out: Tensor = self.decoder(self.post_quant_conv(z))
        return out
