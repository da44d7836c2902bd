from __future__ import annotations

import dataclasses
import inspect
import json
import math
import re
import subprocess
import sys
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sdjp import Pipeline, checks
from sdjp.config import MINI, SD_V1, TINY, ModelConfig
from sdjp.errors import InputError, set_language
from sdjp.generation.arguments import GenerationArguments, UpscaleArguments
from sdjp.generation.job import INPUTS, Inputs
from sdjp.generation.seeds import seeds_of
from sdjp.generation.settle import check_ahead, settle
from sdjp.options import OPTIONS, GenerationOptions, ResolvedOptions, check_options
from sdjp.records import Part, PromptInfo, Report, Timings
from sdjp.samplers import SAMPLERS, SPACINGS, Schedule
from tests import strategies
from tests.narrow import clip_text

SCHEDULE = Schedule.from_config(TINY.schedule)
# As many layers as an option may name: which of them a model has is not for the schema to say.
DEEP = dataclasses.replace(TINY, text=dataclasses.replace(clip_text(TINY.text), layers=100))


@given(strategies.options)
@settings(max_examples=60)
def test_options_that_are_allowed_survive_json(given_options: GenerationOptions) -> None:
    check_options(given_options, factor=8)
    data = json.loads(json.dumps(given_options.to_json()))
    assert GenerationOptions.from_json(data) == given_options


def test_resolved_options_survive_json_and_need_every_default() -> None:
    resolved = GenerationOptions(prompt="猫").resolve(**dataclasses.asdict(SD_V1.defaults))
    assert ResolvedOptions.from_json(resolved.to_json()) == resolved
    with pytest.raises(TypeError):
        ResolvedOptions(prompt="猫")  # type: ignore[call-arg]
    with pytest.raises(InputError) as caught:
        ResolvedOptions.from_json({"prompt": "猫", "height": 512})
    assert caught.value.code == "options.missing_key"
    assert "sampler" in caught.value.en


def test_resolve_fills_only_what_is_none() -> None:
    falsy = GenerationOptions(prompt="", guidance_scale=0, seed=0, width=64)
    resolved = falsy.resolve(**dataclasses.asdict(SD_V1.defaults))
    assert resolved.guidance_scale == 0
    assert resolved.seed == 0
    assert resolved.prompt == ""
    assert (resolved.width, resolved.height) == (64, 512)
    assert (resolved.num_inference_steps, resolved.sampler) == (50, "plms")


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        ({"prompt": "猫", "stepz": 3}, "options.unknown_key", "stepz"),
        ({"height": 512}, "options.missing_key", "prompt"),
        (["prompt"], "options.type", "list"),
        ("猫", "options.type", "str"),
    ],
)
def test_foreign_json_is_refused(data: Any, code: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        GenerationOptions.from_json(data)
    assert caught.value.code == code
    assert said in caught.value.en
    assert said in caught.value.ja


BAD: list[tuple[str, object, str]] = [
    ("height", 0, "size.positive"),
    ("height", -8, "size.positive"),
    ("width", 512.0, "size.positive"),
    ("width", True, "size.positive"),
    ("width", "512", "size.positive"),
    ("height", 500, "size.multiple"),
    ("width", 8200, "size.large"),
    ("width", 10**5000 + 1, "size.large"),
    ("num_inference_steps", 0, "num_inference_steps.range"),
    ("num_inference_steps", 1001, "num_inference_steps.range"),
    ("num_inference_steps", 20.0, "num_inference_steps.range"),
    ("num_inference_steps", True, "num_inference_steps.range"),
    ("guidance_scale", math.nan, "guidance_scale.range"),
    ("guidance_scale", math.inf, "guidance_scale.range"),
    ("guidance_scale", -0.1, "guidance_scale.range"),
    ("guidance_scale", 10**400, "guidance_scale.range"),
    ("guidance_scale", "7.5", "guidance_scale.range"),
    ("eta", 1.01, "eta.range"),
    ("eta", math.nan, "eta.range"),
    ("noise_multiplier", -0.01, "noise_multiplier.range"),
    ("noise_multiplier", 1.51, "noise_multiplier.range"),
    ("strength", -0.01, "strength.range"),
    ("strength", True, "strength.range"),
    ("seed", -1, "seed.range"),
    ("seed", 2**64, "seed.range"),
    ("seed", 10**5000, "seed.range"),
    ("seed", True, "seed.range"),
    ("seed", 1.0, "seed.range"),
    ("seed", (1, -1), "seed.range"),
    ("num_images_per_prompt", 0, "num_images_per_prompt.range"),
    ("num_images_per_prompt", 1001, "num_images_per_prompt.range"),
    ("translate", "yes", "translate.unknown"),
    ("fit", "squeeze", "fit.unknown"),
    ("fit", None, "fit.unknown"),
    ("mask_rule", ("exact",), "mask_rule.unknown"),
    ("paste_back", 1, "paste_back.unknown"),
    ("feather", 513, "feather.range"),
    ("feather", True, "feather.range"),
    ("tile", 100, "size.multiple"),
    ("tile", 64.0, "size.positive"),
    ("overlap", -8, "size.positive"),
    ("overlap", False, "size.positive"),
    ("overlap", 12, "size.multiple"),
    ("hires", 0.5, "hires.range"),
    ("hires", math.nan, "hires.range"),
    ("hires", 8.1, "hires.range"),
    ("hires", True, "hires.range"),
    ("hires_strength", math.nan, "hires_strength.range"),
    ("upscaler", 4, "upscaler.type"),
    ("upscaler", ("animevideo",), "upscaler.type"),
    ("clip_skip", 0, "clip_skip.range"),
    ("clip_skip", True, "clip_skip.range"),
    ("clip_skip", None, "clip_skip.range"),
    ("prompt", 5, "prompt.type"),
    ("prompt", ("猫", None), "prompt.type"),
    ("negative_prompt", b"x", "negative_prompt.type"),
]


@pytest.mark.parametrize(("name", "value", "code"), BAD, ids=[f"{n}-{i}" for i, (n, _, _) in enumerate(BAD)])
def test_what_cannot_be_drawn_is_refused_in_two_languages(name: str, value: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        check_options(dataclasses.replace(GenerationOptions(prompt="猫"), **{name: value}), factor=8)
    error = caught.value
    assert error.code == code
    assert name in error.en
    assert name in error.ja
    assert re.search("[ぁ-ん]", error.ja)
    assert not re.search("[ぁ-んァ-ン一-龥]", error.en.replace("猫", ""))
    assert len(error.ja) < 200


@given(factor=st.sampled_from([8, 16, 64]), size=st.integers(1, 8192))
@settings(max_examples=100)
def test_the_two_sizes_named_are_the_nearest(factor: int, size: int) -> None:
    if size % factor == 0:
        check_options(GenerationOptions(prompt="", width=size), factor=factor)
        return
    with pytest.raises(InputError) as caught:
        check_options(GenerationOptions(prompt="", width=size), factor=factor)
    low, high = (int(n) for n in re.findall(r"nearest are (\d+) and (\d+)", caught.value.en)[0])
    multiples = sorted(range(factor, size + 3 * factor, factor), key=lambda m: (abs(m - size), m))
    assert multiples[0] in (low, high)
    assert high - low == factor
    assert low > 0
    assert (low, high) == tuple(int(n) for n in re.findall(r"近い値は (\d+) と (\d+)", caught.value.ja)[0])


def test_edges_are_allowed() -> None:
    check_options(
        GenerationOptions(prompt=None, height=8, width=8, num_inference_steps=1, guidance_scale=0, eta=1,
                          seed=2**64 - 1, num_images_per_prompt=1000, strength=0), factor=8)  # fmt: skip
    check_options(GenerationOptions(prompt="猫", num_inference_steps=1000, strength=1, seed=0), factor=16)


def test_counts() -> None:
    checks.count("n_iter", 1)
    checks.count("n_iter", 1000)
    for bad in (0, 1001, True, 2.0):
        with pytest.raises(InputError, match="n_iter"):
            checks.count("n_iter", bad)


def test_prompt_info_as_json_lines_need_it() -> None:
    info = PromptInfo(
        source="赤い猫　ニャン",
        normalized="赤い猫 ニャン",
        english="red cat nyan",
        tokens=3,
        truncated="nyan",
        parts=(
            Part(source="赤い", english="red", how="lexicon"),
            Part(source="ニャン", english="nyan", how="romaji"),
        ),
        unknown=("ニャン",),
    )
    data = json.loads(json.dumps(info.to_json(), ensure_ascii=False))
    assert list(data) == [
        "source",
        "normalized",
        "english",
        "tokens",
        "truncated",
        "truncated_text",
        "parts",
        "unknown",
        "loras",
        "embeddings",
        "ignored",
        "neighbours",
        "guesses",
        "foreign",
        "read",
        "variants",
        "unused",
    ]
    assert data["truncated"] is True
    assert data["truncated_text"] == "nyan"
    assert data["parts"][1] == {"source": "ニャン", "english": "nyan", "how": "romaji"}
    assert dataclasses.replace(info, truncated="").to_json()["truncated"] is False


def test_a_report_speaks_the_language_of_errors() -> None:
    report = Report(name="x", status="done", ja="済み", en="done", data={"n": 1})
    assert report.message() == "済み"
    assert report.message("en") == "done"
    try:
        set_language("en")
        assert report.message() == "done"
    finally:
        set_language("ja")
    assert report.to_json() == {"name": "x", "status": "done", "ja": "済み", "en": "done", "data": {"n": 1}}


def test_timings_add_up() -> None:
    timings = sum([Timings(load=1, sample=2), Timings(sample=3, decode=0.5)], Timings())
    assert timings == Timings(load=1, sample=5, decode=0.5)
    assert timings.total == 6.5
    assert timings.to_json()["total"] == 6.5


def test_records_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        GenerationOptions(prompt="猫").seed = 1  # type: ignore[misc]


def test_importing_the_records_loads_nothing_heavy() -> None:
    code = (
        "import sys, sdjp.options, sdjp.records;"
        "heavy = {'torch', 'PIL', 'numpy', 'transformers'} & set(sys.modules);"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_option_has_its_row_and_every_row_tells_of_it_in_two_languages() -> None:
    assert list(OPTIONS) == [f.name for f in dataclasses.fields(GenerationOptions)]
    for name, option in OPTIONS.items():
        assert re.search("[ぁ-んァ-ン一-龥]", option.ja), name
        assert option.en.isascii(), name
        assert option.optional == (option.default is None), name


def as_written(of: Any) -> dict[str, str]:
    """Names and types as they are written, without those that only sdjp's own modules name."""
    return {name: re.sub(r"\bimages\.", "", text) for name, text in of.items()}


def test_the_arguments_of_generate_are_the_options_the_inputs_and_how_the_run_goes_on() -> None:
    signature = inspect.signature(Pipeline.generate)
    arguments = {n: p for n, p in signature.parameters.items() if n != "self"}
    assert set(arguments) == {*OPTIONS, *INPUTS, "batch_size", "progress", "on_step", "cancel"}
    for name, option in OPTIONS.items():
        assert arguments[name].default == option.default, name
    passed_on = {**UpscaleArguments.__annotations__, **GenerationArguments.__annotations__}
    assert set(passed_on) == {*OPTIONS, *INPUTS} - {"prompt"}
    written = as_written({n: str(arguments[n].annotation) for n in passed_on})
    assert written == as_written({n: t.__forward_arg__ for n, t in passed_on.items()})


@pytest.mark.parametrize("cls", [GenerationOptions, ResolvedOptions])
def test_the_schema_is_one(cls: type[GenerationOptions]) -> None:
    schema = cls.schema(factor=8)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["required"] == [f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING]
    json.dumps(schema)


BESIDE: dict[str, dict[str, Any]] = {
    "overlap": {"tile": 8192},
    "tile": {"overlap": 0},
    "upscaler": {"hires": 2},
}
"""What an option needs beside it to be judged by itself."""


def said_together(name: str, value: Any) -> bool:
    """Whether a value is refused, if at all, for what stands beside it, or for an order of numbers."""
    if name in ("prompt", "negative_prompt", "seed"):
        return (name == "prompt" and value in (None, [])) or (isinstance(value, list) and len(value) > 1)
    if name == "upscaler":
        return isinstance(value, str)  # of which a schema cannot tell what file it names
    if name == "guidance_interval":
        numbers = isinstance(value, list) and all(type(v) in (int, float) for v in value)
        return numbers and len(value) == 2 and value[0] >= value[1]
    return name in BESIDE and value in (None, 8192)


def accepted(options: dict[str, Any]) -> bool:
    try:
        settle(GenerationOptions.from_json(options), Inputs(), config=DEEP, schedule=SCHEDULE)
    except InputError:
        return False
    return True


@pytest.mark.parametrize("name", OPTIONS)
@given(value=strategies.json_values)
@settings(max_examples=60)
def test_the_schema_takes_what_a_run_takes(name: str, value: Any) -> None:
    assume(not said_together(name, value))
    base = {"prompt": "猫", "sampler": "ddim", "height": 64, "width": 64}
    options = {**base, **BESIDE.get(name, {}), name: value}
    valid = jsonschema.Draft202012Validator(GenerationOptions.schema(factor=8)).is_valid(options)
    assert accepted(options) == valid


@pytest.mark.parametrize("name", ["sampler", "spacing"])
def test_every_name_of_the_schema_is_taken(name: str) -> None:
    options, null = GenerationOptions.schema()["properties"][name]["anyOf"]
    assert null == {"type": "null"}
    for value in options["enum"]:
        job = settle(
            GenerationOptions(prompt="猫", num_inference_steps=10, **{name: value}),
            Inputs(),
            config=TINY,
            schedule=SCHEDULE,
        )
        assert job.options.sampler in SAMPLERS
        assert job.options.spacing in (None, *SPACINGS)


@pytest.mark.parametrize(
    ("given", "sampler", "spacing"),
    [
        ({"sampler": "DPM++ 2M Karras"}, "dpm++_2m", "karras"),
        ({"sampler": "dpm++ 2m karras"}, "dpm++_2m", "karras"),
        ({"sampler": "DPM++ SDE Karras", "spacing": "Karras"}, "dpm++_sde", "karras"),
        ({"sampler": "DPM++ 2M SDE Exponential", "spacing": "Automatic"}, "dpm++_2m_sde", "exponential"),
        ({"sampler": "Euler a", "spacing": "SGM Uniform"}, "euler_a", "time_uniform"),
        ({"sampler": "dpmpp_2m_sde", "spacing": "sgm_uniform"}, "dpm++_2m_sde", "time_uniform"),
        ({"sampler": "uni_pc_bh2", "spacing": "simple"}, "unipc", "simple"),
        ({"sampler": "UniPC Automatic", "spacing": "normal"}, "unipc", "normal"),
        ({"spacing": "ddim_uniform"}, "plms", "compvis"),
        ({"spacing": "AUTOMATIC"}, "plms", None),
        ({"sampler": "DPM++ 2M Karras", "preset": "fast"}, "dpm++_2m", "karras"),
    ],
)
def test_names_of_other_programs_become_ours(given: Any, sampler: str, spacing: str | None) -> None:
    options = GenerationOptions(prompt="猫", num_inference_steps=10, **given)
    found = settle(options, Inputs(), config=TINY, schedule=SCHEDULE).options
    assert (found.sampler, found.spacing) == (sampler, spacing)


@pytest.mark.parametrize(
    ("sampler", "spacing"), [("lcm", None), ("tcd", None), ("euler", "karras"), (None, "karras")]
)
def test_samplers_of_few_steps_keep_their_timesteps_with_any_scheduler(
    sampler: str | None, spacing: str | None
) -> None:
    config = dataclasses.replace(TINY, defaults=dataclasses.replace(TINY.defaults, spacing="karras"))
    options = GenerationOptions(prompt="猫", sampler=sampler, num_inference_steps=4)
    assert settle(options, Inputs(), config=config, schedule=SCHEDULE).options.spacing == spacing


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"sampler": "DPM++ 2M Karras", "spacing": "exponential"}, "sampler.spacing"),
        ({"sampler": "DPM++ 3M SDE Karras"}, "sampler.unknown"),
        ({"sampler": "ddim_uniform"}, "sampler.unknown"),
        ({"sampler": "Karras"}, "sampler.unknown"),
        ({"spacing": "kl_optimal"}, "spacing.unknown"),
        ({"spacing": "DPM++ 2M Karras"}, "spacing.unknown"),
    ],
)
def test_names_that_mean_nothing_or_two_things(given: Any, code: str) -> None:
    options = GenerationOptions(prompt="猫", **given)
    for check in (check_ahead, lambda o: settle(o, Inputs(), config=TINY, schedule=SCHEDULE)):
        with pytest.raises(InputError) as caught:
            check(options)
        assert caught.value.code == code
        assert all(repr(value) in caught.value.ja for value in given.values())
        names = ["karras"] if code == "sampler.spacing" else SPACINGS if "spacing" in given else SAMPLERS
        assert all(name in caught.value.ja and name in caught.value.en for name in names)


def test_eta_left_open_is_that_of_the_sampler() -> None:
    def eta(**given: Any) -> float:
        options = GenerationOptions(prompt="猫", num_inference_steps=4, **given)
        job = settle(options, Inputs(), config=TINY, schedule=SCHEDULE)
        assert job.plan.eta == job.options.eta
        return job.options.eta

    assert (eta(), eta(sampler="ddim"), eta(sampler="tcd")) == (0, 0, 0.3)
    assert (eta(sampler="ddim", eta=0.5), eta(sampler="tcd", eta=0)) == (0.5, 0)


def test_the_noise_multiplier_left_open_is_that_of_the_model() -> None:
    def multiplier(config: ModelConfig, **given: Any) -> float:
        options = GenerationOptions(prompt="猫", **given)
        return settle(options, Inputs(), config=config, schedule=SCHEDULE).options.noise_multiplier

    assert (multiplier(SD_V1), multiplier(TINY), multiplier(MINI)) == (1, 1, 0.4)
    assert (multiplier(MINI, noise_multiplier=0), multiplier(MINI, noise_multiplier=1)) == (0, 1)


NUMPY = {
    "seed": (np.int64(3), 3),
    "num_inference_steps": (np.int32(5), 5),
    "guidance_scale": (np.float32(7), 7.0),
    "eta": (np.float64(0.5), 0.5),
    "width": (np.uint16(64), 64),
    "strength": (np.float16(0.5), 0.5),
    "paste_back": (np.bool_(False), False),
    "prompt": (np.str_("猫"), "猫"),
    "feature_reuse": (np.array(2), 2),
    "guidance_interval": ((np.float32(0), np.float64(0.5)), (0.0, 0.5)),
    "loras": ({"a": np.float32(0.5)}, {"a": 0.5}),
}


@pytest.mark.parametrize("name", NUMPY)
def test_numbers_of_numpy_become_those_of_python(name: str) -> None:
    given, wanted = NUMPY[name]
    options = GenerationOptions(**{"prompt": "猫", name: given})
    check_options(options, factor=8)
    found = getattr(options, name)
    assert found == wanted
    assert type(found) is type(wanted)
    assert GenerationOptions.from_json(json.loads(json.dumps(options.to_json()))) == options


@pytest.mark.parametrize("seeds", [np.arange(3), [np.uint64(2**64 - 1), 0, np.int8(1)]])
def test_seeds_of_numpy(seeds: Any) -> None:
    options = GenerationOptions(prompt="猫", seed=seeds)
    check_options(options, factor=8)
    assert isinstance(options.seed, tuple)
    assert [type(seed) for seed in options.seed] == [int] * 3


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("seed", np.float32(1), "seed.range"),
        ("seed", np.bool_(True), "seed.range"),
        ("seed", np.int64(-1), "seed.range"),
        ("num_inference_steps", np.int64(0), "num_inference_steps.range"),
        ("guidance_scale", np.float32("nan"), "guidance_scale.range"),
        ("guidance_scale", np.array([7.5]), "guidance_scale.range"),
    ],
)
def test_numbers_of_numpy_keep_to_the_rules(name: str, value: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        check_options(GenerationOptions(**{"prompt": "猫", name: value}), factor=8)
    assert caught.value.code == code


def test_the_last_seed_of_a_run_is_one_too() -> None:
    assert seeds_of(2**64 - 2, 2) == (2**64 - 2, 2**64 - 1)
    with pytest.raises(InputError) as caught:
        seeds_of(2**64 - 1, 2)
    assert str(2**64 - 1) in caught.value.ja
