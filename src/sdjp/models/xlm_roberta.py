"""The text encoder of AltDiffusion: XLM-R (Conneau et al. 2020, arXiv 1911.02116), then a linear layer.

The linear layer leads to the space of CLIP's text states (AltCLIP: Chen et al. 2022, arXiv 2211.06679).

Axes: B batch, L tokens, D width inside, P width of the states that come out.
"""

from __future__ import annotations

from torch import Tensor, nn

from sdjp.config import XLMRobertaConfig
from sdjp.models.from_spec import from_spec
from sdjp.models.transformer import Attention, Layer


class XLMRoberta(nn.Module):
    """Token ids to text states.

    Its numbers are those of :class:`~sdjp.config.XLMRobertaConfig`.
    """

    def __init__(
        self,
        *,
        vocab_size: int,
        width: int,
        layers: int,
        heads: int,
        mlp_width: int,
        positions: int,
        projection: int,
        pad_id: int,
        pre_projection: bool,
    ) -> None:
        super().__init__()
        self.pad_id = pad_id
        self.token_embedding = nn.Embedding(vocab_size, width)
        self.position_embedding = nn.Embedding(positions, width)
        self.type_embedding = nn.Embedding(1, width)
        self.norm_in = nn.LayerNorm(width)
        self.layers = nn.ModuleList(
            Layer(width, Attention(width, heads), mlp_width, norm_first=False) for _ in range(layers)
        )
        self.projection = nn.Linear(width, projection)  # in every file, used or not
        self.pre_norm = nn.LayerNorm(width) if pre_projection else None
        self.pre_projection = nn.Linear(width, projection) if pre_projection else None

    @classmethod
    def from_config(cls, config: XLMRobertaConfig) -> XLMRoberta:
        """Build the text encoder that ``config`` describes."""
        return from_spec(cls, config)

    def hidden_states(self, ids: Tensor) -> list[Tensor]:
        """Return the normed embeddings and the output of each layer, each (B, L, D)."""
        mask = ids != self.pad_id
        # Positions count from pad_id + 1 and pass over the padding, which has the position pad_id.
        places = mask.cumsum(dim=1) * mask + self.pad_id
        x = self.token_embedding(ids) + self.position_embedding(places) + self.type_embedding.weight[0]
        states = [self.norm_in(x)]
        for layer in self.layers:
            states.append(layer(states[-1], mask))
        return states

    def forward(self, ids: Tensor) -> Tensor:
        """Map token ids (B, L) int64, padding at the end of each row, to text states (B, L, P)."""
        states = self.hidden_states(ids)
        if self.pre_norm is None or self.pre_projection is None:
            out: Tensor = self.projection(states[-1])
        else:
            out = self.pre_projection(self.pre_norm(states[-2]))
        return out
