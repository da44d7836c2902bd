"""Pictures in, through the whole pipeline on small random weights."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sdjp import errors
from sdjp.engines import make_engine
from sdjp.images import read_metadata
from sdjp.models import VAE
from sdjp.options import GenerationOptions
from sdjp.pipeline import Pipeline, Progress
from sdjp.samplers import SAMPLERS
from sdjp.text.translate import make_translator
from tests.shallow import SHALLOW, random_pipeline

PROMPT = "馬に乗る宇宙飛行士"
RED, BLUE = (Image.new("RGB", (64, 64), color) for color in ("red", "blue"))


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def square(size: int = 64, low: int = 16, high: int = 40) -> Image.Image:
    mask = Image.new("L", (size, size))
    mask.paste(255, (low, low, high, high))
    return mask


def array(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


@pytest.fixture(scope="module")
def tiny() -> Pipeline:
    return random_pipeline()


def channels(number: int) -> Pipeline:
    """A model whose UNet takes so many channels."""
    unet = dataclasses.replace(SHALLOW.unet, in_channels=number)
    return random_pipeline(dataclasses.replace(SHALLOW, unet=unet), translator=make_translator("passthrough"))


@pytest.fixture(scope="module")
def nine() -> Pipeline:
    """A model for inpainting."""
    return channels(9)


# img2img.


def test_a_picture_keeps_its_proportions_unless_told_otherwise(tiny: Pipeline) -> None:
    wide = noise(300, 100)
    result = tiny.generate(PROMPT, image=wide, seed=1)
    assert result.image.size == (112, 40)  # about 64 × 64 pixels, 3 to 1
    assert (result.options.width, result.options.height) == (112, 40)
    assert tiny.generate(PROMPT, image=wide, width=96, seed=1).image.size == (96, 32)
    assert tiny.generate(PROMPT, image=wide, width=48, height=64, seed=1).image.size == (48, 64)


def test_how_it_is_fitted_shows(tiny: Pipeline) -> None:
    wide = noise(30, 10)
    drawn = {
        fit: tiny.generate(PROMPT, image=wide, width=64, height=64, fit=fit, strength=0.0, seed=1).image
        for fit in ("crop", "pad", "stretch")
    }
    assert len({image.tobytes() for image in drawn.values()}) == 3


def test_paths_are_pictures_too(tiny: Pipeline, tmp_path: Path) -> None:
    RED.save(tmp_path / "赤.png")
    expected = tiny.generate(PROMPT, image=RED, seed=1).image.tobytes()
    assert tiny.generate(PROMPT, image=tmp_path / "赤.png", seed=1).image.tobytes() == expected
    assert tiny.generate(PROMPT, image=str(tmp_path / "赤.png"), seed=1).image.tobytes() == expected


def test_one_picture_for_each_prompt(tiny: Pipeline) -> None:
    result = tiny.generate(["猫", "犬"], image=[RED, BLUE], num_images_per_prompt=2, seed=4)
    for i, prompt, image in [(1, "猫", RED), (2, "犬", BLUE)]:
        alone = tiny.generate(prompt, image=image, seed=4 + i).image
        # Batches of another size may round differently in the last bit.
        assert np.abs(array(result.images[i]) - array(alone)).max() <= 1
    shared = tiny.generate(["猫", "犬"], image=BLUE, seed=6, batch_size=1)
    assert np.abs(array(shared.images[1]) - array(tiny.generate("犬", image=BLUE, seed=7).image)).max() <= 1


def test_the_seed_decides_what_is_sampled_of_the_picture(tiny: Pipeline) -> None:
    given = {"image": noise(64, 64), "strength": 0.5}
    a, again, b = (tiny.generate(PROMPT, seed=seed, **given) for seed in (1, 1, 2))  # type: ignore[arg-type]
    assert a.image.tobytes() == again.image.tobytes() != b.image.tobytes()


def test_strength_one_still_knows_the_picture_a_little(tiny: Pipeline) -> None:
    """As in diffusers: alpha_bar of the first timestep is not 0. With a mask nothing of it is left."""
    a, b = (tiny.generate(PROMPT, image=i, strength=1.0, seed=1).latents for i in (RED, BLUE))
    assert a is not None
    assert b is not None
    assert 0 < (a - b).abs().max() < 0.5 * (a.std() + b.std())


@pytest.mark.parametrize(("strength", "steps"), [(0.0, 0), (0.1, 0), (0.5, 5), (1.0, 10)])
def test_the_rule_of_the_original(tiny: Pipeline, strength: float, steps: int) -> None:
    seen: list[Progress] = []
    result = tiny.generate(
        PROMPT,
        image=RED,
        strength=strength,
        strength_rule="compvis",
        spacing="compvis",
        num_inference_steps=10 if strength != 0.1 else 5,
        seed=1,
        on_step=seen.append,
    )
    assert len(seen) == steps
    assert result.options.strength_rule == "compvis"
    if not steps:  # the original adds noise even if it takes no step
        kept = tiny.generate(PROMPT, image=RED, strength=0.0, seed=1).image
        assert result.image.tobytes() != kept.tobytes()


# Inpainting.


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_is_black_stays(tiny: Pipeline, sampler: str) -> None:
    picture, mask = noise(64, 64), square()
    given = {"image": picture, "mask": mask, "strength": 1.0, "sampler": sampler, "seed": 3}
    pasted = tiny.generate(PROMPT, feather=4, **given).image  # type: ignore[arg-type]
    changed = np.abs(array(pasted) - array(picture)).max(axis=-1) > 0
    assert changed[16:40, 16:40].mean() > 0.9
    changed[12:44, 12:44] = False
    assert not changed.any()
    raw = tiny.generate(PROMPT, paste_back=False, **given)  # type: ignore[arg-type]
    kept = tiny.generate(PROMPT, image=picture, strength=0.0, seed=3)
    assert raw.latents is not None
    assert kept.latents is not None
    known = torch.ones(8, 8, dtype=torch.bool)
    known[2:5, 2:5] = False
    # The latents are a sample of the autoencoder's Gaussian, at strength 0 its mean.
    difference = (raw.latents - kept.latents)[..., known].abs().max()
    deviation = tiny.vae.encode(_pixels(picture)).std.max() * tiny.vae.scaling_factor
    assert difference < 5 * deviation
    assert (raw.latents - kept.latents)[..., ~known].abs().max() > 10 * deviation


def _pixels(picture: Image.Image) -> torch.Tensor:
    from sdjp.images import from_pil

    return from_pil(picture, height=picture.height, width=picture.width)


def test_the_masking_of_the_original(tiny: Pipeline) -> None:
    picture, mask = noise(64, 64), square()
    given = {"image": picture, "mask": mask, "strength": 0.7, "seed": 3}
    exact, renewed = (
        tiny.generate(PROMPT, mask_rule=rule, paste_back=False, **given).latents  # type: ignore[arg-type]
        for rule in ("exact", "compvis")
    )
    assert exact is not None
    assert renewed is not None
    known = torch.ones(8, 8, dtype=torch.bool)
    known[2:5, 2:5] = False
    assert torch.equal(exact[..., known], renewed[..., known])
    assert not torch.equal(exact[..., ~known], renewed[..., ~known])


def test_padding_around_a_picture_is_drawn(tiny: Pipeline) -> None:
    """Outpainting: a mask with one white corner, and more room than the picture has."""
    picture = noise(64, 32)
    mask = Image.new("L", (64, 32))
    mask.paste(255, (0, 0, 4, 4))
    result = tiny.generate(
        PROMPT, image=picture, mask=mask, fit="pad", width=64, height=64, feather=0, seed=1, strength=1.0
    )
    drawn = array(result.image)
    assert (drawn[21:48] == array(picture)[5:]).all()
    assert len(np.unique(drawn[:16].reshape(-1, 3), axis=0)) > 50  # not the edge, continued


def test_a_model_for_inpainting(nine: Pipeline) -> None:
    picture, mask = noise(64, 64), square()
    result = nine.generate("a cat", image=picture, mask=mask, seed=1, feather=0)
    changed = np.abs(array(result.image) - array(picture)).max(axis=-1) > 0
    assert changed[16:40, 16:40].any()
    changed[16:40, 16:40] = False
    assert not changed.any()
    # It sees what is around the hole, and where the hole is; what was in it is hidden.
    other = picture.copy()
    other.paste((9, 9, 9), (16, 16, 40, 40))
    given = {"seed": 1, "strength": 1.0, "paste_back": False}
    a, b = (nine.generate("a cat", image=i, mask=mask, **given).latents for i in (picture, other))  # type: ignore[arg-type]
    assert a is not None
    assert b is not None
    assert torch.equal(a, b)
    c = nine.generate("a cat", image=picture, mask=square(64, 8, 40), **given).latents  # type: ignore[arg-type]
    assert c is not None
    assert not torch.equal(a, c)


def test_a_model_for_inpainting_in_tiles(nine: Pipeline) -> None:
    result = nine.generate(
        "a cat", image=noise(64, 64), mask=square(), width=128, height=96, tile=64, overlap=16, seed=1
    )
    assert result.image.size == (128, 96)


# Enlarging.


def test_upscale_gives_exactly_so_many_times_the_size(tiny: Pipeline) -> None:
    picture = noise(50, 37)
    seen: list[Progress] = []
    result = tiny.upscale(picture, PROMPT, factor=2.5, seed=1, on_step=seen.append)
    assert result.image.size == (125, 92)
    assert [p.index for p in seen] == [1]  # 0.3 of three steps
    assert seen[0].latents.shape == (1, 4, 12, 16)
    assert result.options.tile == 64
    again = tiny.upscale(picture, PROMPT, factor=2.5, seed=1)
    assert result.image.tobytes() == again.image.tobytes()


def test_the_model_never_sees_more_than_a_tile(tiny: Pipeline) -> None:
    sizes = set()

    def look(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        sizes.add(tuple(inputs[0].shape[-2:]))

    tiny = copy.copy(tiny)
    tiny.engine = make_engine("eager")  # others run copies, which a hook set later does not reach
    hook = tiny.unet.register_forward_pre_hook(look)
    try:
        tiny.upscale(noise(96, 40), PROMPT, factor=2, tile=48, overlap=16, seed=1)
        assert sizes == {(6, 6)}
    finally:
        hook.remove()


def test_the_autoencoder_never_sees_more_than_its_tile(tiny: Pipeline) -> None:
    widest = 0

    def look(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        nonlocal widest
        widest = max(widest, inputs[0].shape[-1])

    def hook(vae: VAE) -> Iterator[Any]:
        # Copies of the parts are hooked as the parts are: deepcopy takes hooks along.
        yield vae.decoder.conv_out.register_forward_pre_hook(look)
        yield vae.encoder.conv_in.register_forward_pre_hook(look)

    hooks = list(hook(tiny.vae))
    try:
        whole = tiny.generate(PROMPT, image=noise(128, 128), width=128, height=128, strength=0.0, seed=1)
        assert widest == 128
        widest = 0
        tiny.generate(PROMPT, image=noise(128, 128), width=640, height=32, strength=0.0, seed=1)
    finally:
        for one in hooks:
            one.remove()
    assert whole.image.size == (128, 128)
    assert 128 < widest <= 256  # 16 cells and a margin of 8 on either side


def test_hires(tiny: Pipeline) -> None:
    seen: list[Progress] = []
    result = tiny.generate(
        PROMPT, seed=1, num_images_per_prompt=2, hires=1.5, hires_strength=0.5, on_step=seen.append
    )
    assert [image.size for image in result.images] == [(96, 96)] * 2
    assert [(p.index, p.total) for p in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert (result.options.width, result.options.hires) == (64, 1.5)
    single = tiny.generate(PROMPT, seed=2, hires=1.5, hires_strength=0.5)
    assert np.abs(array(result.images[1]) - array(single.image)).max() <= 1
    small = tiny.generate(PROMPT, seed=2).image
    enlarged = small.resize((96, 96), Image.Resampling.LANCZOS)
    kept = tiny.generate(PROMPT, seed=2, hires=1.5, hires_strength=0.0).image
    round_trip = tiny.generate(PROMPT, image=enlarged, width=96, height=96, strength=0.0, seed=9).image
    assert kept.tobytes() == round_trip.tobytes()


def test_tiles_make_a_panorama(tiny: Pipeline) -> None:
    given = {"width": 192, "height": 64, "seed": 1}
    whole, tiles = (tiny.generate(PROMPT, tile=tile, **given).image for tile in (None, 64))  # type: ignore[arg-type]
    assert whole.size == tiles.size == (192, 64)
    assert whole.tobytes() != tiles.tobytes()


# What is recorded, and what is refused.


def test_the_record_draws_it_again(tiny: Pipeline, tmp_path: Path) -> None:
    result = tiny.generate(
        PROMPT, image=noise(64, 64), mask=square(), seed=1, fit="pad", feather=3, tile=64, overlap=8
    )
    [path] = result.save(tmp_path)
    options = read_metadata(path).options
    assert options == GenerationOptions.from_json(json.loads(json.dumps(result.options_of(0).to_json())))
    assert options is not None
    assert (options.fit, options.feather, options.tile, options.overlap) == ("pad", 3, 64, 8)


IMAGE = {"prompt": PROMPT, "image": RED}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "strength NaN": ({**IMAGE, "strength": float("nan")}, "strength.range"),
    "strength below": ({**IMAGE, "strength": -0.1}, "strength.range"),
    "strength above": ({**IMAGE, "strength": 1.1}, "strength.range"),
    "rule": ({**IMAGE, "strength_rule": "mine"}, "strength.rule"),
    "rule without a picture": ({"prompt": PROMPT, "strength_rule": "mine"}, "strength.rule"),
    "no such file": ({"prompt": PROMPT, "image": "ない.png"}, "image.unreadable"),
    "not a picture": ({"prompt": PROMPT, "image": 3}, "image.type"),
    "no pictures": ({"prompt": PROMPT, "image": []}, "image.count"),
    "too many pictures": ({"prompt": PROMPT, "image": [RED, BLUE]}, "image.count"),
    "fit": ({**IMAGE, "fit": "squeeze"}, "fit.unknown"),
    "mask without a picture": ({"prompt": PROMPT, "mask": square()}, "mask.without_image"),
    "no such mask": ({**IMAGE, "mask": "ない.png"}, "mask.unreadable"),
    "mask of no pixels": ({**IMAGE, "mask": Image.new("L", (0, 0))}, "mask.empty"),
    "black mask": ({**IMAGE, "mask": Image.new("L", (9, 9))}, "mask.black"),
    "too many masks": ({**IMAGE, "mask": [square(), square()]}, "mask.count"),
    "mask rule": ({**IMAGE, "mask_rule": "mine"}, "mask_rule.unknown"),
    "paste back": ({**IMAGE, "paste_back": "yes"}, "paste_back.unknown"),
    "feather below": ({**IMAGE, "feather": -1}, "feather.range"),
    "half a feather": ({**IMAGE, "feather": 0.5}, "feather.range"),
    "tile not a multiple": ({"prompt": PROMPT, "tile": 60}, "size.multiple"),
    "tile of nothing": ({"prompt": PROMPT, "tile": 0}, "size.positive"),
    "overlap not a multiple": ({"prompt": PROMPT, "tile": 64, "overlap": 4}, "size.multiple"),
    "overlap as large as a tile": ({"prompt": PROMPT, "tile": 64, "overlap": 64}, "overlap.range"),
    "overlap larger than the usual tile": (
        {"prompt": PROMPT, "hires": 2.0, "overlap": 128},
        "overlap.range",
    ),
    "overlap without a tile": ({"prompt": PROMPT, "overlap": 8}, "overlap.without_tile"),
    "hires 0": ({"prompt": PROMPT, "hires": 0}, "hires.range"),
    "hires NaN": ({"prompt": PROMPT, "hires": float("nan")}, "hires.range"),
    "hires too large": ({"prompt": PROMPT, "hires": 8.1}, "hires.range"),
    "hires strength": ({"prompt": PROMPT, "hires": 2, "hires_strength": 2}, "hires_strength.range"),
    "hires with a picture": ({**IMAGE, "hires": 2}, "hires.with_image"),
    "hires beyond all": ({"prompt": PROMPT, "hires": 8, "width": 8192, "height": 8192}, "size.area"),
}


def refused(pipe: Pipeline, call: Any, code: str) -> None:
    worked = []
    modules = (pipe.unet, pipe.text_encoder, pipe.vae.encoder, pipe.vae.decoder)
    hooks = [m.register_forward_pre_hook(lambda *_: worked.append(1)) for m in modules]
    try:
        with pytest.raises(errors.InputError) as caught:
            call()
    finally:
        for hook in hooks:
            hook.remove()
    assert caught.value.code == code
    assert not worked
    assert any("\u3040" <= c <= "\u30ff" for c in caught.value.ja)


@pytest.mark.parametrize(("arguments", "code"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_refused_before_any_work(tiny: Pipeline, arguments: dict[str, Any], code: str) -> None:
    refused(tiny, lambda: tiny.generate(**arguments), code)


@pytest.mark.parametrize("factor", [0, 0.5, -2, float("nan"), float("inf"), 8.1, True, "2", None])
def test_factors_that_enlarge_nothing_are_refused(tiny: Pipeline, factor: Any) -> None:
    refused(tiny, lambda: tiny.upscale(RED, PROMPT, factor=factor), "factor.range")


def test_what_cannot_be_enlarged_is_refused(tiny: Pipeline, nine: Pipeline) -> None:
    refused(tiny, lambda: tiny.upscale("ない.png", PROMPT), "image.unreadable")
    refused(tiny, lambda: tiny.upscale(RED), "prompt.missing")
    refused(tiny, lambda: tiny.upscale(RED, PROMPT, tile=100), "size.multiple")
    refused(tiny, lambda: tiny.upscale(Image.new("L", (5000, 5000)), PROMPT, factor=8), "size.area")
    refused(nine, lambda: nine.upscale(RED, "a cat"), "model.inpainting")


def test_the_errors_name_what_is_missing(nine: Pipeline) -> None:
    refused(nine, lambda: nine.generate("a cat"), "model.inpainting")
    refused(nine, lambda: nine.generate("a cat", image=RED), "model.inpainting")


def test_a_model_of_a_kind_that_cannot_draw_is_named() -> None:
    pix2pix = channels(8)
    white = Image.new("L", RED.size, 255)
    refused(pix2pix, lambda: pix2pix.generate("a cat"), "model.channels")
    refused(pix2pix, lambda: pix2pix.generate("a cat", image=RED), "model.channels")
    refused(pix2pix, lambda: pix2pix.generate("a cat", image=RED, mask=white), "model.channels")
