"""Pictures enlarged by a network: in tiles as whole, to any size, and through the pipeline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image
from safetensors.torch import save_file

from sdjp import errors
from sdjp.engines import make_engine
from sdjp.generation import upscaling
from sdjp.generation.memory import MemorySavings
from sdjp.generation.upscaling import enlarge
from sdjp.images import fit_picture, read_metadata
from sdjp.images.a1111 import read_parameters
from sdjp.pipeline import Pipeline
from sdjp.weights.parts.upscaler import Upscaler, load_upscaler
from tests.golden.make_upscalers import weights
from tests.shallow import random_pipeline

PROMPT = "赤いりんご"
EMBEDDED = load_upscaler("animevideo")


def own(folder: Path, case: str) -> Upscaler:
    path = folder / f"{case}.safetensors"
    save_file(weights(case), path)
    return load_upscaler(str(path))


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def array(picture: Image.Image) -> Any:
    return np.asarray(picture).astype(int)


def whole(upscaler: Upscaler, picture: Image.Image) -> Any:
    """What the network makes of a picture, in bytes."""
    x = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        y = upscaler.network(x)[0].clamp(0, 1).permute(1, 2, 0).numpy()
    return (y * 255).round().astype(int)


@pytest.fixture(scope="module")
def tiny() -> Pipeline:
    return random_pipeline()


@pytest.fixture(scope="module")
def eager() -> Pipeline:
    """With an engine that runs the modules themselves."""
    return random_pipeline(engine=make_engine("eager"))


@contextmanager
def watched(pipe: Pipeline) -> Iterator[list[str]]:
    """The networks of a model that run, in order."""
    worked: list[str] = []
    vae = pipe.vae
    parts = {"unet": pipe.unet, "text": pipe.text_encoder, "encoder": vae.encoder, "decoder": vae.decoder}
    hooks = [
        part.register_forward_pre_hook(lambda *_, name=name: worked.append(name))
        for name, part in parts.items()
    ]
    try:
        yield worked
    finally:
        for hook in hooks:
            hook.remove()


# Enlarging a picture.


@pytest.mark.parametrize(("width", "height"), [(70, 45), (33, 90), (5, 3), (1, 1)])
def test_tiles_are_the_whole(width: int, height: int) -> None:
    picture = noise(width, height)
    tiles = array(enlarge(picture, EMBEDDED, width=4 * width, height=4 * height, tile=24))
    # Sums in another order may fall on the other side of a half.
    difference = np.abs(tiles - whole(EMBEDDED, picture))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.001


@pytest.mark.parametrize("case", ["compact_x1", "basicsr_x2", "basicsr_x1"])
def test_tiles_are_the_whole_for_squares_of_pixels_too(tmp_path: Path, case: str) -> None:
    upscaler = own(tmp_path, case)
    upscaler.network.reach = min(upscaler.network.reach, upscaling.MARGIN)
    picture, scale = noise(101, 62), upscaler.network.scale
    tiles = array(enlarge(picture, upscaler, width=101 * scale, height=62 * scale, tile=20))
    difference = np.abs(tiles - whole(upscaler, picture))
    assert difference.max() <= 1  # with two blocks the reach of 34 × 4 pixels hardly goes beyond the margin
    assert (difference > 0).mean() < 0.001


def test_a_margin_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = noise(70, 45)
    monkeypatch.setattr(upscaling, "MARGIN", 0)
    tiles = array(enlarge(picture, EMBEDDED, width=280, height=180, tile=24))
    assert np.abs(tiles - whole(EMBEDDED, picture)).max() > 10


def test_memory_is_that_of_a_tile() -> None:
    widest = []
    hook = EMBEDDED.network.register_forward_pre_hook(lambda _, x: widest.append(max(x[0].shape[-2:])))
    try:
        enlarge(noise(300, 20), EMBEDDED, width=600, height=40, tile=64)
    finally:
        hook.remove()
    assert len(widest) == 5
    assert max(widest) <= 64 + 4 + 2 * 20


def test_the_saving_of_memory_makes_smaller_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upscaling, "TILE", 80)
    sparing = random_pipeline(memory=MemorySavings.named("tiles"))
    made = sparing.upscale(noise(50, 30), strength=0, factor=2, upscaler="animevideo").image
    usual = enlarge(noise(50, 30), EMBEDDED, width=100, height=60)
    small = enlarge(noise(50, 30), EMBEDDED, width=100, height=60, tile=20)
    assert made.tobytes() == small.tobytes()
    assert np.abs(array(made) - array(usual)).max() <= 1


@pytest.mark.parametrize("factor", [1, 1.3, 2, 4])
def test_lanczos_takes_it_down_to_the_size(factor: float) -> None:
    picture = noise(20, 14)
    width, height = round(20 * factor), round(14 * factor)
    made = enlarge(picture, EMBEDDED, width=width, height=height)
    four = Image.fromarray(whole(EMBEDDED, picture).astype(np.uint8))
    down = fit_picture(four, fit="stretch", width=width, height=height)
    assert np.abs(array(made) - array(down)).max() <= 2
    assert made.size == (width, height)


def test_a_factor_above_the_networks_own_takes_it_twice(tmp_path: Path) -> None:
    upscaler = own(tmp_path, "compact_x2")
    picture = noise(12, 9)
    twice = Image.fromarray(whole(upscaler, picture).astype(np.uint8))
    twice = Image.fromarray(whole(upscaler, twice).astype(np.uint8))
    assert np.abs(array(enlarge(picture, upscaler, width=48, height=36)) - array(twice)).max() <= 1
    assert enlarge(picture, upscaler, width=60, height=45).size == (60, 45)


def test_a_network_that_enlarges_nothing_is_asked_once(tmp_path: Path) -> None:
    upscaler = own(tmp_path, "compact_x1")
    asked = []
    upscaler.network.register_forward_pre_hook(lambda *_: asked.append(1))
    assert enlarge(noise(12, 9), upscaler, width=24, height=18).size == (24, 18)
    assert len(asked) == 1


def test_numbers_that_overflow_are_told(tmp_path: Path) -> None:
    save_file({k: v * 1e30 for k, v in weights("compact_x4").items()}, tmp_path / "net.safetensors")
    upscaler = load_upscaler(str(tmp_path / "net.safetensors"))
    with pytest.raises(errors.NonFiniteError) as caught:
        enlarge(noise(8, 8), upscaler, width=32, height=32)
    assert caught.value.code == "nan.upscaler"


# Through the pipeline.


def test_hires_redraws_what_the_network_enlarged(tiny: Pipeline) -> None:
    given: dict[str, Any] = {"seed": 2, "hires": 1.5, "hires_strength": 0.5}
    made = tiny.generate(PROMPT, upscaler="animevideo", **given)
    small = tiny.generate(PROMPT, seed=2).image
    enlarged = enlarge(small, EMBEDDED, width=96, height=96)
    assert made.image.size == (96, 96)
    assert made.image.tobytes() != tiny.generate(PROMPT, **given).image.tobytes()
    again = tiny.upscale(enlarged, PROMPT, factor=1, strength=0.5, seed=2)
    assert np.abs(array(made.image) - array(again.image)).max() <= 1


def test_strength_0_samples_and_decodes_nothing_more(eager: Pipeline) -> None:
    seen: list[Any] = []
    given: dict[str, Any] = {"hires": 1.5, "hires_strength": 0, "upscaler": "animevideo"}
    with watched(eager) as usual:
        plain = eager.generate([PROMPT, "犬"], seed=2)
    with watched(eager) as worked:
        made = eager.generate([PROMPT, "犬"], seed=2, on_step=seen.append, **given)
    assert [(p.index, p.total) for p in seen] == [(1, 3), (2, 3), (3, 3)]
    assert worked == [part for part in usual if part != "text"]  # whose states are kept
    assert {"unet", "decoder"} <= set(worked)
    for large, small in zip(made, plain, strict=True):
        assert large.tobytes() == enlarge(small, EMBEDDED, width=96, height=96).tobytes()
    assert made.latents is not None
    assert plain.latents is not None
    assert torch.equal(made.latents, plain.latents)


def test_a_drawing_from_a_picture_may_be_enlarged_in_the_end(tiny: Pipeline) -> None:
    given: dict[str, Any] = {"image": noise(64, 64), "strength": 0.5, "seed": 1}
    made = tiny.generate(PROMPT, hires=2, hires_strength=0, upscaler="animevideo", **given).image
    small = tiny.generate(PROMPT, **given).image
    assert made.tobytes() == enlarge(small, EMBEDDED, width=128, height=128).tobytes()


def test_upscale_redraws_what_the_network_enlarged(tiny: Pipeline) -> None:
    picture = noise(50, 40)
    made = tiny.upscale(picture, PROMPT, factor=1.5, seed=1, upscaler="animevideo")
    enlarged = enlarge(picture, EMBEDDED, width=75, height=60)
    again = tiny.upscale(enlarged, PROMPT, factor=1, seed=1)
    assert made.image.size == (75, 60)
    assert made.image.tobytes() == again.image.tobytes()
    assert made.options.upscaler == "animevideo"
    assert made.image.tobytes() != tiny.upscale(picture, PROMPT, factor=1.5, seed=1).image.tobytes()


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "I;16"])
def test_upscale_without_redrawing_needs_no_prompt_and_no_network_of_the_model(
    eager: Pipeline, mode: str
) -> None:
    picture = noise(30, 21).convert("RGBA" if mode == "RGBA" else "L")
    picture.putalpha(99) if mode == "RGBA" else None
    picture = picture.convert(mode)
    with watched(eager) as worked:
        result = eager.upscale(picture, factor=2.5, strength=0, upscaler="animevideo")
    assert result.image.size == (75, 52)
    assert result.image.mode == "RGB"
    assert not worked
    assert result.prompts == (None,)
    assert result.options.prompt is None
    assert result.latents is None
    assert "pixels_sha256" in result.record(0)["image"]


def test_a_photograph_is_turned_upright_once(eager: Pipeline, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # a quarter to the right
    noise(30, 20).save(tmp_path / "turned.png", exif=exif)
    upright = noise(30, 20).transpose(Image.Transpose.ROTATE_270)
    expected = enlarge(upright, EMBEDDED, width=30, height=45)
    given: dict[str, Any] = {"factor": 1.5, "upscaler": "animevideo"}
    made = eager.upscale(tmp_path / "turned.png", strength=0, **given)
    assert made.image.tobytes() == expected.tobytes()
    assert made.record(0)["image"]["name"] == "turned.png"
    redrawn = eager.upscale(tmp_path / "turned.png", PROMPT, seed=1, **given)
    assert redrawn.image.tobytes() == eager.upscale(upright, PROMPT, seed=1, **given).image.tobytes()
    assert redrawn.record(0)["image"]["name"] == "turned.png"


def test_without_an_upscaler_strength_0_stays_as_it_was(tiny: Pipeline) -> None:
    picture = noise(64, 64)
    plain = tiny.upscale(picture, PROMPT, factor=1, strength=0, seed=1)
    through = tiny.generate(PROMPT, image=picture, strength=0, seed=1)
    assert plain.image.tobytes() == through.image.tobytes()


# The record.


def test_the_record_tells_name_and_hash(tiny: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "網 1.safetensors"
    save_file(weights("compact_x2"), path)
    result = tiny.generate(PROMPT, seed=1, hires=2, hires_strength=0.25, upscaler=str(path))
    [saved] = result.save(tmp_path / "out")
    found = read_metadata(saved)
    assert found.options is not None
    assert found.parameters is not None
    assert found.options.upscaler == str(path)
    assert found.sdjp is not None
    [report] = [r for r in found.sdjp["reports"] if r["name"] == "upscaler"]
    assert report["data"] == {"name": path.name, "sha256": load_upscaler(str(path)).sha256, "scale": 2}
    settings = read_parameters(found.parameters).settings
    assert (settings["Hires upscaler"], settings["Hires upscale"]) == ("網 1", "2")
    assert settings["Denoising strength"] == "0.25"
    json.dumps(result.record(0))
    plain = tiny.generate(PROMPT, seed=1, hires=2)
    assert "Hires" not in plain._parameters(0)
    assert not [r for r in plain.record(0)["reports"] if r["name"] == "upscaler"]


def test_the_text_of_the_web_ui_is_read_back(tiny: Pipeline) -> None:
    options = {"hires": 1.5, "hires_strength": 0.0, "upscaler": "animevideo"}
    text = tiny.generate(PROMPT, seed=1, **options)._parameters(0)  # type: ignore[arg-type]
    assert "Hires upscaler: R-ESRGAN AnimeVideo" in text
    found, left = read_parameters(text).options()
    assert {name: found[name] for name in options} == options
    assert not left
    upscaled = tiny.upscale(noise(9, 9), strength=0, upscaler="animevideo")._parameters(0)
    assert "Postprocess upscaler: R-ESRGAN AnimeVideo" in upscaled


@pytest.mark.parametrize(
    ("text", "upscaler", "left"),
    [
        ("Hires upscaler: Lanczos", None, []),
        ("Hires upscaler: R-ESRGAN AnimeVideo", "animevideo", []),
        ("Hires upscaler: 4x-UltraSharp", None, ["Hires upscaler: 4x-UltraSharp"]),
    ],
)
def test_upscalers_of_the_web_ui(text: str, upscaler: str | None, left: list[str]) -> None:
    line = f"cat\nSteps: 20, Denoising strength: 0.35, Hires upscale: 2, {text}"
    found, others = read_parameters(line).options()
    assert (found.get("upscaler"), found["hires"], found["hires_strength"]) == (upscaler, 2, 0.35)
    assert others == left
    _, alone = read_parameters("cat\nSteps: 20, Denoising strength: 0.35").options()
    assert alone == ["Denoising strength: 0.35"]


# What is refused.


def refused(pipe: Pipeline, code: str, call: Any) -> None:
    with watched(pipe) as worked, pytest.raises(errors.SdjpError) as caught:
        call()
    assert caught.value.code == code
    assert not worked


def test_bad_input_is_refused_before_any_work(eager: Pipeline, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, other)
    red = Image.new("RGB", (16, 16), "red")
    for upscaler, code in (
        ("ない.pth", "upscaler.missing"),
        ("", "upscaler.missing"),
        (5, "upscaler.type"),
        (Path("animevideo"), "upscaler.type"),
        (str(other), "upscaler.weights"),
        (str(tmp_path), "weights.unreadable"),
    ):
        given: Any = {"upscaler": upscaler}
        refused(eager, code, lambda given=given: eager.generate(PROMPT, hires=2, **given))
        refused(eager, code, lambda given=given: eager.upscale(red, PROMPT, **given))
        refused(eager, code, lambda given=given: eager.upscale(red, strength=0, **given))
    refused(eager, "upscaler.without_hires", lambda: eager.generate(PROMPT, upscaler="animevideo"))
    net: Any = {"upscaler": "animevideo"}
    refused(eager, "hires.with_image", lambda: eager.generate(PROMPT, image=red, hires=2, **net))
    refused(eager, "prompt.missing", lambda: eager.upscale(red, **net))
    refused(eager, "strength.range", lambda: eager.upscale(red, strength=False, **net))
    refused(eager, "factor.range", lambda: eager.upscale(red, strength=0, factor=9, **net))
    refused(eager, "sampler.unknown", lambda: eager.upscale(red, strength=0, sampler="mine", **net))
    refused(eager, "image.unreadable", lambda: eager.upscale("ない.png", strength=0, **net))
