"""What merging and unmerging keep, for any size, ratio and content."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdjp.models.token_merging import Merge, destinations
from tests import strategies


def tokens(seed: int, size: tuple[int, int], pictures: int = 2) -> torch.Tensor:
    return torch.randn(pictures, size[0] * size[1], 5, generator=torch.Generator().manual_seed(seed))


@given(size=strategies.map_sizes, ratio=strategies.merging_ratios, seed=st.integers(0, 1000))
@settings(max_examples=60)
def test_every_token_has_one_place(size: tuple[int, int], ratio: float, seed: int) -> None:
    x = tokens(seed, size)
    match = Merge(ratio, size, seed).match(x)
    every = torch.cat([match.dst.expand(2, -1), match.merged, match.alone], dim=1)
    assert torch.equal(every.sort(dim=1).values, torch.arange(x.shape[1]).expand(2, -1))
    sources = x.shape[1] - len(match.dst)
    expected = min(int(x.shape[1] * ratio), sources) if len(match.dst) else 0
    assert match.merge(x).shape[1] == x.shape[1] - expected


@given(size=strategies.map_sizes, ratio=strategies.merging_ratios, seed=st.integers(0, 1000))
@settings(max_examples=60)
def test_tokens_that_were_not_merged_come_back(size: tuple[int, int], ratio: float, seed: int) -> None:
    x = tokens(seed, size)
    match = Merge(ratio, size).match(x)
    back = match.unmerge(match.merge(x))
    for row in range(2):
        assert torch.equal(back[row, match.alone[row]], x[row, match.alone[row]])
        single = torch.ones(len(match.dst), dtype=torch.bool)
        single[match.into[row]] = False
        assert torch.equal(back[row, match.dst[single]], x[row, match.dst[single]])
        assert torch.equal(back[row, match.merged[row]], back[row, match.dst[match.into[row]]])


@given(size=strategies.map_sizes, ratio=strategies.merging_ratios, seed=st.integers(0, 1000))
@settings(max_examples=60)
def test_a_flat_map_and_the_mean_are_kept(size: tuple[int, int], ratio: float, seed: int) -> None:
    x = tokens(seed, size)
    match = Merge(ratio, size).match(x)
    flat = x[:, :1].expand_as(x).contiguous()
    # Means of equal float32 numbers may round in the last bit.
    torch.testing.assert_close(match.unmerge(match.merge(flat)), flat)
    # A group's answer is its mean, as often as it has members: sums stay.
    torch.testing.assert_close(match.unmerge(match.merge(x)).sum(dim=1), x.sum(dim=1), atol=1e-4, rtol=1e-4)


@given(size=strategies.map_sizes, ratio=strategies.merging_ratios, seed=st.integers(0, 1000))
@settings(max_examples=30)
def test_pictures_know_nothing_of_one_another(size: tuple[int, int], ratio: float, seed: int) -> None:
    x = tokens(seed, size, pictures=3)
    together = Merge(ratio, size).match(x)
    alone = Merge(ratio, size).match(x[1:2])
    assert torch.equal(together.merged[1], alone.merged[0])
    assert torch.equal(together.into[1], alone.into[0])


@given(size=strategies.map_sizes, step=st.integers(0, 100))
@settings(max_examples=30)
def test_there_is_one_destination_for_each_whole_cell(size: tuple[int, int], step: int) -> None:
    assert destinations(*size, step).sum() == (size[0] // 2) * (size[1] // 2)
