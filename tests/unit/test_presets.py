"""Presets fill in what was left open, and nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from sdjp import Pipeline
from sdjp.errors import InputError
from sdjp.options import GenerationOptions, check_options
from sdjp.options.presets import PRESETS, Preset
from sdjp.samplers import SAMPLERS, SPACINGS
from tests.conftest import SMALL

NAMES = [f.name for f in dataclasses.fields(Preset)]
GIVEN: dict[str, Any] = {
    "sampler": "ddim",
    "spacing": "leading",
    "num_inference_steps": 7,
    "guidance_scale": 3.0,
    "eta": 0.0,
    "guidance_interval": (0.0, 1.0),
    "token_merging": 0.0,
    "feature_reuse": 1,
}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_made_of_options_that_can_be_used(name: str) -> None:
    filled = GenerationOptions(prompt="猫", preset=name).with_preset(guidance_scale=7.5)
    check_options(filled, factor=8)
    assert filled.sampler in SAMPLERS
    assert filled.spacing in SPACINGS
    assert filled.preset is None  # the values stand for themselves
    assert {n: getattr(filled, n) for n in NAMES} == dataclasses.asdict(PRESETS[name])


@pytest.mark.parametrize("option", GIVEN)
def test_what_is_given_wins(option: str) -> None:
    given = GenerationOptions(prompt="猫", preset="fast", **{option: GIVEN[option]})
    filled = given.with_preset(guidance_scale=7.5)
    expected = dataclasses.asdict(PRESETS["fast"]) | {option: GIVEN[option]}
    assert {n: getattr(filled, n) for n in NAMES} == expected


@pytest.mark.parametrize("option", ["sampler", "spacing", "num_inference_steps", "guidance_scale", "eta"])
@pytest.mark.parametrize("name", ["lcm", "hyper", "hyper_1step", "hyper_cfg", "tcd"])
def test_what_is_given_wins_over_those_for_few_steps(name: str, option: str) -> None:
    given = GenerationOptions(prompt="猫", preset=name, **{option: GIVEN[option]})
    filled = given.with_preset(guidance_scale=7.5)
    expected = dataclasses.asdict(PRESETS[name]) | {option: GIVEN[option]}
    if option == "sampler" and name != "hyper" and name != "hyper_cfg":  # those are of ddim
        expected["eta"] = None
    assert {n: getattr(filled, n) for n in NAMES} == expected


def test_fast_has_the_numbers_that_were_measured() -> None:
    assert dataclasses.asdict(PRESETS["fast"]) == {
        "sampler": "dpm++_2m",
        "spacing": "trailing",
        "num_inference_steps": 10,
        "guidance_scale": None,
        "eta": None,
        "guidance_interval": (0.2, 1.0),
        "token_merging": 0.0,
        "feature_reuse": 2,
    }


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("own", [1.0, 7.5])
def test_every_preset_draws(name: str, own: float, tiny: Pipeline) -> None:
    scale: dict[str, Any] = {} if own == 7.5 else {"guidance_scale": own}
    options = tiny.generate("a cat", preset=name, seed=1, **scale).options
    preset = PRESETS[name]
    assert (options.sampler, options.spacing) == (preset.sampler, preset.spacing)
    assert options.num_inference_steps == preset.num_inference_steps
    wanted = preset.guidance_scale or SMALL.defaults.guidance_scale
    assert options.guidance_scale == (own if scale else wanted)
    assert options.eta == (SAMPLERS[preset.sampler].eta if preset.eta is None else preset.eta)


def test_every_option_of_a_preset_is_tested_above() -> None:
    assert set(GIVEN) == set(NAMES)


def test_without_a_preset_nothing_changes() -> None:
    options = GenerationOptions(prompt="猫")
    assert options.with_preset(guidance_scale=7.5) is options


@pytest.mark.parametrize(("given", "own"), [(1, 7.5), (1.0, 7.5), (None, 1.0)])
def test_where_there_is_no_guidance_there_is_no_interval(given: float | None, own: float) -> None:
    options = GenerationOptions(prompt="猫", preset="fast", guidance_scale=given)
    assert options.with_preset(guidance_scale=own).guidance_interval is None


@pytest.mark.parametrize("name", ["slow", "", 1, ["fast"]])
def test_an_unknown_preset_is_refused(name: object) -> None:
    with pytest.raises(InputError) as caught:
        GenerationOptions(prompt="猫", preset=name).with_preset(guidance_scale=7.5)  # type: ignore[arg-type]
    assert caught.value.code == "preset.unknown"
    assert "lcm" in caught.value.en
    assert "fast" in caught.value.ja
    assert "fast" in caught.value.en
