"""The convolutional parts shared by the UNet and the autoencoder."""

from __future__ import annotations

import pytest
import torch

from sdjp.models.blocks import Downsample


@pytest.mark.parametrize(
    ("width", "asymmetric"), [(1, False), (2, False), (3, False), (2, True), (3, True), (4, True), (5, True)]
)
def test_narrow_pictures_in_16_bits_read_no_memory_of_others(width: int, asymmetric: bool) -> None:
    torch.manual_seed(0)
    down = Downsample(192, asymmetric=asymmetric)
    x = torch.randn(2, 192, 6, width).bfloat16()
    with torch.inference_mode():
        expected = down.bfloat16().float()(x.float())
        down.bfloat16()
        for layout in (torch.contiguous_format, torch.channels_last):
            for _ in range(20):
                left = [torch.full((n,), torch.nan) for n in (100, 1000, 3000, 10_000, 100_000)]
                del left  # what is taken next may be of this
                found = down(x.contiguous(memory_format=layout)).float()
                torch.testing.assert_close(found, expected, atol=0.02, rtol=0.02)
