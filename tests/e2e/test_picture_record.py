"""``sdjp info`` on pictures, and ``sdjp --from-png``, with the embedded model."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import sdjp
from sdjp import cli
from sdjp.images import read_metadata

QUICK = ["--steps", "2", "-W", "64", "-H", "64", "--no-watermark", "--safety", "off"]
THEIRS = """a cat,
red
Negative prompt: text, blurry
Steps: 2, Sampler: Euler a, CFG scale: 5.5, Seed: 123, Size: 64x64, Model: "a, b", Clip skip: 2, ENSD: 3"""


def exif(comment: bytes, order: str = ">") -> bytes:
    """A block of EXIF with a comment and nothing else, laid out as AUTOMATIC1111's web UI has it made."""
    first = struct.pack(f"{order}HHHIII", 1, 0x8769, 4, 1, 26, 0)
    second = struct.pack(f"{order}HHHIII", 1, 0x9286, 7, len(comment), 44, 0)
    begin = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(f"{order}I", 8)
    return b"Exif\0\0" + begin + first + second + comment


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("記録")
    draw = ["馬に乗る宇宙飛行士", "--negative", "文字", "--seed", "7", "--sampler", "ddim", "--eta", "0.5"]
    assert cli.main([*draw, *QUICK, "-n", "2", "-o", str(folder)]) == 0
    texts = {"a1111": THEIRS, "control": "a \x1b[2J cat\nSteps: 2, Seed: 1, CFG scale: 3"}
    for name, text in texts.items():
        info = PngInfo()
        info.add_text("parameters", text)
        Image.new("RGB", (64, 64)).save(folder / f"{name}.png", pnginfo=info)
    Image.new("RGB", (64, 64)).save(folder / "none.png")
    return folder


def test_info_on_a_picture_of_sdjp(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(folder / "00001.png")
    assert cli.main(["info", path]) == 0
    said = capsys.readouterr().out
    for part in (
        "馬に乗る宇宙飛行士",
        "an astronaut riding a horse",
        "文字",
        "シード: 8",
        "ddim",
        "64×64",
        "mini",
        "モデルのライセンス: Apache License 2.0",
    ):
        assert part in said
    assert cli.main(["info", path, "--lang", "en"]) == 0
    assert "seed: 8" in capsys.readouterr().out
    assert cli.main(["info", path, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["sdjp"]["seed"] == 8
    assert data["parameters"]["settings"]["Seed"] == "8"
    assert cli.main(["info", str(folder / "grid-0000.png")]) == 0
    assert "一覧: 2" in capsys.readouterr().out


def test_info_on_other_pictures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(folder / "a1111.png")]) == 0
    said = capsys.readouterr().out
    for part in ("a cat,\nred", "text, blurry", "Seed: 123", "Sampler: Euler a", "Model: a, b"):
        assert part in said
    assert cli.main(["info", str(folder / "none.png")]) == 0
    assert "記録はありません" in capsys.readouterr().out
    assert cli.main(["info", str(folder / "control.png")]) == 0
    assert "\x1b" not in capsys.readouterr().out
    assert cli.main(["info", str(folder / "gone.png")]) == 2


THEIR_COMMENTS = {
    "as the web UI": exif(b"UNICODE\0" + THEIRS.encode("utf-16-be")),
    "low byte first": exif(b"UNICODE\0" + THEIRS.encode("utf-16-le"), "<"),
    "plain": exif(b"ASCII\0\0\0" + THEIRS.encode()),
    "in Japanese": exif(b"UNICODE\0" + THEIRS.replace("a cat", "桜の下の猫と犬と鳥と馬").encode("utf-16-be")),
}


@pytest.mark.parametrize("ending", ["jpg", "webp"])
@pytest.mark.parametrize("name", THEIR_COMMENTS)
def test_info_on_a_jpeg_or_a_webp_of_the_web_ui(
    name: str, ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"絵.{ending}"
    Image.new("RGB", (64, 64)).save(path, exif=THEIR_COMMENTS[name])
    assert cli.main(["info", str(path)]) == 0
    said = capsys.readouterr().out
    prompt = "桜の下の猫と犬と鳥と馬" if name == "in Japanese" else "a cat"
    for part in (f"{prompt},\nred", "text, blurry", "Seed: 123", "Sampler: Euler a", "Model: a, b"):
        assert part in said


@pytest.mark.parametrize("ending", ["jpg", "webp"])
def test_the_record_of_the_web_ui_in_a_jpeg_or_a_webp(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"絵.{ending}"
    Image.new("RGB", (64, 64)).save(path, exif=THEIR_COMMENTS["in Japanese"])
    assert cli.main(["--from-png", str(path), "--no-watermark", "--safety", "off", "-o", str(tmp_path)]) == 0
    options = read_metadata(tmp_path / "00000.png").options
    assert options is not None
    assert (options.prompt, options.sampler, options.seed) == ("桜の下の猫と犬と鳥と馬,\nred", "euler_a", 123)


@pytest.mark.parametrize(
    "block",
    [
        exif(b"UNICODE\0" + "夏の旅行".encode("utf-16-be")),
        exif(b"ASCII\0\0\0      "),
        exif(b"JIS\0\0\0\0\0" + THEIRS.encode("iso2022_jp")),
        exif(b"UNI"),
        exif(b"UNICODE\0" + THEIRS.encode("utf-16-be"))[:40],
        exif(b"UNICODE\0\xd8")[:-1],
    ],
)
def test_other_comments_of_photographs_are_no_records(
    block: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "photo.jpg", exif=block)
    assert cli.main(["info", str(tmp_path / "photo.jpg")]) == 0
    assert "記録はありません" in capsys.readouterr().out


def test_a_picture_is_drawn_again_from_its_record(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = ["--no-watermark", "--safety", "off", "-o", str(tmp_path)]
    assert cli.main(["--from-png", str(folder / "00001.png"), *rest]) == 0
    assert cli.main(["", "--from-png", str(folder / "00001.png"), "--seed", "7", *rest]) == 0
    for again, first in (("00000.png", "00001.png"), ("00001.png", "00000.png")):
        with Image.open(tmp_path / again) as a, Image.open(folder / first) as b:
            assert a.tobytes() == b.tobytes()
    said = capsys.readouterr().err
    assert "引き継げない" not in said
    assert "VAE" not in said
    assert cli.main(["猫", "--from-png", str(folder / "00001.png"), "--eta", "0", *rest]) == 0
    options = read_metadata(tmp_path / "00002.png").options
    assert options is not None
    assert (options.prompt, options.eta, options.seed, options.negative_prompt) == ("猫", 0.0, 8, "文字")
    assert cli.main(["--from-png", str(folder / "00001.png"), "--hires", "2", *rest]) == 0
    options = read_metadata(tmp_path / "00003.png").options
    assert options is not None
    assert (options.hires_strength, options.upscaler) == (0.0, "animevideo")  # the model's own, as without it


def test_a_record_from_before_there_was_a_noise_multiplier(folder: Path, tmp_path: Path) -> None:
    """It was drawn with all its noise, whatever the model's default is now."""
    with Image.open(folder / "00001.png") as picture:
        record = json.loads(picture.text["sdjp"])
        assert record["options"].pop("noise_multiplier") == 0.4
        info = PngInfo()
        info.add_itxt("sdjp", json.dumps(record))
        picture.save(tmp_path / "older.png", pnginfo=info)
    rest = ["--no-watermark", "--safety", "off", "-o", str(tmp_path)]
    assert cli.main(["--from-png", str(tmp_path / "older.png"), *rest]) == 0
    assert cli.main(["--from-png", str(folder / "00001.png"), "--noise-multiplier", "1", *rest]) == 0
    with Image.open(tmp_path / "00000.png") as a, Image.open(tmp_path / "00001.png") as b:
        assert a.tobytes() == b.tobytes()
        with Image.open(folder / "00001.png") as less:
            assert a.tobytes() != less.tobytes()


def test_a_record_of_the_web_ui(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rest = ["--no-watermark", "--safety", "off", "-o", str(tmp_path)]
    assert cli.main(["--from-png", str(folder / "a1111.png"), *rest]) == 0
    said = capsys.readouterr().err
    assert "ENSD: 3" in said
    assert "Clip skip" not in said
    assert "モデル a, b" in said
    options = read_metadata(tmp_path / "00000.png").options
    assert options is not None
    assert (options.prompt, options.negative_prompt) == ("a cat,\nred", "text, blurry")
    assert (options.seed, options.sampler, options.guidance_scale) == (123, "euler_a", 5.5)
    assert (options.width, options.height, options.num_inference_steps) == (64, 64, 2)
    assert options.clip_skip == 2


def test_what_it_started_from_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ["--init-img", str(folder / "none.png"), "-o", str(tmp_path)]
    assert cli.main(["猫", *QUICK, *start]) == 0
    capsys.readouterr()
    again = ["--from-png", str(tmp_path / "00000.png"), "--no-watermark", "--safety", "off"]
    assert cli.main([*again, "-o", str(tmp_path)]) == 0
    assert "--init-img none.png" in capsys.readouterr().err
    assert cli.main([*again, *start]) == 0
    assert "--init-img" not in capsys.readouterr().err
    with Image.open(tmp_path / "00000.png") as a, Image.open(tmp_path / "00002.png") as b:
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("name", ["none.png", "grid-0000.png", "gone.png"])
def test_without_a_record_it_is_refused(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--from-png", str(folder / name)]) == 2
    assert name in capsys.readouterr().err


def test_a_vae_of_its_own_is_told_and_missed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mini = str(Path(sdjp.__file__).parent / "assets" / "mini" / "model.safetensors")
    assert cli.main(["猫", *QUICK, "--seed", "1", "-o", str(tmp_path)]) == 0
    assert cli.main(["猫", *QUICK, "--seed", "1", "-o", str(tmp_path), "--vae", mini]) == 0
    with Image.open(tmp_path / "00000.png") as a, Image.open(tmp_path / "00001.png") as b:
        assert a.tobytes() == b.tobytes()  # the same autoencoder, from its file
    capsys.readouterr()
    assert cli.main(["info", str(tmp_path / "00001.png")]) == 0
    assert "VAE: model.safetensors" in capsys.readouterr().out
    rest = ["--no-watermark", "--safety", "off", "-o", str(tmp_path)]
    for number, more, said in (
        ("00001", [], "VAE model.safetensors で描かれています（いまは モデルのもの"),
        ("00000", ["--vae", mini], "VAE （モデルのもの） で描かれています（いまは model.safetensors"),
        ("00001", ["--vae", mini], ""),
    ):
        assert cli.main(["--from-png", str(tmp_path / f"{number}.png"), *rest, *more]) == 0
        err = capsys.readouterr().err
        assert said in err
        assert ("VAE" in err) == bool(said)
