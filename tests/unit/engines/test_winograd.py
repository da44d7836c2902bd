"""Convolutions by Winograd's minimal filtering against the direct ones, in float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from sdjp.engines import winograd


def filled(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=40)
@given(
    batch=st.integers(1, 3),
    channels=st.integers(1, 9),
    out=st.integers(1, 9),
    h=st.integers(1, 21),
    w=st.integers(1, 21),
    bias=st.booleans(),
    in_cache=st.sampled_from([1, 2000, winograd.IN_CACHE]),
)
def test_any_size_in_pieces_of_any_size(
    batch: int, channels: int, out: int, h: int, w: int, bias: bool, in_cache: int
) -> None:
    x, weight = filled(batch, channels, h, w), filled(out, channels, 3, 3, seed=1)
    b = filled(out, seed=2) if bias else None
    before = x.clone()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "IN_CACHE", in_cache)
        y = winograd.convolve(x, winograd.kernel(weight), b)
    exact = F.conv2d(x.double(), weight.double(), None if b is None else b.double(), padding=1)
    # 81 products of numbers of the order of 1: float32 leaves a few 1e-6.
    torch.testing.assert_close(y.double(), exact, atol=2e-5, rtol=1e-5)
    assert torch.equal(x, before)


def test_it_is_as_exact_as_the_direct_convolution() -> None:
    x, weight = filled(1, 320, 32, 32), filled(320, 320, 3, 3, seed=1)
    exact = F.conv2d(x.double(), weight.double(), padding=1)
    mine = (winograd.convolve(x, winograd.kernel(weight), None) - exact).abs().mean()
    direct = (F.conv2d(x, weight, padding=1) - exact).abs().mean()
    # The direct one adds up in blocks as wide as the processor's registers: less than twice as exact on AVX2,
    # 2.4 times on AVX512.
    assert mine < 3 * direct


@pytest.mark.parametrize(
    ("conv", "suits"),
    [
        (nn.Conv2d(64, 64, 3, padding=1), True),
        (nn.Conv2d(64, 4, 3, padding=1), False),
        (nn.Conv2d(64, 64, 3, padding=1, stride=2), False),
        (nn.Conv2d(64, 64, 1), False),
        (nn.Conv2d(64, 64, 3), False),
        (nn.Conv2d(64, 64, 3, padding=1).bfloat16(), False),
    ],
)
def test_what_it_takes_on(conv: nn.Conv2d, suits: bool) -> None:
    assert winograd.suits(conv) is suits


def test_small_pictures_are_left_to_the_direct_convolution() -> None:
    assert not winograd.large_enough(torch.empty(2, 64, 8, 8))
    assert winograd.large_enough(torch.empty(1, 64, 16, 16))
