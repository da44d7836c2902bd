"""The attention that is taken note of: whose it is, what it adds up to, and that nothing else changes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sdjp.config import TINY
from sdjp.models import UNet
from sdjp.models.attention_maps import AttentionMaps
from sdjp.models.token_merging import Merge
from sdjp.models.unet import DeepFeatures

SIZE = (8, 6)
TOKENS = 11
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def unet() -> UNet:
    torch.manual_seed(0)
    return UNet.from_config(TINY.unet).eval().requires_grad_(False)


def inputs(rows: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(rows)
    x = torch.randn(rows, TINY.unet.in_channels, *SIZE, generator=generator)
    context = torch.randn(rows, TOKENS, TINY.unet.context_dim, generator=generator)
    return x, torch.full((rows,), 500.0), context


def empty(pictures: int) -> AttentionMaps:
    return AttentionMaps.empty(pictures, TOKENS, SIZE, CPU)


def test_the_numbers_of_the_network_stay_what_they_are(unet: UNet) -> None:
    x, t, context = inputs(2)
    for more in ({}, {"merge": Merge(0.5, SIZE)}, {"deep": DeepFeatures()}):
        maps = empty(2)
        plain = {name: DeepFeatures() if name == "deep" else value for name, value in more.items()}
        assert torch.equal(unet(x, t, context, maps=maps, **more), unet(x, t, context, **plain))
        assert bool((maps.counts > 0).all())


def test_shares_are_of_one_and_of_every_layer(unet: UNet) -> None:
    maps = empty(2)
    unet(*inputs(2), maps=maps)
    layers = sum(row.attn is not None for row in (*unet.down, *unet.up)) + 1
    assert maps.counts.unique().tolist() == [layers]
    mean = maps.mean()
    assert mean.dtype == torch.float32
    assert float(mean.min()) >= 0
    # Clamping what bicubic resizing overshoots adds a little.
    torch.testing.assert_close(mean.sum(dim=1), torch.ones(2, *SIZE), atol=0.1, rtol=0)


def test_without_resizing_the_shares_are_one() -> None:
    maps = empty(1)
    q, k = torch.randn(1, SIZE[0] * SIZE[1], 16), torch.randn(1, TOKENS, 16)
    maps.add(q, k, 4, SIZE)
    torch.testing.assert_close(maps.mean().sum(dim=1), torch.ones(1, *SIZE))


def test_of_a_guided_batch_the_rows_with_the_prompt_count(unet: UNet) -> None:
    x, t, context = inputs(4)
    guided, alone = empty(2), empty(2)
    unet(x, t, context, maps=guided)
    unet(x[2:], t[2:], context[2:], maps=alone)
    torch.testing.assert_close(guided.mean(), alone.mean(), atol=1e-6, rtol=0)
    other = empty(2)
    unet(x[:2], t[:2], context[:2], maps=other)
    assert float((guided.mean() - other.mean()).abs().max()) > 1e-3


def test_rows_one_by_one_are_the_batch(unet: UNet) -> None:
    x, t, context = inputs(4)
    whole, maps = empty(2), empty(2)
    unet(x, t, context, maps=whole)
    rows = maps.by_rows(4)
    assert rows[:2] == [None, None]
    for i, of_row in enumerate(rows):
        unet(x[i : i + 1], t[:1], context[i : i + 1], maps=of_row)
    torch.testing.assert_close(maps.mean(), whole.mean(), atol=1e-6, rtol=0)


def test_a_window_is_a_part_of_the_grid() -> None:
    maps = empty(1)
    q, k = torch.randn(1, 12, 16), torch.randn(1, TOKENS, 16)
    maps.window((2, 5), (1, 5)).add(q, k, 4, (3, 4))
    maps.window((4, 7), (1, 5)).add(q, k, 4, (3, 4))
    assert maps.counts[0, 0, :, 1].tolist() == [0, 0, 1, 1, 2, 1, 1, 0]
    assert maps.counts[0, 0, :, 0].sum() == 0
    torch.testing.assert_close(maps.mean()[0, :, 2:7, 1:5].sum(dim=0), torch.ones(5, 4))
