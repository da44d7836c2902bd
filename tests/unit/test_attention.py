"""``generate(attention=True)`` beside every other way of drawing: the same picture, and maps of its size."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sdjp import Pipeline
from sdjp.addons import Addons
from sdjp.engines import make_engine
from sdjp.errors import InputError
from sdjp.generation.memory import MemorySavings
from sdjp.models.attention_maps import AttentionMaps
from sdjp.result import GenerationResult
from sdjp.samplers import classifier_free, get_sampler
from tests.addon_files import kohya, lora_tensors, vectors, write_inversion, write_lora
from tests.conftest import SMALL
from tests.encoder_folders import save_rinna
from tests.narrow import latents
from tests.shallow import SHALLOW, random_pipeline

PROMPT = "馬に乗る宇宙飛行士"
HORSE = 5  # its place among the tokens of "an astronaut riding a horse"


def draw(pipe: Pipeline, prompt: Any = PROMPT, **settings: Any) -> GenerationResult:
    given = {"seed": 3, "num_inference_steps": 3, "guidance_scale": 5.0, "attention": True, **settings}
    return pipe.generate(prompt, **given)


@pytest.fixture(scope="module")
def tiny() -> Pipeline:
    return random_pipeline()


def sums(result: GenerationResult) -> np.ndarray:
    """Of the shares of all tokens, for each picture."""
    return np.stack([attention.shares.sum(axis=0) for attention in result.attentions])


def refused(code: str, pipe: Pipeline, *args: Any, **settings: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        draw(pipe, *args, **settings)
    assert caught.value.code == code
    return caught.value


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"guidance_scale": 1},
        {"guidance_scale": 0},
        {"guidance_interval": (0.0, 0.5)},
        {"token_merging": 0.5},
        {"feature_reuse": 2},
        {"sampler": "plms"},
        {"sampler": "euler_a"},
        {"tile": 32, "overlap": 8, "width": 80},
        {"hires": 1.5},
        {"num_images_per_prompt": 2},
    ],
    ids=str,
)
def test_the_picture_is_the_same_bit_for_bit(tiny: Pipeline, settings: dict[str, Any]) -> None:
    result, plain = draw(tiny, **settings), draw(tiny, attention=False, **settings)
    assert torch.equal(latents(result), latents(plain))
    assert [a.tobytes() for a in result.images] == [b.tobytes() for b in plain.images]
    assert plain.attentions == ()
    factor = SHALLOW.vae.factor
    for index in range(len(result)):
        found = result.attention("馬", index)
        assert found.values.dtype == np.float32
        assert found.values.shape == (64 // factor, settings.get("width", 64) // factor)
        assert np.array_equal(found.values, result.attentions[index].shares[HORSE])
        assert found.overlay().size == result.images[index].size
    assert sums(result).min() > 0.9
    assert sums(result).max() < 1.2  # bicubic resizing overshoots


def test_both_engines_on_the_processor_and_rows_one_by_one_tell_the_same() -> None:
    pipe, device, dtype = random_pipeline(), torch.device("cpu"), torch.float32
    expected = draw(pipe).attentions[0].shares
    for parts in (
        {"engine": make_engine("eager", device=device, dtype=dtype)},
        {"engine": make_engine("packed", device=device, dtype=dtype)},
        {"memory": MemorySavings(slices=True)},
    ):
        np.testing.assert_allclose(draw(random_pipeline(**parts)).attentions[0].shares, expected, atol=1e-5)


def test_a_picture_has_its_own_in_any_batch(tiny: Pipeline) -> None:
    prompts = [PROMPT, "赤い車 " + "、".join(["青い空"] * 30)]  # of one chunk, and of two
    together = draw(tiny, prompts, num_images_per_prompt=2)
    apart = draw(tiny, prompts, num_images_per_prompt=2, batch_size=1)
    assert len(together.attentions) == len(apart.attentions) == 4
    for a, b in zip(together.attentions, apart.attentions, strict=True):
        assert a.alignment == b.alignment
        np.testing.assert_allclose(a.shares, b.shares, atol=1e-5)
    assert together.attention("車", 2).values.shape == (8, 8)
    assert len(together.attentions[2].alignment.places("空")) == 30
    with pytest.raises(InputError, match="馬"):
        together.attention("馬", 2)
    with pytest.raises(IndexError):
        together.attention("馬", 4)


def test_a_word_that_stands_twice_has_both(tiny: Pipeline) -> None:
    result = draw(tiny, "a red hat and red shoes")
    shares, places = result.attentions[0].shares, result.attentions[0].alignment.places("red")
    assert len(places) == 2
    assert np.array_equal(result.attention("red").values, shares[places[0]] + shares[places[1]])


def test_the_mean_is_over_all_calls_of_the_network(tiny: Pipeline) -> None:
    """Steps one by one, each with a recorder of its own, average to what the run tells."""
    result = draw(tiny)
    cond, uncond = tiny.encode_prompt([PROMPT, ""])[:, None]
    calls: list[torch.Tensor] = []

    def network(x: torch.Tensor, t: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        maps = AttentionMaps.empty(1, 77, (8, 8), torch.device("cpu"))
        answer: torch.Tensor = tiny.unet(x, t, context, maps=maps)
        calls.append(maps.mean()[0])
        return answer

    x = torch.randn(latents(result)[0].shape, generator=torch.Generator().manual_seed(3))[None]
    plan = get_sampler("ddim").plan(tiny.schedule, 3)
    with torch.inference_mode():
        for _ in get_sampler("ddim")(classifier_free(network, cond, uncond, 5.0), x, plan, lambda: x):
            pass
    assert len(calls) == 3
    mean = torch.stack(calls).mean(dim=0).numpy()
    np.testing.assert_allclose(result.attentions[0].shares, mean, atol=1e-5)


def test_from_a_picture_enlarged_and_with_a_mask(tiny: Pipeline) -> None:
    picture = draw(tiny, attention=False).image
    mask = np.zeros((64, 64), dtype=np.uint8)
    mask[:32] = 255
    for settings in ({}, {"mask": Image.fromarray(mask)}):
        assert draw(tiny, image=picture, strength=0.7, **settings).attention("馬").values.shape == (8, 8)
    larger = tiny.upscale(picture, PROMPT, factor=1.5, seed=1, num_inference_steps=3, attention=True)
    assert larger.attention("馬").values.shape == (12, 12)
    assert larger.attention("馬").overlay().size == (96, 96)
    assert float(sums(larger).min()) > 0.9
    refused("attention.without_steps", tiny, image=picture, strength=0.0)
    with pytest.raises(InputError, match="strength"):
        tiny.upscale(picture, upscaler="animevideo", strength=0, attention=True)


def test_with_loras_and_textual_inversion(tmp_path: Path) -> None:
    write_lora(tmp_path / "lora" / "a.safetensors", lora_tensors(kohya))
    write_inversion(tmp_path / "words" / "my-cat.safetensors", vectors())
    pipe = random_pipeline(SMALL, addons=Addons(tmp_path / "lora", tmp_path / "words"))
    result = draw(pipe, ["<lora:a:0.5>my-catと馬", "馬"], num_inference_steps=1)
    assert len(result.attentions[0].alignment.places("my-cat")) == 2
    assert result.attention("馬", 0).values.shape == result.attention("馬", 1).values.shape


def test_results_are_copied_and_merged_with_it(tiny: Pipeline) -> None:
    result, plain = draw(tiny), draw(tiny, attention=False)
    for other in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert np.array_equal(other.attention("馬").values, result.attention("馬").values)
    both = GenerationResult.merge([result, result])
    assert np.array_equal(both.attention("馬", 1).values, result.attention("馬").values)
    assert GenerationResult.merge([result, plain]).attentions == ()
    with pytest.raises(InputError) as caught:
        plain.attention("馬")
    assert caught.value.code == "attention.off"


def test_a_map_is_an_array_with_a_name(tiny: Pipeline) -> None:
    found = draw(tiny).attention("馬")
    assert np.asarray(found).dtype == np.float32
    assert np.array_equal(np.asarray(found), found.values)
    assert np.asarray(found, dtype=np.float64).dtype == np.float64
    assert "馬" in repr(found)
    assert "8x8" in repr(found)
    copied = np.array(found)
    copied[:] = 0
    assert found.values.any()


def test_among_the_words_shares_are_one_together(tiny: Pipeline) -> None:
    result = draw(tiny)
    english = ("an", "astronaut", "riding", "a", "horse")
    among = np.stack([result.attention(word, among="words").values for word in english])
    np.testing.assert_allclose(among.sum(axis=0), 1, rtol=1e-5)
    whole = np.stack([result.attention(word).values for word in english])
    np.testing.assert_allclose(among, whole / whole.sum(axis=0), rtol=1e-5)
    with pytest.raises(InputError) as caught:
        result.attention("馬", among="some")  # type: ignore[arg-type]
    assert caught.value.code == "attention.among"


def test_rolled_out_what_went_to_a_state_goes_to_what_it_was_made_of(tiny: Pipeline) -> None:
    result = draw(tiny, PROMPT + "、夜" * 40)  # two chunks of 77
    attention = result.attentions[0]
    assert attention.rollout is not None
    assert attention.rollout.shape == (154, 154)
    np.testing.assert_allclose(attention.rollout.sum(axis=1), 1, rtol=1e-5)
    assert not attention.rollout[:77, 77:].any()
    assert not np.triu(attention.rollout, 1).any()  # no state is made of what comes after it
    expected = sum(attention.rollout[state, HORSE] * attention.shares[state] for state in range(154))
    found = result.attention("馬", among="rollout").values
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert np.array_equal(result.attention("馬").values, result.attention("馬", among="all").values)
    unknown = dataclasses.replace(attention, rollout=None)
    with pytest.raises(InputError) as caught:
        unknown.of("馬", result.images[0], among="rollout")
    assert caught.value.code == "attention.rollout"


def test_mini_whose_padding_tells_of_places_is_rolled_out(mini: Pipeline) -> None:
    result = draw(mini)
    rolled = result.attention("馬", among="rollout").values
    assert np.array_equal(result.attention("馬").values, rolled)
    assert rolled.sum() > 1.5 * result.attention("馬", among="all").values.sum()


def test_it_is_recorded_that_it_was_asked_for(tiny: Pipeline) -> None:
    assert draw(tiny).record(0)["options"]["attention"] is True


def test_a_model_that_reads_japanese_has_tokens_of_its_own(tmp_path: Path) -> None:
    save_rinna(tmp_path / "rinna")
    pipe = Pipeline.from_pretrained(tmp_path / "rinna", safety="off", watermark=False)
    result = draw(pipe, height=64, width=64)
    words = result.attentions[0].alignment.words
    assert set("".join(words)) & set(PROMPT)
    for word in words:
        assert result.attention(word).values.min() >= 0


# What cannot be told is refused before anything is drawn.


def test_states_have_no_words(tiny: Pipeline) -> None:
    states = tiny.encode_prompt(PROMPT)
    refused("attention.without_words", tiny, None, prompt_embeds=states)


def test_an_adapter_has_no_words() -> None:
    pipe = Pipeline.from_pretrained(translator="adapter", safety="off", watermark=False)
    error = refused("attention.adapter", pipe)
    assert "translator='auto'" in error.ja
    assert "translator='auto'" in error.en


class Whole:
    """An engine that takes the network as a whole."""

    name = "whole"
    shortcuts = False


def test_an_engine_that_has_the_network_as_a_whole_refuses() -> None:
    error = refused("engine.attention", random_pipeline(engine=Whole()))
    assert "'packed'" in error.ja


@pytest.mark.parametrize("value", [1, "馬", None, ("馬",)])
def test_it_is_on_or_off(tiny: Pipeline, value: Any) -> None:
    refused("attention.unknown", tiny, attention=value)
