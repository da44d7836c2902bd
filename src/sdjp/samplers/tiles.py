"""Denoising in overlapping tiles: MultiDiffusion (Bar-Tal et al. 2023, arXiv 2302.08113).

Another wrapper around the model. Memory is that of one tile, whatever the size of the picture, and the model
sees the size that it was trained on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdjp.samplers.base import Denoise

if TYPE_CHECKING:
    from torch import Tensor


def tiled(denoise: Denoise, *, tile: int, overlap: int) -> Denoise:
    """Ask the model tile by tile and average its answers where tiles overlap.

    That is equation 5 of the paper for one step: what all tiles agree on stays as it is. The weights rise
    smoothly from the edge of a tile to its middle, so that no tile begins or ends visibly.

    Args:
        denoise: The model; a picture no larger than a tile goes to it whole.
        tile: Side of a tile in latent cells.
        overlap: Cells that neighbours share at least, less than ``tile``.
    """

    def over_tiles(x: Tensor, t: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        rows, columns = windows(height, tile, overlap), windows(width, tile, overlap)
        if len(rows) == len(columns) == 1:
            return denoise(x, t)
        total = weights = None
        for top, bottom in rows:
            for left, right in columns:
                eps = denoise(x[..., top:bottom, left:right], t)
                weight = _ramp(bottom - top, overlap, x)[:, None] * _ramp(right - left, overlap, x)
                if total is None or weights is None:
                    total = eps.new_zeros(*eps.shape[:-2], height, width)
                    weights = weight.new_zeros(height, width)
                total[..., top:bottom, left:right] += weight * eps
                weights[top:bottom, left:right] += weight
        assert total is not None
        assert weights is not None
        return total / weights

    return over_tiles


def windows(length: int, tile: int, overlap: int) -> list[tuple[int, int]]:
    """Begin and end of each tile along one side: as few as reach, evenly spread, the last at the very end."""
    if length <= tile:
        return [(0, length)]
    count = -(-(length - overlap) // (tile - overlap))
    starts = (i * (length - tile) // (count - 1) for i in range(count))
    return [(start, start + tile) for start in starts]


def _ramp(length: int, overlap: int, like: Tensor) -> Tensor:
    """Weights along one side, (length,): up over the overlap, flat, down again; never 0."""
    import torch

    place = torch.arange(length, dtype=like.dtype, device=like.device)
    edge = torch.minimum(place, place.flip(0)) + 1  # 1 at either end
    return (edge / (overlap + 1)).clamp(max=1) ** 2 * (3 - 2 * (edge / (overlap + 1)).clamp(max=1))
