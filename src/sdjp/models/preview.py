"""Rough pictures of latents without the decoder: a linear map from each cell and its neighbours to pixels.

Axes: B batch, C channels, h w latent cells, k cells on a side, p pixels of one cell on a side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from sdjp.models.vae import VAE

REACH: Final = 3
"""k: cells on a side that a cell's pixels are made of."""
PATCH: Final = 4
"""p, at most: pixels of a cell on a side."""
SAMPLES: Final = 32
"""Pictures that a map is fitted to."""
SIDE: Final = 16
"""Latent cells of these on a side."""
SCALES: Final = (1, 2, 4, 8, SIDE)
"""Cells on a side of the random numbers that a random latent is the sum of: broad colours, and detail."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PreviewMap:
    """A linear map from latents, as the UNet knows them, to a small picture.

    Attributes:
        weight: (3 p², C, k, k) float32; for each channel of the picture the p² pixels of a cell, row by row.
        bias: (3 p²).
    """

    weight: Tensor
    bias: Tensor

    @property
    def channels(self) -> int:
        """C."""
        return int(self.weight.shape[1])

    @property
    def patch(self) -> int:
        """p."""
        return int((len(self.bias) // 3) ** 0.5)

    def __call__(self, x: Tensor) -> Tensor:
        """Map latents (B, C, h, w) to pixels (B, 3, p h, p w), about [-1, 1]."""
        k = self.weight.shape[-1]
        x = F.pad(x.float(), (k // 2,) * 4, mode="replicate")
        pixels = F.conv2d(x, self.weight.to(x.device), self.bias.to(x.device))
        return F.pixel_shuffle(pixels, self.patch)


def preview_map(vae: VAE, latents: Tensor | None = None) -> PreviewMap:
    """Fit the map of an autoencoder to its own decoder, by least squares.

    It decodes 32 pictures of 16 × 16 cells, which takes as long as two or three pictures of the usual size.

    Args:
        vae: The autoencoder.
        latents: Latents to fit it to, as the UNet knows them, (B, C, h, w); random ones, broad and fine, if
            None.
    """
    weight = vae.post_quant_conv.weight
    channels = int(weight.shape[0])
    x = random_latents(channels) if latents is None else latents.float()
    with torch.no_grad():
        pixels = torch.cat(
            [
                vae.decode((one / vae.scaling_factor).to(weight.device, weight.dtype)).float().cpu()
                for one in x.chunk(len(x))
            ]
        ).clamp(-1, 1)
        patch = min(PATCH, vae.factor)
        small = F.interpolate(pixels, size=[side * patch for side in x.shape[-2:]], mode="area")
        targets = F.pixel_unshuffle(small, patch).permute(0, 2, 3, 1).flatten(0, 2).double()
        around = F.unfold(F.pad(x.cpu(), (REACH // 2,) * 4, mode="replicate"), REACH)
        columns = around.transpose(1, 2).flatten(0, 1).double()
        columns = torch.cat([columns, torch.ones(len(columns), 1, dtype=torch.float64)], dim=1)
        squares = columns.T @ columns
        # A trace of ridge, for channels that a decoder does not read.
        squares.diagonal().add_(1e-6 * squares.diagonal().mean())
        solved = torch.linalg.solve(squares, columns.T @ targets).float()
    return PreviewMap(
        weight=solved[:-1].T.reshape(-1, channels, REACH, REACH).contiguous(), bias=solved[-1].contiguous()
    )


def random_latents(channels: int) -> Tensor:
    """The same random latents each time, (32, channels, 16, 16), of unit variance as the UNet knows them."""
    generator = torch.Generator().manual_seed(0)
    x = torch.zeros(SAMPLES, channels, SIDE, SIDE)
    for side in SCALES:
        coarse = torch.randn(SAMPLES, channels, side, side, generator=generator)
        x += F.interpolate(coarse, size=(SIDE, SIDE), mode="bilinear")
    return x / x.std()


SD_V1_MAP: Final = PreviewMap(
    weight=torch.tensor([
        [0.3512, 0.3250, -0.2829, -0.2120],
        [0.2297, 0.4974, 0.1762, -0.2616],
        [0.3227, 0.2350, 0.2721, -0.7177],
    ])[:, :, None, None],
    bias=torch.zeros(3),
)  # fmt: skip
"""Of the latents of Stable Diffusion v1, one pixel a cell. The numbers are those that ComfyUI publishes
(``latent_rgb_factors`` of ``SD15`` in its ``latent_formats.py``); they were not measured here."""
