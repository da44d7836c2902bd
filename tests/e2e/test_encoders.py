"""Models with other text encoders than CLIP's, from the folder or file to the picture."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from sdjp import Pipeline, cli
from sdjp.config import BertConfig, ModelConfig, to_json
from sdjp.errors import InputError, SdjpError, WeightsError
from sdjp.weights import convert, load, to_layout
from sdjp.weights.about import describe
from sdjp.weights.source import needed_files
from tests.conftest import random_models
from tests.encoder_folders import LAION, save_alt, save_laion, save_rinna
from tests.original import save_yaml, txt2img_1p4b_eval
from tests.pictures import size_of

JAPANESE = "馬に乗る宇宙飛行士"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one model of each kind."""
    path = tmp_path_factory.mktemp("日本語 テスト")
    save_laion(path / "laion.ckpt")
    save_rinna(path / "rinna")
    save_alt(path / "alt")
    return path


def pipeline(path: Path, **arguments: Any) -> Pipeline:
    return Pipeline.from_pretrained(path, dtype="float32", watermark=False, safety="off", **arguments)


# Models that read Japanese.


@pytest.mark.parametrize("name", ["rinna", "alt"])
def test_japanese_goes_in_as_it_is(folder: Path, name: str) -> None:
    pipe = pipeline(folder / name)
    told = pipe.explain(JAPANESE)
    assert told.english == JAPANESE
    assert told.unknown == ()
    assert told.tokens == len(pipe.tokenizer.encode(JAPANESE))
    assert [part.how for part in told.parts] == ["copied"]
    result = pipe.generate(JAPANESE, height=64, width=64, num_inference_steps=2, seed=1)
    assert result.prompts[0] is not None
    assert result.prompts[0].english == JAPANESE
    assert result.runtime is not None
    assert result.runtime.translator == "passthrough"
    assert result.images[0].size == (64, 64)
    other = pipe.generate("赤い車", height=64, width=64, num_inference_steps=2, seed=1)
    assert result.images[0].tobytes() != other.images[0].tobytes()


@pytest.mark.parametrize("name", ["rinna", "alt"])
def test_japanese_punctuation_is_not_normalized(folder: Path, name: str) -> None:
    pipe = pipeline(folder / name)
    told = pipe.explain("赤い車、青い空、<lora:水墨:1>（白い雲：１．２）")
    assert told.english == "赤い車、青い空、<lora:水墨:1>(白い雲:1.2)"
    plain = pipe.explain("赤い車、青い空")
    assert plain.tokens == len(pipe.tokenizer.encode("赤い車、青い空"))


@pytest.mark.parametrize("name", ["rinna", "alt"])
def test_weights_chunks_and_truncation(folder: Path, name: str) -> None:
    pipe = pipeline(folder / name)
    plain, heavy = pipe.encode_prompt(["赤い車", "(赤い車:1.5)"])
    assert plain.shape == (77, 64)
    assert not torch.equal(plain, heavy)
    long = pipe.encode_prompt("、".join(["浮世絵の大きな波"] * 20))
    assert long.shape[1] > 77
    assert long.shape[1] % 77 == 0
    assert pipe.explain("赤い車 🚀").unknown == ("🚀",)  # nothing the table has


@pytest.mark.parametrize("name", ["rinna", "alt"])
def test_a_translator_may_still_be_asked_for(folder: Path, name: str) -> None:
    assert "astronaut" in pipeline(folder / name, translator="lexicon").explain(JAPANESE).english
    assert pipeline(folder / name, translator="passthrough").explain(JAPANESE).unknown == ()


def test_models_that_read_english_are_translated_to_as_before(folder: Path) -> None:
    pipe = pipeline(folder / "laion.ckpt")
    assert pipe.translator.name == "combined"
    assert pipe.explain(JAPANESE).english == "an astronaut riding a horse"


def test_what_pipelines_of_diffusers_cannot_hold_is_refused(folder: Path) -> None:
    pytest.importorskip("diffusers")
    for name in ("rinna", "alt", "laion.ckpt"):
        with pytest.raises(InputError) as caught:
            pipeline(folder / name).to_diffusers()
        assert caught.value.code == "diffusers.text_encoder"


# The model of LAION-400M.


def test_the_model_of_laion_400m_draws(folder: Path) -> None:
    pipe = pipeline(folder / "laion.ckpt")
    head = "cond_stage_model.transformer.to_logits."
    assert pipe.load_report.ignored == ("betas", head + "bias", head + "weight")
    assert pipe.config.text == LAION.text
    assert (pipe.config.defaults.height, pipe.config.defaults.width) == (256, 256)
    result = pipe.generate(JAPANESE, height=64, width=64, num_inference_steps=2, seed=1)
    assert result.prompts[0] is not None
    assert result.prompts[0].english == "an astronaut riding a horse"
    assert result.images[0].size == (64, 64)


def test_what_convert_writes_is_the_same_model_without_the_head(folder: Path, tmp_path: Path) -> None:
    config = load(folder / "laion.ckpt").config
    assert config.text == BertConfig(width=64, layers=2, heads=2, mlp_width=256)
    written = tmp_path / "laion.safetensors"
    convert(folder / "laion.ckpt", written)
    assert load(written).config == config
    assert not any("to_logits" in name for name in load_file(written))


def laion_yaml() -> dict[str, Any]:
    """txt2img-1p4B-eval.yaml with the sizes of ``LAION``."""
    data = txt2img_1p4b_eval()
    params = data["model"]["params"]
    params["unet_config"]["params"] |= {
        "model_channels": 32,
        "channel_mult": [1, 2],
        "num_res_blocks": 1,
        "attention_resolutions": [1],
        "context_dim": 64,
    }
    params["first_stage_config"]["params"]["ddconfig"] |= {
        "ch": 32,
        "ch_mult": [1, 1, 2, 2],
        "num_res_blocks": 1,
    }
    params["cond_stage_config"]["params"] = {"n_embed": 64, "n_layer": 2}
    return data


def test_the_command_of_the_original(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    save_yaml(tmp_path / "configs" / "latent-diffusion" / "txt2img-1p4B-eval.yaml", laion_yaml())
    at = tmp_path / "models" / "ldm" / "text2img-large"
    at.mkdir(parents=True)
    shutil.copyfile(folder / "laion.ckpt", at / "model.ckpt")
    command = ["txt2img", "--laion400m", "--prompt", JAPANESE, "--H", "64", "--W", "64", "--ddim_steps", "2"]
    few = ["--n_iter", "1", "--n_samples", "1", "--safety", "off", "--no-watermark", "--precision", "full"]
    assert cli.main([*command, *few]) == 0
    assert "英語: an astronaut riding a horse" in capsys.readouterr().out
    picture = tmp_path / "outputs" / "txt2img-samples-laion400m" / "samples" / "00000.png"
    assert size_of(picture) == (64, 64)


def test_a_configuration_with_another_text_encoder(folder: Path, tmp_path: Path) -> None:
    data = laion_yaml()
    data["model"]["params"]["cond_stage_config"]["params"]["n_layer"] = 3
    path = save_yaml(tmp_path / "a.yaml", data)
    for name in ("laion.ckpt", "alt"):
        with pytest.raises(InputError) as caught:
            load(folder / name, config=path)
        assert caught.value.code == "config.text"


def test_the_command_says_what_is_not_translated(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = ["-W", "64", "-H", "64", "--steps", "1", "--safety", "off", "--no-watermark"]
    assert cli.main([JAPANESE, "--model", str(folder / "alt"), "--outdir", str(tmp_path), *size]) == 0
    assert f"訳さない文: {JAPANESE}" in capsys.readouterr().out


# From one layout to another.


@pytest.mark.parametrize("name", ["rinna", "alt"])
def test_folders_are_converted_to_folders(folder: Path, tmp_path: Path, name: str) -> None:
    convert(folder / name, tmp_path / "変換後", dtype="float32")
    before, after = pipeline(folder / name), pipeline(tmp_path / "変換後")
    assert after.config == before.config
    assert torch.equal(after.encode_prompt(JAPANESE), before.encode_prompt(JAPANESE))
    index = json.loads((tmp_path / "変換後" / "model_index.json").read_text("utf-8"))
    assert index["tokenizer"][1] == {"rinna": "T5Tokenizer", "alt": "XLMRobertaTokenizer"}[name]


@pytest.mark.parametrize(
    ("source", "target"), [("alt", "a.safetensors"), ("rinna", "a.safetensors"), ("laion.ckpt", "a")]
)
def test_conversions_that_make_no_sense(
    folder: Path, tmp_path: Path, source: str, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["convert", str(folder / source), str(tmp_path / target)]) != 0
    assert "テキストエンコーダー" in capsys.readouterr().err
    with pytest.raises(InputError) as caught:
        convert(folder / source, tmp_path / target)
    assert caught.value.code == "convert.text"
    assert list(tmp_path.iterdir()) == []


def test_info_tells_them(folder: Path) -> None:
    for name, kind in (("laion.ckpt", "bert"), ("rinna", "clip"), ("alt", "xlm_roberta")):
        about = describe(folder / name, checksums=False)
        assert about.problem is None
        assert about.to_json()["config"]["text"]["kind"] == kind


def test_the_hub_is_asked_for_the_vocabulary() -> None:
    names = [
        "model_index.json",
        "text_encoder/config.json",
        "text_encoder/pytorch_model.bin",
        "tokenizer/special_tokens_map.json",
        "tokenizer/spiece.model",
        "tokenizer/sentencepiece.bpe.model",
        "tokenizer/tokenizer.json",
    ]
    assert set(needed_files(names)) == set(names)  # that of trained tokens among them


# What cannot be used.


def refused(path: Path) -> SdjpError:
    with pytest.raises(WeightsError) as caught:
        pipeline(path)
    return caught.value


def test_folders_without_their_vocabulary(folder: Path, tmp_path: Path) -> None:
    for name, missing in (("alt", "sentencepiece.bpe.model"), ("rinna", "spiece.model")):
        shutil.copytree(folder / name, tmp_path / name)
        shutil.rmtree(tmp_path / name / "tokenizer")
        error = refused(tmp_path / name)
        assert error.code == "weights.tokenizer"
        assert missing in error.ja


def test_a_vocabulary_of_another_model(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "alt", copy := tmp_path / "alt")
    settings = json.loads((copy / "text_encoder" / "config.json").read_text("utf-8"))
    (copy / "text_encoder" / "config.json").write_text(json.dumps(settings | {"vocab_size": 50}), "utf-8")
    assert refused(copy).code == "weights.vocabulary"


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"hidden_act": "relu"}, "relu"),
        ({"use_attention_mask": False}, "use_attention_mask"),
        ({"architectures": ["T5EncoderModel"], "project_dim": None}, "T5EncoderModel"),
    ],
)
def test_other_text_encoders(folder: Path, tmp_path: Path, changed: dict[str, object], word: str) -> None:
    shutil.copytree(folder / "alt", copy := tmp_path / "alt")
    path = copy / "text_encoder" / "config.json"
    settings = json.loads(path.read_text("utf-8")) | changed
    if settings["project_dim"] is None:
        del settings["project_dim"]
    path.write_text(json.dumps(settings), "utf-8")
    error = refused(copy)
    assert error.code == "weights.not_v1"
    assert word in error.ja


def test_settings_of_a_tokenizer_that_are_no_json(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "rinna", copy := tmp_path / "rinna")
    (copy / "tokenizer" / "special_tokens_map.json").write_text("[1, 2", "utf-8")
    assert refused(copy).code == "tokenizer.settings"


def test_word_pieces_of_another_size(tmp_path: Path) -> None:
    text = BertConfig(vocab_size=100, width=64, layers=1, heads=1, mlp_width=64)
    config = ModelConfig(unet=LAION.unet, vae=LAION.vae, text=text)
    model = random_models(config)
    tensors = to_layout("ldm", config, unet=model.unet, vae=model.vae, text=model.text)
    save_file(tensors, tmp_path / "a.safetensors")
    error = refused(tmp_path / "a.safetensors")
    assert error.code == "weights.tokenizer"
    assert "BERT" in error.ja


def test_a_configuration_with_a_text_encoder_that_the_layout_lacks(folder: Path) -> None:
    data = to_json(load(folder / "alt").config)
    save_file({"x": torch.zeros(1)}, folder / "b.safetensors")
    (folder / "b.json").write_text(json.dumps(data), "utf-8")
    error = refused(folder / "b.safetensors")
    assert error.code == "weights.text"
    assert "xlm_roberta" in error.ja
