"""ControlNet: a copy of the encoder half of a UNet that reads a picture, too (Zhang et al. 2023, arXiv
2302.05543, section 3.2).

Axes: B batch, C channels, H W pixels, h w latent sides, M text tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.config import ControlNetConfig
from sdjp.models.from_spec import from_spec
from sdjp.models.unet import UNet


class HintEncoder(nn.Module):
    """Brings a hint, the picture that controls, to the size and width of the UNet's first level.

    Args:
        channels: Width after each halving, the first before any of them.
        out_channels: Width of what comes out.
    """

    def __init__(self, channels: Sequence[int], out_channels: int) -> None:
        super().__init__()
        layers = [nn.Conv2d(3, channels[0], 3, padding=1)]
        for width, wider in pairwise(channels):
            layers.append(nn.Conv2d(width, width, 3, padding=1))
            layers.append(nn.Conv2d(width, wider, 3, padding=1, stride=2))
        layers.append(nn.Conv2d(channels[-1], out_channels, 3, padding=1))
        self.layers = nn.ModuleList(layers)

    def forward(self, hint: Tensor) -> Tensor:
        """Map a hint (B, 3, H, W) in [0, 1] to features (B, out_channels, h, w)."""
        *inner, last = self.layers
        for layer in inner:
            hint = F.silu(layer(hint), inplace=True)
        out: Tensor = last(hint)
        return out


class ControlNet(nn.Module):
    """The network beside a UNet; its numbers are those of the UNet, and those of :class:`HintEncoder`.

    ``zero`` are the zero convolutions of the paper: they are 0 before training, and nothing is controlled.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        model_channels: int,
        channel_mult: Sequence[int],
        num_res_blocks: int,
        attention: Sequence[bool],
        num_heads: int,
        context_dim: int,
        norm_groups: int,
        hint_channels: Sequence[int],
    ) -> None:
        super().__init__()
        copied = UNet(
            in_channels=in_channels,
            out_channels=in_channels,
            model_channels=model_channels,
            channel_mult=channel_mult,
            num_res_blocks=num_res_blocks,
            attention=attention,
            num_heads=num_heads,
            context_dim=context_dim,
            norm_groups=norm_groups,
        )
        self.time_embedding, self.conv_in, self.down = copied.time_embedding, copied.conv_in, copied.down
        self.mid_in, self.mid_attn, self.mid_out = copied.mid_in, copied.mid_attn, copied.mid_out
        self.hint = HintEncoder(hint_channels, model_channels)
        widths = [model_channels]
        for level, mult in enumerate(channel_mult):
            resampled = level < len(channel_mult) - 1
            widths += [model_channels * mult] * (num_res_blocks + resampled)
        self.zero = nn.ModuleList(nn.Conv2d(width, width, 1) for width in widths)
        self.zero_mid = nn.Conv2d(widths[-1], widths[-1], 1)

    @classmethod
    def from_config(cls, config: ControlNetConfig) -> ControlNet:
        """Build the ControlNet that ``config`` describes."""
        return from_spec(cls, config.unet, hint_channels=config.hint_channels)

    def forward(
        self, x: Tensor, t: Tensor, context: Tensor, hint: Tensor, *, depth: int | None = None
    ) -> list[Tensor]:
        """Return what is to be added to the skips of the UNet, and last to its middle.

        Args:
            x: Noisy latents (B, in_channels, h, w).
            t: Timesteps (B,) in [0, T), whole or fractional.
            context: Text states (B, M, context_dim).
            hint: What ``self.hint`` made of the picture, (1 or B, model_channels, h, w).
            depth: Only so many, those of the first skips; None: all.

        Returns:
            A tensor for each skip of the UNet, from the first, and one for its middle.
        """
        time = self.time_embedding(t)
        x = self.conv_in(x) + hint
        # Each is taken at once: a block that follows may write over x.
        residuals = [self.zero[0](x)]
        for row, zero in zip(self.down, list(self.zero)[1:], strict=True):
            if len(residuals) == depth:
                return residuals
            x = row(x, time, context)
            residuals.append(zero(x))
        if len(residuals) == depth:
            return residuals
        x = self.mid_out(self.mid_attn(self.mid_in(x, time), context), time)
        residuals.append(self.zero_mid(x))
        return residuals
