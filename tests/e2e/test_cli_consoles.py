"""Where a run is started: without a console, on a full disk; files with bad lines; slips in commands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import sdjp
from sdjp import cli
from sdjp.cli.help import columns, wrap
from sdjp.images import read_metadata

DRAW = ["猫", "--steps", "1", "--seed", "1", "-W", "64", "-H", "64"]
SMALL: dict[str, Any] = {"num_inference_steps": 1, "width": 64, "height": 64}


def shell(command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", f'exec "{sys.executable}" -m sdjp {command}'],
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        timeout=120,
        check=False,
    )


# Consoles.


@pytest.mark.skipif(os.name == "nt", reason="no shell of this kind")
def test_it_draws_without_a_console(tmp_path: Path) -> None:
    done = shell(f"{' '.join(DRAW)} <&- >&- 2>&-", tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "out" / "00000.png").is_file()


@pytest.mark.skipif(os.name == "nt", reason="no shell of this kind")
def test_one_stream_may_be_closed(tmp_path: Path) -> None:
    """Explaining does: it writes to both, and starts sooner than drawing."""
    for closed, left in ((">&-", "このモデルが知らない語"), ("2>&-", "わからなかった語")):
        done = shell(f"explain ぺろぽんの猫 {closed}", tmp_path)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert left in done.stdout + done.stderr


def test_the_library_draws_without_standard_error(
    mini: sdjp.Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under pythonw; a bar that is asked for has no place to be."""
    monkeypatch.setattr(sys, "stderr", None)
    for progress in (None, True):
        assert len(mini.generate("猫", **SMALL, progress=progress)) == 1


class Bare:
    """A standard error of a program of windows: it can be written to, and that is all."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass


def test_the_library_draws_with_a_standard_error_of_a_program(
    mini: sdjp.Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Bare())
    assert len(mini.generate("猫", **SMALL)) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("explain 猫", "エラー: 標準出力に書き込めません"),
        ("explain 猫 --json --lang en", "error: cannot write to"),
        ("--help", "エラー: 標準出力に書き込めません"),
        ("detect . --lang en", "error: cannot write to"),
    ],
)
def test_output_that_cannot_be_written_is_told(command: str, words: str, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "x.png")
    done = shell(f"{command} > /dev/full", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(words)
    assert re.search(r"^[（(](コード|code): console\.write[）)]\n\Z", done.stderr, re.MULTILINE)
    assert done.stderr.count("\n") == 2, "no traceback"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
def test_notes_that_cannot_be_written_stop_nothing(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("((犬\n猫\n", encoding="utf-8")
    done = shell("explain --from-file lines.txt 2> /dev/full", tmp_path)
    assert done.returncode == 2
    assert "英語:     cat" in done.stdout


# Threads that wait.


def test_threads_wait_without_spinning_unless_the_user_says_so() -> None:
    """One process for all: explaining leaves torch alone, which reads these names once."""
    code = (
        "import os; from sdjp.cli import main\n"
        "bare = dict(os.environ)\n"
        "for given in ({}, {'OMP_WAIT_POLICY': 'ACTIVE'}, {'GOMP_SPINCOUNT': '5'}):\n"
        "    os.environ.clear(); os.environ.update({**bare, **given})\n"
        "    main(['explain', '猫']); print('policy', os.environ.get('OMP_WAIT_POLICY'))\n"
    )
    names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")
    bare = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", env=bare, check=True
    )
    found = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("policy")]
    assert found == ["PASSIVE", "ACTIVE", "None"]


# Slips in commands.


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["explian"], "sdjp explain"),
        (["explian", "猫"], "sdjp explain"),
        (["Explain", "猫"], "sdjp explain"),
        (["--seed", "1", "dtect"], "sdjp detect"),
        (["text2img"], "sdjp txt2img"),
        (["help"], "sdjp --help"),
        (["version"], "sdjp --version"),
    ],
)
def test_a_slip_in_a_command_draws_nothing(
    arguments: list[str],
    meant: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for language, words in (("ja", "もしかして: "), ("en", "Did you mean: ")):
        options = [*arguments, "--lang", language]
        assert cli.main(options) == 2
        assert f"{words}{meant}\n" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("prompt", ["cat", "horse", "explain this", "猫", "information", "house-cat"])
def test_other_words_are_prompts(prompt: str) -> None:
    assert cli.parse([prompt]).prompt == prompt


def test_any_word_can_be_drawn() -> None:
    assert cli.parse(["--prompt", "explian"]).prompt_option == "explian"


# Files of prompts.


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "lines.txt"
    path.write_text("# 動物\n赤い猫\n((犬\n\n。。。\n#\n#夕焼け\n", encoding="utf-8")
    return path


def test_a_bad_line_is_told_and_left_out(lines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "--json", "--from-file", lines.name]) == 2
    said = capsys.readouterr()
    assert [json.loads(line)["source"] for line in said.out.splitlines()] == ["赤い猫", "#夕焼け"]
    first, second = said.err.splitlines()
    assert first.startswith("飛ばします: lines.txt の 3 行目: ")
    assert second.startswith("飛ばします: lines.txt の 5 行目: ")


def test_the_other_lines_are_drawn(lines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--from-file", lines.name, *DRAW[1:], "--lang", "en"]) == 2
    assert capsys.readouterr().err.startswith("left out: lines.txt, line 3: ")
    assert len(list((lines.parent / "out").glob("0*.png"))) == 2


def test_the_original_commands_tell_a_bad_line_once(lines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--ckpt", "mini", "--from-file", lines.name, "--H", "64", "--W", "64", "--ddim_steps", "2"]
    assert cli.main(["txt2img", *options, "--n_samples", "2", "--n_iter", "2"]) == 2
    assert capsys.readouterr().err.count("3 行目") == 1


REFUSING = ["--prompt-check", "refuse", "--from-file", "refused.txt"]


@pytest.mark.parametrize("command", ["", "txt2img"])
def test_a_line_that_is_refused_when_it_would_be_drawn_is_left_out(
    command: str, lines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("refused.txt").write_text("赤い猫\n裸の人\n\n青い鳥\n裸の人\n緑の木\n", encoding="utf-8")
    options = DRAW[1:]
    if command:
        options = ["--ckpt", "mini", "--H", "64", "--W", "64", "--ddim_steps", "2", "--n_samples", "2"]
        options += ["--n_iter", "2", "--outdir", "out"]
    words = [*filter(None, [command]), *REFUSING, *options]
    assert cli.main([*words, "--strict"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("エラー: refused.txt の 2 行目: ")
    assert "裸" in said.err
    assert not list(lines.parent.rglob("0*.png"))
    assert cli.main(words) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("飛ばします")]
    first, second = told
    assert first.startswith("飛ばします: refused.txt の 2 行目: ")
    assert second.startswith("飛ばします: refused.txt の 5 行目: ")
    drawn = [read_metadata(path).options for path in sorted(lines.parent.rglob("0*.png"))]
    assert [o.prompt for o in drawn if o is not None] == ["赤い猫", "青い鳥", "緑の木"] * (
        2 if command else 1
    )


def test_the_only_prompt_is_refused_as_before(lines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["裸の人", *REFUSING[:2], *DRAW[1:]]) == 2
    assert capsys.readouterr().err.startswith("エラー: プロンプトに、描かない設定になっている語があります")


def test_a_file_with_no_good_line_is_an_error(lines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines.write_text("((犬\n", encoding="utf-8")
    assert cli.main(["explain", "--from-file", lines.name]) == 2
    assert "エラー: lines.txt に使えるプロンプトがありません" in capsys.readouterr().err


# What is told.


def test_a_watermark_that_is_in_is_told_only_if_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    large = [*DRAW[:5], "-W", "256", "-H", "256"]
    assert cli.main(large) == 0
    assert "透かし" not in capsys.readouterr().err
    assert cli.main([*large, "-v"]) == 0
    assert "透かし（シード 1）: " in capsys.readouterr().err


# Help.


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("width", ["75", "200"])
@pytest.mark.parametrize("command", ["", *cli.COMMANDS])
def test_help_is_no_wider_than_the_terminal(
    command: str,
    width: str,
    language: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    with pytest.raises(SystemExit):
        cli.main([*([command] if command else []), "--help", "--lang", language])
    said = capsys.readouterr().out
    wide = [
        line for line in said.splitlines() if columns(line) > min(int(width), 100) and " " in line.strip()
    ]
    assert wide == []
    if language == "ja":
        assert said.startswith("使い方: ")
        assert "\nオプション:\n" in said
        assert "usage" not in said
        assert "options:" not in said


def test_help_tells_defaults_and_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    said = capsys.readouterr().out
    for words in ("（既定値: out）", "（既定値: モデルによる）", "（既定値: 0.75）"):
        assert words in said
    for name, command in cli.COMMANDS.items():
        assert f"  {name:10}{command.ja}\n" in said


def test_lines_break_by_columns_and_tear_no_name() -> None:
    assert wrap("赤い猫と青い犬。", 8) == ["赤い猫と", "青い犬。"]
    assert wrap("赤い猫。青い犬", 6) == ["赤い", "猫。青", "い犬"]
    assert wrap("絵は models/ldm/model.ckpt です", 10) == ["絵は", "models/ldm/model.ckpt", "です"]
    assert wrap("  (a) b", 4) == ["  (a)", "  b"]
    assert wrap("", 8) == [""]
