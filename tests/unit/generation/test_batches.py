"""A picture drawn in a batch is the picture drawn alone, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from sdjp import Pipeline
from sdjp.config import TINY
from sdjp.engines import make_engine
from sdjp.engines.packed import problem
from sdjp.engines.pictures import drawn_together
from sdjp.models import UNet

SEEDS = (3, 1, 4, 1, 5)
PROMPTS = ("馬に乗る宇宙飛行士", "猫", "赤いりんごと青い車", "雪の中の家", "犬")
SMALL: dict[str, Any] = {"num_inference_steps": 2, "height": 128, "width": 128}


def packs(dtype: str) -> object:
    missing = problem(getattr(torch, dtype)) is not None
    return pytest.param(dtype, marks=pytest.mark.skipif(missing, reason="not packed here"))


@pytest.fixture(params=[packs("bfloat16"), packs("float32")])
def dtype(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("guidance_scale", [3.0, 1.0])
def test_a_batch_is_its_pictures_one_by_one(dtype: str, guidance_scale: float) -> None:
    pipe = Pipeline.from_pretrained(engine="packed", dtype=dtype, safety="off", watermark=False)
    options = {"guidance_scale": guidance_scale, **SMALL}
    alone = [pipe.generate(p, seed=s, **options) for p, s in zip(PROMPTS, SEEDS, strict=True)]
    for count in (2, 3, 5):
        together = pipe.generate(PROMPTS[:count], seed=list(SEEDS[:count]), batch_size=count, **options)
        for i, one in enumerate(alone[:count]):
            assert np.array_equal(np.asarray(together.images[i]), np.asarray(one.image))


@pytest.mark.parametrize("rows", [1, 2])
@torch.inference_mode()
def test_rows_of_a_unet_depend_on_no_other_picture(dtype: str, rows: int) -> None:
    own = getattr(torch, dtype)
    generator = torch.Generator().manual_seed(1)
    network = UNet.from_config(TINY.unet).to(own).eval()
    for p in network.parameters():
        p.copy_(torch.randn(p.shape, generator=generator) * p[0].numel() ** -0.5)
    unet = make_engine("packed", dtype=own).unet(network)
    x = torch.randn(5 * rows, TINY.unet.in_channels, 16, 16, generator=generator).to(own)
    context = torch.randn(5 * rows, 77, TINY.unet.context_dim, generator=generator).to(own)
    t = torch.full((5 * rows,), 500.0)
    for count in (2, 3, 5):
        with drawn_together(count):
            out = unet(x[: count * rows], t[: count * rows], context[: count * rows])
        for i in range(count):
            of_one = slice(i, count * rows, count)  # the unconditional rows come first
            assert torch.equal(unet(x[of_one], t[of_one], context[of_one]), out[of_one])


def test_what_does_not_part_into_pictures_is_drawn_all_the_same(dtype: str) -> None:
    pipe = Pipeline.from_pretrained(engine="packed", dtype=dtype, safety="off", watermark=False)
    joined = pipe.generate(["猫 AND 犬", "雪の中の家"], seed=[1, 2], translate="auto", **SMALL)
    assert len(joined.images) == 2
