"""IP-Adapter: pictures as prompts (Ye et al. 2023, arXiv 2308.06721).

What an image encoder sees in a picture becomes a few tokens beside those of the text, and each
cross-attention of the UNet has keys and values of their own for them ("decoupled cross-attention", eq. 5):

    out = Attention(Q, K, V) + scale · Attention(Q, K', V')

The tokens stand at the end of the context, twice: as they are, for the keys, and times ``scale``, for the
values. V' has no bias, so that scale · Attention(Q, K', V') is what comes of it, and the UNet need not know
the scale.

Axes: B batch, L queries, M text tokens, N image tokens, S states of the image encoder, E their width,
D width inside, C width of the text states.
"""

from __future__ import annotations

import copy

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.models.attention import Attention, Record, attention
from sdjp.models.unet import UNet

HEAD_WIDTH = 64
"""Width of one head in the published resamplers."""


class LinearProjection(nn.Module):
    """One linear layer from the embedding of a picture to all its tokens (section 3.2.1).

    Args:
        embedding: E, the width of the embedding.
        width: C.
        tokens: N of one picture; 4 in the published files.
    """

    of_states = False
    """Whether it takes the states of the image encoder, rather than the embedding."""

    def __init__(self, embedding: int, width: int, tokens: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.linear = nn.Linear(embedding, tokens * width)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Map embeddings (B, E) to (B, N, C)."""
        out: Tensor = self.norm(rearrange(self.linear(x), "B (N C) -> B N C", N=self.tokens))
        return out


class StateProjection(nn.Module):
    """A token for each state of the image encoder, by a small network ("full" in the published files).

    Args:
        embedding: E.
        width: C.
        tokens: N of one picture: the states of the encoder.
    """

    of_states = True

    def __init__(self, embedding: int, width: int, tokens: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.linear_in = nn.Linear(embedding, embedding)
        self.linear_out = nn.Linear(embedding, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Map states (B, N, E) to (B, N, C)."""
        out: Tensor = self.norm(self.linear_out(F.gelu(self.linear_in(x))))
        return out


class ResamplerLayer(nn.Module):
    """Attention of the latents to the states and to themselves, and feed-forward; each is added."""

    def __init__(self, width: int, inner: int, mlp_width: int) -> None:
        super().__init__()
        self.heads = inner // HEAD_WIDTH
        self.norm_states = nn.LayerNorm(width)
        self.norm_latents = nn.LayerNorm(width)
        self.q = nn.Linear(width, inner, bias=False)
        self.kv = nn.Linear(width, inner * 2, bias=False)
        self.out = nn.Linear(inner, width, bias=False)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp_in = nn.Linear(width, mlp_width, bias=False)
        self.mlp_out = nn.Linear(mlp_width, width, bias=False)

    def forward(self, x: Tensor, states: Tensor) -> Tensor:
        """Map latents x (B, N, D) and states (B, S, D) to latents (B, N, D)."""
        y = self.norm_latents(x)
        k, v = self.kv(torch.cat([self.norm_states(states), y], dim=1)).chunk(2, dim=-1)
        x = x + self.out(attention(self.q(y), k, v, self.heads))
        out: Tensor = x + self.mlp_out(F.gelu(self.mlp_in(self.norm_mlp(x))))
        return out


class Resampler(nn.Module):
    """Latents that look at the states of the image encoder and become the tokens ("plus" in the published
    files; the resampler of Flamingo, Alayrac et al. 2022, arXiv 2204.14198, section 2.1).

    Args:
        embedding: E.
        width: C.
        tokens: N of one picture; 16 in the published files.
        latent_width: D.
        inner: Width of the queries, a multiple of 64.
        mlp_width: Width inside the feed-forward blocks.
        layers: How many of them.
    """

    of_states = True

    def __init__(
        self,
        embedding: int,
        width: int,
        tokens: int,
        *,
        latent_width: int,
        inner: int,
        mlp_width: int,
        layers: int,
    ) -> None:
        super().__init__()
        self.tokens = tokens
        self.latents = nn.Parameter(torch.empty(1, tokens, latent_width))
        nn.init.normal_(self.latents, std=latent_width**-0.5)
        self.proj_in = nn.Linear(embedding, latent_width)
        self.layers = nn.ModuleList(ResamplerLayer(latent_width, inner, mlp_width) for _ in range(layers))
        self.proj_out = nn.Linear(latent_width, width)
        self.norm_out = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Map states (B, S, E) to (B, N, C)."""
        states = self.proj_in(x)
        latents = self.latents.expand(len(x), -1, -1)
        for layer in self.layers:
            latents = layer(latents, states)
        out: Tensor = self.norm_out(self.proj_out(latents))
        return out


Projection = LinearProjection | StateProjection | Resampler


class IPAdapter(nn.Module):
    """An adapter: from what an image encoder sees to tokens, and a key and a value layer for each attention.

    Args:
        projection: To the tokens.
        widths: The width of each cross-attention that it is for, as :func:`cross_attentions` orders them.
        context_dim: C.
    """

    def __init__(self, projection: Projection, widths: tuple[int, ...], context_dim: int) -> None:
        super().__init__()
        self.projection = projection
        self.to_k = nn.ModuleList(nn.Linear(context_dim, width, bias=False) for width in widths)
        self.to_v = nn.ModuleList(nn.Linear(context_dim, width, bias=False) for width in widths)


class DecoupledAttention(Attention):
    """A cross-attention with keys and values of their own for the image tokens at the end of the context.

    Its parts are shared with the attention that it stands for.

    Args:
        text: The attention to the text.
        to_k: Keys of the image tokens.
        to_v: Their values.
        tokens: N, of all pictures together.
    """

    def __init__(self, text: Attention, to_k: nn.Module, to_v: nn.Module, tokens: int) -> None:
        nn.Module.__init__(self)  # the layers are there already
        self.heads = text.heads
        self.to_q, self.to_k, self.to_v, self.to_out = text.to_q, text.to_k, text.to_v, text.to_out
        self.to_k_image, self.to_v_image = to_k, to_v
        self.tokens = tokens

    def attend(self, q: Tensor, context: Tensor, record: Record | None = None) -> Tensor:
        """Map queries (B, L, width), context (B, M + 2 N, C) to (B, L, width)."""
        text = context[:, : -2 * self.tokens]
        keys, values = context[:, -2 * self.tokens :].chunk(2, dim=1)
        seen = attention(q, self.to_k_image(keys), self.to_v_image(values), self.heads)
        return super().attend(q, text, record) + seen


def with_tokens(states: Tensor, tokens: Tensor, scale: float) -> Tensor:
    """Put image tokens (1, N, C) at the end of text states (B, M, C), as :class:`DecoupledAttention` reads
    them: (B, M + 2 N, C).
    """
    both = torch.cat([tokens, scale * tokens], dim=1).to(states)
    return torch.cat([states, both.expand(len(states), -1, -1)], dim=1)


def cross_attentions(unet: UNet) -> list[str]:
    """The names of the cross-attentions of a UNet in the order of an adapter: down, up, then the middle."""
    rows = [
        f"{part}.{n}.attn" for part in ("down", "up") for n, row in enumerate(getattr(unet, part)) if row.attn
    ]
    return [f"{name}.block.cross_attention" for name in (*rows, "mid_attn")]


def decoupled(unet: UNet, adapter: IPAdapter, tokens: int) -> UNet:
    """Return a copy of a UNet whose cross-attentions look at ``tokens`` image tokens, too; it shares all
    tensors with both.
    """
    memo = {id(tensor): tensor for tensor in (*unet.parameters(), *unet.buffers())}
    twin = copy.deepcopy(unet, memo)
    for name, to_k, to_v in zip(cross_attentions(unet), adapter.to_k, adapter.to_v, strict=True):
        parent, _, leaf = name.rpartition(".")
        text = twin.get_submodule(name)
        assert isinstance(text, Attention)
        setattr(twin.get_submodule(parent), leaf, DecoupledAttention(text, to_k, to_v, tokens))
    return twin
