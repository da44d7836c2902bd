"""``--turbo`` on the command line: the settings of the LoRA that is used, said and recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from sdjp import Pipeline, cli
from sdjp.images import read_metadata
from sdjp.options import GenerationOptions
from tests import addon_files as files

QUICK = ["-W", "64", "-H", "64", "--no-watermark", "--safety", "off", "--seed", "1", "--lora-dir", "LoRA",
         "--engine", "eager"]  # fmt: skip
KEY = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_v"
NAMES = ("lcm-lora-sdv1-5", "Hyper-SD15-4steps-lora", "Hyper-SD15-8steps-CFG-lora", "TCD-SD15-LoRA", "着物")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    g = torch.Generator().manual_seed(0)
    for name in NAMES:
        tensors = {
            f"{KEY}.lora_down.weight": torch.randn(4, 192, generator=g),
            f"{KEY}.lora_up.weight": torch.randn(192, 4, generator=g) * 0.05,
        }
        files.write_lora(tmp_path / "LoRA" / f"{name}.safetensors", tensors)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def drawn(path: str) -> GenerationOptions:
    options = read_metadata(path).options
    assert options is not None
    return options


def settings(path: str) -> tuple[Any, ...]:
    options = drawn(path)
    return options.sampler, options.spacing, options.num_inference_steps, options.guidance_scale


def test_each_lora_has_its_settings(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES[:-1]:
        assert cli.main(["赤い車", "--turbo", "--lora", name, *QUICK]) == 0
    said = capsys.readouterr().out
    assert "プリセット lcm を選びました（サンプラー lcm、4 ステップ、ガイダンス 1）" in said
    assert "LoRA「Hyper-SD15-4steps-lora」に合わせて、プリセット hyper を選びました" in said
    assert settings("out/00000.png") == ("lcm", "lcm", 4, 1.0)
    assert settings("out/00001.png") == ("ddim", "trailing", 4, 1.0)
    assert settings("out/00002.png") == ("ddim", "trailing", 8, 5.0)
    assert settings("out/00003.png") == ("tcd", "lcm", 4, 1.0)
    assert drawn("out/00003.png").eta == 0.3
    assert drawn("out/00000.png").preset is None


def test_tags_tell_too_and_what_is_given_stays(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prompt = "赤い車 <lora:lcm-lora-sdv1-5:1> <lora:着物:0.5>"
    given = ["--steps", "2", "--scale", "1.5", "--negative", "文字"]
    assert cli.main([prompt, "--turbo", *given, *QUICK]) == 0
    assert settings("out/00000.png") == ("lcm", "lcm", 2, 1.5)
    said = capsys.readouterr()
    assert "働きません" not in said.err
    assert cli.main([prompt, "--preset", "lcm", "--steps", "2", "--negative", "文字", *QUICK]) == 0
    said = capsys.readouterr()
    assert said.err.count("ネガティブプロンプトは働きません") == 1
    assert "--turbo" not in said.out


def test_every_line_of_a_file_has_its_own(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["赤い車 <lora:TCD-SD15-LoRA:1>", "青い車", "猫 <lora:lcm-lora-sdv1-5:1>"]
    Path("prompts.txt").write_text("\n".join(lines), encoding="utf-8")
    assert (
        cli.main(["--from-file", "prompts.txt", "--turbo", "--steps", "2", *QUICK]) == 2
    )  # one was left out
    assert settings("out/00000.png") == ("tcd", "lcm", 2, 1.0)
    assert settings("out/00001.png") == ("lcm", "lcm", 2, 1.0)
    said = capsys.readouterr()
    assert "2 行目" in said.err
    assert "LoRA が指定されていない" in said.err


def test_a_picture_drawn_again_and_enlarged(here: Path) -> None:
    lora = ["--lora", "lcm-lora-sdv1-5"]
    assert cli.main(["赤い車", "--sampler", "euler", "--steps", "2", *QUICK]) == 0
    assert cli.main(["--from-png", "out/00000.png", "--turbo", *lora, *QUICK]) == 0
    assert settings("out/00001.png") == ("lcm", "lcm", 4, 1.0)
    assert cli.main(["--from-png", "out/00001.png", *QUICK]) == 0
    with Image.open("out/00001.png") as a, Image.open("out/00002.png") as b:
        assert a.tobytes() == b.tobytes()
    assert cli.main(["--from-png", "out/00001.png", "--preset", "fast", "--scale", "2", *QUICK]) == 0
    assert settings("out/00003.png") == ("dpm++_2m", "trailing", 10, 2.0)
    assert cli.main(["--from-png", "out/00003.png", "--fast", "--steps", "2", *QUICK]) == 0
    assert settings("out/00004.png") == ("dpm++_2m", "trailing", 2, 2.0)  # the scale is none of fast
    rest = ["--no-watermark", "--safety", "off", "--lora-dir", "LoRA", "-o", "large", "--engine", "eager"]
    assert cli.main(["upscale", "out/00000.png", "--turbo", *lora, *rest]) == 2  # nothing is redrawn
    assert cli.main(["upscale", "out/00000.png", "--strength", "0.3", "--turbo", *lora, *rest]) == 0
    assert settings("large/00000.png") == ("lcm", "lcm", 4, 1.0)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "LoRA が指定されていない"),
        (["--lora", "着物"], "名前からは"),
        (["--lora", "lcm-lora-sdv1-5:0"], "LoRA が指定されていない"),
        (["--lora", "lcm-lora-sdv1-5", "--lora", "TCD-SD15-LoRA"], "合う設定が違います"),
        (["--lora", "lcm-lora-sdv1-5", "--fast"], "一緒には使えません"),
        (["--lora", "lcm-lora-sdv1-5", "--guidance-interval", "0", "0.5"], "ガイダンスがかからない"),
    ],
)
def test_what_cannot_be_chosen_is_refused_before_a_model_is_loaded(
    here: Path, capsys: pytest.CaptureFixture[str], flags: list[str], said: str
) -> None:
    assert cli.main(["赤い車", "--turbo", "--model", "no such model", *flags, *QUICK]) == 2
    assert said in capsys.readouterr().err


def test_negative_prompts_without_guidance_are_told_in_python(tiny: Pipeline) -> None:
    def notes(**arguments: Any) -> list[list[str]]:
        result = tiny.generate(["a cat", "a dog"], num_inference_steps=1, seed=1, **arguments)
        return [[r.name for r in of_one if r.name == "negative_prompt"] for of_one in result.reports]

    assert notes(guidance_scale=1, negative_prompt="dark") == [["negative_prompt"]] * 2
    assert notes(guidance_scale=1, negative_prompt=["dark", ""]) == [["negative_prompt"], []]
    assert (
        notes(guidance_scale=1, negative_prompt_embeds=tiny.encode_prompt("dark"))
        == [["negative_prompt"]] * 2
    )
    assert notes(guidance_scale=1) == notes(guidance_scale=2, negative_prompt="dark") == [[], []]
