"""Pictures as prompts on the command line, with small random files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdjp import cli
from sdjp.images import read_metadata
from tests import ip_adapter_files as files
from tests.stand_in import save_stand_in

MODEL = ["--model", "sd-v1-4.ckpt", "--dtype", "float32", "--no-watermark", "--safety", "off", "--seed", "2",
         "--engine", "eager"]  # fmt: skip
QUICK = [*MODEL, "--steps", "1"]
ADAPTER = ["--ip-adapter", "アダプター/ip-adapter_sd15.safetensors"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    save_stand_in(folder / "sd-v1-4.ckpt")
    files.write_adapter(folder / "アダプター" / "ip-adapter_sd15.safetensors")
    files.save_encoder(folder / "アダプター" / "image_encoder")
    for n, name in enumerate(("猫.png", "犬.png")):
        files.picture(n).save(folder / name)
    return folder


@pytest.fixture
def here(made: Path, run_beside: Callable[[Path], Path]) -> Path:
    """A folder with a checkpoint, an adapter, and two pictures."""
    return run_beside(made)


def picture(here: Path, number: int) -> np.ndarray:
    return np.asarray(Image.open(here / "out" / f"{number:05}.png")).astype(int)


def test_pictures_are_drawn_recorded_and_drawn_again(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["猫", *QUICK]) == 0
    capsys.readouterr()
    shown = [*ADAPTER, "--image-prompt", "猫.png", "--image-prompt", "犬.png"]
    assert cli.main(["猫", *shown, "--image-prompt-scale", "0.9", *QUICK]) == 0
    said = capsys.readouterr().out
    assert "画像プロンプト: IP-Adapter「ip-adapter_sd15.safetensors」で、絵 2 枚を強さ 0.9 で" in said
    assert np.abs(picture(here, 1) - picture(here, 0)).mean() > 1
    record = read_metadata(here / "out" / "00001.png").sdjp
    assert record is not None
    assert [origin["name"] for origin in record["image_prompt"]] == ["猫.png", "犬.png"]
    assert cli.main(["info", "out/00001.png"]) == 0
    assert "画像プロンプト: 猫.png (SHA-256 " in capsys.readouterr().out

    again = ["--from-png", "out/00001.png", *MODEL]
    assert cli.main([*again, *shown]) == 0
    assert "引き継げない" not in capsys.readouterr().err
    assert np.array_equal(picture(here, 2), picture(here, 1))
    assert cli.main(again) == 0
    said = capsys.readouterr().err
    assert "--image-prompt 猫.png" in said
    assert "--image-prompt 犬.png" in said
    assert np.array_equal(picture(here, 3), picture(here, 0))


def test_upscaling(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = [*ADAPTER, "--image_prompt", "犬.png", "--image-encoder", "アダプター/image_encoder"]
    given = ["upscale", "猫.png", "--prompt", "猫", "--factor", "1.3", "--strength", "0.7", "--steps", "2"]
    assert cli.main([*given, *MODEL]) == 0
    assert cli.main([*given, *shown, *MODEL]) == 0
    assert "画像プロンプト: " in capsys.readouterr().out
    assert np.abs(picture(here, 1) - picture(here, 0)).mean() > 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--image-prompt", "猫.png"], "--ip-adapter"),
        ([*ADAPTER, "--image-prompt", "ない.png"], "ない.png を読めません"),
        ([*ADAPTER, "--image-prompt", "猫.png", "--image-prompt-scale", "9"], "image_prompt_scale"),
        (["--ip-adapter", "ない.bin"], "ip_adapter のファイル ない.bin がありません"),
        (["--image-encoder", "アダプター/image_encoder"], "--ip-adapter"),
        ([*ADAPTER, "--image-encoder", "ない"], "image_encoder のファイル ない がありません"),
    ],
)
def test_slips_are_told_before_a_model_is_loaded(
    arguments: list[str], message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "sd-v1-4.ckpt").unlink()  # loading it would be another error
    assert cli.main(["猫", *arguments, *MODEL]) == 2
    assert message in capsys.readouterr().err
