"""Packed convolutions and the enlargement in four phases against the plain modules."""

from __future__ import annotations

from typing import Any, TypeVar

import pytest
import torch
from torch import nn

from sdjp.config import TINY
from sdjp.engines import make_engine
from sdjp.engines.packed import FusedResBlock, PackedConv2d, PhaseUpsample, packed, problem
from sdjp.models import VAE, UNet
from sdjp.models.blocks import ResBlock, Upsample

pytestmark = pytest.mark.skipif(problem(torch.float32) is not None, reason="no packed convolutions here")


Module = TypeVar("Module", bound=nn.Module)


def filled(module: Module) -> Module:
    generator = torch.Generator().manual_seed(0)
    for p in module.parameters():
        p.data = torch.randn(p.shape, generator=generator)
    return module.requires_grad_(False)


@pytest.mark.parametrize("channels", [3, 64])  # direct, and by Winograd
@pytest.mark.parametrize(
    "settings",
    [{"kernel_size": 3, "padding": 1}, {"kernel_size": 3, "padding": 1, "stride": 2}, {"kernel_size": 1}],
)
def test_a_convolution_of_any_size_after_the_first(channels: int, settings: dict[str, Any]) -> None:
    conv = filled(nn.Conv2d(channels, channels, **settings))
    mine = PackedConv2d(conv)
    for sides in ((16, 16), (7, 5), (33, 18)):
        x = torch.randn(2, channels, *sides, generator=torch.Generator().manual_seed(1))
        for layout in (torch.contiguous_format, torch.channels_last):
            given = x.contiguous(memory_format=layout)
            torch.testing.assert_close(mine(given), conv(given), atol=1e-4, rtol=1e-4)


def test_an_enlargement_in_four_phases() -> None:
    plain = filled(Upsample(6))
    mine = PhaseUpsample(plain)
    x = torch.randn(2, 6, 5, 7, generator=torch.Generator().manual_seed(1))
    for size in (None, (10, 14), (9, 13)):  # the last: a skip with odd sides
        torch.testing.assert_close(mine(x, size), plain(x, size), atol=1e-5, rtol=1e-4)


def test_a_copy_shares_its_weights() -> None:
    network = filled(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.GroupNorm(2, 4)))
    twin = packed(network)
    mine, theirs = ({p.data_ptr() for p in n.parameters()} for n in (twin, network))
    assert mine == theirs
    assert isinstance(network[0], nn.Conv2d)
    assert isinstance(twin.get_submodule("0"), PackedConv2d)


@pytest.mark.parametrize("channels", [8, 64])  # direct, and by Winograd
@pytest.mark.parametrize("out_channels", [8, 64])
@pytest.mark.parametrize("overwrite", [False, True])
@torch.inference_mode()
def test_a_residual_block_sums_within_its_convolution(
    channels: int, out_channels: int, overwrite: bool
) -> None:
    block = filled(ResBlock(channels, out_channels, time_dim=12, norm_groups=4, eps=1e-5))
    fused = packed(nn.Sequential(block)).get_submodule("0")
    assert isinstance(fused, FusedResBlock)
    mine = FusedResBlock(fused.block, overwrite=overwrite)
    x = torch.randn(2, channels, 16, 16, generator=torch.Generator().manual_seed(1))
    time = torch.randn(2, 12, generator=torch.Generator().manual_seed(2))
    given = x.clone(memory_format=torch.channels_last)
    expected = block(x, time)
    torch.testing.assert_close(
        mine(given, time), expected, atol=1e-5 * float(expected.abs().max()), rtol=1e-4
    )
    kept = not overwrite or channels != out_channels
    assert torch.equal(given, x) is kept


@torch.inference_mode()
def test_what_a_unet_may_need_again_is_not_written_over() -> None:
    network = packed(UNet.from_config(TINY.unet))
    assert [m.overwrite for m in network.modules() if isinstance(m, FusedResBlock)].count(True) == 0
    decoder = packed(VAE.from_config(TINY.vae)).get_submodule("decoder")
    assert all(m.overwrite for m in decoder.modules() if isinstance(m, FusedResBlock))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_changes_nothing(dtype: torch.dtype) -> None:
    engine = make_engine("packed")
    unet, vae = filled(UNet.from_config(TINY.unet)), filled(VAE.from_config(TINY.vae))
    for p in (*unet.parameters(), *vae.parameters()):
        p.data.mul_(0.05)  # or they overflow
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(1, TINY.unet.in_channels, 16, 16, generator=generator)
    z = torch.randn(1, TINY.vae.latent_channels, 8, 8, generator=generator)
    given = (x, torch.tensor([5]), torch.randn(1, 77, TINY.unet.context_dim, generator=generator))
    with torch.inference_mode():
        wanted = engine.unet(unet)(*given), engine.decoder(vae)(z)
        with torch.autocast("cpu", dtype):
            found = engine.unet(unet)(*given), engine.decoder(vae)(z)
    for a, b in zip(wanted, found, strict=True):
        assert bool(a.isfinite().all())
        assert torch.equal(a, b)
