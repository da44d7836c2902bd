"""Reuse of the deep part of the UNet."""

from __future__ import annotations

import pytest
import torch

from sdjp.config import TINY
from sdjp.models import UNet
from sdjp.models.unet import SHALLOW, DeepFeatures
from tests.conftest import random_models


@pytest.fixture(scope="module")
def unet() -> UNet:
    return random_models(TINY).unet


def inputs(h: int, w: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(h * w)
    x = torch.randn(2, 4, h, w, generator=generator)
    return x, torch.full((2,), 500.0), torch.randn(2, 77, TINY.unet.context_dim, generator=generator)


@pytest.mark.parametrize("size", [(8, 8), (9, 11)])
@torch.inference_mode()
def test_with_the_same_latents_it_is_the_plain_answer(unet: UNet, size: tuple[int, int]) -> None:
    given = inputs(*size)
    plain, deep = unet(*given), DeepFeatures()
    assert torch.equal(unet(*given, deep=deep), plain)  # computed and kept
    assert deep.x is not None
    assert torch.equal(unet(*given, deep=deep), plain)  # reused


@torch.inference_mode()
def test_other_latents_change_the_shallow_part_alone(unet: UNet) -> None:
    x, t, context = inputs(8, 8)
    deep = DeepFeatures()
    unet(x, t, context, deep=deep)
    kept = deep.x
    other = unet(x + 1, t, context, deep=deep)
    assert deep.x is kept
    assert not torch.equal(other, unet(x, t, context))
    assert not torch.equal(other, unet(x + 1, t, context))


@torch.inference_mode()
def test_the_deep_rows_are_not_called_again(unet: UNet) -> None:
    given, deep, called = inputs(8, 8), DeepFeatures(), []
    rows = [*unet.down, unet.mid_in, *unet.up]
    shallow = [*range(SHALLOW - 1), *range(len(rows) - SHALLOW, len(rows))]
    handles = [
        row.register_forward_hook(lambda *_, number=number: called.append(number))
        for number, row in enumerate(rows)
    ]
    try:
        unet(*given, deep=deep)
        assert called == list(range(len(rows)))
        called.clear()
        unet(*given, deep=deep)
        assert called == shallow
    finally:
        for handle in handles:
            handle.remove()
