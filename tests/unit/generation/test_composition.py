"""That each step is drawn with the states of its variant, and AND with all of them at once."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from sdjp.addons.equip import Addons
from sdjp.engines import make_engine
from sdjp.errors import InputError
from sdjp.options import GenerationOptions
from sdjp.pipeline import Pipeline
from sdjp.result import GenerationResult
from sdjp.samplers import classifier_free, composable, get_sampler
from sdjp.text.prompt_check import make_prompt_checker
from tests import addon_files as files
from tests.conftest import SMALL
from tests.narrow import latents
from tests.shallow import random_pipeline

SETTINGS: dict[str, Any] = {
    "seed": 3,
    "num_inference_steps": 4,
    "guidance_scale": 5.0,
    "height": 64,
    "width": 64,
}


def draw(pipe: Pipeline, prompt: str | list[str], **settings: Any) -> GenerationResult:
    return pipe.generate(prompt, **{**SETTINGS, **settings})


@pytest.fixture(scope="module")
def tiny() -> Pipeline:
    return random_pipeline()


class Recorded:
    """A pipeline whose UNet notes the states that it is given."""

    def __init__(self, pipe: Pipeline) -> None:
        self.pipe = copy.copy(pipe)
        self.pipe.engine = make_engine("eager")
        self.contexts: list[torch.Tensor] = []
        self._names: dict[str, torch.Tensor] = {}
        self.hook = self.pipe.unet.register_forward_pre_hook(lambda module, args: self._note(args[2]))

    def _note(self, context: torch.Tensor) -> None:
        self.contexts.append(context.clone())

    def texts(self, prompt: str | list[str], among: str, **settings: Any) -> list[list[str]]:
        """Draw, and say for each call of the UNet which of ``among`` its rows are; ``""`` is none."""
        self.contexts.clear()
        self.result = draw(self.pipe, prompt, **settings)
        known = {text: self.pipe.encode_prompt(text)[0] for text in ["", *among.split()]}
        return [
            [next((text for text, of in known.items() if torch.equal(row, of)), "?") for row in context]
            for context in self.contexts
        ]


@pytest.fixture
def recorded(tiny: Pipeline) -> Iterator[Recorded]:
    found = Recorded(tiny)
    yield found
    found.hook.remove()


# What each step is drawn with.


def test_each_step_has_the_states_of_its_variant(recorded: Recorded) -> None:
    among = "猫が走る 犬が走る"
    cat, dog = ["", "猫が走る"], ["", "犬が走る"]
    assert recorded.texts("[猫:犬:0.5]が走る", among) == [cat, cat, dog, dog]
    assert recorded.texts("［猫｜犬］が走る", among) == [cat, dog, cat, dog]
    assert recorded.texts("[猫:犬:3]が走る", among) == [cat, cat, cat, dog]
    assert recorded.texts("[猫:犬:0.5]が走る", among, guidance_scale=1) == [
        [x] for _, x in (cat, cat, dog, dog)
    ]


def test_a_sampler_with_two_calls_in_a_step_stays_with_its_variant(recorded: Recorded) -> None:
    found = recorded.texts("[猫|犬]", "猫 犬", sampler="plms", guidance_scale=1)
    assert found == [["猫"], ["猫"], ["犬"], ["猫"], ["犬"]]  # PLMS asks twice in its first step


def test_negative_prompts_change_too(recorded: Recorded) -> None:
    found = recorded.texts("[猫:犬:1]", "猫 犬 雨 雪", negative_prompt="[雨:雪:0.75]")
    assert found == [["雨", "猫"], ["雨", "犬"], ["雨", "犬"], ["雪", "犬"]]
    [read] = recorded.result.negative_prompts
    assert read is not None
    assert [variant.steps for variant in read.variants] == [((1, 3),), ((4, 4),)]


def test_and_is_one_batch(recorded: Recorded) -> None:
    found = recorded.texts("猫 :1.2 AND [犬|海] :0.8", "猫 犬 海")
    assert found == [["", "猫", "犬"], ["", "猫", "海"]] * 2


def test_prompts_of_one_batch_go_their_own_ways(recorded: Recorded) -> None:
    found = recorded.texts(["海", "[猫:犬:2]", "猫 AND 犬"], "猫 犬 海", num_inference_steps=3)
    assert found == [["", "", "", "海", x, "猫", "犬"] for x in ("猫", "猫", "犬")]


def test_steps_are_those_that_are_done(recorded: Recorded) -> None:
    picture = Image.new("RGB", (64, 64), "skyblue")
    found = recorded.texts("[猫:犬:0.5]", "猫 犬", image=picture, strength=0.5, guidance_scale=1)
    assert found == [["猫"], ["犬"]]


def test_the_redrawn_picture_has_steps_of_its_own(recorded: Recorded) -> None:
    found = recorded.texts(
        "[猫:犬:0.5]、[雨:雪:1.5]",
        "猫、雨 犬、雨 犬、雪",
        hires=1.5,
        hires_strength=0.5,
        tile=96,
        guidance_scale=1,
    )
    assert [row for [row] in found] == ["猫、雨"] * 2 + ["犬、雨"] * 3 + ["犬、雪"]
    [info] = recorded.result.prompts
    assert info is not None
    assert [variant.steps for variant in info.variants] == [((1, 2),), ((3, 5),), ((6, 6),)]


def test_each_tile_of_a_step_has_its_states(recorded: Recorded) -> None:
    found = recorded.texts("[猫|犬]", "猫 犬", width=96, tile=64, overlap=32, guidance_scale=1)
    assert found == [["猫"]] * 2 + [["犬"]] * 2 + [["猫"]] * 2 + [["犬"]] * 2


def test_a_short_variant_is_filled_up_for_the_whole_run(recorded: Recorded) -> None:
    """With empty chunks, as the web UI fills the texts of one schedule."""
    long = ", ".join(["a red house"] * 40)
    recorded.texts(f"[猫:{long}:0.5]", "", num_inference_steps=2)
    [info] = recorded.result.prompts
    assert info is not None
    assert info.chunks == 3
    empty, cat = recorded.contexts[0]
    assert torch.equal(cat, recorded.pipe.encode_prompt("猫", chunks=3)[0])
    assert torch.equal(empty, recorded.pipe.encode_prompt("", chunks=3)[0])


# Pictures.


@torch.inference_mode()
def by_hand(pipe: Pipeline, conds: list[torch.Tensor], weights: list[float], scale: float) -> torch.Tensor:
    """Two steps with each of ``conds``, or four with all of them, through the samplers alone."""
    network = pipe.engine.unet(pipe.unet)
    uncond = pipe.encode_prompt("")
    sampler = get_sampler("ddim")
    plan = sampler.plan(pipe.schedule, 4)
    step = 0

    def joined(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        without, *eps = (network(x, t, states) for states in [uncond, *conds])
        return without + scale * sum(w * (of - without) for w, of in zip(weights, eps, strict=True))

    def edited(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return classifier_free(network, conds[step // 2], uncond, scale)(x, t)

    start = x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    for done in sampler(joined if weights else edited, x, plan, lambda: start):
        x, step = done.x, done.index + 1
    return x


def test_an_edited_picture_is_that_of_a_run_by_hand(tiny: Pipeline) -> None:
    drawn = latents(draw(tiny, "[猫:犬:0.5]"))
    states = [tiny.encode_prompt("猫"), tiny.encode_prompt("犬")]
    assert torch.equal(drawn, by_hand(tiny, states, [], 5.0))
    for other in ("猫", "犬", "[犬:猫:0.5]", "[猫|犬]"):
        assert not torch.equal(drawn, latents(draw(tiny, other)))


@pytest.mark.parametrize("scale", [5.0, 1.0])
def test_and_is_the_sum_over_its_conditions(tiny: Pipeline, scale: float) -> None:
    drawn = latents(draw(tiny, "猫 :1.2 AND 犬 :-0.5", guidance_scale=scale))
    states = [tiny.encode_prompt("猫"), tiny.encode_prompt("犬")]
    # Rows of one batch here, one by one there: sums of another order.
    torch.testing.assert_close(drawn, by_hand(tiny, states, [1.2, -0.5], scale), rtol=1e-3, atol=1e-4)


def test_one_condition_of_weight_one_is_plain_guidance() -> None:
    def model(x: torch.Tensor, t: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        return x * states.mean(dim=(1, 2))[:, None, None, None] + t[:, None, None, None]

    generator = torch.Generator().manual_seed(0)
    x, cond, uncond = (torch.randn(3, *shape, generator=generator) for shape in ((2, 4, 4), (5, 6), (5, 6)))
    for scale in (1, 0, 7.5):
        plain = classifier_free(model, cond, uncond, scale)(x, torch.tensor(500.0))
        joined = composable(model, cond, uncond, [[1.0]] * 3, scale)(x, torch.tensor(500.0))
        assert torch.equal(joined, plain)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"guidance_scale": 1.0},
        {"guidance_interval": (0.0, 0.5)},
        {"feature_reuse": 3, "num_inference_steps": 5},
        {"feature_reuse": 2, "guidance_interval": (0.25, 0.75), "sampler": "plms"},
    ],
    ids=str,
)
def test_pictures_of_a_mixed_batch_are_what_they_are_alone(tiny: Pipeline, settings: dict[str, Any]) -> None:
    prompts = ["海", "[猫:犬:0.5]", "猫 AND [赤い|青い]家 :0.7", "[雨|雪|海]"]
    together = draw(tiny, prompts, negative_prompt="[雨:雪:0.25]", **settings)
    for i, prompt in enumerate(prompts):
        alone = draw(tiny, prompt, **{"negative_prompt": "[雨:雪:0.25]", **settings, "seed": 3 + i})
        # Batches of another size may round differently in the last bit.
        torch.testing.assert_close(latents(together)[i], latents(alone)[0], rtol=1e-3, atol=1e-4)
        assert together.prompts[i] == alone.prompts[0]


def test_deep_features_are_not_those_of_another_variant(tiny: Pipeline) -> None:
    """Of what changes at every step nothing can be reused."""
    plain, reusing = (draw(tiny, "[猫|犬]", guidance_scale=1, feature_reuse=n) for n in (1, 4))
    assert torch.equal(latents(plain), latents(reusing))
    plain, reusing = (draw(tiny, "[猫:犬:0.5]", guidance_scale=1, feature_reuse=n) for n in (1, 4))
    assert not torch.equal(latents(plain), latents(reusing))


def test_several_pictures_of_a_prompt_in_batches(tiny: Pipeline) -> None:
    together = draw(tiny, ["[猫:犬:0.5] AND 海", "山"], num_images_per_prompt=2)
    parts = draw(tiny, ["[猫:犬:0.5] AND 海", "山"], num_images_per_prompt=2, batch_size=3)
    torch.testing.assert_close(latents(together), latents(parts), rtol=1e-3, atol=1e-4)


def test_states_beside_a_negative_prompt_that_changes(tiny: Pipeline) -> None:
    states = tiny.encode_prompt("猫")
    drawn = tiny.generate(**SETTINGS, prompt_embeds=states, negative_prompt="[雨:雪:0.5]")
    assert torch.equal(latents(drawn), latents(draw(tiny, "猫", negative_prompt="[雨:雪:0.5]")))
    drawn = draw(tiny, "[猫:犬:0.5]", negative_prompt_embeds=tiny.encode_prompt("雨"))
    assert torch.equal(latents(drawn), latents(draw(tiny, "[猫:犬:0.5]", negative_prompt="雨")))


# Add-ons, records, checks.


def test_names_and_loras_in_a_bracket(tmp_path: Path) -> None:
    files.write_inversion(tmp_path / "hanako.safetensors", files.vectors(2))
    files.write_lora(tmp_path / "style.safetensors", files.lora_tensors(files.kohya))
    pipe = random_pipeline(SMALL, addons=Addons(tmp_path, tmp_path))
    drawn = draw(pipe, "[hanako:犬:0.5]", num_inference_steps=2)
    [info] = drawn.prompts
    assert info is not None
    assert info.embeddings == ("hanako",)
    assert [variant.prompt.embeddings for variant in info.variants] == [("hanako",), ()]
    assert not torch.equal(latents(drawn), latents(draw(pipe, "犬", num_inference_steps=2)))
    # A LoRA counts from the first step to the last, wherever its tag stands.
    with_lora = draw(pipe, "[猫:犬<lora:style:0.8>:0.5]", num_inference_steps=2)
    assert with_lora.prompts[0] is not None
    assert with_lora.prompts[0].loras == (("style", 0.8),)
    expected = draw(pipe, "[猫:犬:0.5]", loras={"style": 0.8}, num_inference_steps=2)
    assert torch.equal(latents(with_lora), latents(expected))


def test_the_record_has_the_prompt_as_it_was_written_and_all_variants(tiny: Pipeline) -> None:
    drawn = draw(tiny, "［猫：犬：０．５］ AND 海 :0.5")
    record = drawn.record(0)
    assert record["prompt"]["source"] == record["options"]["prompt"] == "［猫：犬：０．５］ AND 海 :0.5"
    assert record["prompt"]["english"] == "[cat:dog:2] AND sea :0.5"
    assert [(v["steps"], v["conjunct"], v["weight"], v["english"]) for v in record["prompt"]["variants"]] == [
        ([[1, 2]], 1, 1.0, "cat"),
        ([[3, 4]], 1, 1.0, "dog"),
        ([[1, 4]], 2, 0.5, "sea"),
    ]
    again = next(tiny.stream(**GenerationOptions.from_json(record["options"]).to_json()))
    assert torch.equal(latents(again), latents(drawn))
    assert drawn.prompts == again.prompts


def test_explain_tells_of_the_steps_of_the_model_or_of_those_that_are_given(tiny: Pipeline) -> None:
    steps = tiny.config.defaults.num_inference_steps
    info = tiny.explain("[猫:犬:0.5]が走る")
    assert info.variants[-1].steps[-1][1] == steps
    assert info.variants[0].steps == ((1, math.floor(steps / 2)),)
    info = tiny.explain("[猫:犬:0.5]が走る", num_inference_steps=20)
    assert [variant.steps for variant in info.variants] == [((1, 10),), ((11, 20),)]
    assert [variant.prompt.source for variant in info.variants] == ["猫が走る", "犬が走る"]
    assert tiny.explain("猫が走る").variants == ()
    with pytest.raises(InputError):
        tiny.explain("猫", num_inference_steps=0)


def test_the_check_of_prompts_sees_every_variant(tiny: Pipeline) -> None:
    """Also a word that only an edit puts together."""
    pipe = copy.copy(tiny)
    pipe.prompt_checker = make_prompt_checker("refuse")
    for prompt in ("[猫:hentai:0.5]", "[猫:hen:0.5]tai", "猫 AND hentai :0.1"):
        with pytest.raises(InputError) as caught:
            draw(pipe, prompt)
        assert caught.value.code == "prompt.refused"


def test_what_is_refused(tiny: Pipeline) -> None:
    for call, code in (
        (lambda: draw(tiny, "猫", negative_prompt="雨 AND 雪"), "prompt.and_negative"),
        (lambda: draw(tiny, "(猫:[1.2:-3:0.5])"), "prompt.weight"),
        (lambda: draw(tiny, "[猫:犬:馬:0.5]"), "prompt.edit_colons"),
        (lambda: tiny.encode_prompt("[猫:犬:0.5]"), "prompt.states"),
        (lambda: draw(tiny, "[猫:犬:0.5]", attention=True), "attention.changing"),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == code
        assert caught.value.ja != caught.value.en
