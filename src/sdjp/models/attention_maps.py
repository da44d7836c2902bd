"""What cross-attention looks at: the share of each token at each place of the picture (DAAM, Tang et al.
2022, arXiv 2210.04885, section 3.1).

Axes: B batch, L places of a feature map, M tokens, D width, K heads, h w latent sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F


def shares(q: Tensor, k: Tensor, heads: int, *, causal: bool = False) -> Tensor:
    """How much each query attends to each key, the mean over the heads; over all keys 1.

    Args:
        q: Queries (B, L, D).
        k: Keys (B, M, D).
        heads: K.
        causal: Let no query see a later key.

    Returns:
        (B, L, M) float32.
    """
    q, k = (rearrange(x.float(), "B L (K d) -> B K L d", K=heads) for x in (q, k))
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)  # (B, K, L, M)
    if causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
        scores = scores.masked_fill(later, float("-inf"))
    mean: Tensor = scores.softmax(dim=-1).mean(dim=1)
    return mean


@dataclass(frozen=True, eq=False)
class AttentionMaps:
    """The shares of attention, added up over heads, layers and calls of the UNet.

    They are computed beside the attention itself, whose numbers stay what they are.

    Attributes:
        sums: Shares of the tokens, (B, M, h, w) float32.
        counts: How often there was something to add at each place, (B, 1, h, w) float32.
    """

    sums: Tensor
    counts: Tensor

    @classmethod
    def empty(cls, pictures: int, tokens: int, size: tuple[int, int], device: torch.device) -> AttentionMaps:
        """Nothing yet, for so many pictures with so many tokens each, on a grid of ``size`` (h, w)."""
        return cls(
            torch.zeros(pictures, tokens, *size, device=device),
            torch.zeros(pictures, 1, *size, device=device),
        )

    def add(self, q: Tensor, k: Tensor, heads: int, size: tuple[int, int]) -> None:
        """Add the attention of one layer: the mean over its heads, resized to the grid (bicubic).

        Args:
            q: Queries (B', L, D) with B' >= B: of more rows the last count, for those without the prompt come
                first.
            k: Keys (B', M, D).
            heads: K.
            size: (h, w) of the layer's own map, h w = L.
        """
        pictures = len(self.sums)
        pairs = zip(q[-pictures:, None], k[-pictures:, None], strict=True)
        for row, (queries, keys) in enumerate(pairs):  # one by one: of M L K scores each
            share = shares(queries, keys, heads)[0].T.reshape(-1, *size)  # (M, h, w)
            own = self.sums.shape[-2:]
            if size != tuple(own):
                share = F.interpolate(share[None], size=own, mode="bicubic").clamp_(min=0)[0]
            self.sums[row] += share
        self.counts.add_(1)

    def window(self, rows: tuple[int, int], columns: tuple[int, int]) -> AttentionMaps:
        """A part of the grid, from and to before; what is added there is added here."""
        where = (..., slice(*rows), slice(*columns))
        return AttentionMaps(self.sums[where], self.counts[where])

    def by_rows(self, count: int) -> list[AttentionMaps | None]:
        """For each of ``count`` rows of a batch the maps of its picture; None for rows without the prompt."""
        own = [
            AttentionMaps(*row)
            for row in zip(self.sums.chunk(len(self.sums)), self.counts.chunk(len(self.sums)), strict=True)
        ]
        return [*[None] * (count - len(own)), *own]

    def mean(self) -> Tensor:
        """The mean over heads, layers and calls, (B, M, h, w) float32: of 0 to 1, and of 1 over all tokens
        (but for what resizing rounds).
        """
        return self.sums / self.counts
