"""Token merging against a plain reading of the paper, and where the UNet merges."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from sdjp.config import TINY
from sdjp.models import UNet
from sdjp.models.attention import TransformerBlock
from sdjp.models.token_merging import Matching, Merge, destinations
from tests.conftest import random_models


def merged_attention(
    block: TransformerBlock, x: torch.Tensor, places: torch.Tensor, ratio: float
) -> torch.Tensor:
    """One picture, token by token (Bolya & Hoffman 2023, sections 4.1 and 4.2): x (L, D) to (L, D)."""
    dst = [i for i in range(len(x)) if places[i]]
    src = [i for i in range(len(x)) if not places[i]]
    best = {}
    for i in src:
        likeness = [float(F.cosine_similarity(x[i], x[j], dim=0)) for j in dst]
        best[i] = (max(likeness), dst[likeness.index(max(likeness))])
    merged = sorted(src, key=lambda i: -best[i][0])[: min(int(len(x) * ratio), len(src))]
    groups = {j: [j, *(i for i in merged if best[i][1] == j)] for j in dst}
    groups |= {i: [i] for i in src if i not in merged}
    y = block.norm_self(x)
    tokens = torch.stack([y[members].mean(dim=0) for members in groups.values()])
    answers = block.self_attention(tokens[None], tokens[None])[0]
    out = torch.empty_like(x)
    for answer, members in zip(answers, groups.values(), strict=True):
        out[members] = answer
    return out


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.75])
@pytest.mark.parametrize("size", [(4, 6), (5, 7)])
@torch.inference_mode()
def test_a_block_gives_what_the_paper_says(size: tuple[int, int], ratio: float) -> None:
    generator = torch.Generator().manual_seed(1)
    block = TransformerBlock(16, 8, 2).eval()
    for p in block.parameters():
        p.copy_(torch.randn(p.shape, generator=generator) * 0.3)
    x = torch.randn(2, size[0] * size[1], 16, generator=generator)
    context = torch.randn(2, 5, 8, generator=generator)
    found = block(x, context, Merge(ratio, size, step=3))

    places = destinations(*size, 3)
    y = x + torch.stack([merged_attention(block, one, places, ratio) for one in x])
    y = y + block.cross_attention(block.norm_cross(y), context)
    expected = y + block.feed_forward(block.norm_feed_forward(y))
    # float32 sums in another order; values are of the order of 10.
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_every_cell_has_one_destination_and_steps_differ() -> None:
    places = destinations(6, 8, 0).view(3, 2, 4, 2)
    assert (places.sum(dim=(1, 3)) == 1).all()
    assert not torch.equal(destinations(6, 8, 0), destinations(6, 8, 1))
    assert destinations(1, 9, 0).sum() == 0  # no whole cell: nothing to merge into


def test_destinations_do_not_touch_the_global_generator() -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = destinations(10, 10, 12345)
    assert torch.equal(torch.get_rng_state(), state)
    destinations.cache_clear()
    torch.manual_seed(6)
    assert torch.equal(destinations(10, 10, 12345), first)


@pytest.mark.parametrize("size", [(1, 9), (9, 1), (1, 1)])
@torch.inference_mode()
def test_a_map_with_no_whole_cell_stays_as_it_is(size: tuple[int, int]) -> None:
    x = torch.randn(1, size[0] * size[1], 4)
    tokens = Merge(0.5, size).match(x)
    assert torch.equal(tokens.unmerge(tokens.merge(x)), x)


@torch.inference_mode()
def test_only_maps_of_the_full_size_are_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    unet: UNet = random_models(TINY).unet
    merged: list[int] = []
    match = Merge.match

    def noted(self: Merge, x: torch.Tensor) -> Matching:
        merged.append(x.shape[1])
        return match(self, x)

    monkeypatch.setattr(Merge, "match", noted)
    x, context = torch.randn(2, 4, 8, 16), torch.randn(2, 77, TINY.unet.context_dim)
    unet(x, torch.full((2,), 500.0), context, merge=Merge(0.5, (8, 16)))
    rows = TINY.unet.num_res_blocks + TINY.unet.num_res_blocks + 1
    assert merged == [8 * 16] * rows
