"""``noise=``: all random numbers of a run from the caller."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from torch import Tensor

from sdjp.errors import InputError
from sdjp.pipeline import Pipeline

PROMPT = "赤い傘"


@pytest.mark.parametrize("image", [None, Image.new("RGB", (64, 64), "skyblue")])
def test_the_draws_of_a_seed_give_the_picture_of_that_seed(image: Image.Image | None, tiny: Pipeline) -> None:
    generator = torch.Generator().manual_seed(5)
    shapes = []

    def noise(shape: tuple[int, ...]) -> Tensor:
        shapes.append(shape)
        return torch.randn(shape, generator=generator)

    given = tiny.generate(PROMPT, image=image, eta=1.0, noise=noise)
    seeded = tiny.generate(PROMPT, image=image, eta=1.0, seed=5)
    assert given.images[0].tobytes() == seeded.images[0].tobytes()
    # The start and three steps; or the latents of the picture, the start, and the two steps of strength 0.75.
    assert shapes == [(1, 4, 8, 8)] * 4


def test_noise_of_another_shape_is_refused(tiny: Pipeline) -> None:
    with pytest.raises(InputError) as caught:
        tiny.generate(PROMPT, noise=lambda shape: torch.zeros(1, 4, 4, 4))
    assert caught.value.code == "noise.shape"
    assert "(1, 4, 8, 8)" in caught.value.ja
