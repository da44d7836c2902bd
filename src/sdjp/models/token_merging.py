"""Token merging: self-attention over fewer tokens (Bolya & Hoffman 2023, arXiv 2303.17604).

Neighbouring places of a feature map look alike, so the most alike are averaged before self-attention, and all
that were averaged take its answer. The method is that of the paper's section 4: one place of each 2×2 cell is
a destination, the others are sources, and the sources most similar to their nearest destination are merged
into it (bipartite soft matching, Bolya et al. 2023, arXiv 2210.09461, section 3).

Axes: B batch, L tokens of a map of h w places, N destinations, S sources, R sources that are merged, D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Merge:
    """The merging in one call of the UNet.

    Attributes:
        ratio: Share of the tokens that are merged into others, above 0 and up to 0.75.
        size: (h, w) of the maps whose tokens are merged: those of the highest resolution.
        step: Destinations are others at each step, so that no place is preferred throughout a run.
    """

    ratio: float
    size: tuple[int, int]
    step: int = 0

    def match(self, x: Tensor) -> Matching:
        """Match the tokens x (B, L, D) of a map of ``size``; each picture by itself."""
        here = destinations(*self.size, self.step)
        dst, src = here.nonzero().flatten().to(x.device), (~here).nonzero().flatten().to(x.device)
        if len(dst) == 0:  # a map of one row or column
            none = src.new_empty(len(x), 0)
            return Matching(dst=dst, merged=none, into=none, alone=src.expand(len(x), -1))
        unit = F.normalize(x.float(), dim=-1)
        similarity, nearest = (unit[:, src] @ unit[:, dst].transpose(1, 2)).max(dim=-1)  # (B, S)
        merged = min(int(x.shape[1] * self.ratio), len(src))
        order = similarity.argsort(dim=-1, descending=True, stable=True)  # the most similar first
        return Matching(
            dst=dst,
            merged=src[order[:, :merged]],
            into=nearest.gather(1, order[:, :merged]),
            alone=src[order[:, merged:]],
        )


@dataclass(frozen=True, eq=False)
class Matching:
    """Pairs of tokens, one to be merged into the other, made by :meth:`Merge.match`.

    Attributes:
        dst: Places of the destinations, (N,).
        merged: Places of the sources that are merged, (B, R).
        into: For each of them its destination's index in ``dst``, (B, R).
        alone: Places of the other sources, (B, S - R).
    """

    dst: Tensor
    merged: Tensor
    into: Tensor
    alone: Tensor

    def merge(self, x: Tensor) -> Tensor:
        """Map tokens (B, L, D) to (B, L - R, D): destinations, averaged with what goes into them, and others.

        The mean is taken in float32.
        """
        sums = x[:, self.dst].float()
        sums = sums.scatter_add(1, _wide(self.into, x), x.gather(1, _wide(self.merged, x)).float())
        ones = torch.ones_like(self.into, dtype=torch.float32)
        counts = sums.new_ones(sums.shape[:2]).scatter_add(1, self.into, ones)
        return torch.cat([(sums / counts[..., None]).to(x.dtype), x.gather(1, _wide(self.alone, x))], dim=1)

    def unmerge(self, y: Tensor) -> Tensor:
        """Map what :meth:`merge` gave, (B, L - R, D), to (B, L, D): what was averaged has one answer."""
        N, R = len(self.dst), self.merged.shape[1]
        dst, alone = y[:, :N], y[:, N:]
        out = y.new_empty(y.shape[0], y.shape[1] + R, y.shape[2])
        out[:, self.dst] = dst
        out.scatter_(1, _wide(self.alone, y), alone)
        return out.scatter_(1, _wide(self.merged, y), dst.gather(1, _wide(self.into, y)))


@lru_cache(maxsize=64)
def destinations(h: int, w: int, step: int) -> Tensor:
    """Return which of h w places are destinations, (h w,) bool: one of each whole 2×2 cell.

    Drawn by a generator of its own: the same for every picture and in every batch.
    """
    rows, columns = h // 2, w // 2
    generator = torch.Generator("cpu").manual_seed(step)
    chosen = torch.randint(4, (rows, columns), generator=generator)
    here = torch.zeros(h, w, dtype=torch.bool)
    for place in range(4):
        here[place // 2 : 2 * rows : 2, place % 2 : 2 * columns : 2] = chosen == place
    return here.flatten()


def _wide(index: Tensor, x: Tensor) -> Tensor:
    """An index (B, n) for tokens x (B, L, D): (B, n, D)."""
    return index[..., None].expand(-1, -1, x.shape[-1])
