"""The mark that diffusers embeds with SDXL is the one that is looked for under that name."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from sdjp.postprocess import detect
from sdjp.postprocess.known_marks import KNOWN

watermark = pytest.importorskip("diffusers.pipelines.stable_diffusion_xl.watermark")


def test_the_bits_are_those_of_diffusers() -> None:
    [mark] = [mark for mark in KNOWN if mark.name == "SDXL"]
    assert [int(digit) for digit in mark.content] == watermark.WATERMARK_BITS


def test_a_picture_that_diffusers_marked_is_recognised() -> None:
    """In noise: from smooth pictures not even diffusers' own mark can always be read."""
    rng = np.random.RandomState(0)
    images = torch.from_numpy(np.clip(0.3 * rng.standard_normal((1, 3, 512, 512)), -1, 1)).float()
    marked = watermark.StableDiffusionXLWatermarker().apply_watermark(images)
    pixels, plain = (
        ((batch[0] / 2 + 0.5) * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
        for batch in (marked, images)
    )
    found = detect(Image.fromarray(pixels))
    assert (found.found, found.mark, found.method, found.exact) == (True, "SDXL", "dwtDct", True)
    assert not detect(Image.fromarray(plain)).found
