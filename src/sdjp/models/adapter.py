"""A text encoder that reads Japanese in the place of another one that reads English.

Its states are to be those that the other gives for the English of a prompt, all 77 of them, so that a UNet
cannot tell them apart (as in AltCLIP: Chen et al. 2022, arXiv 2211.06679). Word orders differ, so the states
are not those of the Japanese pieces: one part reads the prompt, another writes 77 states with attention to
what was read (Vaswani et al. 2017, arXiv 1706.03762, but all at once).

Axes: B batch, L pieces, S = 77 states, D width inside, P width of the states that come out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.config import AdapterConfig
from sdjp.models.attention import attention


class Attention(nn.Module):
    """Attention of ``x`` to itself or to ``memory``, the norm before it included."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Map x (B, L, D), memory (B, M, D) and mask (B, M) bool of what may be seen to (B, L, D)."""
        y = self.norm(x)
        seen = y if memory is None else memory
        out: Tensor = self.out(attention(self.q(y), self.k(seen), self.v(seen), self.heads, mask=mask))
        return out


class Layer(nn.Module):
    """Attention, with ``cross`` attention to what was read, feed-forward; each is added to what comes in."""

    def __init__(self, width: int, heads: int, mlp_width: int, *, cross: bool) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.cross = Attention(width, heads) if cross else None
        self.norm = nn.LayerNorm(width)
        self.mlp_in = nn.Linear(width, mlp_width)
        self.mlp_out = nn.Linear(mlp_width, width)

    def forward(self, x: Tensor, mask: Tensor, memory: Tensor | None = None) -> Tensor:
        """Map x (B, L, D), mask (B, M) bool and memory (B, M, D), or None with M = L, to (B, L, D)."""
        if self.cross is None:
            x = x + self.attention(x, mask=mask)
        else:
            x = x + self.attention(x)
            x = x + self.cross(x, memory, mask)
        out: Tensor = x + self.mlp_out(F.gelu(self.mlp_in(self.norm(x))))
        return out


class Adapter(nn.Module):
    """Piece ids to text states.

    Attributes:
        empty: The states (S, P) that the other text encoder gives for the empty prompt; what words change is
            added to them. So the empty prompt, which guidance compares with, has the other's states exactly.

    Args:
        vocab_size: Pieces of the vocabulary.
        width: D.
        heads: Attention heads.
        mlp_width: Width inside the feed-forward blocks.
        read_layers: Layers over the pieces.
        write_layers: Layers over the states.
        projection: P.
        pad_id: Id of the padding.
        max_length: S, and the longest L.
    """

    def __init__(
        self,
        *,
        vocab_size: int,
        width: int,
        heads: int,
        mlp_width: int,
        read_layers: int,
        write_layers: int,
        projection: int,
        pad_id: int,
        max_length: int,
    ) -> None:
        super().__init__()
        self.pad_id = pad_id
        self.piece_embedding = nn.Embedding(vocab_size, width)
        self.position_embedding = nn.Embedding(max_length, width)
        self.state_embedding = nn.Embedding(max_length, width)
        self.read = nn.ModuleList(Layer(width, heads, mlp_width, cross=False) for _ in range(read_layers))
        self.norm_read = nn.LayerNorm(width)
        self.write = nn.ModuleList(Layer(width, heads, mlp_width, cross=True) for _ in range(write_layers))
        self.norm_out = nn.LayerNorm(width)
        self.projection = nn.Linear(width, projection)
        self.empty: Tensor
        self.register_buffer("empty", torch.zeros(max_length, projection))

    @classmethod
    def from_config(cls, config: AdapterConfig) -> Adapter:
        """Build the text encoder that ``config`` describes."""
        return cls(
            vocab_size=config.vocab_size,
            width=config.width,
            heads=config.heads,
            mlp_width=config.mlp_width,
            read_layers=config.read_layers,
            write_layers=config.write_layers,
            projection=config.projection,
            pad_id=config.pad_id,
            max_length=config.max_length,
        )

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids (B, L) int64, each row with one end and then padding, to text states (B, S, P)."""
        mask = ids != self.pad_id
        x = self.piece_embedding(ids) + self.position_embedding.weight[: ids.shape[1]]
        for layer in self.read:
            x = layer(x, mask)
        memory = self.norm_read(x)
        y = self.state_embedding.weight.expand(len(ids), -1, -1)  # (B, S, D)
        for layer in self.write:
            y = layer(y, mask, memory)
        words = mask.sum(dim=1) > 1  # more than the end
        change: Tensor = self.projection(self.norm_out(y)) * words[:, None, None]
        return self.empty + change
