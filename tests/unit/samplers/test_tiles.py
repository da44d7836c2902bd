"""Denoising in tiles: what tiles agree on is the answer, and no tile shows."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sdjp.samplers import SAMPLERS, Schedule, tiled
from sdjp.samplers.tiles import windows

SCHEDULE = Schedule()


def randn(height: int, width: int) -> Tensor:
    return torch.randn(2, 4, height, width, generator=torch.Generator().manual_seed(0))


def pointwise(x: Tensor, t: Tensor) -> Tensor:
    """All tiles agree: what it says of a place depends on that place alone."""
    return torch.tanh(0.8 * x + (t / 1000).view(-1, 1, 1, 1))


@given(length=st.integers(1, 300), tile=st.integers(2, 80), share=st.floats(0, 0.99))
@settings(max_examples=200)
def test_windows_cover_the_side_with_their_overlap(length: int, tile: int, share: float) -> None:
    overlap = int(share * tile)
    spans = windows(length, tile, overlap)
    assert spans[0][0] == 0
    assert spans[-1][1] == length
    assert all(stop - start == min(tile, length) for start, stop in spans)
    for (_, stop), (start, _) in pairwise(spans):
        assert stop - start >= overlap
    # No fewer would do.
    assert (len(spans) - 1) * (tile - overlap) + tile < length + (tile - overlap) or len(spans) == 1


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize(("tile", "overlap"), [(8, 2), (5, 4), (6, 0), (40, 8)])
def test_tiles_that_agree_give_the_untiled_result(name: str, tile: int, overlap: int) -> None:
    sampler, x = SAMPLERS[name], randn(13, 21)
    plan = sampler.plan(SCHEDULE, 4)

    def last(tiles: bool) -> Tensor:
        generator = torch.Generator().manual_seed(1)
        denoise = tiled(pointwise, tile=tile, overlap=overlap) if tiles else pointwise
        *_, step = sampler(denoise, x, plan, lambda: torch.randn(x.shape, generator=generator))
        return step.x

    # A weighted mean of equal numbers rounds in the last bit; the first step divides by 0.07.
    torch.testing.assert_close(last(True), last(False), rtol=0, atol=1e-4)


def test_where_tiles_differ_the_answer_goes_over_smoothly() -> None:
    def its_own(x: Tensor, t: Tensor) -> Tensor:
        """Each tile says a number of its own: the first column of what it sees."""
        return x[..., :1].expand_as(x)

    place = torch.arange(40.0).expand(1, 4, 8, 40)
    eps = tiled(its_own, tile=16, overlap=8)(place, torch.zeros(1))[0, 0, 0]
    assert eps[0] == 0
    assert eps[-1] == 24
    steps = eps.diff()
    assert steps.min() > -1e-4  # rounding
    assert steps.max() < 2.5, "a seam: tiles differ by 8, over 8 cells"


def test_no_tile_is_larger_than_it_may_be() -> None:
    def small(x: Tensor, t: Tensor) -> Tensor:
        assert x.shape[-2:] == (8, 8)
        return x

    tiled(small, tile=8, overlap=2)(randn(30, 17), torch.zeros(2))
