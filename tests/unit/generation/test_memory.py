"""Less memory: what the switch takes, and that the pictures stay the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from sdjp import Pipeline, errors
from sdjp.generation.memory import NAMES, MemorySavings, by_rows
from sdjp.models.unet import DeepFeatures

PROMPT = "赤い車"


def test_names() -> None:
    assert MemorySavings.named("normal") == MemorySavings()
    assert MemorySavings.named("low") == MemorySavings(sequential=True, slices=True, tiles=True)
    assert (
        MemorySavings.named("tiles, slices")
        == MemorySavings.named(["slices", "tiles"])
        == MemorySavings(slices=True, tiles=True)
    )


@pytest.mark.parametrize("value", ["normal", "low", *NAMES, "slices,tiles"])
def test_the_string_names_the_same(value: str) -> None:
    assert str(MemorySavings.named(value)) == value


@pytest.mark.parametrize("value", ["", "medium", "low,slices", (), ["slices", 3], None, 1, "Slices"])
def test_other_values_are_refused(value: Any) -> None:
    with pytest.raises(errors.InputError) as caught:
        MemorySavings.named(value)
    assert caught.value.code == "memory.unknown"
    assert "sequential" in caught.value.ja


def test_refused_before_anything_is_loaded() -> None:
    with pytest.raises(errors.InputError, match="memory"):
        Pipeline.from_pretrained("no such file.ckpt", memory="tiny")


@pytest.mark.parametrize("memory", ["sequential", "low"])
def test_an_engine_that_keeps_weights_is_refused(memory: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        Pipeline.from_pretrained("no such file.ckpt", memory=memory, engine="compile")
    assert caught.value.code == "memory.engine"
    assert MemorySavings.named(memory).engine("auto", auto="auto") == "eager"
    assert MemorySavings.named("slices").engine("compile", auto="auto") == "compile"


def test_rows_go_one_by_one_with_their_deep_features() -> None:
    seen: list[tuple[int, ...]] = []

    def network(x: torch.Tensor, t: torch.Tensor, context: torch.Tensor, *, deep: DeepFeatures | None = None,
                merge: int = 0) -> torch.Tensor:  # fmt: skip
        seen.append((len(x), len(t), len(context), merge))
        if deep is not None and deep.x is None:
            deep.x = 10 * x
        return x + t[:, None] + (0 if deep is None or deep.x is None else deep.x)

    x, t, context = torch.rand(3, 4), torch.rand(3), torch.rand(3, 2, 5)
    assert torch.equal(by_rows(network)(x, t, context, merge=1), network(x, t, context))
    assert seen[:3] == [(1, 1, 1, 1)] * 3
    deep = DeepFeatures()
    first = by_rows(network)(x, t, context, deep=deep)
    assert torch.equal(first, x + t[:, None] + 10 * x)
    assert deep.x is not None
    assert torch.equal(deep.x, 10 * x)
    assert torch.equal(by_rows(network)(x, t, context, deep=deep), first)


def loaded(memory: str) -> Pipeline:
    return Pipeline.from_pretrained(
        memory=memory, engine="eager", dtype="float32", watermark=False, safety="off"
    )


def drawn(pipe: Pipeline, **arguments: Any) -> np.ndarray[Any, Any]:
    result = pipe.generate(PROMPT, seed=1, num_inference_steps=2, **arguments)
    assert result.record(0)["runtime"]["memory"] == str(pipe.memory)
    return np.stack([np.asarray(image).astype(int) for image in result.images])


# What goes part by part or row by row does so at any size; tiles need the size of the model.
TWO_SMALL: dict[str, Any] = {"width": 64, "height": 64, "num_images_per_prompt": 2}


@pytest.fixture(scope="module")
def normal() -> Pipeline:
    return loaded("normal")


@pytest.fixture(scope="module")
def whole(normal: Pipeline) -> np.ndarray[Any, Any]:
    return drawn(normal)


def decibels(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    return float(10 * np.log10(255**2 / ((a - b) ** 2).mean()))


def test_sequential_gives_the_very_same_pictures(normal: Pipeline) -> None:
    """The same numbers in the same order; and nothing stays in memory."""
    pipe = loaded("sequential")
    assert (drawn(pipe, **TWO_SMALL) == drawn(normal, **TWO_SMALL)).all()
    for network in (pipe.unet, pipe.vae, pipe.text_encoder):
        assert all(p.untyped_storage().nbytes() <= 8 for p in network.parameters())
    with pytest.raises(errors.InputError, match="diffusers"):
        pipe.to_diffusers()


def test_slices_give_the_same_pictures_but_for_rounding(normal: Pipeline) -> None:
    """Products over one row may be summed in another order than over four: the last bits of float32, which
    move a value of 0 to 255 by 1 or 2 where it was near the edge."""
    pictures, expected = drawn(loaded("slices"), **TWO_SMALL), drawn(normal, **TWO_SMALL)
    assert abs(pictures - expected).max() <= 3
    assert (pictures == expected).mean() > 0.95


def test_tiles_change_pictures_a_little(whole: np.ndarray[Any, Any]) -> None:
    """Group norms of the autoencoder have measured, not exact, statistics; see models/vae_tiles.py. Two
    steps draw hardly more than noise, which is the hardest case."""
    assert decibels(drawn(loaded("tiles")), whole) > 35


def test_all_of_it_together_from_a_picture(normal: Pipeline, whole: np.ndarray[Any, Any]) -> None:
    from PIL import Image

    given: dict[str, Any] = {"image": Image.fromarray(whole[0].astype(np.uint8)), "strength": 0.9}
    plain, low = drawn(normal, **given), drawn(loaded("low"), **given)
    assert decibels(plain, low) > 30  # tiles twice: encoded, then decoded
