"""Attention and the transformer blocks of the UNet.

Axes: B batch, L queries, M keys, D width, K heads, C channels, h w latent sides.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final, TypeAlias

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from sdjp.models.attention_maps import AttentionMaps
from sdjp.models.token_merging import Merge

Record: TypeAlias = Callable[[Tensor, Tensor, int], None]
"""Takes note of queries (B, L, D), keys (B, M, D) and heads."""

LONG: Final = 1024
QUERIES: Final = 512
"""Keys from which, and queries with which, :func:`by_queries` runs."""


def attention(
    q: Tensor, k: Tensor, v: Tensor, heads: int, *, causal: bool = False, mask: Tensor | None = None
) -> Tensor:
    """Scaled dot-product attention (Vaswani et al. 2017, eq. 1) over ``heads`` heads.

    Args:
        q: Queries (B, L, D).
        k: Keys (B, M, D).
        v: Values (B, M, D).
        heads: K; D must be a multiple of it.
        causal: Let no query see a later key.
        mask: Keys that may be seen, (B, M) bool; all, if None.

    Returns:
        (B, L, D).
    """
    q, k, v = (rearrange(x, "B L (K d) -> B K L d", K=heads) for x in (q, k, v))
    seen = None if mask is None else mask[:, None, None]  # (B, 1, 1, M)
    if q.requires_grad and q.device.type == "cpu":
        # In training the scores are needed twice: to keep them is faster than to compute them anew.
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)  # (B, K, L, M)
        if causal:
            later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
            scores = scores.masked_fill(later, float("-inf"))
        if seen is not None:
            scores = scores.masked_fill(~seen, float("-inf"))
        weighted: Tensor = scores.softmax(dim=-1) @ v
        return rearrange(weighted, "B K L d -> B L (K d)")
    if (
        q.dtype == torch.bfloat16
        and q.device.type == "cpu"
        and k.shape[2] >= LONG
        and mask is None
        and not causal
        and not _has_matrix_unit()
    ):
        return by_queries(q, k, v)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=causal)
    return rearrange(out, "B K L d -> B L (K d)")


@functools.cache
def _has_matrix_unit() -> bool:
    """Whether this processor multiplies blocks of bfloat16 (AMX). Softmax is then what attention waits for,
    and the fused operation, which passes over the scores once, takes half the time of :func:`by_queries`.
    """
    probe = getattr(torch.cpu, "_is_amx_tile_supported", None)  # torch 2.6 and later
    return probe is not None and bool(probe())


def by_queries(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The same in bfloat16 on a CPU, one head and some queries at a time.

    The fused operation computes it in pieces too small for the processor's bfloat16 products: over 4096 keys
    on two cores with AVX512-BF16 it reaches 130 GFLOP/s, plain products with scores that stay in the cache
    183. The softmax runs in float32, as in the fused one.

    Args:
        q: Queries (B, K, L, D/K).
        k: Keys (B, K, M, D/K).
        v: Values (B, K, M, D/K).

    Returns:
        (B, L, D).
    """
    B, K, L, width = q.shape
    out = q.new_empty(B, L, K, width)
    for b in range(B):
        for head in range(K):
            keys = (k[b, head] * width**-0.5).transpose(0, 1).contiguous()  # (D/K, M)
            values = v[b, head].contiguous()
            for first in range(0, L, QUERIES):
                some = slice(first, first + QUERIES)
                weights = (q[b, head, some] @ keys).softmax(dim=-1)
                out[b, some, head] = weights @ values
    return rearrange(out, "B L K d -> B L (K d)")


class Attention(nn.Module):
    """Multi-head attention from ``width`` to a context of ``context_dim``; to itself if both are one."""

    def __init__(self, width: int, context_dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context_dim, width, bias=False)
        self.to_v = nn.Linear(context_dim, width, bias=False)
        self.to_out = nn.Linear(width, width)

    def forward(self, x: Tensor, context: Tensor, record: Record | None = None) -> Tensor:
        """Map x (B, L, width), context (B, M, context_dim) to (B, L, width)."""
        out: Tensor = self.to_out(self.attend(self.to_q(x), context, record))
        return out

    def attend(self, q: Tensor, context: Tensor, record: Record | None = None) -> Tensor:
        """Map queries (B, L, width), context (B, M, context_dim) to the values they take, (B, L, width)."""
        k, v = self.to_k(context), self.to_v(context)
        if record is not None:
            record(q, k, self.heads)
        return attention(q, k, v, self.heads)


class GEGLU(nn.Module):
    """Feed-forward block with a gated GELU (Shazeer 2020, arXiv 2002.05202), four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj_in = nn.Linear(width, width * 8)
        self.proj_out = nn.Linear(width * 4, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, L, width) to the same shape."""
        value, gate = self.proj_in(x).chunk(2, dim=-1)
        out: Tensor = self.proj_out(value * F.gelu(gate))
        return out


class TransformerBlock(nn.Module):
    """Self-attention, cross-attention to the text, feed-forward; each normed first and added back."""

    def __init__(self, width: int, context_dim: int, heads: int) -> None:
        super().__init__()
        self.norm_self = nn.LayerNorm(width)
        self.self_attention = Attention(width, width, heads)
        self.norm_cross = nn.LayerNorm(width)
        self.cross_attention = Attention(width, context_dim, heads)
        self.norm_feed_forward = nn.LayerNorm(width)
        self.feed_forward = GEGLU(width)

    def forward(
        self, x: Tensor, context: Tensor, merge: Merge | None = None, record: Record | None = None
    ) -> Tensor:
        """Map x (B, L, width), context (B, M, context_dim) to (B, L, width)."""
        y = self.norm_self(x)
        if merge is None:
            x = x + self.self_attention(y, y)
        else:
            tokens = merge.match(x)
            y = tokens.merge(y)
            x = x + tokens.unmerge(self.self_attention(y, y))
        x = x + self.cross_attention(self.norm_cross(x), context, record)
        out: Tensor = self.feed_forward(self.norm_feed_forward(x))
        out += x
        return out


class SpatialTransformer(nn.Module):
    """A transformer block over the positions of a feature map (Rombach et al. 2022, appendix E.2.1)."""

    def __init__(self, channels: int, context_dim: int, heads: int, *, norm_groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(norm_groups, channels, eps=1e-6)
        self.proj_in = nn.Conv2d(channels, channels, 1)
        self.block = TransformerBlock(channels, context_dim, heads)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(
        self, x: Tensor, context: Tensor, merge: Merge | None = None, maps: AttentionMaps | None = None
    ) -> Tensor:
        """Map x (B, C, h, w), context (B, M, context_dim) to (B, C, h, w)."""
        h, w = x.shape[-2:]
        record = None if maps is None else functools.partial(maps.add, size=(h, w))
        merge = merge if merge is not None and merge.size == (h, w) else None
        # By views rather than einops: for a single picture the strides differ, and with them the rounding.
        y = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)  # (B, h w, C)
        y = self.block(y, context, merge, record).transpose(1, 2).unflatten(2, (h, w))  # (B, C, h, w)
        out: Tensor = self.proj_out(y)
        out += x
        return out
