"""3×3 convolutions with 16 products where there are 36: Winograd's F(2×2, 3×3).

Lavin & Gray 2016, arXiv 1509.09308, equation 8 and section 4.1: a tile of 2×2 pixels of the result Y comes of
4×4 pixels d of the picture and the kernel g as

    Y = A^T [ (G g G^T) * (B^T d B) ] A

where * is one product for each of the 16 places, summed over the channels: 16 products of matrices, which
PyTorch's bmm takes at the full rate of the processor. G g G^T is computed once. The transforms are sums and
differences; they run over a few rows of tiles at a time, so that what lies between stays in the cache.

float32 only: the differences cost about as much accuracy as another order of summation does, too much of what
16 bits have.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

CHANNELS: Final = 64
TILES: Final = 64
"""Channels, in and out, and tiles of one picture from which on it is faster; below, transforms cost more."""

IN_CACHE: Final = 8 << 20
"""Bytes of the transformed picture that are worked on at a time."""


def suits(conv: nn.Conv2d) -> bool:
    """Whether a convolution is one that this module computes."""
    return (
        conv.weight.dtype == torch.float32
        and conv.kernel_size == (3, 3)
        and conv.padding == (1, 1)
        and conv.stride == (1, 1)
        and min(conv.weight.shape[:2]) >= CHANNELS
    )


def large_enough(x: Tensor) -> bool:
    """Whether pictures x (B, C, h, w) have so many tiles that it is worth it."""
    return ((x.shape[-2] + 1) // 2) * ((x.shape[-1] + 1) // 2) >= TILES


def kernel(weight: Tensor) -> Tensor:
    """Return G g G^T of a kernel (O, C, 3, 3): (16, C, O) float32."""
    g = weight.permute(2, 3, 1, 0).contiguous()  # (3, 3, C, O)
    Gg = g.new_empty(4, *g.shape[1:])
    _halves(list(g), list(Gg))
    U = g.new_empty(4, 4, *g.shape[2:])
    _halves([Gg[:, i] for i in range(3)], [U[:, i] for i in range(4)])
    return U.flatten(0, 1)


def convolve(x: Tensor, U: Tensor, bias: Tensor | None) -> Tensor:
    """Convolve with padding 1.

    Args:
        x: Pictures (B, C, h, w), best with the channels last in memory.
        U: What :func:`kernel` gave, (16, C, O).
        bias: (O,), or None.

    Returns:
        (B, O, h, w), the channels last in memory.
    """
    B, C, h, w = x.shape
    O = U.shape[2]  # noqa: E741  (the paper's K; K is heads here)
    rows, columns = (h + 1) // 2, (w + 1) // 2
    n = min(max(IN_CACHE // (16 * 4 * columns * max(C, O)), 1), rows)  # rows of tiles at a time
    pixels = x.permute(0, 2, 3, 1)
    out = x.new_empty(B, 2 * rows, 2 * columns, O)
    d = x.new_zeros(2 * n + 2, 2 * columns + 2, C)  # zeros around the picture
    Bd = x.new_empty(4, n, 2 * columns + 2, C)
    V = x.new_empty(4, 4, n, columns, C)
    M = x.new_empty(4, 4, n, columns, O)
    AM = x.new_empty(2, 4, n, columns, O)
    for picture, result in zip(pixels, out, strict=True):
        for first in range(0, rows, n):
            row = 2 * min(first, rows - n)  # the last rows go along with some that are done
            _take(picture, row - 1, d)
            _differences([d[i : i + 2 * n : 2] for i in range(4)], list(Bd))  # B^T d
            along = [Bd[:, :, j : j + 2 * columns : 2] for j in range(4)]
            _differences(along, [V[:, j] for j in range(4)])  # (B^T d) B
            torch.bmm(V.view(16, n * columns, C), U, out=M.view(16, n * columns, O))
            _sums(list(M), list(AM))  # A^T M
            for i in range(2):
                pair = [result[row + i : row + 2 * n : 2, j::2] for j in range(2)]
                _sums(list(AM[i]), pair)  # (A^T M) A
                if bias is not None:
                    for part in pair:
                        part += bias
    return out[:, :h, :w].permute(0, 3, 1, 2)


def _take(picture: Tensor, first: int, d: Tensor) -> None:
    """Copy rows from ``first`` on of a picture (h, w, C) into d (rows, columns, C), zeros outside of it."""
    h, w = picture.shape[:2]
    start, stop = max(first, 0), min(first + d.shape[0], h)
    d[: start - first].zero_()
    d[stop - first :].zero_()
    d[start - first : stop - first, 1 : w + 1] = picture[start:stop]


def _halves(g: list[Tensor], out: list[Tensor]) -> None:
    """G g."""
    ends = (g[0] + g[2]) / 2
    out[0].copy_(g[0])
    torch.add(ends, g[1], alpha=0.5, out=out[1])
    torch.sub(ends, g[1], alpha=0.5, out=out[2])
    out[3].copy_(g[2])


def _differences(d: list[Tensor], out: list[Tensor]) -> None:
    """B^T d."""
    torch.sub(d[0], d[2], out=out[0])
    torch.add(d[1], d[2], out=out[1])
    torch.sub(d[2], d[1], out=out[2])
    torch.sub(d[1], d[3], out=out[3])


def _sums(m: list[Tensor], out: list[Tensor]) -> None:
    """A^T m."""
    torch.add(m[0], m[1], out=out[0]).add_(m[2])
    torch.sub(m[1], m[2], out=out[1]).sub_(m[3])
