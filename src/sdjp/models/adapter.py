"""A reader of Japanese that stands before the text encoder of a model, in the place of its table of tokens.

It tells what each of the 77 tokens would be if the prompt were in English, as shares of all tokens, and the
model's own encoder makes states of the mixture of their vectors: states that a UNet cannot tell from those of
English (the aim of AltCLIP: Chen et al. 2022, arXiv 2211.06679), by the very weights it was trained with.
Word orders differ, so tokens do not stand where the Japanese pieces do: one part reads the prompt, another
writes all tokens with attention to what was read (Vaswani et al. 2017, arXiv 1706.03762, but all at once, as
Gu et al. 2018, arXiv 1711.02281).

Axes: B batch, L pieces, S = 77 tokens, D width inside, V tokens of the other encoder, P width of its states.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.config import AdapterConfig
from sdjp.models.clip import CLIPText
from sdjp.models.from_spec import from_spec
from sdjp.models.transformer import Attention


class NormedAttention(Attention):
    """Attention to itself or to what was read, the norm before it included."""

    def __init__(self, width: int, heads: int, *, causal: bool = False) -> None:
        super().__init__(width, heads, causal=causal)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor | None = None, memory: Tensor | None = None) -> Tensor:
        """Norm x, and map it as :meth:`Attention.forward` does."""
        return super().forward(self.norm(x), mask, memory)


class Layer(nn.Module):
    """Attention, with ``cross`` attention to what was read, feed-forward; each is added to what comes in.

    With ``cross``, no place sees a later one, so that what is written does not depend on how much is.
    """

    def __init__(self, width: int, heads: int, mlp_width: int, *, cross: bool) -> None:
        super().__init__()
        self.attention = NormedAttention(width, heads, causal=cross)
        self.cross = NormedAttention(width, heads) if cross else None
        self.norm = nn.LayerNorm(width)
        self.mlp_in = nn.Linear(width, mlp_width)
        self.mlp_out = nn.Linear(mlp_width, width)

    def forward(self, x: Tensor, mask: Tensor, memory: Tensor | None = None) -> Tensor:
        """Map x (B, L, D), mask (B, M) bool and memory (B, M, D), or None with M = L, to (B, L, D)."""
        if self.cross is None:
            x = x + self.attention(x, mask)
        else:
            x = x + self.attention(x)
            x = x + self.cross(x, mask, memory)
        out: Tensor = x + self.mlp_out(F.gelu(self.mlp_in(self.norm(x))))
        return out


class Adapter(nn.Module):
    """Piece ids to text states.

    The empty prompt, which guidance compares with, has the model's own states exactly.

    Attributes:
        own: The text encoder of the model.

    Args:
        own: The text encoder of the model.
        tokens: V, the rows of its table.
        **numbers: Those of :class:`~sdjp.config.AdapterConfig`.
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
        pad_id: int,
        max_length: int,
        own: CLIPText,
        tokens: int,
        start_id: int,
        end_id: int,
    ) -> None:
        super().__init__()
        self.pad_id, self.start_id, self.end_id = pad_id, start_id, end_id
        self.piece_embedding = nn.Embedding(vocab_size, width)
        self.position_embedding = nn.Embedding(max_length, width)
        self.token_position = nn.Embedding(max_length - 2, width)  # all but the start and the last
        self.read = nn.ModuleList(Layer(width, heads, mlp_width, cross=False) for _ in range(read_layers))
        self.norm_read = nn.LayerNorm(width)
        self.write = nn.ModuleList(Layer(width, heads, mlp_width, cross=True) for _ in range(write_layers))
        self.norm_out = nn.LayerNorm(width)
        self.token = nn.Linear(width, tokens)
        self.own = own

    @classmethod
    def from_config(cls, config: AdapterConfig) -> Adapter:
        """Build the reader that ``config`` describes, and the encoder behind it."""
        return from_spec(cls, config, own=CLIPText.from_config(config.own), tokens=config.own.vocab_size)

    def written(self, ids: Tensor, count: int) -> Tensor:
        """Map ids (B, L) int64, each row with one end and then padding, to what stands for each of the first
        ``count`` tokens after the start: (B, count, D). ``token`` maps it to scores of all tokens.
        """
        mask = ids != self.pad_id
        x = self.piece_embedding(ids) + self.position_embedding.weight[: ids.shape[1]]
        for layer in self.read:
            x = layer(x, mask)
        memory = self.norm_read(x)
        y = self.token_position.weight[:count].expand(len(ids), -1, -1)  # (B, count, D)
        for layer in self.write:
            y = layer(y, mask, memory)
        out: Tensor = self.norm_out(y)
        return out

    def shares(self, scores: Tensor) -> Tensor:
        """Map scores of the first tokens after the start (B, n, V), as ``token`` gives them, to how much of
        each token stands at each place: (B, S, V).

        After an end there are only ends: a token counts as far as none before it is the end.
        """
        shares = scores.float().softmax(dim=-1)
        size, count, _ = shares.shape
        ended = shares[..., self.end_id]
        before = F.pad((1 - ended).cumprod(dim=1)[:, :-1], (1, 0), value=1.0)[..., None]
        start, end = _all_of(self.start_id, shares), _all_of(self.end_id, shares)
        written = before * shares + (1 - before) * end
        rest = end.expand(size, self.position_embedding.num_embeddings - 1 - count, -1)
        return torch.cat([start.expand(size, 1, -1), written, rest], dim=1)

    def likeliest(self, ids: Tensor) -> Tensor:
        """Map ids (B, L), as :meth:`forward` takes them, to the token with most of the share at each place:
        (B, S) int64.
        """
        return self.shares(self.token(self.written(ids, self.token_position.num_embeddings))).argmax(dim=-1)

    def forward(self, ids: Tensor, *, clip_skip: int = 1) -> Tensor:
        """Map ids (B, L) int64, each row with one end and then padding, to text states (B, S, P).

        They are those of a layer of the model's encoder, as :meth:`CLIPText.forward` counts them.
        """
        scores = self.token(self.written(ids, self.token_position.num_embeddings))
        nothing = (ids != self.pad_id).sum(dim=1) == 1  # but the end
        scores = torch.where(nothing[:, None, None], _all_of(self.end_id, scores).log(), scores)
        out: Tensor = self.own(self.shares(scores).to(self.token.weight.dtype), clip_skip=clip_skip)
        return out


def _all_of(token: int, like: Tensor) -> Tensor:
    """Shares (V,) of which ``token`` has all, in the dtype and on the device of ``like`` (…, V)."""
    return F.one_hot(torch.tensor(token, device=like.device), like.shape[-1]).to(like)
