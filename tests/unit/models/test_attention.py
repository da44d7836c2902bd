"""Attention has one result: by the fused operation, query by query, and as in training."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sdjp.models import attention as module


def inputs(dtype: torch.dtype = torch.float32, *, keys: int = 24) -> tuple[Tensor, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(2)
    q = torch.randn(2, 40, 16, generator=rng).to(dtype)
    k, v = torch.randn(2, 2, keys, 16, generator=rng).to(dtype)
    return q, k, v


def textbook(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Vaswani et al. 2017, eq. 1, head by head in float64."""
    out = []
    for a, b, c in zip(*(x.double().chunk(heads, dim=-1) for x in (q, k, v)), strict=True):
        out.append(torch.softmax(a @ b.transpose(1, 2) / a.shape[-1] ** 0.5, dim=-1) @ c)
    return torch.cat(out, dim=-1)


def test_the_formula() -> None:
    q, k, v = inputs()
    torch.testing.assert_close(
        module.attention(q, k, v, 4).double(), textbook(q, k, v, 4), atol=1e-6, rtol=1e-5
    )


@pytest.mark.parametrize("matrix_unit", [False, True])
def test_in_sixteen_bits_with_and_without_a_matrix_unit(
    matrix_unit: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_has_matrix_unit", lambda: matrix_unit)
    q, k, v = inputs(torch.bfloat16, keys=module.LONG + 8)
    out = module.attention(q, k, v, 4)
    assert out.dtype == torch.bfloat16
    # Weights and their sums are rounded to 8 bits.
    torch.testing.assert_close(out.double(), textbook(q, k, v, 4), atol=5e-3, rtol=5e-2)


def test_which_way_is_taken_is_a_matter_of_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []

    def by_queries(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        taken.append("by queries")
        return q.flatten(2)

    monkeypatch.setattr(module, "by_queries", by_queries)
    for matrix_unit, expected in [(False, ["by queries"]), (True, [])]:
        taken.clear()
        monkeypatch.setattr(module, "_has_matrix_unit", lambda unit=matrix_unit: unit)
        module.attention(*inputs(torch.bfloat16, keys=module.LONG), 4)
        assert taken == expected


@pytest.mark.parametrize(("causal", "masked"), [(False, False), (True, False), (False, True)])
def test_in_training_values_and_gradients_are_those_of_the_fused_operation(
    causal: bool, masked: bool
) -> None:
    given = [x.requires_grad_() for x in inputs(keys=40 if causal else 24)]
    q, k, v = given
    mask = torch.arange(24).expand(2, -1) < torch.tensor([[24], [9]]) if masked else None
    out = module.attention(q, k, v, 4, causal=causal, mask=mask)
    heads = [x.unflatten(-1, (4, 4)).transpose(1, 2) for x in given]
    seen = None if mask is None else mask[:, None, None]
    fused = F.scaled_dot_product_attention(heads[0], heads[1], heads[2], attn_mask=seen, is_causal=causal)
    fused = fused.transpose(1, 2).flatten(2)
    torch.testing.assert_close(out, fused, atol=1e-6, rtol=1e-5)
    for ours, theirs in zip(
        torch.autograd.grad(out.square().sum(), given),
        torch.autograd.grad(fused.square().sum(), given),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
