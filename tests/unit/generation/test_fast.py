"""Each shortcut against the plain path: off it changes nothing, on it says so and does what it says."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sdjp.engines import make_engine
from sdjp.errors import InputError
from sdjp.generation.fast import GuidedUNet, _meets
from sdjp.generation.job import Inputs, Job
from sdjp.generation.settle import settle
from sdjp.options import GenerationOptions
from sdjp.pipeline import Pipeline
from sdjp.result import GenerationResult
from sdjp.samplers import Schedule, classifier_free, get_sampler, tiled
from sdjp.samplers.base import at
from tests.conftest import SMALL
from tests.narrow import latents

PROMPT = "馬に乗る宇宙飛行士"
ON: dict[str, dict[str, Any]] = {
    "guidance_interval": {"guidance_interval": (0.3, 0.7)},
    "token_merging": {"token_merging": 0.5},
    "feature_reuse": {"feature_reuse": 2},
    "all": {"guidance_interval": (0.0, 0.5), "token_merging": 0.3, "feature_reuse": 3},
}
OFF: dict[str, dict[str, Any]] = {
    "guidance_interval": {"guidance_interval": (0.0, 1.0)},
    "token_merging": {"token_merging": 0.0},
    "feature_reuse": {"feature_reuse": 1},
}


def draw(pipe: Pipeline, **settings: Any) -> GenerationResult:
    return pipe.generate(PROMPT, **{"seed": 3, "num_inference_steps": 5, "guidance_scale": 5.0, **settings})


def difference(a: Image.Image, b: Image.Image) -> int:
    return int(np.abs(np.asarray(a).astype(int) - np.asarray(b).astype(int)).max())


def settled(**settings: Any) -> Job:
    options = GenerationOptions(prompt=PROMPT, seed=0, **{"num_inference_steps": 4, **settings})
    return settle(options, Inputs(), config=SMALL, schedule=Schedule.from_config(SMALL.schedule))


@pytest.fixture(scope="module")
def plain(tiny: Pipeline) -> GenerationResult:
    return draw(tiny)


# Off and on.


@pytest.mark.parametrize("settings", OFF.values(), ids=OFF)
def test_neutral_settings_give_the_plain_picture(
    tiny: Pipeline, plain: GenerationResult, settings: dict[str, Any]
) -> None:
    assert torch.equal(latents(draw(tiny, **settings)), latents(plain))


@torch.inference_mode()
def test_the_plain_path_is_that_without_shortcuts(tiny: Pipeline, plain: GenerationResult) -> None:
    """The sampler over the bare guided network, as if this module were not there."""
    cond, uncond = tiny.encode_prompt([PROMPT, ""])[:, None]
    network = tiny.engine.unet(tiny.unet)
    denoise = classifier_free(network, cond, uncond, 5.0)
    plan = get_sampler("ddim").plan(tiny.schedule, 5)
    x = torch.randn(latents(plain)[0].shape, generator=torch.Generator().manual_seed(3))[None]
    for step in get_sampler("ddim")(denoise, x, plan, lambda: latents(plain)):
        x = step.x
    assert torch.equal(x, latents(plain))


@pytest.mark.parametrize("settings", ON.values(), ids=ON)
def test_a_shortcut_changes_the_picture_and_the_options_say_so(
    tiny: Pipeline, plain: GenerationResult, settings: dict[str, Any]
) -> None:
    drawn = draw(tiny, **settings)
    assert not torch.equal(latents(drawn), latents(plain))
    assert {name: getattr(drawn.options, name) for name in settings} == settings
    again = GenerationOptions.from_json(drawn.record(0)["options"])
    assert {name: getattr(again, name) for name in settings} == settings


def test_the_options_of_a_plain_picture_say_that_too(plain: GenerationResult) -> None:
    options = plain.options
    assert (options.preset, options.guidance_interval) == (None, None)
    assert (options.token_merging, options.feature_reuse) == (0.0, 1)


def test_the_record_of_a_preset_draws_the_picture_again_without_it(tiny: Pipeline) -> None:
    drawn = tiny.generate(PROMPT, seed=3, preset="fast", guidance_scale=5.0)
    record = drawn.record(0)["options"]
    assert record["preset"] is None
    again = next(tiny.stream(**GenerationOptions.from_json(record).to_json()))
    assert torch.equal(latents(again), latents(drawn))
    assert again.options == drawn.options


# What a run does.


@pytest.mark.parametrize(("name", "sampler"), [("all", "plms"), ("token_merging", "ddim")])
def test_the_same_seed_gives_the_same_picture_in_any_batch(tiny: Pipeline, name: str, sampler: str) -> None:
    settings = {"num_images_per_prompt": 3, "sampler": sampler, **ON[name]}
    together = draw(tiny, **settings)
    one_by_one = draw(tiny, batch_size=1, **settings)
    for a, b in zip(together.images, one_by_one.images, strict=True):
        assert difference(a, b) <= 1  # batches of another size may round differently in the last bit


def test_one_pipeline_serves_threads_with_shortcuts(tiny: Pipeline) -> None:
    runs = [{**ON["all"], "seed": 1}, {"seed": 2}, {**ON["feature_reuse"], "seed": 3}]
    alone = [latents(draw(tiny, **run)) for run in runs]
    with ThreadPoolExecutor(3) as pool:
        beside = list(pool.map(lambda run: latents(draw(tiny, **run)), runs))
    for a, b in zip(alone, beside, strict=True):
        assert torch.equal(a, b)


def test_pictures_tiles_and_enlarging_work_with_shortcuts(tiny: Pipeline) -> None:
    settings = ON["all"]
    picture = Image.new("RGB", (64, 64), "skyblue")
    redrawn = draw(tiny, image=picture, strength=0.6, **settings)
    wide = draw(tiny, width=96, tile=64, overlap=32, num_inference_steps=3, **settings)
    larger = draw(tiny, hires=1.5, num_inference_steps=3, **settings)
    assert [r.image.size for r in (redrawn, wide, larger)] == [(64, 64), (96, 64), (96, 96)]


class Watched:
    """The network, which notes for each call its rows and the shortcuts that it was given."""

    def __init__(self, pipe: Pipeline) -> None:
        self.network = pipe.unet
        self.calls: list[tuple[int, dict[str, Any]]] = []
        self.computed: list[bool] = []

    def __call__(self, x: torch.Tensor, t: torch.Tensor, context: torch.Tensor, **taken: Any) -> torch.Tensor:
        self.calls.append((len(x), taken))
        self.computed.append("deep" not in taken or taken["deep"].x is None)
        out: torch.Tensor = self.network(x, t, context, **taken)
        return out

    def run(self, pipe: Pipeline, job: Job) -> None:
        states = torch.zeros(2, 77, SMALL.unet.context_dim)
        guided = GuidedUNet(self, states, states + 0.1, job)
        denoise = guided if job.tile is None else tiled(guided, tile=job.tile, overlap=job.overlap)
        x = torch.randn(2, *job.shape, generator=torch.Generator().manual_seed(1))
        with torch.inference_mode():
            for _ in get_sampler(job.options.sampler)(denoise, x, job.plan, lambda: x):
                guided.next_step()


def test_guidance_costs_half_the_rows_outside_its_interval(tiny: Pipeline) -> None:
    watched = Watched(tiny)
    watched.run(tiny, settled(sampler="plms", guidance_interval=(0.25, 0.75)))
    # Two pictures: PLMS asks twice in its first step.
    assert [rows for rows, _ in watched.calls] == [2, 2, 4, 4, 2]


def test_the_deep_part_is_computed_at_every_nth_step(tiny: Pipeline) -> None:
    watched = Watched(tiny)
    watched.run(tiny, settled(sampler="plms", feature_reuse=3, num_inference_steps=7))
    assert watched.computed == [True, True, False, False, True, False, False, True]


def test_what_is_reused_follows_guidance(tiny: Pipeline) -> None:
    """Where guidance ends, the conditional half goes on; where it begins, all is computed anew."""
    watched = Watched(tiny)
    watched.run(
        tiny, settled(sampler="ddim", feature_reuse=4, num_inference_steps=8, guidance_interval=(0.25, 0.75))
    )
    assert [rows for rows, _ in watched.calls] == [2, 2, 4, 4, 4, 4, 2, 2]
    assert watched.computed == [True, False, True, False, True, False, False, False]
    guided, after = watched.calls[5][1]["deep"].x, watched.calls[6][1]["deep"].x
    assert torch.equal(after, guided[2:])


def test_each_tile_has_features_of_its_own(tiny: Pipeline) -> None:
    watched = Watched(tiny)
    job = settled(sampler="plms", feature_reuse=2, width=96, tile=64, overlap=32, num_inference_steps=3)
    watched.run(tiny, job)
    assert watched.computed == [True] * 4 + [False] * 2 + [True] * 2
    # The second evaluation of PLMS' first step is the newer; each tile goes on with its own.
    deep = [taken["deep"].x for _, taken in watched.calls]
    assert torch.equal(deep[4], deep[2])
    assert torch.equal(deep[5], deep[3])
    assert not torch.equal(deep[4], deep[5])


def test_reuse_is_exact_where_latents_stay(tiny: Pipeline) -> None:
    job = settled(feature_reuse=2)
    states = torch.zeros(1, 77, SMALL.unet.context_dim)
    guided = GuidedUNet(tiny.unet, states, states + 0.1, job)
    x = torch.randn(1, *job.shape, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        first = guided(x, at(500.0, x))
        guided.next_step()
        assert torch.equal(guided(x, at(500.0, x)), first)


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 10, 50])
@pytest.mark.parametrize("interval", [(0.0, 1.0), (0.3, 0.7), (0.0, 0.01), (0.99, 1.0), (0.2, 0.3)])
def test_an_interval_meets_a_step_at_least(steps: int, interval: tuple[float, float]) -> None:
    met = [_meets(interval, step, steps) for step in range(steps)]
    assert any(met)
    assert interval != (0.0, 1.0) or all(met)


def test_intervals_in_tenths_meet_tenths() -> None:
    for low in range(10):
        for high in range(low + 1, 11):
            met = [step for step in range(10) if _meets((low / 10, high / 10), step, 10)]
            assert met == list(range(low, high))


# What is refused.


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "interval of one": ({"guidance_interval": (0.5,)}, "guidance_interval.range"),
    "falling": ({"guidance_interval": (0.7, 0.2)}, "guidance_interval.range"),
    "empty": ({"guidance_interval": (0.5, 0.5)}, "guidance_interval.range"),
    "beyond": ({"guidance_interval": (0.0, 1.5)}, "guidance_interval.range"),
    "not a number": ({"guidance_interval": (0.0, float("nan"))}, "guidance_interval.range"),
    "no pair": ({"guidance_interval": 0.5}, "guidance_interval.range"),
    "words": ({"guidance_interval": "ab"}, "guidance_interval.range"),
    "no guidance": (
        {"guidance_interval": (0, 0.5), "guidance_scale": 1},
        "guidance_interval.without_guidance",
    ),
    "all merged": ({"token_merging": 0.8}, "token_merging.range"),
    "negative": ({"token_merging": -0.1}, "token_merging.range"),
    "a truth": ({"token_merging": True}, "token_merging.range"),
    "never": ({"feature_reuse": 0}, "feature_reuse.range"),
    "too seldom": ({"feature_reuse": 11}, "feature_reuse.range"),
    "a share": ({"feature_reuse": 1.5}, "feature_reuse.range"),
    "unknown": ({"preset": "slow"}, "preset.unknown"),
}


@pytest.mark.parametrize(("settings", "code"), REFUSED.values(), ids=REFUSED)
def test_bad_settings_are_refused(tiny: Pipeline, settings: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as caught:
        tiny.generate(PROMPT, **settings)
    assert caught.value.code == code
    assert caught.value.ja != caught.value.en


@pytest.mark.parametrize("settings", [ON["token_merging"], ON["feature_reuse"], {"preset": "fast"}])
def test_an_engine_that_takes_none_is_refused(tiny: Pipeline, settings: dict[str, Any]) -> None:
    pytest.importorskip("openvino")
    pipe = copy.copy(tiny)
    pipe.engine = make_engine("openvino")
    with pytest.raises(InputError) as caught:
        pipe.generate(PROMPT, **settings)
    assert caught.value.code == "engine.shortcuts"
    assert "openvino" in caught.value.ja
