"""How often a pipeline calls its text encoder, and that what it remembers is never another's."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageOps

from sdjp import Pipeline
from sdjp.addons.equip import Addons
from sdjp.engines import make_engine
from sdjp.errors import InputError
from sdjp.records import Report
from sdjp.text import prompt as prompt_syntax
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from sdjp.weights import Loaded
from tests import addon_files as files
from tests.conftest import SMALL, random_models
from tests.narrow import latents

SETTINGS: dict[str, Any] = {"num_inference_steps": 1, "seed": 5, "height": 64, "width": 64}


@cache
def models() -> Loaded:
    """The networks that all pipelines here share; what each remembers is its own."""
    return random_models(SMALL)


def pipeline(addons: Addons | None = None, loaded: Loaded | None = None) -> Pipeline:
    return Pipeline(
        models() if loaded is None else loaded,
        tokenizer=ClipTokenizer.from_assets(),
        translator=make_translator("lexicon"),
        addons=addons,
    )


@pytest.fixture
def pipe() -> Pipeline:
    return pipeline()


@pytest.fixture
def calls(pipe: Pipeline) -> Iterator[list[int]]:
    """Chunks in every call of the text encoder."""
    sizes: list[int] = []
    handle = pipe.text_encoder.register_forward_hook(lambda module, args, out: sizes.append(len(args[0])))
    yield sizes
    handle.remove()


def test_the_empty_prompt_is_encoded_once(pipe: Pipeline, calls: list[int]) -> None:
    for prompt in ("猫", "犬"):
        pipe.generate(prompt, **SETTINGS)
    assert calls == [1, 1, 1]  # 猫, nothing, 犬
    pipe.generate("犬", negative_prompt="猫", **SETTINGS)
    assert len(calls) == 3


def test_the_same_picture_whatever_was_drawn_before(pipe: Pipeline, calls: list[int]) -> None:
    first = latents(pipe.generate("猫", negative_prompt="雨", **SETTINGS))
    pipe.encode_prompt(["犬", "海", "猫", "雨", *"山川森空"])
    before = len(calls)
    assert torch.equal(latents(pipe.generate("猫", negative_prompt="雨", **SETTINGS)), first)
    assert len(calls) == before


def test_equal_prompts_are_encoded_once(pipe: Pipeline, calls: list[int]) -> None:
    prompts = [f"{i % 40}匹の猫と海" for i in range(200)]
    states = pipe.encode_prompt(prompts)
    assert calls == [1] * 40
    assert torch.equal(states[:40], states[160:])
    for i in (0, 39):
        assert torch.equal(states[i : i + 1], pipe.encode_prompt(prompts[i]))


def test_states_are_the_callers_own(pipe: Pipeline, calls: list[int]) -> None:
    first = pipe.encode_prompt("猫")
    kept = first.clone()
    with torch.inference_mode():
        first.zero_()
    assert torch.equal(pipe.encode_prompt("猫"), kept)
    assert calls == [1]


def test_several_prompts_are_explained_together(pipe: Pipeline) -> None:
    prompts = ["猫", "（赤い車：１．２）", "a dog"]
    told = pipe.explain(prompts)
    assert told == [pipe.explain(prompt) for prompt in prompts]
    assert pipe.explain(tuple(prompts)) == told
    assert pipe.explain([]) == []


def test_loras_on_the_text_encoder_share_nothing(tmp_path: Path) -> None:
    """Each order gives what a pipeline gives that never drew anything."""
    names = ("text_a", "text_b", "of_unet")
    for seed, name in enumerate(names):
        parts = ["unet" if name == "of_unet" else "text_encoder"]
        files.write_lora(
            tmp_path / f"{name}.safetensors", files.lora_tensors(files.kohya, seed=seed, parts=parts)
        )
    wanted = [
        "猫",
        *(
            f"猫 <lora:{name}:{weight}>"
            for name, weight in zip(names * 2, (0.8, 0.8, 0.8, 0.3), strict=False)
        ),
    ]
    expected = [pipeline(Addons(tmp_path)).encode_prompt(prompt) for prompt in wanted]
    pipe = pipeline(Addons(tmp_path))
    for turn in (1, -1):
        for prompt, states in list(zip(wanted, expected, strict=True))[::turn]:
            assert torch.equal(pipe.encode_prompt(prompt), states), prompt
    different = {tuple(states.flatten()[:200].tolist()) for states in expected}
    assert len(different) == 4  # none (that of the UNet does not act here), one, the other, one more weakly


def test_a_lora_is_remembered_as_well(tmp_path: Path) -> None:
    files.write_lora(tmp_path / "a.safetensors", files.lora_tensors(files.kohya, parts=["text_encoder"]))
    pipe = pipeline(Addons(tmp_path))
    first = pipe.encode_prompt("猫 <lora:a:0.8>")
    size = len(pipe.states)
    assert torch.equal(pipe.encode_prompt("猫 <lora:a:0.8>"), first)
    assert len(pipe.states) == size


def test_names_mean_what_they_mean_in_this_run(tmp_path: Path) -> None:
    """Each is the id -1 of its own run."""
    for seed, name in enumerate(("hanako", "taro")):
        files.write_inversion(tmp_path / f"{name}.safetensors", files.vectors(1, seed=seed))
    expected = [pipeline(Addons(None, tmp_path)).encode_prompt(prompt) for prompt in ("hanako", "taro", "猫")]
    pipe = pipeline(Addons(None, tmp_path))
    for _ in range(2):
        found = [pipe.encode_prompt(prompt) for prompt in ("hanako", "taro", "猫")]
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert not torch.equal(expected[0], expected[1])


def test_weights_that_were_written_to_are_used() -> None:
    pipe = pipeline(loaded=random_models(SMALL))
    before = pipe.encode_prompt("猫")
    with torch.no_grad():
        pipe.text_encoder.get_parameter("token_embedding.weight").mul_(2)
    after = pipe.encode_prompt("猫")
    assert not torch.equal(after, before)
    pipe.states.clear()
    assert torch.equal(pipe.encode_prompt("猫"), after)


def test_a_prompt_is_parsed_once(pipe: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    parse = prompt_syntax.parse

    def noted(text: str) -> prompt_syntax.Prompt:
        parsed.append(text)
        return parse(text)

    monkeypatch.setattr(prompt_syntax, "parse", noted)
    pipe.generate(["(猫:1.2) <x:1>", "犬"], num_images_per_prompt=2, batch_size=1, **SETTINGS)
    assert parsed == ["(猫:1.2) <x:1>", "犬", ""]
    parsed.clear()
    pipe.explain("猫")
    assert parsed == ["猫"]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda pipe: pickle.loads(pickle.dumps(pipe))])
@pytest.mark.parametrize("engine", ["eager", "packed"])
def test_a_copy_draws_the_same(again: Callable[[Pipeline], Pipeline], engine: str, tmp_path: Path) -> None:
    files.write_lora(tmp_path / "a.safetensors", files.lora_tensors(files.kohya, parts=["text_encoder"]))
    first = pipeline(Addons(tmp_path), random_models(SMALL))
    first.engine = make_engine(engine)
    drawn = latents(first.generate("猫 <lora:a:0.5>", **SETTINGS))
    second = again(first)
    assert second.unet is not first.unet
    assert (second.engine.name, len(second.states)) == (engine, 0)
    assert torch.equal(latents(second.generate("猫 <lora:a:0.5>", **SETTINGS)), drawn)


def test_a_pipeline_that_reads_weights_on_demand_says_why_it_cannot_be_copied() -> None:
    pipe = Pipeline.from_pretrained(memory="sequential", safety="off", watermark=False)
    for again in (copy.deepcopy, pickle.dumps):
        with pytest.raises(InputError) as caught:
            again(pipe)
        assert caught.value.code == "memory.pickle"


def test_post_processors_of_ones_own_come_before_those_of_sdjp() -> None:
    @dataclass(frozen=True)
    class Mirror:
        name: str = "mirror"

        def __call__(self, images: list[Image.Image], /) -> tuple[list[Image.Image], list[Report]]:
            done = Report(name=self.name, status="done", ja="左右を反転しました。", en="mirrored.")
            return [ImageOps.mirror(image) for image in images], [done for _ in images]

    run: dict[str, Any] = {"num_inference_steps": 1, "seed": 1}
    plain = Pipeline.from_pretrained(safety="off", watermark=False).generate("猫", **run)
    pipe = Pipeline.from_pretrained(safety="off", watermark=False, postprocessors=[Mirror()])
    result = pipe.generate("猫", **run)
    assert [report.name for report in result.reports[0]][-3:] == ["mirror", "safety", "watermark"]
    assert ImageOps.mirror(result.images[0]).tobytes() == plain.images[0].tobytes()
