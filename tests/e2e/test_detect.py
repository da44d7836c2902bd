"""Drawing with a watermark and finding it again, on the command line, with the embedded model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sdjp import cli
from sdjp.images import read_metadata
from sdjp.postprocess import Detection, Watermark
from sdjp.provenance import packet
from tests.markdown import ROOT, blocks

OWN = "花子の絵 2026"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Marked pictures, one without, and files that are none."""
    folder = tmp_path_factory.mktemp("透かし") / "日本語 テスト"
    draw = ["雪の山", "--steps", "2", "--seed", "3", "--safety", "off", "--prompt-check", "off"]
    assert cli.main([*draw, "-o", str(folder / "default")]) == 0
    own = ["--watermark", OWN, "--watermark-method", "spread"]
    assert cli.main([*draw, *own, "-o", str(folder / "own")]) == 0
    (folder / "none").mkdir()
    Image.effect_noise((256, 256), 60).convert("RGB").save(folder / "none" / "00000.png")
    Image.open(folder / "own" / "00000.png").save(folder / "own.jpg", quality=80)
    (folder / "broken.png").write_bytes((folder / "own" / "00000.png").read_bytes()[:200])
    (folder / "empty").mkdir()
    (folder / "empty" / "read me.txt").write_text("画像ではありません", encoding="utf-8")
    return folder


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_default_mark_is_found_in_what_was_drawn(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["detect", "default/00000.png"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("default/00000.png: 透かしあり「StableDiffusionV1」")
    assert "ビットの一致 100%" in said
    record = read_metadata(here / "default" / "00000.png").sdjp
    assert record is not None
    [report] = [report for report in record["reports"] if report["name"] == "watermark"]
    assert f"方式 {report['data']['method']}" in said


def test_an_own_text_is_found_without_being_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["detect", "own/00000.png", "own.jpg", "--json"]) == 0
    for line in lines(capsys.readouterr().out):
        assert (line["found"], line["text"], line["method"], line["exact"]) == (True, OWN, "spread", True)


def test_text_and_method(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["detect", "own.jpg", "--text", OWN, "--method", "spread"]) == 0
    assert cli.main(["detect", "own.jpg", "--text", "だれかの絵"]) == 1
    assert cli.main(["detect", "own.jpg", "--method", "dwtDct"]) == 1
    capsys.readouterr()


def test_a_crop_is_found_when_asked(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.open("own/00000.png").crop((13, 21, 200, 220)).save("crop.png")
    assert cli.main(["detect", "crop.png", "--text", OWN, "--method", "spread", "--thorough"]) == 0
    assert "切り抜かれている" in capsys.readouterr().out


def test_no_mark(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["detect", "none"]) == 1
    assert "透かしは見つかりません" in capsys.readouterr().out
    assert cli.main(["detect", "none", "--lang", "en"]) == 1
    assert "no watermark found" in capsys.readouterr().out


def test_a_folder_is_all_its_pictures(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["detect", "default", "own", "none", "--json"]) == 1  # one of them has no mark
    found = {line["file"]: line["found"] for line in lines(capsys.readouterr().out)}
    assert found == {"default/00000.png": True, "own/00000.png": True, "none/00000.png": False}


def test_each_picture_is_looked_at_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["detect", "own", "own/00000.png", "../日本語 テスト/own", "--json"]) == 0
    assert [line["file"] for line in lines(capsys.readouterr().out)] == ["own/00000.png"]


def test_what_cannot_be_read_is_told_and_does_not_stop_the_rest(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["detect", "broken.png", "nowhere.png", "empty", "own.jpg"]) == 2
    said = capsys.readouterr()
    assert said.out.count("透かしあり") == 1
    assert said.err.count("エラー: ") == 3
    for name in ("broken.png", "nowhere.png", "empty"):
        assert name in said.err
    assert cli.main(["detect", "nowhere.png", "--json"]) == 2
    [line] = lines(capsys.readouterr().out)
    assert set(line) == {"file", "error"}


@pytest.mark.parametrize(
    "argv", [[], ["x.png", "--text", ""], ["x.png", "--text", "x" * 65], ["x.png", "--method", "dct"]]
)
def test_wrong_options(here: Path, argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = cli.main(["detect", *argv])
    except SystemExit as stopped:
        code = int(str(stopped.code))
    assert code == 2
    assert "エラー: " in capsys.readouterr().err


def test_a_text_in_a_picture_cannot_steer_the_terminal(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sdjp.postprocess import Watermark

    (marked,), _ = Watermark(text="\x1b[2J\n偽", method="spread")([Image.new("RGB", (128, 128), "gray")])
    marked.save("steer.png")
    assert cli.main(["detect", "steer.png"]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\\x1b[2J\\n偽" in said


def test_another_method_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = [
        "雪の山",
        "--steps",
        "1",
        "--seed",
        "3",
        "-W",
        "128",
        "-H",
        "128",
        "--safety",
        "off",
        "-o",
        "small",
    ]
    assert cli.main([*argv, "--verbose"]) == 0
    said = capsys.readouterr().err
    assert "spread 方式" in said
    assert cli.main(["detect", "small", "--method", "spread"]) == 0


def test_no_room_for_a_mark_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = ["--watermark", "x" * 64, "-W", "64", "-H", "64", "--steps", "1", "--safety", "off", "-o", "tiny"]
    assert cli.main(["雪の山", *long]) == 0
    assert "小さすぎて" in capsys.readouterr().err
    assert cli.main(["detect", "tiny", "--text", "x" * 64]) == 1


@pytest.mark.parametrize(
    ("argv", "what"),
    [
        (["--watermark", ""], "1〜64 バイト"),
        (["--watermark", "あ" * 22], "1〜64 バイト"),
        (["--watermark", "a", "--no-watermark"], "--no-watermark"),
        (["--watermark-method", "spread", "--no-watermark"], "--no-watermark"),
    ],
)
def test_a_bad_watermark_is_refused_before_loading(
    argv: list[str],
    what: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    model = ["--model", "nowhere.ckpt"]  # if it were loaded, this would be the error
    assert cli.main(["猫", *argv, *model]) == 2
    said = capsys.readouterr().err
    assert what in said
    assert "nowhere" not in said
    assert not list(tmp_path.rglob("*.png"))


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from sdjp.cli import main\n"
        "try: main(['detect', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'PIL', 'cv2', 'imwatermark'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_benchmark_writes_its_table(tmp_path: Path) -> None:
    script = ROOT / "examples" / "bench" / "watermark.py"
    command = [sys.executable, str(script), "--drawn", "0", "--photos", "1", "--changes", "PNG", "mirror"]
    subprocess.run([*command, "--out", str(tmp_path)], check=True, capture_output=True, cwd=tmp_path)
    rows = json.loads((tmp_path / "watermark.json").read_text(encoding="utf-8"))["photos"]
    shares = {(row["method"], row["change"]): row["bit_accuracy"] for row in rows}
    assert shares["spread", "PNG"] == 1
    assert shares["spread", "mirror"] < 0.75
    assert "| PNG |" in (tmp_path / "watermark.md").read_text(encoding="utf-8")


def test_the_python_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks(ROOT / "docs" / "ja" / "watermark.md", ("python",)):
        exec(compile("\n" * block.line + block.text, "watermark.md", "exec"), names)
    found = names["found"]
    assert isinstance(found, Detection)
    assert (found.found, found.mark) == (True, "StableDiffusionV1")


def test_numpy_alone_is_enough_for_our_own_method(tmp_path: Path) -> None:
    """In a process of its own, where neither OpenCV nor the package can be imported."""
    Image.fromarray(np.full((128, 128, 3), 90, np.uint8)).save(tmp_path / "grey.png")
    code = (
        "import sys; sys.modules['cv2'] = sys.modules['imwatermark'] = sys.modules['pywt'] = None\n"
        "from PIL import Image; from sdjp.postprocess import Watermark; from sdjp.cli import main\n"
        "(marked,), _ = Watermark(text='NumPy')([Image.open('grey.png')]); marked.save('marked.png')\n"
        "sys.exit(main(['detect', 'marked.png']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    assert "「NumPy」" in done.stdout
    assert "OpenCV を読み込めないため" in done.stderr


def test_whose_mark_it_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["detect", "own/00000.png"]) == 0
    assert "sdjp の方式です。" in capsys.readouterr().out
    (marked,), _ = Watermark(text="StableDiffusionV1", method="dwtDct")([Image.open("none/00000.png")])
    marked.save("original.png")
    assert cli.main(["detect", "original.png"]) == 0
    origin = "これを入れるもの: Stable Diffusion v1 の元のスクリプトと sdjp。"
    assert origin in capsys.readouterr().out


@pytest.mark.parametrize("mark", [[], ["--watermark", OWN]])
def test_a_grid_is_marked_as_its_pictures_are(
    tmp_path: Path, mark: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["--steps", "1", "--seed", "3", "--safety", "off", "--prompt-check", "off"]
    assert cli.main(["雪の山", *few, *mark, "-n", "2", "-o", str(tmp_path / "sdjp")]) == 0
    original = ["txt2img", "--prompt", "雪の山", "--ckpt", "mini", "--ddim_steps", "1", "--n_samples", "2"]
    once = ["--n_iter", "1", "--safety", "off", *mark, "--outdir", str(tmp_path / "original")]
    assert cli.main([*original, *once]) == 0
    capsys.readouterr()
    assert cli.main(["detect", str(tmp_path), "--json"]) == 0
    found = lines(capsys.readouterr().out)
    assert sorted(Path(line["file"]).name for line in found) == [
        "00000.png", "00000.png", "00001.png", "00001.png", "grid-0000.png", "grid-0000.png",
    ]  # fmt: skip
    record = read_metadata(tmp_path / "sdjp" / "grid-0000.png").sdjp
    assert record is not None
    [report] = record["reports"]
    assert (report["name"], report["status"]) == ("watermark", "done")


def test_no_watermark_is_none_in_the_grid(tmp_path: Path) -> None:
    few = ["--steps", "1", "-W", "64", "-H", "64", "--seed", "3", "--safety", "off", "--no-watermark"]
    assert cli.main(["雪の山", *few, "-n", "2", "-o", str(tmp_path)]) == 0
    assert cli.main(["detect", str(tmp_path / "grid-0000.png"), "--method", "spread"]) == 1


# All that a picture says of where it comes from.


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture with everything: mark, XMP, signature, record."""
    pytest.importorskip("c2pa")
    from tests.certificates import make_files

    folder = tmp_path_factory.mktemp("署名")
    key, certificates = make_files(folder)
    draw = ["雪の山", "--steps", "2", "--seed", "3", "--safety", "off", "--prompt-check", "off"]
    out = ["--format", "jpeg", "-o", str(folder / "out")]
    assert cli.main([*draw, *out, "--sign-key", str(key), "--sign-cert", str(certificates)]) == 0
    return folder / "out" / "00000.jpg"


def test_everything_is_told_in_plain_words(signed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["detect", str(signed)]) == 0
    mark, xmp, c2pa, record = capsys.readouterr().out.splitlines()
    assert "透かしあり" in mark
    assert xmp.startswith("  XMP: 学習した AI が作った絵だと書かれています（trainedAlgorithmicMedia）")
    assert c2pa.startswith("  C2PA: 学習した AI が作った絵だと書かれ、「花子のアトリエ」の名で署名")
    assert "署名のあと変わっていません" in c2pa
    assert record.startswith("  記録: sdjp の描き方の記録があります")
    assert cli.main(["detect", str(signed), "--json"]) == 0
    [line] = lines(capsys.readouterr().out)
    assert line["generated"] is line["found"] is line["c2pa_checked"] is True
    assert (line["record"], line["c2pa"]["state"]) == ("sdjp", "valid")
    assert line["xmp"].endswith("/trainedAlgorithmicMedia")


def test_each_layer_is_missed_where_it_is_gone(
    signed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = signed.read_bytes()
    (tmp_path / "changed.jpg").write_bytes(data.replace(b"sdjp 0", b"sdjp 9"))
    with Image.open(signed) as picture:
        picture.save(tmp_path / "stripped.png")  # the pixels alone
    Image.effect_noise((256, 256), 60).convert("RGB").save(tmp_path / "foreign.png")
    found: dict[str, tuple[int, dict[str, Any]]] = {}
    for name in ("changed.jpg", "stripped.png", "foreign.png"):
        code = cli.main(["detect", str(tmp_path / name), "--json"])
        [line] = lines(capsys.readouterr().out)
        found[name] = (code, line)
    code, line = found["changed.jpg"]
    assert (code, line["c2pa"]["state"]) == (0, "invalid")
    code, line = found["stripped.png"]
    assert (code, line["found"], line["xmp"], line["c2pa"], line["record"]) == (0, True, None, None, None)
    code, line = found["foreign.png"]
    assert (code, line["generated"]) == (1, False)
    assert cli.main(["detect", str(tmp_path / "changed.jpg"), "--lang", "en"]) == 0
    assert "the file was changed after" in capsys.readouterr().out


def test_a_record_alone_is_a_sign_but_no_mark(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw = ["雪の山", "--steps", "2", "--seed", "3", "--safety", "off", "--prompt-check", "off"]
    assert cli.main([*draw, "--no-watermark", "--no-provenance", "-o", "bare"]) == 0
    capsys.readouterr()
    assert cli.main(["detect", "bare/00000.png", "--json"]) == 0
    [line] = lines(capsys.readouterr().out)
    assert (line["found"], line["xmp"], line["record"], line["generated"]) == (False, None, "sdjp", True)
    assert cli.main(["detect", "bare/00000.png", "--method", "dwtDct"]) == 1  # the mark alone is asked for


def test_formats_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    draw = ["雪の山", "--steps", "2", "--seed", "3", "--safety", "off", "-o", "out"]
    assert cli.main([*draw, "-n", "2", "--format", "webp", "--quality", "80"]) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "00000.webp",
        "00001.webp",
        "grid-0000.webp",
    ]
    assert cli.main(["--from-png", "out/00001.webp", "--steps", "2", "-o", "again", "--safety", "off"]) == 0
    options = read_metadata("again/00000.png").options
    assert options is not None
    assert (options.prompt, options.seed) == ("雪の山", 4)
    assert cli.main(["info", "out/00000.webp"]) == 0
    assert "雪の山" in capsys.readouterr().out
    for slip, code in (
        (["--quality", "80"], "quality.png"),
        (["--format", "jpeg", "--quality", "0"], "quality.range"),
        (["--sign-key", "key.pem"], "signing.both"),
        (["--sign-key", "key.pem", "--sign-cert", "chain.pem"], "signing.file"),
    ):
        assert cli.main([*draw, *slip]) == 2
        assert f"（コード: {code}）" in capsys.readouterr().err


def test_without_the_extra_signatures_are_not_looked_for(signed: Path, tmp_path: Path) -> None:
    """That is told once, and not as if there were none."""
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / name).write_bytes(signed.read_bytes())
    lacking = "import sys; sys.modules['c2pa'] = None; from sdjp import cli; sys.exit(cli.main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", lacking, "detect", str(tmp_path)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.count("C2PA: 調べていません") == 2
    assert done.stderr.count("pip install 'sdjp[provenance]'") == 1


def test_a_damaged_record_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    info = PngInfo()
    info.add_text("sdjp", "{")
    info.add_itxt("XML:com.adobe.xmp", packet().decode())
    Image.effect_noise((64, 64), 60).convert("RGB").save(tmp_path / "0.png", pnginfo=info)
    assert cli.main(["detect", str(tmp_path / "0.png")]) == 0  # the XMP says so, still
    assert "記録: sdjp の記録がありますが、壊れています" in capsys.readouterr().out
    assert cli.main(["detect", str(tmp_path / "0.png"), "--json"]) == 0
    [line] = lines(capsys.readouterr().out)
    assert (line["record"], line["generated"]) == ("damaged", True)
