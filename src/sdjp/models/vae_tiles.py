"""The autoencoder on large pictures, tile by tile, without seams.

A convolution sees only its surroundings: a tile with a margin around it gives the pixels that the whole
picture would give. Two parts of the autoencoder see everything. The attention in the middle runs on the whole
picture here as well, since it has only latent cells to go over. And GroupNorm measures mean and variance of
the whole picture: with those of a tile instead, each tile gets a contrast and a tint of its own. So the tiles
run several times: first to measure, each with its own statistics, then with those of all tiles together,
which are measured again, and at last to draw. After n measurements the first n norms have the very statistics
of the whole picture, and the others are close; docs/ja/img2img.md has figures.
"""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass
from typing import Final

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.models.vae import VAE, Gaussian

MARGIN: Final = 8
"""Latent cells around a tile that are computed and thrown away."""

MEASUREMENTS: Final = 2


def encode_tiled(
    vae: VAE, x: Tensor, *, tile: int, margin: int = MARGIN, measurements: int = MEASUREMENTS
) -> Gaussian:
    """Encode as :meth:`VAE.encode` does, in tiles of ``tile`` × ``tile`` latent cells."""
    encoder = vae.encoder
    front = nn.Sequential(encoder.conv_in, *encoder.levels)
    y = _over_tiles(front, x, vae.factor, tile, margin, measurements, down=True)
    y = encoder.conv_out(F.silu(encoder.norm_out(encoder.mid(y))))
    return Gaussian.from_moments(vae.quant_conv(y))


def decode_tiled(
    vae: VAE, z: Tensor, *, tile: int, margin: int = MARGIN, measurements: int = MEASUREMENTS
) -> Tensor:
    """Decode as :meth:`VAE.decode` does, in tiles of ``tile`` × ``tile`` latent cells."""
    decoder = vae.decoder
    y = decoder.mid(decoder.conv_in(vae.post_quant_conv(z)))
    back = nn.Sequential(*decoder.levels, decoder.norm_out, nn.SiLU(inplace=True), decoder.conv_out)
    return _over_tiles(back, y, vae.factor, tile, margin, measurements, down=False)


@dataclass(frozen=True)
class _Span:
    """One tile along one side, in latent cells: the part that is kept, and that with its margin."""

    start: int
    stop: int
    outer_start: int
    outer_stop: int

    def outer(self, scale: int) -> slice:
        return slice(self.outer_start * scale, self.outer_stop * scale)

    def kept(self, scale: int) -> slice:
        return slice(self.start * scale, self.stop * scale)

    def inside(self, length: int) -> slice:
        """The kept part within a tensor of any resolution that holds the tile with its margin."""
        cells = self.outer_stop - self.outer_start
        return slice(
            (self.start - self.outer_start) * length // cells,
            (self.stop - self.outer_start) * length // cells,
        )


def _spans(cells: int, tile: int, margin: int) -> list[_Span]:
    count = -(-cells // tile)
    edges = [i * cells // count for i in range(count + 1)]
    return [_Span(a, b, max(a - margin, 0), min(b + margin, cells)) for a, b in itertools.pairwise(edges)]


def _over_tiles(
    part: nn.Module, x: Tensor, factor: int, tile: int, margin: int, measurements: int, *, down: bool
) -> Tensor:
    """Run ``part`` over x (B, C, H, W) in tiles; ``down`` says that x has pixels and the result cells."""
    scale_in, scale_out = (factor, 1) if down else (1, factor)
    rows, columns = (_spans(side // scale_in, tile, margin) for side in x.shape[-2:])
    part, norms = _with_shared_norms(part)
    if x.device.type == "cpu":
        x = x.contiguous(memory_format=torch.channels_last)  # what its convolutions read best
    out: Tensor | None = None
    for turn in range(measurements + 1):
        for row in rows:
            for column in columns:
                for norm in norms:
                    norm.spans = (row, column)
                y: Tensor = part(x[..., row.outer(scale_in), column.outer(scale_in)])
                if turn < measurements:
                    continue
                if out is None:
                    sides = (side // scale_in * scale_out for side in x.shape[-2:])
                    out = y.new_empty(*y.shape[:2], *sides)
                kept = y[..., row.inside(y.shape[-2]), column.inside(y.shape[-1])]
                out[..., row.kept(scale_out), column.kept(scale_out)] = kept
        for norm in norms:
            norm.settle()
    assert out is not None
    return out


def _with_shared_norms(part: nn.Module) -> tuple[nn.Module, list[_SharedNorm]]:
    """A copy of a network for this call alone, with the very same weights and other norms."""
    part = copy.deepcopy(part, memo={id(p): p for p in part.parameters()})
    norms = []
    for module in list(part.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.GroupNorm):
                norms.append(_SharedNorm(child))
                setattr(module, name, norms[-1])
    return part, norms


def _moments(x: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Mean and variance of each group of channels of x (B, C, h, w): (B, G, 1) each, at least float32."""
    wide = torch.promote_types(x.dtype, torch.float32)
    pixels = rearrange(x, "B C h w -> B (h w) C")  # no copy where the channels are last
    # Of each channel first, then of the group: the mean of their variances and the spread of their means.
    var, mean = torch.var_mean(pixels.to(wide), dim=1, correction=0)  # (B, C)
    var, mean = (rearrange(moment, "B (G c) -> B G c", G=groups) for moment in (var, mean))
    spread, middle = torch.var_mean(mean, dim=2, correction=0, keepdim=True)
    return middle, var.mean(dim=2, keepdim=True) + spread


class _SharedNorm(nn.Module):
    """GroupNorm (Wu & He 2018, arXiv 1803.08494) whose mean and variance are those of all tiles together."""

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.norm = norm
        self.spans: tuple[_Span, _Span] | None = None
        self.moments: tuple[Tensor, Tensor] | None = None  # mean and variance, (B, G, 1) each
        self.sums: list[Tensor] = []  # of each tile: count, sum, sum of squares, (3, B, G, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x (B, C, h, w), and measure the part of it that is kept."""
        assert self.spans is not None
        row, column = self.spans
        kept = x[..., row.inside(x.shape[-2]), column.inside(x.shape[-1])]
        mean, var = _moments(kept, self.norm.num_groups)
        count = torch.full_like(mean, kept.shape[1:].numel() // self.norm.num_groups)
        self.sums.append(torch.stack([count, mean, var]).cpu().double())  # not every device has float64
        if self.moments is not None:
            mean, var = (moment.to(mean) for moment in self.moments)
        each = [self._normalise(*of_one) for of_one in zip(x, mean, var, strict=True)]
        return each[0] if len(each) == 1 else torch.cat(each)

    def _normalise(self, x: Tensor, mean: Tensor, var: Tensor) -> Tensor:
        """Map x (C, h, w) with moments (G, 1) to (1, C, h, w): a batch norm with given statistics."""
        each = x.shape[0] // self.norm.num_groups
        mean, var = (moment.flatten().repeat_interleave(each) for moment in (mean, var))
        weight, bias = self.norm.weight.to(mean), self.norm.bias.to(mean)
        return F.batch_norm(x[None], mean, var, weight, bias, eps=self.norm.eps)

    def settle(self) -> None:
        """Put what the tiles measured together (variance of a mixture: mean of variances and of means)."""
        count, mean, var = torch.stack(self.sums, dim=1)  # (tiles, B, G, 1) each
        share = count / count.sum(dim=0)
        whole = (share * mean).sum(dim=0)
        spread = (share * (var + (mean - whole) ** 2)).sum(dim=0)
        self.moments = whole, spread
        self.sums = []
