"""One model in sdjp and in diffusers at once: the same memory, the same pictures, there and back."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import pytest
import torch
from PIL import Image

from sdjp import Pipeline, japanese, translate
from sdjp.config import VIT_TINY, Concept, SafetyCheckerConfig
from sdjp.errors import InputError, MissingDependencyError, WeightsError
from sdjp.models.safety_checker import SafetyChecker
from sdjp.postprocess import SafetyCheck
from sdjp.samplers import SAMPLERS, Schedule
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from sdjp.weights.configs.scheduler import notes, sampler_of, spacing_of
from sdjp.weights.diffusers import modules as diffusers_modules
from sdjp.weights.diffusers.checker import from_checker, to_checker
from tests.conftest import SMALL, random_models
from tests.narrow import latents

diffusers = pytest.importorskip("diffusers")

# diffusers on NumPy 2; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

PROMPT = "馬に乗る宇宙飛行士"


def pipeline(**arguments: Any) -> Pipeline:
    return Pipeline(
        random_models(SMALL),
        tokenizer=ClipTokenizer.from_assets(),
        translator=make_translator("lexicon"),
        **arguments,
    )


@pytest.fixture
def ours() -> Pipeline:
    return pipeline()


def quiet(pipe: Any) -> Any:
    pipe.set_progress_bar_config(disable=True)
    return pipe


def addresses(pipe: Any) -> list[set[int]]:
    return [
        {tensor.data_ptr() for tensor in getattr(pipe, name).state_dict().values()}
        for name in ("unet", "vae", "text_encoder")
    ]


def test_the_weights_are_the_same_memory(ours: Pipeline) -> None:
    theirs = ours.to_diffusers()
    back = Pipeline.from_diffusers(theirs, safety="off", watermark=False)
    assert addresses(ours) == addresses(theirs) == addresses(back)
    assert all(len(part) > 30 for part in addresses(ours))
    theirs.unet.conv_in.weight.data.fill_(0.5)
    assert bool((ours.unet.conv_in.weight == 0.5).all())
    assert bool((back.unet.conv_in.weight == 0.5).all())
    ours.text_encoder.get_parameter("token_embedding.weight").data[7] = 3.0
    assert bool((theirs.text_encoder.get_input_embeddings().weight[7] == 3.0).all())


def test_what_comes_back_is_what_went(ours: Pipeline) -> None:
    theirs = ours.to_diffusers(sampler="euler")
    theirs.unet.requires_grad_(True)
    back = Pipeline.from_diffusers(theirs)
    assert dataclasses.replace(back.config, defaults=ours.config.defaults) == ours.config
    assert back.config.defaults.sampler == "euler"
    assert isinstance(back.tokenizer, ClipTokenizer)
    assert isinstance(ours.tokenizer, ClipTokenizer)
    assert back.tokenizer.merges == ours.tokenizer.merges
    assert not any(p.requires_grad for p in back.unet.parameters())
    assert all(p.requires_grad for p in theirs.unet.parameters()), "theirs is not ours to freeze"
    assert [p.name for p in back.postprocessors] == ["safety", "watermark"]


# Not plms with v: diffusers averages v of different timesteps; see test_samplers_diffusers.py.
@pytest.mark.parametrize(
    ("sampler", "prediction"),
    [("ddim", "epsilon"), ("plms", "epsilon"), ("euler", "epsilon"), ("heun", "epsilon"), ("ddim", "v")],
)
def test_both_draw_the_same_picture(sampler: str, prediction: Literal["epsilon", "v"]) -> None:
    schedule = dataclasses.replace(SMALL.schedule, prediction=prediction)
    model = dataclasses.replace(random_models(SMALL), config=dataclasses.replace(SMALL, schedule=schedule))
    ours = Pipeline(model, tokenizer=ClipTokenizer.from_assets(), translator=make_translator("lexicon"))
    theirs = quiet(ours.to_diffusers(sampler=sampler))
    back = Pipeline.from_diffusers(theirs, safety="off", watermark=False)
    settings: dict[str, Any] = {"num_inference_steps": 4, "guidance_scale": 3.0, "seed": 7}
    result = ours.generate(PROMPT, negative_prompt="文字", sampler=sampler, **settings)
    again = back.generate(PROMPT, negative_prompt="文字", **settings)
    assert np.array_equal(np.asarray(result.image), np.asarray(again.image)), "the way back is another model"
    start = torch.randn(latents(result).shape, generator=torch.Generator().manual_seed(7))
    drawn = japanese(theirs)(
        PROMPT,
        negative_prompt="文字",
        num_inference_steps=4,
        guidance_scale=3.0,
        latents=start,
        output_type="np",
    ).images[0]
    # The original cuts the fraction off, and so do we; diffusers' own images are rounded.
    a, b = np.asarray(result.image, dtype=int), (255 * drawn).astype(int)
    assert a.std() > 1
    # Numbers that differ in the fifth digit may fall to either side of a whole one.
    assert np.abs(a - b).max() <= 1
    assert (a != b).mean() < 0.01


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_has_its_scheduler(sampler: str, ours: Pipeline) -> None:
    if sampler == "dpm++_sde":
        pytest.importorskip("torchsde")
    scheduler = diffusers_modules.to_scheduler(SMALL, sampler)
    assert scheduler.config.prediction_type == "epsilon"
    expected = ours.schedule.alpha_bar.float()
    torch.testing.assert_close(scheduler.alphas_cumprod, expected, rtol=1e-4, atol=0)  # float32 products
    scheduler.set_timesteps(5)
    assert len(set(scheduler.timesteps.tolist())) >= 5
    if SAMPLERS[sampler].spacing == "lcm":  # whatever they are told
        assert scheduler.timesteps.tolist() == list(ours.schedule.timesteps("lcm", 5))
        with pytest.raises(InputError, match="trailing"):
            diffusers_modules.to_scheduler(SMALL, sampler, "trailing")
        return
    trailing = diffusers_modules.to_scheduler(SMALL, sampler, "trailing")
    trailing.set_timesteps(5)
    assert int(trailing.timesteps[0]) == 999


@pytest.mark.parametrize(
    ("sampler", "spacing"),
    [
        ("euler", "karras"),
        ("euler", "normal"),
        ("heun", "exponential"),
        ("dpm++_2m", "karras"),
        ("dpm++_2m", "multistep_linspace"),
        ("dpm++_2m_sde", "multistep_leading"),
        ("unipc", "trailing"),
        ("lcm", None),
        ("tcd", None),
    ],
)
def test_a_scheduler_has_its_spacing_there_and_back(sampler: str, spacing: str | None) -> None:
    scheduler = diffusers_modules.to_scheduler(SMALL, sampler, spacing)
    settings = {**scheduler.config, "_class_name": type(scheduler).__name__}
    assert (sampler_of(settings), spacing_of(settings)) == (sampler, spacing)
    assert notes(settings, sampler=sampler) == ()
    scheduler.set_timesteps(5)
    [*timesteps] = dict.fromkeys(scheduler.timesteps.tolist())  # Heun's come twice
    expected = Schedule.from_config(SMALL.schedule).plan(5, spacing=spacing or "lcm").timesteps
    # Some round those of sigmas; and see test_sigmas in test_samplers_diffusers.py.
    assert timesteps == pytest.approx(expected, abs=0.51 if spacing in ("karras", "exponential") else 1e-3)


def test_names_of_other_programs_and_the_models_own_spacing() -> None:
    scheduler = diffusers_modules.to_scheduler(SMALL, "DPM++ 2M Karras")
    assert scheduler.config.use_karras_sigmas
    defaults = dataclasses.replace(SMALL.defaults, sampler="euler", spacing="trailing")
    config = dataclasses.replace(SMALL, defaults=defaults)
    assert diffusers_modules.to_scheduler(config).config.timestep_spacing == "trailing"
    assert diffusers_modules.to_scheduler(config, "ddim").config.timestep_spacing == "leading"


@pytest.mark.parametrize(
    ("sampler", "spacing", "needed"), [("dpm++_sde", None, "torchsde"), ("euler", "beta_sigmas", "scipy")]
)
def test_what_a_scheduler_needs(
    sampler: str, spacing: str | None, needed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        diffusers_modules, "find_spec", lambda name: None if name == needed else find_spec(name)
    )
    with pytest.raises(MissingDependencyError, match=f"pip install {needed}"):
        diffusers_modules.to_scheduler(SMALL, sampler, spacing)


def test_dpm_takes_the_same_steps_where_the_timesteps_are_given(ours: Pipeline) -> None:
    """By the name "leading" this scheduler of diffusers means other timesteps than diffusers' other ones."""
    theirs = quiet(ours.to_diffusers(sampler="dpm++_2m"))
    result = ours.generate("a red car", sampler="dpm++_2m", num_inference_steps=4, seed=1)
    start = torch.randn(latents(result).shape, generator=torch.Generator().manual_seed(1))
    steps = [int(t) for t in ours.schedule.timesteps("leading", 4)]
    drawn = theirs("a red car", timesteps=steps, latents=start, output_type="latent").images
    # The first step divides by sqrt(alpha_bar) = 0.07: float32 rounding of guidance grows fourteen times.
    atol = 1e-4 * float(drawn.abs().max())
    torch.testing.assert_close(result.latents, drawn, rtol=0, atol=atol)


def checker() -> SafetyChecker:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        config = SafetyCheckerConfig(vision=VIT_TINY, concepts=(Concept(),) * 5, special=(Concept(),) * 2)
        made = SafetyChecker.from_config(config).eval().requires_grad_(False)
        made.concepts.data.normal_()
        made.special.data.normal_()
        made.concept_thresholds.data.fill_(-1.0)  # everything is flagged
    return made


def test_no_checker_goes_along_unless_there_is_one(ours: Pipeline) -> None:
    assert ours.to_diffusers().safety_checker is None
    off = pipeline(postprocessors=(SafetyCheck(mode="off", checker=checker()),))
    assert off.to_diffusers().safety_checker is None


def test_the_checker_goes_along() -> None:
    mine = checker()
    ours = pipeline(postprocessors=(SafetyCheck(mode="black", checker=mine),))
    theirs = quiet(ours.to_diffusers())
    drawn = theirs("a cat", num_inference_steps=2)
    assert drawn.nsfw_content_detected == [True]
    assert np.asarray(drawn.images[0]).max() == 0
    back = Pipeline.from_diffusers(theirs, safety="flag", watermark=False)
    assert back.generate("a cat", num_inference_steps=2, seed=1).flagged == (True,)
    [check] = (p for p in back.postprocessors if isinstance(p, SafetyCheck))
    picture = Image.effect_noise((64, 64), 90).convert("RGB")
    verdicts = [p.look(picture) for p in (SafetyCheck(checker=mine), check)]
    assert verdicts[0] == verdicts[1]
    assert check.checker is not None
    assert check.checker.concepts.data_ptr() == mine.concepts.data_ptr()


@torch.inference_mode()
def test_both_checkers_see_the_same() -> None:
    mine = checker()
    theirs, extractor = to_checker(mine)
    pixels = extractor(Image.effect_noise((90, 50), 90).convert("RGB"), return_tensors="pt").pixel_values
    assert pixels.shape == (1, 3, VIT_TINY.image_size, VIT_TINY.image_size)
    embeds = theirs.visual_projection(theirs.vision_model(pixels)[1])
    expected = torch.nn.functional.normalize(embeds) @ torch.nn.functional.normalize(theirs.concept_embeds).T
    torch.testing.assert_close(mine(pixels).concepts, expected, rtol=0, atol=1e-5)  # float32
    assert from_checker(theirs).image_size == VIT_TINY.image_size


def test_one_line_translates_for_any_pipeline(ours: Pipeline) -> None:
    theirs = quiet(ours.to_diffusers(sampler="ddim"))

    def draw(pipe: Any, *args: Any, **kwargs: Any) -> np.ndarray:
        seeded = {"generator": torch.Generator().manual_seed(1), "num_inference_steps": 2}
        return np.asarray(pipe(*args, **kwargs, **seeded).images[0])

    english = draw(theirs, "an astronaut riding a horse", negative_prompt="text")
    assert np.array_equal(english, draw(theirs, translate(PROMPT), negative_prompt=translate("文字")))
    wrapped = japanese(theirs)
    assert np.array_equal(english, draw(wrapped, PROMPT, negative_prompt="文字"))
    assert not np.array_equal(english, draw(theirs, PROMPT, negative_prompt="文字"))
    assert wrapped.scheduler is theirs.scheduler
    batch = wrapped([PROMPT, "赤い車"], 64, 64, num_inference_steps=1, negative_prompt=["", "人"])
    assert len(batch.images) == 2


def test_models_for_inpainting() -> None:
    unet = dataclasses.replace(SMALL.unet, in_channels=9)
    config = dataclasses.replace(SMALL, unet=unet)
    ours = Pipeline(
        random_models(config), tokenizer=ClipTokenizer.from_assets(), translator=make_translator("lexicon")
    )
    theirs = quiet(ours.to_diffusers())
    assert type(theirs).__name__ == "StableDiffusionInpaintPipeline"
    assert addresses(Pipeline.from_diffusers(theirs)) == addresses(ours)
    picture, mask = Image.new("RGB", (64, 64), "red"), Image.new("L", (64, 64), 255)
    drawn = japanese(theirs)(
        "赤い車", image=picture, mask_image=mask, height=64, width=64, num_inference_steps=1
    )
    assert drawn.images[0].size == (64, 64)


# What cannot be taken over.


def test_no_diffusers(ours: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffusers_modules, "find_spec", lambda name: None)
    for call in (ours.to_diffusers, lambda: Pipeline.from_diffusers(object())):
        with pytest.raises(MissingDependencyError, match=r"pip install 'sdjp\[diffusers\]'") as caught:
            call()
        assert caught.value.code == "diffusers.missing"


def test_what_is_no_pipeline() -> None:
    with pytest.raises(InputError, match="StableDiffusionPipeline を渡して") as caught:
        Pipeline.from_diffusers("CompVis/stable-diffusion-v1-4")
    assert caught.value.code == "diffusers.pipeline"
    with pytest.raises(InputError) as caught:
        japanese("CompVis/stable-diffusion-v1-4")  # type: ignore[arg-type]
    assert caught.value.code == "japanese.pipeline"


def test_a_controlnet_is_not_dropped_in_silence(ours: Pipeline) -> None:
    theirs = diffusers.StableDiffusionControlNetPipeline(
        **ours.to_diffusers().components,
        controlnet=diffusers.ControlNetModel(
            cross_attention_dim=ours.config.unet.context_dim, block_out_channels=(32, 64), norm_num_groups=8,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), layers_per_block=1,
        ),
    )  # fmt: skip
    with pytest.raises(InputError) as caught:
        Pipeline.from_diffusers(theirs)
    assert caught.value.code == "diffusers.controlnet"


def test_spacings_and_encoders_that_diffusers_lacks(ours: Pipeline) -> None:
    with pytest.raises(InputError, match="compvis") as caught:
        ours.to_diffusers(spacing="compvis")
    assert caught.value.code == "diffusers.scheduler"
    ours.text_encoder = torch.nn.Linear(2, 2)  # type: ignore[assignment]
    with pytest.raises(InputError, match="Linear") as caught:
        ours.to_diffusers()
    assert caught.value.code == "diffusers.text_encoder"


def test_pipelines_of_other_families_and_with_things_loaded(ours: Pipeline) -> None:
    theirs = ours.to_diffusers()
    theirs.unet.register_to_config(use_linear_projection=True)
    with pytest.raises(WeightsError, match="use_linear_projection"):
        Pipeline.from_diffusers(theirs)
    theirs = ours.to_diffusers()
    theirs.unet.conv_in = torch.nn.Sequential(theirs.unet.conv_in)  # as LoRA layers of peft would
    with pytest.raises(WeightsError, match="unload_lora_weights") as caught:
        Pipeline.from_diffusers(theirs)
    assert "unet/conv_in.0.weight" in caught.value.ja
    theirs = ours.to_diffusers()
    theirs.tokenizer.add_tokens(["<cat-toy>"])  # and no row
    with pytest.raises(WeightsError, match="unload_textual_inversion") as caught:
        Pipeline.from_diffusers(theirs)
    assert caught.value.code == "diffusers.tokenizer"
