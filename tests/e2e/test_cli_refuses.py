"""Bad input on the command line: a clear message in the user's language, an exit code, nothing written."""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from sdjp import cli
from sdjp.errors import set_language
from tests.markdown import ROOT

MINI = ROOT / "src" / "sdjp" / "assets" / "mini" / "model.safetensors"


class Attack:
    """What a malicious checkpoint holds: unpickled by Python, it would run a command."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch PWNED",)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every kind of broken file."""
    folder = tmp_path_factory.mktemp("壊れたもの") / "日本語 テスト"
    folder.mkdir()
    weights = MINI.read_bytes()
    (folder / "truncated.safetensors").write_bytes(weights[: len(weights) // 2])
    (folder / "text.safetensors").write_text("こんにちは", encoding="utf-8")
    (folder / "empty.ckpt").write_bytes(b"")
    with zipfile.ZipFile(folder / "attack.ckpt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"state_dict": {"a": Attack()}}))
        archive.writestr("archive/version", "3")
    whole = (folder / "attack.ckpt").read_bytes()
    (folder / "truncated.ckpt").write_bytes(whole[: len(whole) // 2])
    Image.new("RGB", (8, 8)).save(folder / "picture.png")
    (folder / "broken.png").write_bytes((folder / "picture.png").read_bytes()[:40])
    (folder / "sjis.txt").write_bytes("猫".encode("cp932"))
    (folder / "blank.txt").write_text("\n  \n", encoding="utf-8")
    (folder / "long.txt").write_text("猫" * 100_000, encoding="utf-8")
    (folder / "a file").write_text("", encoding="utf-8")
    (folder / "no model").mkdir()
    return folder


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, where the commands run."""
    monkeypatch.chdir(folder)
    return folder


# Arguments, exit code, and what the message must name.
OPTIONS: dict[str, tuple[list[str], int, str]] = {
    "empty": ([""], 2, "プロンプトに文字がありません"),
    "punctuation": (["、。！？"], 2, "プロンプトに文字がありません"),
    "no prompt": ([], 2, "プロンプトを 1 つ書くか"),
    "two prompts": (["猫", "--prompt", "犬"], 2, "プロンプトを 1 つ書くか"),
    "long": (["--strict", "--from-file", "long.txt"], 2, "100000 文字"),
    "bracket open": (["((猫"], 2, "対応する「)」がありません"),
    "bracket closed": (["猫))"], 2, "対応する「(」がありません"),
    "square bracket": (["[猫"], 2, "対応する「]」がありません"),
    "NUL": (["猫\0犬"], 2, "NUL"),
    "negative unbalanced": (["猫", "--negative", "(犬"], 2, "対応する「)」"),
    "sampler": (["猫", "--sampler", "nothing"], 2, "ddim, plms"),
    "spacing": (["猫", "--spacing", "nothing"], 2, "leading"),
    "width": (["猫", "--W", "100"], 2, "16 の倍数"),
    "zero": (["猫", "--H", "0"], 2, "高さ"),
    "negative size": (["猫", "--H", "-64"], 2, "高さ"),
    "steps 0": (["猫", "--steps", "0"], 2, "1 から 1000"),
    "steps 1001": (["猫", "--steps", "1001"], 2, "1 から 1000"),
    "scale NaN": (["猫", "--scale", "nan"], 2, "有限の数"),
    "scale inf": (["猫", "--scale", "inf"], 2, "有限の数"),
    "eta": (["猫", "--eta", "1.5", "--sampler", "ddim"], 2, "0 から 1"),
    "strength": (["猫", "--init-img", "picture.png", "--strength", "1.1"], 2, "0 から 1"),
    "strength NaN": (["猫", "--init-img", "picture.png", "--strength", "nan"], 2, "0 から 1"),
    "seed": (["猫", "--seed", "-1"], 2, "シード"),
    "n_samples": (["猫", "-n", "0"], 2, "枚数"),
    "n_iter": (["猫", "--n_iter", "0"], 2, "繰り返しの回数"),
    "no file": (["--from-file", "none.txt"], 2, "none.txt を読めません"),
    "not UTF-8": (["--from-file", "sjis.txt"], 2, "UTF-8 ではありません"),
    "blank file": (["--from-file", "blank.txt"], 2, "プロンプトがありません"),
    "no picture": (["猫", "--init-img", "none.png"], 2, "none.png"),
    "broken picture": (["猫", "--init-img", "broken.png"], 2, "broken.png"),
    "no picture file": (["猫", "--init-img", "text.safetensors"], 2, "text.safetensors"),
    "watermark": (["猫", "--watermark", ""], 2, "透かし"),
    "folder is a file": (["猫", "--outdir", "a file"], 1, "a file に保存できません"),
    "folder below a file": (["猫", "--outdir", "a file/out"], 1, "保存できません"),
}
WEIGHTS: dict[str, tuple[list[str], int, str]] = {
    "missing": (["猫", "--model", "none.ckpt"], 1, "none.ckpt が見つかりません"),
    "truncated safetensors": (["猫", "--model", "truncated.safetensors"], 1, "途中で切れています"),
    "truncated ckpt": (["猫", "--model", "truncated.ckpt"], 1, "truncated.ckpt"),
    "empty file": (["猫", "--model", "empty.ckpt"], 1, "empty.ckpt"),
    "text": (["猫", "--model", "text.safetensors"], 1, "テキストファイル"),
    "picture": (["猫", "--model", "picture.png"], 1, "画像"),
    "attack": (["猫", "--model", "attack.ckpt"], 1, "危険なファイル"),
    "no model": (["猫", "--model", "no model"], 1, "no model"),
    "convert attack": (["convert", "attack.ckpt", "b.safetensors"], 1, "危険なファイル"),
    "convert missing": (["convert", "none.ckpt", "b.safetensors"], 1, "見つかりません"),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_an_option_is_refused_before_a_model_is_loaded(
    case: str, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments, code, message = OPTIONS[case]
    if case != "width":  # whether a size fits is for the model to say

        def load(*args: object, **named: object) -> None:
            raise AssertionError("a model was loaded")

        monkeypatch.setattr("sdjp.weights.load", load)
    check(arguments, code, message, here, capsys)


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights_are_refused(case: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(*WEIGHTS[case], here, capsys)
    assert not (here / "PWNED").exists(), "the file ran a command"


def check(
    arguments: list[str], code: int, message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == code
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.startswith("エラー: ")
    assert re.fullmatch(r".+\n（コード: [a-z_.]+）\n", said.err), "one message and its code, no traceback"
    assert said.out == ""
    assert not list(here.glob("**/0*.png")), "nothing was drawn"
    try:
        assert cli.main([*arguments, "--lang", "en"]) == code
    finally:
        set_language("ja")
    english = capsys.readouterr().err
    assert english.startswith("error: ")
    assert message not in english or message.isascii()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["猫", "--step", "3"], "知らない引数です: --step 3"),
        (["猫", "--steps", "三"], "整数を指定してください: '三'"),
        (["猫", "--scale", "x"], "数を指定してください: 'x'"),
        (["猫", "--translate", "maybe"], "使えない値です: 'maybe'"),
        (["猫", "--outdir"], "値を 1 つ指定してください"),
        (["convert", "a"], "必要な引数がありません: B"),
    ],
)
def test_argument_errors_are_in_japanese(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert "--help" in said


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another thing there")
def test_pictures_that_are_finished_stay_after_ctrl_c(tmp_path: Path) -> None:
    out = tmp_path / "絵"
    command = [
        sys.executable,
        "-m",
        "sdjp",
        "赤い車",
        "--n_iter",
        "500",
        "--steps",
        "2",
        "--outdir",
        str(out),
    ]
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=tmp_path,
        # As a terminal starts it: what runs these tests in the background lets its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while len(list(out.glob("0*.png"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, complaints = process.communicate(timeout=60)
    assert process.returncode == 130, complaints.decode()
    pictures = sorted(out.glob("0*.png"))
    assert len(pictures) >= 2
    for path in pictures:
        with Image.open(path) as image:
            image.load()  # none is cut off in the middle
            assert image.size == (256, 256)
    assert "保存しました" in said.decode("utf-8")
    assert f"完成した {len(pictures)} 枚はそのまま残っています" in complaints.decode("utf-8")
    assert "Traceback" not in complaints.decode("utf-8")
