"""LoRA and textual inversion through the pipeline: what is drawn, what is recorded, what is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdjp import Pipeline
from sdjp.addons.equip import Addons
from sdjp.errors import InputError, WeightsError
from sdjp.generation.model import Model
from sdjp.images import read_metadata
from sdjp.models import CLIPText
from sdjp.text.prompt import parse
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from sdjp.weights.parts.adapter import adapted
from tests import addon_files as files
from tests.conftest import SMALL, random_models
from tests.encoder_folders import save_small_adapter
from tests.narrow import latents

SETTINGS: dict[str, Any] = {"num_inference_steps": 2, "seed": 5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two LoRAs and two names, Japanese file names among them."""
    folder = tmp_path_factory.mktemp("日本語 テスト")
    loras = folder / "lora"
    files.write_lora(loras / "着物.safetensors", files.lora_tensors(files.kohya, seed=1))
    files.write_lora(loras / "sub" / "Ink.pt", files.lora_tensors(files.peft, seed=2, alpha=None))
    files.write_inversion(folder / "embeddings" / "EasyNegative.safetensors", files.vectors(8))
    files.write_inversion(folder / "embeddings" / "花子スタイル.pt", files.vectors(2, seed=1))
    return folder


def pipeline(folder: Path | None) -> Pipeline:
    addons = None if folder is None else Addons(folder / "lora", folder / "embeddings")
    return Pipeline(
        random_models(SMALL),
        tokenizer=ClipTokenizer.from_assets(),
        translator=make_translator("lexicon"),
        addons=addons,
    )


@pytest.fixture(scope="module")
def pipe(folder: Path) -> Pipeline:
    return pipeline(folder)


@pytest.fixture(scope="module")
def bare() -> Pipeline:
    """Without folders; do not change it."""
    return pipeline(None)


# LoRA.


def test_tag_and_argument_are_one(pipe: Pipeline) -> None:
    plain = pipe.generate("猫", **SETTINGS)
    tag = pipe.generate("猫、<lora:着物:0.8>", **SETTINGS)
    argument = pipe.generate("猫", loras={"着物": 0.8}, **SETTINGS)
    both = pipe.generate("猫<lora:着物:0.5>", loras={"着物": 0.3}, **SETTINGS)
    assert torch.equal(latents(tag), latents(argument))
    torch.testing.assert_close(latents(tag), latents(both), rtol=0, atol=1e-5)  # 0.5 + 0.3 is not 0.8
    assert not torch.allclose(latents(tag), latents(plain), atol=1e-2)
    assert torch.equal(latents(pipe.generate("猫", **SETTINGS)), latents(plain)), "the base was changed"
    zero = pipe.generate("猫 <lora:着物:0>", **SETTINGS)
    assert torch.equal(latents(zero), latents(plain))


def test_a_lora_acts_on_the_text_encoder_behind_an_adapter(tmp_path: Path) -> None:
    files.write_lora(
        tmp_path / "lora" / "text.safetensors", files.lora_tensors(files.kohya, parts=["text_encoder"])
    )
    plain_model = random_models(SMALL)
    loaded = adapted(
        plain_model,
        save_small_adapter(tmp_path, own=plain_model.config.text, start_id=49406, end_id=49407),
    )
    pipe = Pipeline(
        loaded,
        tokenizer=loaded.tokenizer,
        translator=make_translator("passthrough", reads_japanese=True),
        addons=Addons(tmp_path / "lora"),
    )
    plain = pipe.encode_prompt("馬に乗る宇宙飛行士")
    changed = pipe.encode_prompt("馬に乗る宇宙飛行士<lora:text>")
    assert not torch.allclose(changed, plain, atol=1e-3)
    assert torch.equal(pipe.encode_prompt("馬に乗る宇宙飛行士"), plain)


def test_a_lora_of_either_network_acts(folder: Path, tmp_path: Path) -> None:
    pipe = pipeline(None)
    pipe.addons = Addons(tmp_path)
    for part in ("unet", "text_encoder"):
        files.write_lora(tmp_path / f"{part}.safetensors", files.lora_tensors(files.kohya, parts=[part]))
    plain = latents(pipe.generate("猫", **SETTINGS))
    alone = [latents(pipe.generate("猫", loras={p: 1}, **SETTINGS)) for p in ("unet", "text_encoder")]
    assert all(not torch.allclose(x, plain, atol=1e-3) for x in alone)
    states = [pipe.encode_prompt("猫", loras={p: 1}) for p in ("unet", "text_encoder")]
    assert torch.equal(states[0], pipe.encode_prompt("猫"))
    assert not torch.allclose(states[1], states[0], atol=1e-3)
    assert torch.equal(states[1], pipe.encode_prompt("猫<lora:text_encoder>"))
    again = pipe.generate(
        prompt_embeds=states[1],
        negative_prompt_embeds=pipe.encode_prompt("", loras={"text_encoder": 1}),
        **SETTINGS,
    )
    torch.testing.assert_close(latents(again), alone[1], rtol=0, atol=1e-5)  # another batch of the encoder


def equipped(pipe: Pipeline, prompt: str, loras: dict[str, float]) -> Model:
    return pipe._model().equipped(pipe.addons, [parse(prompt)], loras)


def test_the_copies_of_the_last_set_are_kept(pipe: Pipeline) -> None:
    first = equipped(pipe, "", {"着物": 0.5})
    assert equipped(pipe, "猫", {"着物": 0.5}).unet is first.unet
    assert first.vae is pipe.vae
    assert equipped(pipe, "", {}).unet is pipe.unet
    assert equipped(pipe, "猫", {"着物": 0.5}).unet is first.unet, "a run without LoRA keeps them, too"
    assert equipped(pipe, "", {"着物": 0.4}).unet is not first.unet


def test_a_change_of_the_base_is_seen(folder: Path) -> None:
    """The weights may belong to a pipeline of diffusers, too."""
    pipe = pipeline(folder)
    name = "down.0.attn.block.self_attention.to_q.weight"
    before = equipped(pipe, "", {"着物": 1.0}).unet.get_parameter(name).clone()
    pipe.unet.get_parameter(name).add_(1.0)
    after = equipped(pipe, "", {"着物": 1.0}).unet.get_parameter(name)
    torch.testing.assert_close(after, before + 1.0, rtol=0, atol=1e-6)  # float32


def test_a_file_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    import os

    pipe = pipeline(None)
    path = files.write_lora(
        tmp_path / "a.safetensors", files.lora_tensors(files.kohya, seed=1, parts=["unet"])
    )
    pipe.addons = Addons(tmp_path)
    one = latents(pipe.generate("猫", loras={"a": 1}, **SETTINGS))
    new = files.write_lora(tmp_path / "x" / "b.safetensors", files.lora_tensors(files.kohya, seed=2))
    new.replace(path)
    os.utime(path, (1, 1))
    two = latents(pipe.generate("猫", loras={"a": 1}, **SETTINGS))
    assert not torch.allclose(one, two, atol=1e-3)


def test_threads_with_loras_of_their_own(pipe: Pipeline) -> None:
    prompts = ["猫<lora:着物:0.8>", "猫<lora:Ink:1>", "猫", "猫<lora:着物:0.8><lora:Ink:-1>"]
    alone = [latents(pipe.generate(p, num_inference_steps=1, seed=5)) for p in prompts]
    found: dict[tuple[int, int], torch.Tensor] = {}
    errors: list[BaseException] = []

    def draw(which: int) -> None:
        try:
            for turn in range(2):
                found[which, turn] = latents(pipe.generate(prompts[which], num_inference_steps=1, seed=5))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=draw, args=(i,)) for i in range(len(prompts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(found) == 8
    for (which, _), x in found.items():
        assert torch.equal(x, alone[which])


def test_prompts_of_one_call_may_have_loras_of_their_own(pipe: Pipeline) -> None:
    prompts = ["猫<lora:着物:0.8>", "犬<lora:着物:0.8>", "猫", "馬<lora:Ink>"]
    settings: dict[str, Any] = {"num_inference_steps": 2, "num_images_per_prompt": 2}
    seen: list[int] = []
    result = pipe.generate(
        prompts,
        negative_prompt=["a", "b", "c", "d"],
        seed=5,
        on_step=lambda p: seen.append(p.index),
        **settings,
    )
    assert result.seeds == tuple(range(5, 13))
    assert [p.source for p in result.prompts if p is not None] == [p for p in prompts for _ in range(2)]
    assert [p.source for p in result.negative_prompts if p is not None] == [
        n for n in "abcd" for _ in range(2)
    ]
    assert len(seen) == 3 * 2  # three parts
    for i, prompt in enumerate(prompts):
        alone = pipe.generate(prompt, negative_prompt="abcd"[i], seed=5 + 2 * i, **settings)
        # Batches of other sizes sum in another order.
        expected = latents(alone)
        torch.testing.assert_close(latents(result)[2 * i : 2 * i + 2], expected, rtol=0, atol=2e-4)
    parts = list(pipe.stream(prompts, seed=5, batch_size=4, **{**settings, "num_inference_steps": 1}))
    assert [len(part) for part in parts] == [4, 2, 2]


def test_pictures_and_latents_stay_with_their_prompts(pipe: Pipeline) -> None:
    from PIL import Image

    prompts = ["猫", "猫<lora:着物>"]
    pictures = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    kept = pipe.generate(prompts, image=pictures, strength=0.0, num_inference_steps=2, seed=1)
    means = [
        np.asarray(pipe.generate("猫", image=p, strength=0.0, **SETTINGS).image).mean() for p in pictures
    ]
    assert [np.asarray(i).mean() for i in kept] == pytest.approx(means, abs=0.5)
    start = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    both = pipe.generate(prompts, latents=start, num_inference_steps=2, seed=1)
    second = pipe.generate(prompts[1], latents=start[1:], num_inference_steps=2, seed=1)
    torch.testing.assert_close(latents(both)[1:], latents(second), rtol=0, atol=2e-4)
    large = pipe.generate(prompts, hires=1.5, num_inference_steps=1, seed=1)
    assert [i.size for i in large] == [(96, 96)] * 2


def test_the_record_tells_all(pipe: Pipeline, tmp_path: Path) -> None:
    result = pipe.generate(
        "花子スタイルの猫、<lora:着物:0.8><hypernet:x:1>",
        negative_prompt="EasyNegative、文字",
        loras={"Ink": -0.5},
        **SETTINGS,
    )
    [info], [negative] = result.prompts, result.negative_prompts
    assert info is not None
    assert negative is not None
    assert dict(info.loras) == {"Ink": -0.5, "着物": 0.8}
    assert info.embeddings == ("花子スタイル",)
    assert info.ignored == ("<hypernet:x:1>",)
    assert negative.embeddings == ("EasyNegative",)
    assert negative.loras == ()
    [path] = result.save(tmp_path)
    metadata = read_metadata(path)
    assert metadata.sdjp is not None
    assert metadata.sdjp["prompt"]["loras"] == {"Ink": -0.5, "着物": 0.8}
    assert metadata.sdjp["negative_prompt"]["embeddings"] == ["EasyNegative"]
    [first, second] = (r for r in metadata.sdjp["reports"] if r["name"] == "lora")
    assert (first["data"]["name"], first["data"]["weight"]) == ("Ink", -0.5)
    assert second["data"] == {"name": "着物", "weight": 0.8, "file": "着物.safetensors", "unused": []}
    assert metadata.options is not None
    again = pipe.generate(
        metadata.options.prompt,
        negative_prompt=metadata.options.negative_prompt,
        loras=metadata.options.loras,
        num_inference_steps=2,
        seed=5,
    )
    assert torch.equal(latents(again), latents(result))


# Textual inversion.


def test_a_name_is_its_vectors(pipe: Pipeline, bare: Pipeline) -> None:
    info = pipe.explain("花子スタイルの着物、花子スタイル")
    assert info.embeddings == ("花子スタイル",)
    assert info.english.count("花子スタイル") == 2
    assert info.tokens == 2 + 2 * 2  # kimono and a comma, and twice two vectors
    assert pipe.explain("(easynegative:1.2)").tokens == 8
    with_name, without = pipe.encode_prompt("花子スタイル"), bare.encode_prompt("花子スタイル")
    assert not torch.allclose(with_name, without, atol=1e-2)


@torch.inference_mode()
def test_the_vectors_stand_where_the_name_stood(pipe: Pipeline) -> None:
    """Put by hand into a larger table, they give the same states."""
    rows = files.vectors(2, seed=1)
    tokens = [pipe.tokenizer.start_id, *pipe.tokenizer.encode("a cat"), 49408, 49409]
    ids = torch.tensor([tokens + [pipe.tokenizer.end_id] * (77 - len(tokens))])
    other = random_models(SMALL).text
    assert isinstance(other, CLIPText)
    table = torch.cat([other.token_embedding.weight, rows])
    other.token_embedding = torch.nn.Embedding.from_pretrained(table)
    states = pipe.encode_prompt("a cat 花子スタイル")
    # float32; the batch is the same.
    torch.testing.assert_close(states, other(ids), rtol=0, atol=1e-5)


def test_other_prompts_are_as_before(pipe: Pipeline, bare: Pipeline) -> None:
    for prompt in ("猫", "a cat, Easy Negative", "花子"):
        assert pipe.explain(prompt) == bare.explain(prompt)
        assert torch.equal(pipe.encode_prompt(prompt), bare.encode_prompt(prompt))
    assert pipe.text_encoder.get_parameter("token_embedding.weight").shape == (49408, SMALL.text.width)


def test_names_act_in_negative_prompts(pipe: Pipeline) -> None:
    plain = pipe.generate("猫", negative_prompt="文字", **SETTINGS)
    named = pipe.generate("猫", negative_prompt="EasyNegative、文字", **SETTINGS)
    assert not torch.allclose(latents(plain), latents(named), atol=1e-3)
    both = pipe.generate("花子スタイル<lora:着物>", negative_prompt="EasyNegative", **SETTINGS)
    assert both.prompts[0] is not None
    assert both.prompts[0].embeddings == ("花子スタイル",)


# What is refused, before anything is drawn.


def refused(call: Callable[[], object], code: str, kind: type[Exception] = InputError) -> str:
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.code == code  # type: ignore[attr-defined]
    assert caught.value.ja != caught.value.en  # type: ignore[attr-defined]
    return str(caught.value)


def test_names_that_are_not_there(pipe: Pipeline, bare: Pipeline) -> None:
    said = refused(lambda: pipe.stream("猫<lora:着もの:1>"), "lora.unknown")
    assert "「着もの」はありません" in said
    assert "近い名前: 着物" in said
    assert "Ink" in said
    assert (
        "ink"
        not in refused(lambda: pipe.generate("猫", loras={"xyz": 1}), "lora.unknown").split("フォルダー")[0]
    )
    said = refused(lambda: bare.generate("猫<lora:着物>"), "lora.unknown")
    assert "「着物」はありません" in said
    assert "lora_dir" in said
    assert "--lora-dir" in said


def test_case_and_width_of_a_name_do_not_matter(pipe: Pipeline) -> None:
    assert pipe.addons.paths({"ｉｎｋ": 1})[0].name == "Ink.pt"


@pytest.mark.parametrize("target", ["nowhere", "gone.safetensors", "/dev/zero"])
def test_a_file_that_cannot_be_opened(target: str, tmp_path: Path) -> None:
    for option in ("lora_dir", "embeddings_dir"):
        folder = tmp_path / option
        folder.mkdir()
        (folder / "gone.safetensors").symlink_to(target)
    pipe = Pipeline.from_pretrained(
        lora_dir=tmp_path / "lora_dir", embeddings_dir=tmp_path / "embeddings_dir", safety="off"
    )
    for prompt in ("cat <lora:gone:1>", "gone"):
        with pytest.raises(WeightsError, match=r"gone\.safetensors") as caught:
            pipe.generate(prompt, num_inference_steps=1, height=64, width=64)
        assert caught.value.code == "weights.unreadable"


def test_two_files_of_one_name(tmp_path: Path) -> None:
    for name in ("a.safetensors", "x/a.pt"):
        files.write_lora(tmp_path / name, files.lora_tensors(files.kohya, parts=["unet"]))
    pipe = pipeline(None)
    pipe.addons = Addons(tmp_path)
    said = refused(lambda: pipe.generate("猫<lora:a>"), "lora.several")
    assert "a.safetensors" in said
    assert "a.pt" in said


def test_files_of_diffusers_are_called_by_their_folder(tmp_path: Path) -> None:
    path = tmp_path / "着物" / "pytorch_lora_weights.safetensors"
    files.write_lora(path, files.lora_tensors(files.peft, parts=["unet"], alpha=None))
    assert Addons(tmp_path).paths({"着物": 1}) == [path]


def test_where_a_lora_cannot_act(pipe: Pipeline) -> None:
    refused(lambda: pipe.generate("猫", negative_prompt="<lora:着物:1>"), "lora.negative")
    refused(lambda: pipe.encode_prompt(["猫", "猫<lora:着物>"]), "lora.differ")
    noise = torch.zeros
    refused(lambda: pipe.generate(["猫", "猫<lora:着物>"], noise=noise), "lora.noise")
    same = pipe.generate(
        ["猫<lora:着物>", "犬<lora:着物>"], noise=lambda shape: torch.zeros(shape), **SETTINGS
    )
    assert len(same) == 2


@pytest.mark.parametrize(
    "loras", [["a"], {"a": "1"}, {"a": True}, {"a": 11}, {"a": float("nan")}, {"": 1}, {1: 1}]
)
def test_arguments_that_are_no_loras(pipe: Pipeline, loras: Any) -> None:
    assert "{'名前': 0.8}" in refused(lambda: pipe.generate("猫", loras=loras), "loras.value")


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    files.write_lora(tmp_path / "lora" / "a.safetensors", {"lora_te2_x.lora_up.weight": torch.zeros(2, 2)})
    (tmp_path / "lora" / "b.safetensors").write_bytes(b"no weights at all")
    files.write_inversion(tmp_path / "embeddings" / "v2.pt", files.vectors(1, 1024))
    pipe = pipeline(tmp_path)
    refused(lambda: pipe.stream("猫<lora:a>"), "lora.fit", WeightsError)
    with pytest.raises(WeightsError):
        pipe.stream("猫<lora:b>")
    assert "1024" in refused(
        lambda: pipe.stream("猫", negative_prompt="V2"), "embeddings.width", WeightsError
    )
    assert len(pipe.generate("猫", **SETTINGS)) == 1, "files that nobody asks for do no harm"


def test_folders_that_are_not_there(tmp_path: Path) -> None:
    refused(lambda: Pipeline.from_pretrained("no such model", lora_dir=tmp_path / "x"), "lora_dir.missing")
    refused(
        lambda: Pipeline.from_pretrained("no such model", embeddings_dir=tmp_path / "x"),
        "embeddings_dir.missing",
    )


def test_a_word_that_is_refused_is_refused_before_the_first_part_is_drawn(folder: Path) -> None:
    from sdjp.text.prompt_check import make_prompt_checker

    pipe = pipeline(folder)
    pipe.prompt_checker = make_prompt_checker("refuse")
    word = pipe.prompt_checker.words.words[0].word
    seen: list[object] = []
    with pytest.raises(InputError) as caught:
        pipe.generate(["猫", f"{word}<lora:着物>"], on_step=seen.append, **SETTINGS)
    assert caught.value.code == "prompt.refused"
    assert seen == []
