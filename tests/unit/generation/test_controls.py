"""ControlNets in whole runs of the small model, and what is refused before one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from sdjp import Control, Pipeline
from sdjp.addons import Addons
from sdjp.engines import make_engine
from sdjp.errors import InputError, WeightsError
from sdjp.generation.controls import MAX_WEIGHT, opened
from sdjp.generation.job import Inputs
from sdjp.generation.memory import MemorySavings
from sdjp.generation.settle import settle
from sdjp.images import read_metadata
from sdjp.images.a1111 import read_parameters
from sdjp.options import GenerationOptions
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from sdjp.weights.known import sha256
from tests.conftest import SMALL, random_models
from tests.controlnet_files import map_picture, random_controlnet, write_folder, write_original

PROMPT = "赤い車"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nets")
    write_original(folder / "canny.safetensors", 1)
    write_folder(folder / "depth", 2)
    return folder


def pipeline(folder: Path | None, engine: str = "eager", **arguments: Any) -> Pipeline:
    return Pipeline(
        random_models(SMALL),
        tokenizer=ClipTokenizer.from_assets(),
        translator=make_translator("lexicon"),
        addons=Addons(controlnet_dir=folder),
        engine=make_engine(engine),
        **arguments,
    )


@pytest.fixture(scope="module")
def pipe(folder: Path) -> Pipeline:
    return pipeline(folder)


def latents(pipe: Pipeline, **arguments: Any) -> Tensor:
    found = pipe.generate(PROMPT, seed=1, **arguments).latents
    assert found is not None
    return found


def canny(**arguments: Any) -> Control:
    return Control("canny", **{"image": map_picture(), **arguments})


def test_a_weight_of_nothing_and_an_interval_with_no_whole_step_change_nothing(pipe: Pipeline) -> None:
    plain = latents(pipe)
    assert torch.equal(latents(pipe, controls=[canny(weight=0)]), plain)
    assert torch.equal(latents(pipe, controls=[canny(start=0.4, end=0.6)]), plain)  # of three steps
    assert torch.equal(latents(pipe, controls=[]), plain)
    led = [
        latents(pipe, controls=canny(**given))
        for given in ({}, {"weight": 0.5}, {"end": 0.5}, {"start": 0.5}, {"image": map_picture(1)})
    ]
    for i, one in enumerate(led):
        for other in (plain, *led[:i]):
            assert (one - other).abs().max() > 1e-3


def test_several_add_up(pipe: Pipeline) -> None:
    once = latents(pipe, controls=[canny()])
    twice = latents(pipe, controls=[canny(weight=0.5), canny(weight=0.5)])
    torch.testing.assert_close(twice, once, rtol=0, atol=1e-4)
    both = latents(pipe, controls=[canny(), Control("depth", image=map_picture(1))])
    assert (both - once).abs().max() > 1e-3


@given(
    st.integers(1, 60),
    st.floats(0, 1, allow_subnormal=False),
    st.floats(0, 1, allow_subnormal=False),
)
@settings(max_examples=100)
def test_steps_are_counted_as_diffusers_counts_them(steps: int, start: float, end: float) -> None:
    control = canny(start=start, end=end)
    for i in range(steps):
        kept = 1.0 - float(i / steps < start or (i + 1) / steps > end)
        assert control.acts(i, steps) == bool(kept)


def test_the_picture_is_fitted_as_one_to_start_from(pipe: Pipeline) -> None:
    wide = map_picture(size=128).crop((0, 0, 128, 64))
    size = {"height": 64, "width": 64}
    for fit in ("crop", "pad", "stretch"):
        from sdjp.images import fit_picture

        ready = fit_picture(wide, **size, fit=fit)
        assert torch.equal(
            latents(pipe, controls=[canny(image=wide)], fit=fit, num_inference_steps=1, **size),
            latents(pipe, controls=[canny(image=ready)], num_inference_steps=1, **size),
        )
    # Left open, the size follows its proportions, unless there is a picture to start from.
    assert pipe.generate(PROMPT, controls=[canny(image=wide)], num_inference_steps=1).image.size == (88, 48)
    square = map_picture()
    result = pipe.generate(PROMPT, image=square, controls=[canny(image=wide)], num_inference_steps=2)
    assert result.image.size == (64, 64)


def test_a_preprocessor_makes_the_map_at_the_size_of_the_drawing(pipe: Pipeline) -> None:
    from sdjp.images.control_map import canny as edges

    photograph = map_picture(3)
    made, given = (
        latents(pipe, controls=[control], num_inference_steps=1)
        for control in (canny(image=photograph, preprocess="canny"), canny(image=edges(photograph)))
    )
    assert torch.equal(made, given)


def test_what_is_transparent_in_a_map_is_black(pipe: Pipeline) -> None:
    drawn = map_picture().convert("RGBA")
    drawn.putalpha(Image.fromarray(np.tri(64, dtype=np.uint8) * 255))
    black = Image.alpha_composite(Image.new("RGBA", drawn.size, "black"), drawn).convert("RGB")
    [hint] = opened([canny(image=drawn)])
    assert np.array_equal(np.asarray(hint.picture), np.asarray(black))


def test_other_engines_and_less_memory_give_the_same(folder: Path, pipe: Pipeline) -> None:
    controls = [canny(weight=0.7), Control("depth", image=map_picture(1), end=0.7)]
    given: dict[str, Any] = {"controls": controls, "num_images_per_prompt": 2, "feature_reuse": 2}
    expected = latents(pipe, **given)
    for other in (
        pipeline(folder, "packed"),
        pipeline(folder, memory=MemorySavings(slices=True)),
    ):
        # Another order of summation, over three steps.
        actual = latents(other, **given)
        torch.testing.assert_close(actual, expected, rtol=0, atol=1e-4 * float(expected.abs().max()))


def test_on_demand_gives_the_same(folder: Path, tmp_path: Path) -> None:
    from tests.stand_in import save_stand_in

    save_stand_in(tmp_path / "model.ckpt")
    found = []
    for memory in ("normal", "low"):
        pipe = Pipeline.from_pretrained(
            tmp_path / "model.ckpt", memory=memory, engine="eager", dtype="float32", safety="off",
            watermark=False, controlnet_dir=folder,
        )  # fmt: skip
        given: dict[str, Any] = {"height": 64, "width": 64, "num_inference_steps": 2, "sampler": "ddim"}
        # The second time the weights come back from where they were put.
        found += [latents(pipe, controls=[canny()], **given) for _ in range(2 if memory == "low" else 1)]
        [net] = pipe.addons.controlnets.load(
            ["canny"], pipe.config, dtype=pipe.dtype, device=pipe.device, on_demand=pipe.on_demand
        )
        away = net.network.conv_in.weight.untyped_storage().nbytes() == 4
        assert away == (memory == "low")
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=0, atol=1e-4 * float(found[0].abs().max()))


def test_a_batch_gives_each_picture_what_it_has_alone(pipe: Pipeline) -> None:
    given: dict[str, Any] = {"controls": [canny()], "guidance_interval": (0, 0.5)}
    together = pipe.generate([PROMPT, "青い空"], seed=[1, 5], **given).latents
    alone = pipe.generate("青い空", seed=5, **given).latents
    assert together is not None
    assert alone is not None
    torch.testing.assert_close(together[1:], alone, rtol=0, atol=1e-4 * float(alone.abs().max()))


def test_of_reused_features_only_the_shallow_residuals_are_asked_for() -> None:
    network = random_controlnet(1)
    x, context = torch.randn(1, 4, 8, 8), torch.randn(1, 3, 32)
    hint = network.hint(torch.rand(1, 3, 64, 64))
    whole = network(x, torch.tensor([5]), context, hint)
    assert len(whole) == 13
    for depth in (1, 2, 12):
        part = network(x, torch.tensor([5]), context, hint, depth=depth)
        assert len(part) == depth
        assert all(torch.equal(a, b) for a, b in zip(part, whole, strict=False))


def test_tiles_see_their_own_part_of_the_map(pipe: Pipeline) -> None:
    """Without guidance, of the text or by neighbours: a tile that overlaps none draws what it draws alone."""
    size = {"height": 64, "width": 128, "sampler": "ddim", "guidance_scale": 1.0}
    picture = map_picture(size=128).crop((0, 0, 128, 64))
    start = torch.randn(1, 4, 8, 16, generator=torch.Generator().manual_seed(0))
    tiled = latents(pipe, **size, tile=64, overlap=0, latents=start, controls=[canny(image=picture)])
    for i in range(2):
        alone = latents(
            pipe,
            **{**size, "width": 64},
            latents=start[..., 8 * i : 8 * i + 8],
            controls=[canny(image=picture.crop((64 * i, 0, 64 * i + 64, 64)))],
        )
        part = tiled[..., 8 * i : 8 * i + 8]
        torch.testing.assert_close(part, alone, rtol=0, atol=1e-4 * float(alone.abs().max()))


def test_hires_has_the_map_at_the_larger_size(pipe: Pipeline) -> None:
    given: dict[str, Any] = {"height": 64, "width": 64, "hires_strength": 0.7}
    large = map_picture(size=128)
    options = GenerationOptions(prompt=PROMPT, hires=2.0, **given)
    job = settle(options, Inputs(controls=canny(image=large)), config=pipe.config, schedule=pipe.schedule)
    assert job.larger is not None
    first, second = (hint.map for one in (job, job.larger) for hint in one.controls)
    assert first is not None
    assert second is not None
    assert (first.size, second.size) == ((64, 64), (128, 128))
    assert np.array_equal(np.asarray(second), np.asarray(large))
    led, other = (
        latents(pipe, **given, hires=1.5, controls=[canny(image=large, start=0, end=end)])
        for end in (1.0, 0.34)
    )
    assert led.shape[-2:] == (12, 12)
    assert (led - other).abs().max() > 1e-3


def test_with_a_mask_what_is_kept_is_kept(pipe: Pipeline) -> None:
    picture, mask = map_picture(5), Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    plain, led = (
        pipe.generate(PROMPT, seed=1, image=picture, mask=mask, controls=controls).image
        for controls in (None, [canny()])
    )
    assert np.array_equal(np.asarray(led)[:, 48:], np.asarray(picture)[:, 48:])
    assert not np.array_equal(np.asarray(led)[:, :24], np.asarray(plain)[:, :24])


def test_shortcuts_go_along(pipe: Pipeline) -> None:
    plain = latents(pipe, controls=[canny()])
    for shortcut in ({"token_merging": 0.5}, {"feature_reuse": 2}):
        changed = latents(pipe, controls=[canny()], **shortcut)
        assert torch.isfinite(changed).all()
        assert not torch.equal(changed, plain)


@pytest.mark.parametrize("engine", ["compile", "openvino"])
def test_engines_that_have_the_network_as_a_whole_refuse(folder: Path, engine: str) -> None:
    try:
        other = pipeline(folder, engine)
    except Exception as error:
        pytest.skip(str(error))
    with pytest.raises(InputError) as caught:
        other.generate(PROMPT, controls=[canny()])
    assert caught.value.code == "engine.controls"
    assert engine in caught.value.ja


BAD: list[tuple[Any, str]] = [
    (Control("canny"), "control.image"),
    (canny(image=3), "control.image.type"),
    (canny(image="no such file.png"), "control.image.unreadable"),
    (Control("", image=map_picture()), "control.name"),
    (Control(7, image=map_picture()), "control.name"),  # type: ignore[arg-type]
    (canny(weight=-0.1), "control.weight.range"),
    (canny(weight=MAX_WEIGHT + 0.1), "control.weight.range"),
    (canny(weight=math.nan), "control.weight.range"),
    (canny(weight="1"), "control.weight.range"),
    (canny(start=-0.1), "control.start.range"),
    (canny(end=1.1), "control.end.range"),
    (canny(start=0.5, end=0.5), "control.interval"),
    (canny(start=0.8, end=0.2), "control.interval"),
    (canny(preprocess="depth"), "control.preprocess.unknown"),
    ("canny", "controls.type"),
    (["canny"], "controls.type"),
    ({"canny": map_picture()}, "controls.type"),
]


@pytest.mark.parametrize(("control", "code"), BAD, ids=[f"{code}-{i}" for i, (_, code) in enumerate(BAD)])
def test_bad_input_is_refused_before_any_work(control: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        opened([control] if isinstance(control, Control) else control)
    assert caught.value.code == code
    assert caught.value.ja != caught.value.en


def test_names_that_are_not_there_and_files_that_do_not_fit(
    pipe: Pipeline, mini: Pipeline, folder: Path
) -> None:
    with pytest.raises(InputError) as caught:
        pipe.generate(PROMPT, controls=[Control("cany", image=map_picture())])
    assert caught.value.code == "controlnet.unknown"
    assert "canny" in caught.value.ja
    with pytest.raises(WeightsError) as unfit:
        mini.generate(PROMPT, controls=[Control(folder / "canny.safetensors", image=map_picture(size=256))])
    assert unfit.value.code == "controlnet.model"


def test_the_record(pipe: Pipeline, folder: Path, tmp_path: Path) -> None:
    map_picture().save(tmp_path / "edges.png")
    control = Control("canny", image=tmp_path / "edges.png", weight=0.7, start=0.1, end=0.9)
    result = pipe.generate(PROMPT, seed=1, controls=[control, Control("depth", image=map_picture(1))])
    [path] = result.save(tmp_path)
    found = read_metadata(path)
    assert found.sdjp is not None
    first, second = found.sdjp["controls"]
    assert first == {
        "name": "canny",
        "weight": 0.7,
        "start": 0.1,
        "end": 0.9,
        "preprocess": None,
        "image": {"name": "edges.png", "sha256": sha256(tmp_path / "edges.png")},
        "file": "canny.safetensors",
        "sha256": sha256(folder / "canny.safetensors"),
    }
    assert set(second["image"]) == {"pixels_sha256"}
    reports = [report for report in found.sdjp["reports"] if report["name"] == "controlnet"]
    assert [report["data"]["unused"] for report in reports] == [[], []]
    assert found.parameters is not None
    said = read_parameters(found.parameters).settings
    assert said["ControlNet 0"] == (
        f"Module: none, Model: canny [{first['sha256'][:8]}], Weight: 0.7, Guidance Start: 0.1, "
        "Guidance End: 0.9, Control Mode: Balanced"
    )
    assert "ControlNet 1" in said
    assert "controls" not in pipe.generate(PROMPT, seed=1).record(0)
