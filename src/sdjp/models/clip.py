"""The CLIP text encoder (Radford et al. 2021, section 2.4).

Axes: B batch, L tokens, D width.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.config import Activation, CLIPTextConfig
from sdjp.models.attention import attention


def quick_gelu(x: Tensor) -> Tensor:
    """OpenAI's approximation of GELU: x sigmoid(1.702 x)."""
    return x * torch.sigmoid(1.702 * x)


ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {"quick_gelu": quick_gelu, "gelu": F.gelu}


class SelfAttention(nn.Module):
    """Multi-head self-attention; ``causal`` lets no token see a later one."""

    def __init__(self, width: int, heads: int, *, causal: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.causal = causal
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map x (B, L, D), and mask (B, L) bool of the tokens to be seen, to (B, L, D)."""
        q, k, v = self.q(x), self.k(x), self.v(x)
        out: Tensor = self.out(attention(q, k, v, self.heads, causal=self.causal, mask=mask))
        return out


class CLIPLayer(nn.Module):
    """Attention and feed-forward, each normed first and added back."""

    def __init__(
        self, width: int, heads: int, mlp_width: int, activation: Activation, *, causal: bool
    ) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads, causal=causal)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp_in = nn.Linear(width, mlp_width)
        self.mlp_out = nn.Linear(mlp_width, width)
        self.activation = ACTIVATIONS[activation]

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, L, D) to the same shape."""
        x = x + self.attention(self.norm_attention(x))
        out: Tensor = x + self.mlp_out(self.activation(self.mlp_in(self.norm_mlp(x))))
        return out


class CLIPText(nn.Module):
    """Token ids to text states.

    Args:
        vocab_size: Entries of the byte-pair table.
        width: D.
        layers: Transformer layers.
        heads: Attention heads.
        mlp_width: Width inside the feed-forward block.
        max_length: The longest L.
        activation: ``"quick_gelu"`` or ``"gelu"``.
    """

    def __init__(
        self,
        *,
        vocab_size: int,
        width: int,
        layers: int,
        heads: int,
        mlp_width: int,
        max_length: int,
        activation: Activation,
    ) -> None:
        super().__init__()
        self.max_length = max_length
        self.token_embedding = nn.Embedding(vocab_size, width)
        self.position_embedding = nn.Embedding(max_length, width)
        self.layers = nn.ModuleList(
            CLIPLayer(width, heads, mlp_width, activation, causal=True) for _ in range(layers)
        )
        self.norm_out = nn.LayerNorm(width)

    @classmethod
    def from_config(cls, config: CLIPTextConfig) -> CLIPText:
        """Build the text encoder that ``config`` describes."""
        return cls(
            vocab_size=config.vocab_size,
            width=config.width,
            layers=config.layers,
            heads=config.heads,
            mlp_width=config.mlp_width,
            max_length=config.max_length,
            activation=config.activation,
        )

    def hidden_states(self, ids: Tensor) -> list[Tensor]:
        """Return the embeddings and the output of each layer, each (B, L, D), before the final norm."""
        mixed = ids.is_floating_point()
        tokens = ids @ self.token_embedding.weight if mixed else self.token_embedding(ids)
        x = tokens + self.position_embedding.weight[: ids.shape[1]]
        states = [x]
        for layer in self.layers:
            x = layer(x)
            states.append(x)
        return states

    def forward(self, ids: Tensor) -> Tensor:
        """Map token ids (B, L) int64, L at most ``max_length``, to text states (B, L, D).

        Where what a token is is not certain, ``ids`` are shares of all tokens (B, L, V), floating.
        """
        out: Tensor = self.norm_out(self.hidden_states(ids)[-1])
        return out
