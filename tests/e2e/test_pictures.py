"""Pictures in, on the command line, with the embedded model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sdjp import cli
from sdjp.images import read_metadata
from tests.pictures import size_of

QUICK = ["--steps", "4", "--no-watermark", "--safety", "off", "--seed", "2"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a picture and a mask."""
    picture = Image.new("RGB", (300, 200), "skyblue")
    ImageDraw.Draw(picture).rectangle((0, 130, 300, 200), fill="green")
    picture.save(tmp_path / "野原.png")
    mask = Image.new("L", (300, 200))
    ImageDraw.Draw(mask).ellipse((90, 60, 210, 180), fill=255)
    mask.save(tmp_path / "mask.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_img2img_and_inpainting(here: Path) -> None:
    assert cli.main(["赤いりんご", "--init-img", "野原.png", "--strength", "0.5", *QUICK]) == 0
    given = ["--init-img", "野原.png", "--mask", "mask.png", "--strength", "1", "--fit", "stretch"]
    assert cli.main(["赤いりんご", *given, "-W", "304", "-H", "208", *QUICK]) == 0
    assert size_of(here / "out" / "00000.png") == (320, 208)
    assert size_of(here / "out" / "00001.png") == (304, 208)
    original = np.asarray(Image.open(here / "野原.png").resize((304, 208), Image.Resampling.LANCZOS))
    drawn = np.asarray(Image.open(here / "out" / "00001.png"))
    assert (drawn[:40] == original[:40]).all()
    assert np.abs(drawn[80:160, 110:190].astype(int) - original[80:160, 110:190]).mean() > 10
    options = read_metadata(here / "out" / "00001.png").options
    assert options is not None
    assert (options.strength, options.fit) == (1.0, "stretch")


def test_upscale_finds_the_prompt_in_the_picture(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["赤いりんご", "-W", "64", "-H", "64", *QUICK]) == 0
    assert cli.main(["upscale", "out/00000.png", "--factor", "1.5", *QUICK]) == 0
    assert size_of(here / "out" / "00001.png") == (96, 96)
    assert "96×96" in capsys.readouterr().out
    options = read_metadata(here / "out" / "00001.png").options
    assert options is not None
    assert options.prompt == "赤いりんご"


def test_hires(here: Path) -> None:
    assert cli.main(["赤いりんご", "-W", "64", "-H", "64", "--hires", "2", *QUICK]) == 0
    assert size_of(here / "out" / "00000.png") == (128, 128)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["猫", "--init-img", "ない.png"], "ない.png"),
        (["猫", "--mask", "mask.png"], "image"),
        (["猫", "--init-img", "野原.png", "--mask", "ない.png"], "ない.png"),
        (["猫", "--init-img", "野原.png", "--strength", "nan"], "strength"),
        (["猫", "--init-img", "野原.png", "--hires", "2"], "upscale"),
        (["猫", "--hires", "9"], "hires"),
        (["猫", "--overlap", "8"], "overlap"),
        (["upscale", "野原.png"], "--prompt"),
        (["upscale", "ない.png", "--prompt", "猫"], "ない.png"),
        (["upscale", "野原.png", "ない.png", "--prompt", "猫"], "ない.png"),
        (["upscale", "野原.png", "--prompt", "猫", "--factor", "0"], "factor"),
        (["upscale", "野原.png", "--prompt", "猫", "--factor", "nan"], "factor"),
        (["upscale", "野原.png", "--prompt", "猫", "--strength", "1.1"], "strength"),
        (["upscale", "野原.png", "--prompt", "", "--factor", "2"], "プロンプト"),
    ],
)
def test_slips_are_told_before_a_model_is_loaded(
    here: Path, command: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # A model that does not exist would be the first thing that loading complains of.
    assert cli.main([*command, "--model", "ない.ckpt"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "ckpt" not in error
    assert not list(here.glob("out/*.png"))
