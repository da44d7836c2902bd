"""Tokens added in training, as textual_inversion.py of diffusers saves them with the whole pipeline."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from sdjp import Pipeline, cli, japanese
from sdjp.config import TINY, ModelConfig
from sdjp.text.prompt import parse
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from sdjp.weights import convert, load
from tests.conftest import random_models
from tests.narrow import clip_text

diffusers = pytest.importorskip("diffusers")
pytest.importorskip("transformers")

# diffusers on NumPy 2; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NAMES = ["<cat-toy>", "<dog>", "<dog>_1", "<dog>_2"]
PROMPTS = [
    "a <cat-toy> cat",
    "<cat-toy>",
    "a photo of <cat-toy>, (masterpiece)",
    "<cat-toy><dog>_1 and <dog>_2",
    "a<cat-toy>b",
    "A <Cat-Toy> CAT",
]


def trained() -> Any:
    """A pipeline of diffusers with random weights, tokens and rows, added as that script adds them."""
    pipe = Pipeline(
        random_models(TINY), tokenizer=ClipTokenizer.from_assets(), translator=make_translator("lexicon")
    ).to_diffusers()
    assert pipe.tokenizer.add_tokens(NAMES) == len(NAMES)
    pipe.text_encoder.resize_token_embeddings(len(pipe.tokenizer))
    table = pipe.text_encoder.get_input_embeddings().weight
    with torch.no_grad():
        table[49408:] = torch.randn(len(NAMES), table.shape[1], generator=torch.Generator().manual_seed(3))
    return pipe


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("学習") / "猫のおもちゃ"
    trained().save_pretrained(folder)
    return folder


def older(folder: Path, target: Path, files: dict[str, Any]) -> Path:
    """The folder, with the files of the tokenizer as earlier versions of transformers wrote them."""
    shutil.copytree(folder, target)
    shutil.rmtree(target / "tokenizer")
    ClipTokenizer.from_assets().to_transformers_files(target / "tokenizer")
    for name, data in files.items():
        (target / "tokenizer" / name).write_text(json.dumps(data), encoding="utf-8")
    return target


def pipeline(folder: Path) -> Pipeline:
    return Pipeline.from_pretrained(
        folder, translator="lexicon", safety="off", watermark=False, device="cpu", dtype="float32"
    )


def ids(pipe: Pipeline, prompt: str) -> list[int]:
    """The ids of a prompt, from start to end."""
    [read] = pipe.reader.read([parse(prompt)])
    [chunk] = read.chunks.ids
    return chunk[: read.chunks.tokens + 2]


def test_the_ids_are_those_of_transformers(folder: Path) -> None:
    pipe = pipeline(folder)
    theirs = diffusers.StableDiffusionPipeline.from_pretrained(folder, local_files_only=True).tokenizer
    assert ids(pipe, "a <cat-toy> cat") == [49406, 320, 49408, 2368, 49407]
    for prompt in PROMPTS:
        assert ids(pipe, prompt) == theirs(prompt.replace("(masterpiece)", "masterpiece")).input_ids, prompt
    assert pipe.load_report.notes == ()


def test_a_name_with_several_vectors_stands_for_all_as_in_diffusers(folder: Path) -> None:
    pipe = pipeline(folder)
    theirs = diffusers.StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    prompt = "a <dog> dog"
    expected = theirs.tokenizer(theirs.maybe_convert_prompt(prompt, theirs.tokenizer)).input_ids
    assert ids(pipe, prompt) == expected == [49406, 320, 49409, 49410, 49411, 1929, 49407]
    [read] = pipe.reader.read([parse("cat " * 73 + "<dog>")])
    assert [row.count(49409) for row in read.chunks.ids] == [0, 1]
    assert read.chunks.ids[1][1:4] == [49409, 49410, 49411]  # not torn


def test_japanese_around_a_name_is_translated_and_the_name_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = pipeline(folder)
    for prompt in ("<cat-toy>のいる部屋", "（＜cat-toy＞のいる部屋：１．２）", "赤い<cat-toy>、部屋"):
        info = pipe.explain(prompt)
        assert info.embeddings == ("<cat-toy>",)
        assert info.ignored == ()
        assert "room" in info.english
        assert "<cat-toy>" in info.english
        assert ids(pipe, prompt).count(49408) == 1
    assert pipe.explain("猫").embeddings == ()
    assert (
        cli.main(["explain", "<cat-toy>のいる部屋", "--model", str(folder), "--translator", "lexicon"]) == 0
    )
    said = capsys.readouterr().out
    assert "<cat-toy>" in said.split("英語", 1)[1].split("\n", 1)[1]


def test_the_states_are_those_of_diffusers(folder: Path) -> None:
    ours = pipeline(folder)
    theirs = diffusers.StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    with torch.inference_mode():
        expected = theirs.encode_prompt("a <cat-toy> cat", "cpu", 1, False)[0]
    torch.testing.assert_close(ours.encode_prompt("a <cat-toy> cat"), expected, rtol=0, atol=1e-5)
    assert not torch.equal(ours.encode_prompt("a <cat-toy> cat"), ours.encode_prompt("a cat"))
    drawn = ours.generate("<cat-toy>のいる部屋", height=64, width=64, num_inference_steps=1, progress=False)
    [info] = drawn.prompts
    assert info is not None
    assert info.embeddings == ("<cat-toy>",)


@pytest.mark.parametrize("name", ["added_tokens.json", "tokenizer_config.json", "tokenizer.json"])
def test_each_file_that_may_tell_of_them(name: str, folder: Path, tmp_path: Path) -> None:
    tokens = {name: 49408 + i for i, name in enumerate(NAMES)}
    data = {
        "added_tokens.json": tokens,
        "tokenizer_config.json": {
            "added_tokens_decoder": {
                "49406": {"content": "<|startoftext|>"},
                **{str(i): {"content": name} for name, i in tokens.items()},
            }
        },
        "tokenizer.json": {"added_tokens": [{"id": i, "content": name} for name, i in tokens.items()]},
    }
    pipe = pipeline(older(folder, tmp_path / "以前", {name: data[name]}))
    assert ids(pipe, "a <cat-toy> cat") == [49406, 320, 49408, 2368, 49407]


def test_tokens_that_make_no_sense_are_letters(folder: Path, tmp_path: Path) -> None:
    tokens = {**{name: 49408 + i for i, name in enumerate(NAMES)}, "<far>": 60_000, "<low>": 7, "<bad>": -1}
    files = {"added_tokens.json": {**tokens, " ": 49411, "<text>": "49408"}, "tokenizer.json": ["?"]}
    loaded = load(older(folder, tmp_path / "変", files))
    assert set(loaded.tokens) == set(NAMES)
    [(ja, en)] = loaded.report.notes
    assert "<far>" in ja
    assert "<far>" in en
    assert "<cat-toy>" not in en


def test_they_go_to_diffusers_and_back(folder: Path) -> None:
    theirs = trained()
    ours = Pipeline.from_diffusers(theirs, translator="lexicon", safety="off", watermark=False)
    assert ids(ours, "a <cat-toy> cat") == [49406, 320, 49408, 2368, 49407]
    back = ours.to_diffusers()
    for prompt in PROMPTS:
        assert back.tokenizer(prompt).input_ids == theirs.tokenizer(prompt).input_ids, prompt
    rows, own = back.text_encoder.get_input_embeddings().weight, theirs.text_encoder.get_input_embeddings()
    assert torch.equal(rows, own.weight)
    assert back.text_encoder.config.eos_token_id == 49407
    again = Pipeline.from_diffusers(back, translator="lexicon", safety="off", watermark=False)
    assert again.explain("<dog>の絵").embeddings == ("<dog>",)


@pytest.mark.parametrize("target", ["変換後", "変換後.safetensors"])
def test_they_are_converted(target: str, folder: Path, tmp_path: Path) -> None:
    convert(folder, tmp_path / target)
    pipe = pipeline(tmp_path / target)
    assert ids(pipe, "a <cat-toy> cat") == [49406, 320, 49408, 2368, 49407]
    convert(tmp_path / target, tmp_path / "もう一度")
    theirs = diffusers.StableDiffusionPipeline.from_pretrained(tmp_path / "もう一度", local_files_only=True)
    assert theirs.tokenizer("a <cat-toy> cat").input_ids == [49406, 320, 49408, 2368, 49407]
    table = load_file(tmp_path / "もう一度" / "text_encoder" / "model.safetensors")
    rows = next(tensor for name, tensor in table.items() if name.endswith("token_embedding.weight"))
    assert torch.equal(rows, pipe.text_encoder.state_dict()["token_embedding.weight"])
    assert len(rows) == 49408 + len(NAMES)


def test_their_names_reach_a_pipeline_of_diffusers_as_they_are() -> None:
    told: list[str] = []

    class Told:
        tokenizer = trained().tokenizer

        def __call__(self, prompt: str) -> None:
            told.append(prompt)

    wrapped = japanese(Told(), translator="lexicon")
    for prompt in ("<cat-toy>のいる部屋", "赤い<dog>"):
        wrapped(prompt)
    assert told == ["<cat-toy> a room", "red <dog>"]


def test_a_vocabulary_of_the_models_own(tmp_path: Path) -> None:
    """Added tokens stand behind whatever table there is."""
    from sdjp_training.trainers.merges import subset

    table = subset(ClipTokenizer.from_assets(), ["a red car"], 60)
    size = table.vocab_size + 1
    config: ModelConfig = dataclasses.replace(
        TINY, text=dataclasses.replace(clip_text(TINY.text), vocab_size=size)
    )
    models = random_models(config)
    models = dataclasses.replace(models, tokenizer=table, tokens={"<x>": size - 1})
    pipe = Pipeline(models, translator=make_translator("lexicon"))
    assert ids(pipe, "<x>") == [table.start_id, size - 1, table.end_id]
    theirs = pipe.to_diffusers()
    assert theirs.tokenizer("a <x>").input_ids == [*table_ids(table, "a"), size - 1, table.end_id]
    assert ids(Pipeline.from_diffusers(theirs, translator="lexicon", safety="off"), "<x>")[1] == size - 1


def table_ids(table: ClipTokenizer, text: str) -> list[int]:
    return [table.start_id, *table.encode(text)]
