"""LoRA and textual inversion on the command line, with a small random checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sdjp import cli
from sdjp.images import read_metadata
from tests import addon_files as files
from tests.stand_in import save_stand_in

MODEL = ["--model", "sd-v1-4.ckpt", "--dtype", "float32", "--no-watermark", "--safety", "off", "--seed", "2"]
LORA = ["--lora-dir", "ローラ"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint, a LoRA and a name."""
    folder = tmp_path_factory.mktemp("addons")
    save_stand_in(folder / "sd-v1-4.ckpt")
    tensors = files.lora_tensors(files.kohya, parts=["unet"])
    files.write_lora(folder / "ローラ" / "着物.safetensors", {**tensors, "extra": torch.zeros(1)})
    files.write_inversion(folder / "names" / "EasyNegative.pt", files.vectors(3))
    return folder


@pytest.fixture
def here(folder: Path, run_beside: Callable[[Path], Path]) -> Path:
    """A folder of one's own, with all of it."""
    return run_beside(folder)


def picture(here: Path, number: int) -> np.ndarray:
    return np.asarray(Image.open(here / "out" / f"{number:05}.png"))


def test_tags_and_options_draw_the_same(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["猫", *MODEL]) == 0
    capsys.readouterr()
    assert cli.main(["猫<lora:着物:0.8>", *LORA, *MODEL]) == 0
    said = capsys.readouterr()
    assert "LoRA: 着物 (0.8)" in said.out
    assert "1 個あり、使いませんでした" in said.err
    assert cli.main(["猫", "--lora", "着物:0.5", "--lora", "着物:0.3", *LORA, *MODEL]) == 0
    plain, tag, option = (picture(here, i).astype(int) for i in range(3))
    assert np.abs(tag - plain).mean() > 1
    assert np.abs(tag - option).max() <= 1  # 0.5 + 0.3 is not quite 0.8
    options = read_metadata(here / "out" / "00002.png").options
    assert options is not None
    assert options.loras == {"着物": 0.8}


def test_names_in_negative_prompts(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["猫", "--negative", "easynegative、文字", *MODEL]
    assert cli.main(given) == 0
    assert cli.main([*given, "--embeddings-dir", "names"]) == 0
    assert not np.array_equal(picture(here, 0), picture(here, 1))
    data = read_metadata(here / "out" / "00001.png").sdjp
    assert data is not None
    assert data["negative_prompt"]["embeddings"] == ["EasyNegative"]
    assert cli.main(["EasyNegativeと猫<hypernet:x:1>", "--embeddings-dir", "names", *MODEL]) == 0
    said = capsys.readouterr()
    assert "textual inversion: EasyNegative" in said.out
    assert "効果のないタグ: <hypernet:x:1>" in said.err


def test_the_commands_of_the_original_take_tags(here: Path) -> None:
    common = ["--ckpt", "sd-v1-4.ckpt", "--prompt", "猫<lora:着物>", *LORA, "--dtype", "float32"]
    few = ["--n_samples", "1", "--n_iter", "1", "--H", "64", "--W", "64", "--ddim_steps", "2", "--skip_grid"]
    assert cli.main(["txt2img", *common, *few, "--safety", "off", "--no-watermark"]) == 0
    assert len(list(here.rglob("samples/*.png"))) == 1


def test_a_file_of_prompts_is_looked_through_first(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "p.txt").write_text("猫<lora:着物>\n\n犬<lora:ない>\n", encoding="utf-8")
    assert cli.main(["--strict", "--from-file", "p.txt", *LORA, *MODEL]) == 2
    assert "3 行目: LoRA「ない」はありません" in capsys.readouterr().err
    assert not (here / "out").exists()


def test_explain_tells_of_tags(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "猫<lora:着物:0.5>"]) == 0
    assert "LoRA: 着物 (0.5)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["猫<lora:着物:0.8>"], "LoRA「着物」はありません。LoRA のフォルダーが指定されていません"),
        (["猫", "--lora", "着物"], "--lora-dir"),
        (["猫<lora:着もの>", "--lora-dir", "ローラ"], "近い名前: 着物"),
        (["猫", "--lora-dir", "ない"], "フォルダー ない がありません"),
        (["猫", "--embeddings-dir", "ない"], "フォルダー ない がありません"),
        (["猫<lora:着物:強>", "--lora-dir", "ローラ"], "<lora:名前:0.8>"),
        (["猫", "--lora", "着物:強", "--lora-dir", "ローラ"], "--lora 着物:強 は読めません"),
        (["猫", "--lora", ":1", "--lora-dir", "ローラ"], "--lora :1 は読めません"),
        (["猫", "--lora", "着物:99", "--lora-dir", "ローラ"], "-10 から 10"),
    ],
)
def test_slips_are_told_before_a_model_is_loaded(
    arguments: list[str], message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "sd-v1-4.ckpt").unlink()  # loading it would be another error
    assert cli.main([*arguments, *MODEL]) == 2
    assert message in capsys.readouterr().err
