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


def test_upscale_by_a_network_alone_needs_no_prompt(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--upscaler", "animevideo", "--strength", "0", "--factor", "1.5", *QUICK]
    Image.open("野原.png").resize((60, 40)).save("小さい.png")
    assert cli.main(["upscale", "小さい.png", *given]) == 0
    assert size_of(here / "out" / "00000.png") == (90, 60)
    assert "90×60）" in capsys.readouterr().out
    record = read_metadata(here / "out" / "00000.png").sdjp
    assert record is not None
    assert record["image"]["name"] == "小さい.png"
    assert [r["data"]["name"] for r in record["reports"] if r["name"] == "upscaler"] == ["animevideo"]
    assert cli.main(["info", "out/00000.png"]) == 0
    assert "animevideo" in capsys.readouterr().out


def test_a_drawing_enlarged_by_a_network_is_drawn_again_from_its_record(here: Path) -> None:
    given = ["--hires", "2", "--hires-strength", "0", "--upscaler", "animevideo"]
    assert cli.main(["赤いりんご", "-W", "64", "-H", "64", *given, *QUICK]) == 0
    assert cli.main(["--from-png", "out/00000.png", "--no-watermark", "--safety", "off"]) == 0
    first, again = (Image.open(here / "out" / name) for name in ("00000.png", "00001.png"))
    assert first.size == (128, 128)
    assert first.tobytes() == again.tobytes()


def test_a_file_that_is_no_upscaler_is_told_before_a_model_is_loaded(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["猫", "--hires", "2", "--upscaler", "野原.png", "--model", "ない.ckpt"]) == 1
    error = capsys.readouterr().err
    assert "野原.png" in error
    assert "画像" in error
    assert "ckpt" not in error


def test_the_record_of_upscale_leaves_its_upscaler(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.open("野原.png").resize((40, 30)).save("小さい.png")
    given = ["--prompt", "野原", "--factor", "1.5", "--upscaler", "animevideo", *QUICK]
    assert cli.main(["upscale", "小さい.png", *given]) == 0
    assert cli.main(["--from-png", "out/00000.png", *QUICK]) == 0
    assert "--upscaler animevideo (sdjp upscale)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["猫", "--init-img", "ない.png"], "ない.png"),
        (["猫", "--mask", "mask.png"], "image"),
        (["猫", "--init-img", "野原.png", "--mask", "ない.png"], "ない.png"),
        (["猫", "--init-img", "野原.png", "--strength", "nan"], "strength"),
        (["猫", "--init-img", "野原.png", "--hires", "2"], "upscale"),
        (["猫", "--hires", "9"], "hires"),
        (["猫", "--hires", "2", "--upscaler", "ない.pth"], "ない.pth"),
        (["猫", "--upscaler", "animevideo"], "hires"),
        (["upscale", "野原.png", "--upscaler", "animevideo"], "--prompt"),
        (["upscale", "野原.png", "--upscaler", "ない.pth", "--strength", "0"], "ない.pth"),
        (["upscale", "ない.png", "--upscaler", "animevideo", "--strength", "0"], "ない.png"),
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
