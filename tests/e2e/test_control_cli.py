"""ControlNet on the command line, with a small random checkpoint."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sdjp import cli
from sdjp.cli.controls import _control
from sdjp.errors import InputError
from sdjp.images import read_metadata
from sdjp.weights.names.controlnet import PREFIX
from tests.controlnet_files import map_picture, random_controlnet, tensors_of, write
from tests.stand_in import save_stand_in

MODEL = ["--model", "sd-v1-4.ckpt", "--dtype", "float32", "--no-watermark", "--safety", "off", "--seed", "2",
         "--engine", "eager"]  # fmt: skip
SMALL = [*MODEL, "--steps", "1", "-W", "64", "-H", "64"]
NETS = ["--controlnet-dir", "nets"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    save_stand_in(folder / "sd-v1-4.ckpt")
    tensors = {PREFIX + name: tensor for name, tensor in tensors_of(random_controlnet(1), "ldm").items()}
    write(folder / "nets" / "canny.pth", {**tensors, "extra": torch.zeros(1)})
    map_picture().save(folder / "edges.png")
    return folder


@pytest.fixture
def here(made: Path, run_beside: Callable[[Path], Path]) -> Path:
    """A folder with a checkpoint, a ControlNet and a picture."""
    return run_beside(made)


def picture(here: Path, number: int) -> np.ndarray:
    return np.asarray(Image.open(here / "out" / f"{number:05}.png")).astype(int)


def test_a_picture_leads_the_drawing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["猫", *SMALL]) == 0
    assert cli.main(["猫", *SMALL, *NETS, "--control", "canny=edges.png:0.8"]) == 0
    assert cli.main(["猫", *SMALL, "--control", "nets/canny.pth=edges.png:0.8:0-1"]) == 0
    assert (
        cli.main(["猫", *SMALL, *NETS, "--control", "canny=edges.png", "--control-preprocess", "canny"]) == 0
    )
    assert "1 個あり、使いませんでした" in capsys.readouterr().err
    plain, led, by_path, edges = (picture(here, i) for i in range(4))
    assert np.abs(led - plain).max() > 1
    assert np.array_equal(led, by_path)
    assert not np.array_equal(led, edges)
    data = read_metadata(here / "out" / "00003.png").sdjp
    assert data is not None
    [control] = data["controls"]
    assert (control["weight"], control["preprocess"]) == (1.0, "canny")


def test_the_record_names_what_to_give_again(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--control", "canny=edges.png:0.8:0-0.5"]
    assert cli.main(["猫", *SMALL, "--steps", "2", *NETS, *given]) == 0  # of which it leads one
    assert cli.main(["info", "out/00000.png"]) == 0
    assert "canny=edges.png:0.8:0.0-0.5" in capsys.readouterr().out
    assert cli.main(["--from-png", "out/00000.png", *MODEL]) == 0
    assert "引き継げないもの: --control canny=edges.png:0.8:0.0-0.5 (edges.png" in capsys.readouterr().err
    assert cli.main(["--from-png", "out/00000.png", *MODEL, *NETS, *given]) == 0
    assert "引き継げない" not in capsys.readouterr().err
    assert np.array_equal(picture(here, 0), picture(here, 2))
    assert not np.array_equal(picture(here, 0), picture(here, 1))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--control", "canny"], "名前=画像"),
        (["--control", "=edges.png"], "名前=画像"),
        (["--control", "canny=none.png"], "none.png"),
        (["--control", "cany=edges.png"], "近い名前: canny"),
        (["--control", "canny=edges.png:3"], "0 から 2 まで"),
        (["--control", "canny=edges.png:1:0.5-0.2"], "小さくしてください"),
        (["--control-preprocess", "canny"], "--control と同じ 0 個"),
        (["--control", "canny=edges.png", *["--control-preprocess", "tile"] * 2], "同じ 1 個"),
    ],
)
def test_slips_cost_no_loading(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert cli.main(["猫", "--model", "no such model.ckpt", *NETS, *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "name", "path", "numbers"),
    [
        ("canny=edges.png", "canny", "edges.png", (1.0, 0.0, 1.0)),
        ("canny=edges.png:0.8", "canny", "edges.png", (0.8, 0.0, 1.0)),
        ("canny=edges.png:.8:0.2-1", "canny", "edges.png", (0.8, 0.2, 1.0)),
        (r"canny=C:\pictures\edges.png", "canny", r"C:\pictures\edges.png", (1.0, 0.0, 1.0)),
        (r"C:\nets\canny.pth=C:\edges.png:1.5:0-0.6", r"C:\nets\canny.pth", r"C:\edges.png", (1.5, 0.0, 0.6)),
        ("canny=a=b.png:2", "canny", "a=b.png", (2.0, 0.0, 1.0)),
        ("canny=edges.png:high", "canny", "edges.png:high", (1.0, 0.0, 1.0)),
        ("canny=12:30.png", "canny", "12:30.png", (1.0, 0.0, 1.0)),
        ("キャニー=線画.png:-1", "キャニー", "線画.png", (-1.0, 0.0, 1.0)),
    ],
)
def test_how_it_is_written(text: str, name: str, path: str, numbers: tuple[float, ...]) -> None:
    control = _control(text, None)
    assert (control.name, control.image) == (name, path)
    assert (control.weight, control.start, control.end) == numbers


def test_what_cannot_be_read() -> None:
    with pytest.raises(InputError, match="名前=画像"):
        _control("canny:edges.png", None)


def test_help_tells_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    said = re.sub(r"\s+", "", capsys.readouterr().out)
    assert "canny=edges.png:0.8:0-0.6" in said
    assert r"C:\edges.png" in said
