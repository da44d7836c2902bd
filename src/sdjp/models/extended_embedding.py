"""Token vectors with some more beside the table (textual inversion: Gal et al. 2022, arXiv 2208.01618)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ExtendedEmbedding(nn.Module):
    """Looks ids up in a table; the ids -1, -2 … in the vectors beside it. The table itself is not changed.

    Args:
        table: The embedding of a text encoder; its weight is shared.
        vectors: More vectors (n, D).
    """

    def __init__(self, table: nn.Embedding, vectors: Tensor) -> None:
        super().__init__()
        self.weight = table.weight
        self.vectors: Tensor
        self.register_buffer("vectors", vectors.to(table.weight), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids (B, L) int64 to vectors (B, L, D)."""
        inside = F.embedding(ids.clamp(min=0), self.weight)
        beside = self.vectors[(-1 - ids).clamp(min=0)]
        return torch.where(ids[..., None] < 0, beside, inside)
