"""The pipeline on small random weights: what goes in, what comes out, and what is refused."""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import sdjp
from sdjp import errors
from sdjp.pipeline import Pipeline, Progress
from sdjp.result import GenerationResult
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from tests.conftest import SMALL, random_models

PROMPT = "馬に乗る宇宙飛行士"


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def test_a_japanese_prompt_becomes_a_picture(tiny: Pipeline) -> None:
    result = tiny.generate(PROMPT, seed=1)
    assert result.images[0].size == (64, 64)
    assert result.seeds == (1,)
    info = result.prompts[0]
    assert info is not None
    assert "astronaut" in info.english
    assert "horse" in info.english
    assert info.tokens == len(tiny.tokenizer.encode(info.english))


def test_the_same_seed_gives_the_same_picture_in_any_batch(tiny: Pipeline) -> None:
    together = tiny.generate(PROMPT, seed=10, num_images_per_prompt=3)
    assert together.seeds == (10, 11, 12)
    one_by_one = tiny.generate(PROMPT, seed=10, num_images_per_prompt=3, batch_size=1)
    alone = tiny.generate(PROMPT, seed=12)
    # Batches of another size may round differently in the last bit: one level of 255.
    for a, b in zip(together.images, one_by_one.images, strict=True):
        assert np.abs(pixels(a) - pixels(b)).max() <= 1
    assert np.abs(pixels(together.images[2]) - pixels(alone.images[0])).max() <= 1
    assert np.abs(pixels(together.images[0]) - pixels(together.images[1])).max() > 1


def test_seed_zero_and_scale_zero_are_values(tiny: Pipeline) -> None:
    a, b = (tiny.generate(PROMPT, seed=0, guidance_scale=0.0) for _ in range(2))
    assert a.seeds == b.seeds == (0,)
    assert a.options.guidance_scale == 0.0
    assert a.images[0].tobytes() == b.images[0].tobytes()


def test_numbers_of_numpy_are_numbers(tiny: Pipeline) -> None:
    plain = tiny.generate(PROMPT, seed=2**63 + 3, num_inference_steps=2, guidance_scale=7.0)
    given = tiny.generate(
        PROMPT,
        seed=np.uint64(2**63 + 3),
        num_inference_steps=np.int32(2),
        guidance_scale=np.float32(7),
        batch_size=np.int64(1),
    )
    assert given.images[0].tobytes() == plain.images[0].tobytes()
    assert given.record(0)["options"] == plain.record(0)["options"]
    large = tiny.upscale(plain.image, PROMPT, factor=np.float32(1.5), seed=np.int64(1))
    assert large.image.size == (96, 96)


def test_without_a_seed_the_one_drawn_is_reported_and_repeats_the_picture(tiny: Pipeline) -> None:
    first = tiny.generate(PROMPT)
    again = tiny.generate(PROMPT, seed=first.seeds[0])
    assert first.images[0].tobytes() == again.images[0].tobytes()


def test_lists_of_prompts_and_of_negative_prompts(tiny: Pipeline) -> None:
    result = tiny.generate(
        ["赤い車", "青い海"], negative_prompt=["低画質", "文字"], seed=[5, 6], num_images_per_prompt=1
    )
    assert [p.source for p in result.prompts if p] == ["赤い車", "青い海"]
    assert [p.source for p in result.negative_prompts if p] == ["低画質", "文字"]
    assert [p.english for p in result.negative_prompts if p] == ["low quality", "text"]
    single = tiny.generate("青い海", negative_prompt="文字", seed=6)
    assert np.abs(pixels(result.images[1]) - pixels(single.images[0])).max() <= 1


def test_the_negative_prompt_changes_the_picture_and_scale_one_ignores_it(tiny: Pipeline) -> None:
    plain = tiny.generate(PROMPT, seed=3)
    assert (
        tiny.generate(PROMPT, negative_prompt="文字", seed=3).images[0].tobytes() != plain.images[0].tobytes()
    )
    a = tiny.generate(PROMPT, seed=3, guidance_scale=1.0)
    b = tiny.generate(PROMPT, negative_prompt="文字", seed=3, guidance_scale=1.0)
    assert a.images[0].tobytes() == b.images[0].tobytes()


def test_a_long_negative_prompt_beside_a_short_prompt(tiny: Pipeline) -> None:
    result = tiny.generate("猫", negative_prompt="低画質、" * 60, seed=3)
    negative = result.negative_prompts[0]
    assert negative is not None
    assert negative.chunks > 1
    assert not negative.truncated


def test_prompt_weights_change_the_picture(tiny: Pipeline) -> None:
    one = tiny.generate("(赤い:1.0)車", seed=3).images[0]
    more = tiny.generate("(赤い:1.6)車", seed=3).images[0]
    assert one.tobytes() != more.tobytes()


@pytest.mark.parametrize("size", [(64, 96), (72, 64), (40, 56)])
def test_sizes_that_are_not_square(tiny: Pipeline, size: tuple[int, int]) -> None:
    width, height = size
    assert tiny.generate(PROMPT, width=width, height=height, seed=1).images[0].size == size


def test_latents_in_and_out(tiny: Pipeline) -> None:
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(7))
    given = tiny.generate(PROMPT, latents=noise, seed=99)
    seeded = tiny.generate(PROMPT, seed=7)
    assert given.images[0].tobytes() == seeded.images[0].tobytes()
    assert given.latents is not None
    assert given.latents.shape == (1, 4, 8, 8)


def test_embeddings_in_and_out(tiny: Pipeline) -> None:
    embeds = tiny.encode_prompt(PROMPT)
    assert embeds.shape == (1, 77, SMALL.text.width)
    direct = tiny.generate(prompt_embeds=embeds, seed=4)
    assert direct.images[0].tobytes() == tiny.generate(PROMPT, seed=4).images[0].tobytes()
    negative = tiny.encode_prompt("文字")
    both = tiny.generate(prompt_embeds=embeds, negative_prompt_embeds=negative, seed=4)
    assert (
        both.images[0].tobytes() == tiny.generate(PROMPT, negative_prompt="文字", seed=4).images[0].tobytes()
    )


def test_encode_prompt_fills_up_with_the_states_of_an_empty_prompt(tiny: Pipeline) -> None:
    short, empty = tiny.encode_prompt("猫", chunks=2), tiny.encode_prompt("")
    assert short.shape == (1, 154, SMALL.text.width)
    torch.testing.assert_close(short[:, 77:], empty)


def test_on_step_sees_every_step_and_can_stop(tiny: Pipeline) -> None:
    seen: list[Progress] = []
    tiny.generate(PROMPT, seed=1, num_inference_steps=4, on_step=seen.append)
    assert [p.index for p in seen] == [1, 2, 3, 4]
    assert {p.total for p in seen} == {4}
    assert [p.timestep for p in seen] == sorted((p.timestep for p in seen), reverse=True)
    with pytest.raises(errors.Cancelled) as caught:
        tiny.generate(PROMPT, seed=1, on_step=lambda p: p.index < 2)
    assert caught.value.partial is None


def test_cancel_keeps_the_finished_pictures(tiny: Pipeline) -> None:
    stop = threading.Event()
    steps = []

    def watch(progress: Progress) -> None:
        steps.append(progress.index)
        if len(steps) == 5:  # in the middle of the second picture
            stop.set()

    with pytest.raises(errors.Cancelled) as caught:
        tiny.generate(PROMPT, seed=1, num_images_per_prompt=3, batch_size=1, on_step=watch, cancel=stop)
    partial = caught.value.partial
    assert isinstance(partial, GenerationResult)
    assert partial.seeds == (1,)
    assert partial.images[0].tobytes() == tiny.generate(PROMPT, seed=1).images[0].tobytes()


def test_stream_gives_each_picture_as_it_is_finished(tiny: Pipeline) -> None:
    stream = tiny.stream(PROMPT, seed=1, num_images_per_prompt=2)
    assert next(stream).seeds == (1,)
    assert next(stream).seeds == (2,)
    with pytest.raises(StopIteration):
        next(stream)


def test_one_pipeline_serves_many_threads(tiny: Pipeline) -> None:
    jobs = [
        (prompt, seed, sampler)
        for prompt in ("猫", "赤い車")
        for seed in (1, 2)
        for sampler in ("plms", "euler_a")
    ]

    def draw(job: tuple[str, int, str]) -> bytes:
        prompt, seed, sampler = job
        return tiny.generate(prompt, seed=seed, sampler=sampler).images[0].tobytes()

    alone = [draw(job) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(draw, jobs)) == alone


def test_v_prediction_and_other_shapes() -> None:
    config = dataclasses.replace(
        SMALL,
        unet=dataclasses.replace(SMALL.unet, in_channels=8, out_channels=8),
        vae=dataclasses.replace(SMALL.vae, latent_channels=8),
        schedule=dataclasses.replace(SMALL.schedule, prediction="v", beta_end=0.02),
    )
    pipe = Pipeline(
        random_models(config),
        tokenizer=ClipTokenizer.from_assets(),
        translator=make_translator("passthrough"),
    )
    assert pipe.generate("a cat", seed=1).images[0].size == (64, 64)


def test_img2img_strength_zero_is_the_round_trip_and_one_forgets_the_picture(tiny: Pipeline) -> None:
    red, blue = (Image.new("RGB", (64, 64), color) for color in ("red", "blue"))
    kept = [tiny.generate(PROMPT, image=i, strength=0.0, seed=1).images[0] for i in (red, blue)]
    assert kept[0].tobytes() != kept[1].tobytes()
    assert kept[0].tobytes() == tiny.generate("猫", image=red, strength=0.0, seed=2).images[0].tobytes()
    steps: list[Progress] = []
    tiny.generate(PROMPT, image=red, strength=0.1, seed=1, on_step=steps.append)
    assert len(steps) == 1  # 0.1 × 3 steps is less than one: one runs all the same


def test_nan_is_an_error_and_never_a_black_picture() -> None:
    broken = random_models(SMALL)
    with torch.no_grad():
        broken.vae.get_parameter("decoder.conv_out.bias")[0] = torch.nan
    pipe = Pipeline(broken, tokenizer=ClipTokenizer.from_assets(), translator=make_translator("passthrough"))
    with pytest.raises(errors.NonFiniteError) as caught:
        pipe.generate("a cat", seed=1)
    assert caught.value.code == "nan.pixels"
    with torch.no_grad():
        broken.unet.get_parameter("conv_out.bias")[0] = torch.inf
    with pytest.raises(errors.NonFiniteError) as caught:
        pipe.generate("a cat", seed=1)
    assert caught.value.code == "nan.latents"
    assert "damaged" in caught.value.en  # it is float32 already
    assert "float32'" not in caught.value.en


BAD = {
    "empty prompt": {"prompt": ""},
    "only punctuation": {"prompt": "、。！？"},
    "too long": {"prompt": "猫" * 100_000},
    "unbalanced": {"prompt": "(赤い車"},
    "NUL": {"prompt": "猫\0犬"},
    "not a string": {"prompt": 3},
    "no prompts": {"prompt": []},
    "nothing at all": {},
    "sampler": {"prompt": PROMPT, "sampler": "ddpm9000"},
    "spacing": {"prompt": PROMPT, "spacing": "wide"},
    "width": {"prompt": PROMPT, "width": 100},
    "height": {"prompt": PROMPT, "height": 0},
    "no steps": {"prompt": PROMPT, "num_inference_steps": 0},
    "too many steps": {"prompt": PROMPT, "num_inference_steps": 1001},
    "half a step": {"prompt": PROMPT, "num_inference_steps": 2.5},
    "scale": {"prompt": PROMPT, "guidance_scale": float("nan")},
    "eta": {"prompt": PROMPT, "eta": 2.0},
    "seed": {"prompt": PROMPT, "seed": -1},
    "seeds": {"prompt": PROMPT, "seed": [1, 2]},
    "count": {"prompt": PROMPT, "num_images_per_prompt": 0},
    "strength": {"prompt": PROMPT, "strength": 1.5, "image": Image.new("RGB", (64, 64))},
    "translate": {"prompt": PROMPT, "translate": "sometimes"},
    "negatives": {"prompt": PROMPT, "negative_prompt": ["a", "b"]},
    "latents": {"prompt": PROMPT, "latents": torch.zeros(1, 4, 9, 9)},
    "embeddings": {"prompt_embeds": torch.zeros(77, 32)},
    "both": {"prompt": PROMPT, "prompt_embeds": torch.zeros(1, 77, 32)},
    "batch size": {"prompt": PROMPT, "batch_size": 0},
}


@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD.keys())
def test_bad_input_is_refused_in_japanese_before_any_work(
    tiny: Pipeline, arguments: dict[str, object]
) -> None:
    worked = []
    hooks = [m.register_forward_pre_hook(lambda *_: worked.append(1)) for m in (tiny.unet, tiny.text_encoder)]
    try:
        with pytest.raises(errors.InputError) as caught:
            tiny.generate(**arguments)  # type: ignore[arg-type]
    finally:
        for hook in hooks:
            hook.remove()
    assert not worked
    assert any("\u3040" <= c <= "\u30ff" for c in caught.value.ja)
    assert caught.value.en[0].isascii()


def test_the_record_says_what_it_was_drawn_with(tiny: Pipeline) -> None:
    result = next(tiny.stream(PROMPT, seed=1))
    assert result.record(0)["runtime"] == {
        "version": sdjp.__version__,
        "device": "cpu",
        "dtype": "float32",
        "ema": False,
        "translator": "lexicon",
        "engine": tiny.engine.name,
        "memory": "normal",
        "vae": None,
        "license": None,
    }


def test_stream_takes_what_generate_takes_and_nothing_else(tiny: Pipeline) -> None:
    streamed = list(tiny.stream([PROMPT, "猫"], seed=3, num_inference_steps=1))
    together = tiny.generate([PROMPT, "猫"], seed=3, num_inference_steps=1)
    assert [len(result) for result in streamed] == [1, 1]
    assert [result.seeds[0] for result in streamed] == list(together.seeds)
    with pytest.raises(TypeError, match="steps"):
        tiny.stream(PROMPT, steps=3)  # type: ignore[call-arg]


def test_a_model_for_inpainting_alone_is_refused_early() -> None:
    config = dataclasses.replace(SMALL, unet=dataclasses.replace(SMALL.unet, in_channels=9))
    pipe = Pipeline(
        random_models(config),
        tokenizer=ClipTokenizer.from_assets(),
        translator=make_translator("passthrough"),
    )
    with pytest.raises(errors.InputError) as error:
        pipe.generate("a cat")
    assert error.value.code == "model.inpainting"


def test_embeddings_of_different_lengths(tiny: Pipeline) -> None:
    width = SMALL.unet.context_dim
    with pytest.raises(errors.InputError) as caught:
        tiny.generate(
            prompt_embeds=torch.zeros(1, 77, width), negative_prompt_embeds=torch.zeros(1, 154, width), seed=1
        )
    assert caught.value.code == "prompt_embeds.length"


@pytest.mark.parametrize("engine", ["eager", "packed"])
def test_it_draws_under_autocast(engine: str) -> None:
    pipe = Pipeline.from_pretrained(engine=engine, dtype="float32", safety="off", watermark=False)
    arguments: dict[str, Any] = {"seed": 1, "num_inference_steps": 2, "width": 64, "height": 64}
    plain = pipe.generate(PROMPT, **arguments)
    with torch.autocast("cpu"):
        drawn = pipe.generate(PROMPT, **arguments)
        from_picture = pipe.generate(PROMPT, image=plain.image, strength=1.0, **arguments)
    assert np.abs(pixels(drawn.image) - pixels(plain.image)).mean() < 12  # text states in bfloat16
    assert from_picture.image.size == (64, 64)


def test_its_repr_is_one_line(tiny: Pipeline) -> None:
    said = repr(tiny)
    assert "\n" not in said
    for word in (tiny.config.name, "cpu", "float32", tiny.engine.name, tiny.translator.name):
        assert word in said


def test_what_a_run_is_heading_for_becomes_the_picture(tiny: Pipeline) -> None:
    seen: list[list[Image.Image]] = []

    def look(progress: Progress) -> None:
        seen.append(progress.decode(progress.x0))

    plain = tiny.generate(PROMPT, seed=1, num_images_per_prompt=2, sampler="ddim", num_inference_steps=3)
    result = tiny.generate(
        PROMPT, seed=1, num_images_per_prompt=2, sampler="ddim", num_inference_steps=3, on_step=look
    )
    assert len(seen) == 3
    assert [image.size for image in seen[0]] == [(64, 64)] * 2
    assert [i.tobytes() for i in result.images] == [i.tobytes() for i in plain.images]
    far, near = (np.abs(pixels(step[1]) - pixels(result.images[1])).mean() for step in (seen[0], seen[-1]))
    assert near < 2
    assert far > near


def test_a_preview_needs_no_decoder(tiny: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Image.Image] = []
    later: list[Progress] = []

    def look(progress: Progress) -> None:
        with monkeypatch.context() as patch:
            patch.delattr(type(tiny.vae), "decode")
            seen.append(progress.preview(1))
        later.append(progress)

    arguments: dict[str, Any] = {"seed": 1, "num_images_per_prompt": 2, "width": 72, "num_inference_steps": 3}
    plain = tiny.generate(PROMPT, **arguments)
    watched = tiny.generate(PROMPT, on_step=look, **arguments)
    assert [i.tobytes() for i in watched.images] == [i.tobytes() for i in plain.images]
    assert [image.size for image in seen] == [(72, 64)] * 3
    assert seen[0].tobytes() != seen[2].tobytes()
    with ThreadPoolExecutor(2) as pool:
        again = list(pool.map(lambda progress: progress.preview(1), later))
    assert [i.tobytes() for i in again] == [i.tobytes() for i in seen]


def test_a_pipeline_reads_with_words_of_ones_own() -> None:
    pipe = Pipeline.from_pretrained(safety="off", user_lexicon={"ぺろぽん": "red car"})
    assert pipe.explain("ぺろぽんと猫").english == "a red car and a cat"
    with pytest.raises(errors.InputError):
        Pipeline.from_pretrained(user_lexicon={"ぺろぽん": ""})
