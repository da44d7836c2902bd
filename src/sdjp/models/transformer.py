"""Attention and the transformer layer that the text and image encoders share (Vaswani et al. 2017).

Axes: B batch, L tokens, M tokens that are attended to, D width.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.models.attention import attention
from sdjp.models.attention_maps import shares


class Attention(nn.Module):
    """Multi-head attention to itself or to a memory; ``causal`` lets no token see a later one."""

    def __init__(self, width: int, heads: int, *, causal: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.causal = causal
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None = None, memory: Tensor | None = None) -> Tensor:
        """Map x (B, L, D), mask (B, M) bool of what may be seen, and memory (B, M, D) to (B, L, D).

        Without ``memory`` x is its own, and M is L.
        """
        seen = x if memory is None else memory
        q, k, v = self.q(x), self.k(seen), self.v(seen)
        out: Tensor = self.out(attention(q, k, v, self.heads, causal=self.causal, mask=mask))
        return out

    def shares(self, x: Tensor) -> Tensor:
        """How much each of x (B, L, D) attends to each, (B, L, L), the mean over the heads; rows sum to 1."""
        return shares(self.q(x), self.k(x), self.heads, causal=self.causal)


class Layer(nn.Module):
    """Attention and feed-forward, each added to what comes in.

    Args:
        width: D.
        attention: Maps x (B, L, D), and mask (B, L) if there is one, to (B, L, D).
        mlp_width: Width inside the feed-forward block.
        activation: Between its two layers.
        norm_first: Norm what each of the two takes, rather than the sums.
    """

    def __init__(
        self,
        width: int,
        attention: nn.Module,
        mlp_width: int,
        *,
        activation: Callable[[Tensor], Tensor] = F.gelu,
        norm_first: bool = True,
    ) -> None:
        super().__init__()
        self.norm_first = norm_first
        self.norm_attention = nn.LayerNorm(width)
        self.attention = attention
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp_in = nn.Linear(width, mlp_width)
        self.mlp_out = nn.Linear(mlp_width, width)
        self.activation = activation

    def forward(self, x: Tensor, *mask: Tensor) -> Tensor:
        """Map x (B, L, D), and mask (B, L) bool of the tokens to be seen, to (B, L, D)."""
        if self.norm_first:
            x = x + self.attention(self.norm_attention(x), *mask)
            out: Tensor = x + self._mlp(self.norm_mlp(x))
        else:
            x = self.norm_attention(x + self.attention(x, *mask))
            out = self.norm_mlp(x + self._mlp(x))
        return out

    def _mlp(self, x: Tensor) -> Tensor:
        out: Tensor = self.mlp_out(self.activation(self.mlp_in(x)))
        return out
