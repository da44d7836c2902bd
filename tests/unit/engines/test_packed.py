"""Packed convolutions and the enlargement in four phases against the plain modules."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sdjp.engines.packed import PackedConv2d, PhaseUpsample, packed, problem
from sdjp.models.blocks import Upsample

pytestmark = pytest.mark.skipif(problem(torch.float32) is not None, reason="no packed convolutions here")


def filled(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for p in module.parameters():
        p.data = torch.randn(p.shape, generator=generator)
    return module.requires_grad_(False)


@pytest.mark.parametrize("channels", [3, 64])  # direct, and by Winograd
@pytest.mark.parametrize(
    "settings",
    [{"kernel_size": 3, "padding": 1}, {"kernel_size": 3, "padding": 1, "stride": 2}, {"kernel_size": 1}],
)
def test_a_convolution_of_any_size_after_the_first(channels, settings):
    conv = filled(nn.Conv2d(channels, channels, **settings))
    mine = PackedConv2d(conv)
    for sides in ((16, 16), (7, 5), (33, 18)):
        x = torch.randn(2, channels, *sides, generator=torch.Generator().manual_seed(1))
        for layout in (torch.contiguous_format, torch.channels_last):
            given = x.contiguous(memory_format=layout)
            torch.testing.assert_close(mine(given), conv(given), atol=1e-4, rtol=1e-4)


def test_an_enlargement_in_four_phases():
    plain = filled(Upsample(6))
    mine = PhaseUpsample(plain)
    x = torch.randn(2, 6, 5, 7, generator=torch.Generator().manual_seed(1))
    for size in (None, (10, 14), (9, 13)):  # the last: a skip with odd sides
        torch.testing.assert_close(mine(x, size), plain(x, size), atol=1e-5, rtol=1e-4)


def test_a_copy_shares_its_weights():
    network = filled(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.GroupNorm(2, 4)))
    twin = packed(network)
    mine, theirs = ({p.data_ptr() for p in n.parameters()} for n in (twin, network))
    assert mine == theirs
    assert isinstance(network[0], nn.Conv2d)
    assert isinstance(twin[0], PackedConv2d)
