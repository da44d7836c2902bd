"""The CLIP text encoder (Radford et al. 2021, section 2.4).

Axes: B batch, L tokens, D width.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.config import Activation, CLIPTextConfig
from sdjp.models.from_spec import from_spec
from sdjp.models.transformer import Attention, Layer


def quick_gelu(x: Tensor) -> Tensor:
    """OpenAI's approximation of GELU: x sigmoid(1.702 x)."""
    return x * torch.sigmoid(1.702 * x)


ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {"quick_gelu": quick_gelu, "gelu": F.gelu}


class CLIPText(nn.Module):
    """Token ids to text states.

    Its numbers are those of :class:`~sdjp.config.CLIPTextConfig`.
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
            Layer(width, Attention(width, heads, causal=True), mlp_width, activation=ACTIVATIONS[activation])
            for _ in range(layers)
        )
        self.norm_out = nn.LayerNorm(width)

    @classmethod
    def from_config(cls, config: CLIPTextConfig) -> CLIPText:
        """Build the text encoder that ``config`` describes."""
        return from_spec(cls, config)

    def hidden_states(self, ids: Tensor, *, clip_skip: int = 1) -> list[Tensor]:
        """Return the embeddings and the output of each layer, each (B, L, D), before the final norm.

        The layers after the one that ``clip_skip`` names, counted from the last, are left out.
        """
        mixed = ids.is_floating_point()
        tokens = ids @ self.token_embedding.weight if mixed else self.token_embedding(ids)
        x = tokens + self.position_embedding.weight[: ids.shape[1]]
        states = [x]
        for layer in list(self.layers)[: len(self.layers) + 1 - clip_skip]:
            x = layer(x)
            states.append(x)
        return states

    def rollout(self, ids: Tensor, *, clip_skip: int = 1) -> Tensor:
        """How much of each state comes from each token, (B, L, L) float32; the rows sum to 1.

        Attention rollout (Abnar & Zuidema 2020, arXiv 2005.00928, eq. 1): each layer is taken as half of what
        it attends to, in the mean over its heads, and half what it adds that to.

        Args:
            ids: Token ids (B, L) int64.
            clip_skip: As :meth:`forward` takes it.
        """
        *before, _ = self.hidden_states(ids, clip_skip=clip_skip)
        rolled = torch.eye(ids.shape[1], device=ids.device).expand(len(ids), -1, -1)
        for layer, x in zip(self.layers, before, strict=False):  # those after it are left out
            assert isinstance(layer, Layer)
            assert isinstance(layer.attention, Attention)
            rolled = (layer.attention.shares(layer.norm_attention(x)) @ rolled + rolled) / 2
        return rolled

    def forward(self, ids: Tensor, *, clip_skip: int = 1) -> Tensor:
        """Map token ids (B, L) int64, L at most ``max_length``, to text states (B, L, D).

        Where what a token is is not certain, ``ids`` are shares of all tokens (B, L, V), floating. The states
        are those of the layer that ``clip_skip`` names, counted from the last one, 1; the norm is the same.
        """
        out: Tensor = self.norm_out(self.hidden_states(ids, clip_skip=clip_skip)[-1])
        return out
