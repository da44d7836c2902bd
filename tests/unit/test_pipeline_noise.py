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


@pytest.mark.parametrize("image", [None, Image.new("RGB", (64, 64), "skyblue")])
def test_the_starting_noise_is_multiplied(image: Image.Image | None, tiny: Pipeline) -> None:
    """What is given, and not the noise that is added on the way."""
    latents = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(3))

    def drawn(latents: Tensor, multiplier: float | None = None) -> bytes:
        result = tiny.generate(
            PROMPT, image=image, latents=latents, noise_multiplier=multiplier, sampler="euler_a", seed=5
        )
        return result.images[0].tobytes()

    assert drawn(latents, 0.5) == drawn(0.5 * latents)
    assert drawn(latents, 1) == drawn(latents)
    assert drawn(latents) != drawn(0.5 * latents)


def test_the_noise_of_a_seed_is_multiplied(tiny: Pipeline) -> None:
    start = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(5))
    halved = tiny.generate(PROMPT, seed=5, noise_multiplier=0.5)
    assert halved.images[0].tobytes() == tiny.generate(PROMPT, latents=0.5 * start).images[0].tobytes()
    assert halved.images[0].tobytes() != tiny.generate(PROMPT, seed=5).images[0].tobytes()


def test_without_noise_all_seeds_give_the_same_picture(tiny: Pipeline) -> None:
    still = tiny.generate(PROMPT, seed=(1, 2), num_images_per_prompt=2, noise_multiplier=0)
    moving = tiny.generate(PROMPT, seed=(1, 2), num_images_per_prompt=2)
    assert len({picture.tobytes() for picture in still.images}) == 1
    assert len({picture.tobytes() for picture in moving.images}) == 2
