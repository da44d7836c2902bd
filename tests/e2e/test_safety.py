"""Safety and prompt checks through the pipeline and the command line, with a tiny checker that flags all."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sdjp import cli
from sdjp.errors import InputError, WeightsError
from sdjp.images import read_metadata
from sdjp.pipeline import Pipeline
from sdjp.result import GenerationResult
from sdjp.weights import convert
from tests.safety_files import save_checker, with_thresholds
from tests.stand_in import save_stand_in

PROMPT = "馬に乗る宇宙飛行士"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and two checkers: one that flags every picture, one that flags none."""
    folder = tmp_path_factory.mktemp("安全")
    save_stand_in(folder / "model.ckpt")
    save_checker(folder / "strict", with_thresholds(-2.0))
    save_checker(folder / "mild", with_thresholds(2.0))
    return folder


def pipeline(folder: Path, **arguments: object) -> Pipeline:
    settings = {"dtype": "float32", "watermark": False, **arguments}
    return Pipeline.from_pretrained(folder / "model.ckpt", **settings)  # type: ignore[arg-type]


def data_of(result: GenerationResult, name: str, index: int = 0) -> dict[str, Any]:
    (report,) = [r for r in result.reports[index] if r.name == name]
    return dict(report.data)


def test_flagged_pictures_are_told_and_can_be_drawn_again(folder: Path, tmp_path: Path) -> None:
    twice: dict[str, Any] = {"seed": 1, "num_images_per_prompt": 2, "num_inference_steps": 1}
    drawn = {
        mode: pipeline(folder, safety=mode, safety_checker=folder / "strict").generate(PROMPT, **twice)
        for mode in ("flag", "blur", "black")
    }
    for mode, result in drawn.items():
        assert result.safety_checked == result.flagged == (True, True)
        assert data_of(result, "safety")["mode"] == mode
        assert result.seeds == (1, 2)
    flag, blur, black = drawn.values()
    assert blur.images[0].tobytes() != flag.images[0].tobytes()
    assert black.images[0].getextrema() == ((0, 0),) * 3
    plain = pipeline(folder, safety="off").generate(PROMPT, **twice)
    assert [i.tobytes() for i in plain.images] == [i.tobytes() for i in flag.images]
    (path, _) = black.save(tmp_path)
    record = read_metadata(path).sdjp
    assert record is not None
    assert [r["data"]["flagged"] for r in record["reports"] if r["name"] == "safety"] == [True]


def test_what_passes_stays(folder: Path) -> None:
    result = pipeline(folder, safety="black", safety_checker=folder / "mild").generate(PROMPT, seed=1)
    assert (result.safety_checked, result.flagged) == ((True,), (False,))
    assert result.images[0].getextrema() != ((0, 0),) * 3


def test_the_adjustment_decides(folder: Path) -> None:
    save_checker(folder / "middle", with_thresholds(0.9))
    for adjustment, flagged in ((0.0, False), (1.0, True)):
        pipe = pipeline(folder, safety_checker=folder / "middle", safety_adjustment=adjustment)
        result = pipe.generate(PROMPT, seed=1)
        assert result.flagged == (flagged,)
        assert data_of(result, "safety")["adjustment"] == adjustment


def test_a_model_that_ships_a_checker_uses_it(folder: Path, tmp_path: Path) -> None:
    convert(folder / "model.ckpt", tmp_path / "model")
    without = Pipeline.from_pretrained(tmp_path / "model", watermark=False).generate(PROMPT, seed=1)
    assert [r.status for r in without.reports[0] if r.name == "safety"] == ["unavailable"]
    save_checker(tmp_path / "model" / "safety_checker", with_thresholds(-2.0), name="pytorch_model.bin")
    own = Pipeline.from_pretrained(tmp_path / "model", watermark=False).generate(PROMPT, seed=1)
    assert own.flagged == (True,)
    other = Pipeline.from_pretrained(tmp_path / "model", watermark=False, safety_checker=folder / "mild")
    assert other.generate(PROMPT, seed=1).flagged == (False,)


def test_off_imports_no_checker_and_opens_none(folder: Path) -> None:
    code = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
from sdjp.pipeline import Pipeline
Pipeline.from_pretrained(sys.argv[1], safety="off", safety_checker=sys.argv[2], watermark=False)
checker = {name for name in sys.modules if "safety_checker" in name or name.endswith("safety_file")}
assert not checker, checker
assert any("model.ckpt" in name for name in opened)
assert not any(sys.argv[2] in name for name in opened)
"""
    command = [sys.executable, "-c", code, str(folder / "model.ckpt"), str(folder / "strict")]
    subprocess.run(command, check=True)


@pytest.mark.parametrize(
    ("arguments", "error", "code"),
    [
        ({"safety": "maybe"}, InputError, "safety.unknown"),
        ({"safety_adjustment": 2}, InputError, "safety.adjustment"),
        ({"prompt_check": "maybe"}, InputError, "prompt_check.unknown"),
        ({"prompt_words": "none.tsv"}, InputError, "prompt_words.unreadable"),
        ({"safety_checker": "none.bin"}, WeightsError, "weights.missing"),
    ],
)
def test_wrong_settings_are_refused_before_the_model_is_read(
    tmp_path: Path, arguments: dict[str, object], error: type[Exception], code: str
) -> None:
    (tmp_path / "model.ckpt").write_bytes(b"this would be an error of its own")
    with pytest.raises(error) as caught:
        pipeline(tmp_path, **arguments)
    assert caught.value.code == code  # type: ignore[attr-defined]


# Prompts.


def test_words_in_a_prompt_are_told_with_each_picture(folder: Path) -> None:
    pipe = pipeline(folder)
    result = pipe.generate(
        ["裸の男", "猫"], negative_prompt="死体", seed=1, num_images_per_prompt=2, num_inference_steps=1
    )
    told = [data_of(result, "prompt_check", i)["words"] for i in range(4)]
    assert told[0] == told[1]
    assert [w["word"] for w in told[0]] == ["裸", "naked"]
    assert told[2] == told[3] == []  # negative prompts say what is not wanted


def test_refused_prompts_draw_nothing(folder: Path) -> None:
    pipe = pipeline(folder, prompt_check="refuse")
    steps: list[object] = []
    with pytest.raises(InputError) as caught:
        pipe.generate(["猫", "裸の男"], seed=1, on_step=steps.append)
    assert caught.value.code == "prompt.refused"
    assert steps == []
    assert len(pipe.generate("猫", negative_prompt="裸", seed=1)) == 1


def test_a_word_that_only_the_translation_has(folder: Path, tmp_path: Path) -> None:
    words = tmp_path / "words.tsv"
    words.write_text("en\thorse\tanimal\n", encoding="utf-8")
    result = pipeline(folder, prompt_words=words).generate(PROMPT, seed=1)
    (word,) = data_of(result, "prompt_check")["words"]
    assert word == {"word": "horse", "category": "animal", "where": "english"}


def test_text_states_and_a_check_that_is_off(folder: Path) -> None:
    pipe = pipeline(folder)
    given = pipe.generate(prompt_embeds=pipe.encode_prompt("裸"), seed=1)
    assert data_of(given, "prompt_check") == {"checked": False}
    off = pipeline(folder, prompt_check="off").generate("裸", seed=1)
    assert [r.status for r in off.reports[0] if r.name == "prompt_check"] == ["off"]


# The command line.


def test_drawing_says_what_was_found(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["裸の男", "--model", str(folder / "model.ckpt"), "--outdir", str(tmp_path), "--seed", "1"]
    checker = ["--safety", "blur", "--safety-checker", str(folder / "strict"), "-n", "2"]
    assert cli.main([*arguments, *checker, "--no-watermark"]) == 0
    said = capsys.readouterr().err
    assert said.count("「裸」") == 1
    assert "シード 1" in said
    assert "シード 2" in said
    assert "ぼかしました" in said
    assert cli.main([*arguments, "--prompt-check", "refuse"]) == 2
    assert "「裸」" in capsys.readouterr().err
    assert cli.main([*arguments, "--safety", "off", "--prompt-check", "off", "--no-watermark"]) == 0
    assert "注意" not in capsys.readouterr().err


def test_check_looks_at_files(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = tmp_path / "絵.png", tmp_path / "b.jpg"
    Image.new("RGB", (40, 30), "red").save(a)
    Image.new("L", (30, 40), 200).save(b)
    files = [str(a), str(b)]
    assert cli.main(["check", *files, "--safety-checker", str(folder / "mild")]) == 0
    said = capsys.readouterr().out
    assert said.count("問題を見つけませんでした") == 2
    assert str(a) in said
    assert cli.main(["check", *files, "--safety-checker", str(folder / "strict"), "--json"]) == 3
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["file"] for row in rows] == files
    assert all(row["checked"] and row["flagged"] and len(row["scores"]) == 17 for row in rows)
    mild = ["--safety-checker", str(folder / "mild")]
    assert cli.main(["check", *files, *mild, "--safety-threshold", "-0.5"]) == 0


def test_check_looks_at_folders_and_at_each_picture_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.png", "絵/a.JPG", "絵/深い/c.png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), "red").save(name)
    Path("絵/覚え書き.txt").write_text("画像ではありません", encoding="utf-8")
    Path("空").mkdir()
    mild = ["--safety-checker", str(folder / "mild")]
    assert cli.main(["check", "b.png", "絵", "絵/深い", "絵/a.JPG", "./b.png", *mild, "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["file"] for row in rows] == ["b.png", "絵/a.JPG", "絵/深い/c.png"]
    assert cli.main(["check", "空", "b.png", *mild]) == 2
    said = capsys.readouterr()
    assert "フォルダー 空 に画像がありません" in said.err
    assert said.out.startswith("b.png: ")


def test_check_goes_on_after_a_file_that_cannot_be_read(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    files = [str(tmp_path / "none.png"), str(tmp_path / "a.png")]
    assert cli.main(["check", *files, "--safety-checker", str(folder / "strict"), "--json"]) == 2
    said = capsys.readouterr()
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [row["checked"] for row in rows] == [False, True]
    assert "none.png" in rows[0]["error"]
    assert "読めません" in said.err


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        ([], 2, "--safety-checker"),
        (["--model", "model.ckpt"], 1, "付属していません"),
        (["--safety-adjustment", "3"], 2, "-1 から 1"),
        (["--safety-checker", "none"], 1, "見つかりません"),
        (["--device", "abacus"], 2, "abacus"),
    ],
)
def test_check_refuses(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    exit_code: int,
    said: str,
) -> None:
    monkeypatch.chdir(folder)
    Image.new("RGB", (8, 8)).save("a.png")
    given = arguments if "--model" in arguments or not arguments else ["--safety-checker", "mild", *arguments]
    assert cli.main(["check", "a.png", *given]) == exit_code
    assert said in capsys.readouterr().err


def test_a_checker_that_cannot_judge_hides_what_was_drawn(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checker = save_checker(tmp_path / "damaged", with_thresholds(math.nan))
    result = pipeline(folder, safety="black", safety_checker=checker).generate(PROMPT, seed=1)
    assert (result.safety_checked, result.flagged) == ((False,), (False,))
    assert result.image.getextrema() == ((0, 0),) * 3
    paths = [str(path) for _ in range(2) for path in result.save(tmp_path)]
    assert cli.main(["check", *paths, "--safety-checker", str(checker), "--json"]) == 1
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["checked"] for line in lines] == [False, False]
    assert err.count("確認されていません") == 2
