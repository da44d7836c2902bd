"""The text encoder of the latent diffusion trained on LAION-400M (Rombach et al. 2022, appendix E.2.1).

A transformer over word pieces that every token sees both ways, normed before each block; padding is seen like
any other token, as in training.

Axes: B batch, L tokens, D width.
"""

from __future__ import annotations

from torch import Tensor, nn

from sdjp.config import BertConfig
from sdjp.models.attention import attention
from sdjp.models.from_spec import from_spec
from sdjp.models.transformer import Layer


class BertAttention(nn.Module):
    """Multi-head self-attention whose heads together need not be as wide as the states."""

    def __init__(self, width: int, heads: int, head_width: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, heads * head_width, bias=False)
        self.to_k = nn.Linear(width, heads * head_width, bias=False)
        self.to_v = nn.Linear(width, heads * head_width, bias=False)
        self.to_out = nn.Linear(heads * head_width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, L, D) to the same shape."""
        out: Tensor = self.to_out(attention(self.to_q(x), self.to_k(x), self.to_v(x), self.heads))
        return out


class Bert(nn.Module):
    """Token ids to text states.

    Its numbers are those of :class:`~sdjp.config.BertConfig`.
    """

    def __init__(
        self,
        *,
        vocab_size: int,
        width: int,
        layers: int,
        heads: int,
        head_width: int,
        mlp_width: int,
        max_length: int,
    ) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(vocab_size, width)
        self.position_embedding = nn.Embedding(max_length, width)
        self.layers = nn.ModuleList(
            Layer(width, BertAttention(width, heads, head_width), mlp_width) for _ in range(layers)
        )
        self.norm_out = nn.LayerNorm(width)

    @classmethod
    def from_config(cls, config: BertConfig) -> Bert:
        """Build the text encoder that ``config`` describes."""
        return from_spec(cls, config)

    def forward(self, ids: Tensor) -> Tensor:
        """Map token ids (B, L) int64, L at most ``max_length``, to text states (B, L, D)."""
        x = self.token_embedding(ids) + self.position_embedding.weight[: ids.shape[1]]
        for layer in self.layers:
            x = layer(x)
        out: Tensor = self.norm_out(x)
        return out
