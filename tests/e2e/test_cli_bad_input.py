"""Bad input on the command line, beyond single options: files of prompts, pipes, encodings, processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from sdjp import cli


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files that cannot be used."""
    folder = tmp_path_factory.mktemp("悪い入力") / "日本語 テスト"
    folder.mkdir()
    (folder / "line.txt").write_text("猫\n\n((犬\n鳥\n", encoding="utf-8")
    (folder / "nul.txt").write_bytes("猫\n犬\0\n".encode())
    (folder / "punctuation.txt").write_text("猫\n。。。\n", encoding="utf-8")
    (folder / "utf16.txt").write_bytes("猫\n".encode("utf-16"))
    # Longer than what Python reads at once: the first lines alone are in order.
    (folder / "late.txt").write_bytes("赤い猫\n".encode() * 5000 + "猫\n".encode("cp932"))
    (folder / "empty.txt").write_bytes(b"")
    (folder / "text.png").write_text("猫", encoding="utf-8")
    Image.new("RGB", (64, 64), "white").save(folder / "picture.png")
    Image.new("L", (64, 64), "black").save(folder / "black.png")
    (folder / "cut.png").write_bytes((folder / "picture.png").read_bytes()[:60])
    (folder / "a file").write_bytes(b"")
    save_file({"decoder.weight": torch.zeros(2, 2)}, folder / "other.safetensors")
    torch.save({"state_dict": {"decoder.weight": torch.zeros(2, 2)}}, folder / "other.ckpt")
    return folder


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, where the commands run, with no way to the network."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


STRICT = ["--strict", "--from-file"]

# Arguments; exit code; what the Japanese message must name; what the English one must.
CASES: dict[str, tuple[list[str], int, list[str], list[str]]] = {
    "no prompt": ([], 2, ["プロンプトが指定されていません", "--from-file"], ["no prompt"]),
    "two prompts": (["猫", "--prompt", "犬"], 2, ["2 か所以上"], ["more than one"]),
    "prompt and file": (["猫", "--from-file", "line.txt"], 2, ["2 か所以上"], ["more than one"]),
    "weight alone": (["(:1.2)"], 2, ["文字がありません"], ["no words"]),
    "negative weight": (["(猫:-1)"], 2, ["-1", "0 から 10"], ["-1", "0 to 10"]),
    "ideographic space": (["\u3000"], 2, ["文字がありません"], ["no words"]),
    "full-width bracket": (["（猫"], 2, ["「（」", "「）」"], ["（"]),
    "surrogate": (["猫\udce3"], 2, ["UTF-8"], ["UTF-8"]),
    "surrogate below": (["猫", "--negative", "\udc94\udc4c"], 2, ["UTF-8"], ["UTF-8"]),
    "long negative": (["猫", "--negative", "犬" * 100_000], 2, ["100000", "20000"], ["100000"]),
    "width 0": (["猫", "-W", "0"], 2, ["幅", "8192", "0"], ["width", "8192"]),
    "width huge": (["猫", "-W", "8200"], 2, ["幅", "8192", "8200"], ["width", "8200"]),
    "height beyond all": (["猫", "-H", "9" * 400], 2, ["高さ", "8192"], ["height", "8192"]),
    "tile 0": (["猫", "--tile", "0"], 2, ["タイル", "8192"], ["tile"]),
    "scale -inf": (["猫", "--scale", "-inf"], 2, ["-inf", "0 以上"], ["-inf", "at least 0"]),
    "scale -1e5": (["猫", "--scale", "-1e5"], 2, ["-100000", "0 以上"], ["-100000"]),
    "eta negative": (["猫", "--eta", "-0.1"], 2, ["eta", "0 から 1"], ["eta", "0 to 1"]),
    "eta of another": (["猫", "--sampler", "plms", "--eta", "0.5"], 2, ["plms", "ddim"], ["ddim"]),
    "strength": (["猫", "--strength", "-0.1"], 2, ["0 から 1", "-0.1"], ["strength", "-0.1"]),
    "seed too large": (["猫", "--seed", str(2**64)], 2, ["シード", str(2**64 - 1)], ["seed"]),
    "1001 pictures": (["猫", "-n", "1001"], 2, ["枚数", "1000"], ["1000"]),
    "1001 times": (["猫", "--n_iter", "1001"], 2, ["繰り返し", "1000"], ["n_iter", "1000"]),
    "negative columns": (["猫", "--n_rows", "-1"], 2, ["横に並べる枚数", "-1"], ["n_rows", "-1"]),
    "nothing saved": (["猫", "--skip_save", "--skip_grid"], 2, ["何も保存されません"], ["nothing"]),
    "compvis steps": (["猫", "--spacing", "compvis", "--steps", "3"], 2, ["2 か 4"], ["2", "4"]),
    "device": (["猫", "--device", "x"], 2, ["デバイス", "'cpu'"], ["device", "'cpu'"]),
    "dtype": (["猫", "--dtype", "int8"], 2, ["int8", "'float32'"], ["int8", "float32"]),
    "translator": (["猫", "--translator", "x"], 2, ["翻訳器", "lexicon"], ["lexicon"]),
    "safety": (["猫", "--safety-adjustment", "nan"], 2, ["-1 から 1"], ["-1 to 1"]),
    "words": (["猫", "--prompt-words", "none"], 2, ["語の一覧", "none"], ["none"]),
    "configuration": (["猫", "--model", "mini", "--config", "none.yaml"], 2, ["none.yaml"], ["none.yaml"]),
    "watermark": (["猫", "--watermark", "あ" * 22], 2, ["64 バイト", "66"], ["64", "66"]),
    "watermark twice": (["猫", "--watermark", "x", "--no-watermark"], 2, ["どちらか"], ["Choose"]),
    "NUL in a watermark": (["猫", "--watermark", "a\0"], 2, ["NUL"], ["NUL"]),
    "bad line": ([*STRICT, "line.txt"], 2, ["line.txt の 3 行目", "「)」"], ["line.txt, line 3"]),
    "NUL in a line": ([*STRICT, "nul.txt"], 2, ["nul.txt の 2 行目", "NUL"], ["line 2", "NUL"]),
    "line of dots": ([*STRICT, "punctuation.txt"], 2, ["2 行目", "文字がありません"], ["line 2"]),
    "UTF-16": (["--from-file", "utf16.txt"], 2, ["utf16.txt", "UTF-8"], ["UTF-8"]),
    "last line": (["--from-file", "late.txt"], 2, ["late.txt", "UTF-8"], ["UTF-8"]),
    "empty file": (["--from-file", "empty.txt"], 2, ["empty.txt", "1 行に 1 つ"], ["empty.txt"]),
    "file is a folder": (["--from-file", "."], 2, ["フォルダーです"], ["directory"]),
    "file has no name": (["--from-file", ""], 2, ['""', "--from-file"], ["--from-file"]),
    "NUL in a name": (["--from-file", "a\0"], 2, ["NUL"], ["NUL"]),
    "picture missing": (["猫", "--init-img", "none.png"], 2, ["none.png", "見つかりません"], ["none.png"]),
    "picture has no name": (["猫", "--init-img", ""], 2, ["画像 ''"], ["picture ''"]),
    "picture is text": (["猫", "--init-img", "text.png"], 2, ["画像の形式では"], ["not a picture"]),
    "picture is cut": (["猫", "--init-img", "cut.png"], 2, ["途中で切れて"], ["cut off"]),
    "picture is a folder": (["猫", "--init-img", "."], 2, ["フォルダーです"], ["directory"]),
    "mask alone": (["猫", "--mask", "picture.png"], 2, ["mask"], ["mask"]),
    "mask is black": (
        ["猫", "--init-img", "picture.png", "--mask", "black.png"], 2, ["白い部分がありません"], ["white"]
    ),
    "mask missing": (["猫", "--init-img", "picture.png", "--mask", "no"], 2, ["画像 no"], ["picture no"]),
    "folder has no name": (["猫", "--outdir", ""], 2, ["空です"], ["empty"]),
    "folder in /proc": (["猫", "--outdir", "/proc/x"], 1, ["/proc/x", "保存できません"], ["/proc/x"]),
    "folder is a file": (["猫", "-o", "a file"], 1, ["同じ名前のファイル"], ["a file"]),
    "folder has a long name": (["猫", "-o", "あ" * 99], 1, ["名前が長すぎます"], ["too long"]),
    "txt2img folder": (
        ["txt2img", "--ckpt", "mini", "--outdir", "a file"], 1, ["同じ名前のファイル"], ["a file"]
    ),
    "txt2img line": (["txt2img", *STRICT, "line.txt"], 2, ["line.txt の 3 行目"], ["line 3"]),
    "upscale what": (["upscale", "picture.png", "--strength=1"], 2, ["picture.png", "--prompt"], ["prompt"]),
    "upscale where": (["upscale", "picture.png", "--prompt", "猫", "-o", ""], 2, ["空です"], ["empty"]),
    "explain line": (["explain", *STRICT, "line.txt"], 2, ["line.txt の 3 行目"], ["line 3"]),
    "evaluate line": (["evaluate", *STRICT, "line.txt"], 2, ["line.txt の 3 行目"], ["line 3"]),
    "foreign safetensors": (["猫", "--model", "other.safetensors"], 1, ["other.safetensors"], ["UNet"]),
    "foreign ckpt": (["猫", "--model", "other.ckpt"], 1, ["other.ckpt", "UNet"], ["UNet"]),
    "hub id, offline": (["猫", "--model", "owner/no-such-model"], 1, ["HF_HUB_OFFLINE"], ["HF_HUB_OFFLINE"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_told_before_a_model_is_loaded(
    case: str, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments, code, japanese, english = CASES[case]
    if "--model" not in arguments:

        def load(*args: object, **named: object) -> None:
            raise AssertionError("a model was loaded")

        monkeypatch.setattr("sdjp.weights.load", load)
    for language, start, expected in (("ja", "エラー: ", japanese), ("en", "error: ", english)):
        assert cli.main([*arguments, "--lang", language]) == code
        said = capsys.readouterr()
        assert said.err.startswith(start)
        assert said.out == ""
        for words in expected:
            assert words in said.err
    assert not list(here.rglob("0*.png")), "nothing was drawn"


@pytest.mark.parametrize(
    ("arguments", "japanese", "english"),
    [
        (["馬に乗る", "宇宙飛行士"], ["宇宙飛行士", "引用符で囲んで"], ["宇宙飛行士", "quotes"]),
        (["猫", "--foo"], ["知らない引数です: --foo"], ["--foo"]),
        (["猫", "--seed", "1.5"], ["--seed", "整数", "'1.5'"], ["--seed", "int", "'1.5'"]),
        (["猫", "--scale", "7,5"], ["--scale", "数を指定", "'7,5'"], ["--scale", "float"]),
        (["猫", "--precision", "half"], ["'half'", "full, autocast"], ["'half'"]),
        (["猫", "--lang", "fr"], ["'fr'", "'en'"], []),
        (["txt2img", "猫"], ["知らない引数です: 猫", "sdjp txt2img --help"], ["猫"]),
    ],
)
def test_what_argparse_refuses_is_told_in_the_same_way(
    arguments: list[str], japanese: list[str], english: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for language, start, expected in (("ja", "エラー: ", japanese), ("en", "error: ", english)):
        if not expected:
            continue
        with pytest.raises(SystemExit) as stopped:
            cli.main(arguments if language == "ja" else [*arguments, "--lang", "en"])
        assert stopped.value.code == 2
        said = capsys.readouterr().err
        assert said.startswith(start)
        for words in [*expected, "--help"]:
            assert words in said


def test_too_little_memory_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that is allowed and that this computer cannot hold: the error is torch's own."""
    monkeypatch.setattr("sdjp.cli.commands.explain.run", lambda args: torch.empty(2**50))
    assert cli.main(["explain", "猫"]) == 1
    assert "メモリーが足りません" in capsys.readouterr().err


def test_another_error_of_torch_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdjp.cli.commands.explain.run", lambda args: torch.zeros(2) @ torch.zeros(3))
    with pytest.raises(RuntimeError):
        cli.main(["explain", "猫"])


def process(
    *arguments: str | bytes, cwd: Path, stdin: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "sdjp", *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        timeout=120,
        check=False,
    )


NO_UTF8: dict[str, Any] = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("option", [["--steps", "0"], ["--scale", "nan"], ["--sampler", "x"], ["-W", "0"]])
def test_a_wrong_option_costs_no_import_of_torch(option: list[str], tmp_path: Path) -> None:
    code = (
        "import sys; from sdjp.cli import main; code = main(sys.argv[1:]); "
        "sys.exit(99 if 'torch' in sys.modules else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "猫", *option], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 2, done.stderr.decode()
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="no locales of this kind")
def test_japanese_where_the_locale_has_none(tmp_path: Path) -> None:
    done = process("explain", "赤い猫", cwd=tmp_path, **NO_UTF8)
    assert done.returncode == 0, done.stderr
    assert "a red cat" in done.stdout.decode("utf-8")
    assert "正規化" in done.stdout.decode("utf-8")
    (tmp_path / "ファイル").write_bytes(b"")
    done = process("猫", "--outdir", "ファイル", cwd=tmp_path, **NO_UTF8)
    assert done.returncode == 1
    assert "エラー: ファイル に保存できません" in done.stderr.decode("utf-8")
    done = process("", cwd=tmp_path, **NO_UTF8)
    assert done.returncode == 2
    assert "プロンプトに文字がありません" in done.stderr.decode("utf-8")


@pytest.mark.skipif(os.name == "nt", reason="arguments are no bytes there")
def test_an_argument_in_another_encoding_is_refused(tmp_path: Path) -> None:
    done = process("explain", "赤い猫".encode("cp932"), cwd=tmp_path)
    assert done.returncode == 2
    assert "UTF-8" in done.stderr.decode("utf-8")
    assert b"Traceback" not in done.stderr


def test_prompts_from_standard_input(tmp_path: Path) -> None:
    """In UTF-8 whatever the locale, with a byte order mark or without."""
    lines = "\ufeff赤い猫\n\n青い犬\n".encode()
    done = process("explain", "--json", "--from-file", "-", cwd=tmp_path, stdin=lines, **NO_UTF8)
    assert done.returncode == 0, done.stderr.decode()
    assert [json.loads(line)["source"] for line in done.stdout.splitlines()] == ["赤い猫", "青い犬"]
    for given, message in (
        ("猫\n".encode("cp932"), "標準入力 は UTF-8 ではありません"),
        (b"\n", "標準入力 に使えるプロンプトがありません"),
    ):
        done = process("explain", "--from-file", "-", cwd=tmp_path, stdin=given, **NO_UTF8)
        assert done.returncode == 2
        assert message in done.stderr.decode("utf-8")
        assert b"Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="pipes are another thing there")
def test_a_closed_pipe_ends_without_a_traceback(tmp_path: Path) -> None:
    """As in ``sdjp explain --json --from-file F | head -1``."""
    (tmp_path / "many.txt").write_text("赤い猫\n" * 3000, encoding="utf-8")
    command = [sys.executable, "-m", "sdjp", "explain", "--json", "--from-file", "many.txt"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert json.loads(running.stdout.readline())["english"] == "a red cat"
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 1


@pytest.mark.parametrize(("language", "words"), [("ja", "保存先のフォルダー"), ("en", "where to write")])
def test_help_speaks_both_languages(language: str, words: str, tmp_path: Path) -> None:
    done = process("--help", "--lang", language, cwd=tmp_path)
    said = done.stdout.decode("utf-8")
    assert done.returncode == 0
    assert words in said
    assert all(command in said for command in cli.COMMANDS)
    assert done.stderr == b""
