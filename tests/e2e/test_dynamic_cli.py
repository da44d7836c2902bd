"""Dynamic prompts on the command line, with the embedded model: chosen by seed, recorded, drawn again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from sdjp import cli
from sdjp.images import read_metadata
from sdjp.text.dynamic import expand

QUICK = ["--steps", "2", "-W", "64", "-H", "64", "--no-watermark", "--safety", "off", "--skip_grid"]
TEMPLATE = "{赤|青|白}い__物__"
NEGATIVE = "{文字|雪}"


@pytest.fixture(scope="module")
def wildcards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("候補")
    (folder / "物.txt").write_text("# 物\n車\n家\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def drawn(wildcards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pictures of a template, two at a time."""
    folder = tmp_path_factory.mktemp("絵")
    given = [
        TEMPLATE,
        "--negative",
        NEGATIVE,
        "--wildcards",
        str(wildcards),
        "--seed",
        "4",
        "-o",
        str(folder),
    ]
    assert cli.main([*given, "-n", "2", "--n_iter", "2", *QUICK]) == 0
    return folder


def test_each_picture_has_the_prompt_of_its_seed_and_the_template(drawn: Path, wildcards: Path) -> None:
    for i in range(4):
        found = read_metadata(drawn / f"{i:05}.png")
        assert found.sdjp is not None
        assert found.options is not None
        assert found.options.seed == 4 + i
        assert found.options.prompt == expand(TEMPLATE, seed=4 + i, wildcards=wildcards)
        assert found.options.negative_prompt == expand(NEGATIVE, seed=4 + i)
        assert found.sdjp["templates"] == {"prompt": TEMPLATE, "negative_prompt": NEGATIVE}
        assert found.parameters is not None
        assert f"Template: {TEMPLATE}, Negative Template: {NEGATIVE}" in found.parameters
        assert "{" not in found.parameters.splitlines()[0]


def test_a_picture_is_drawn_again_from_its_record_alone(drawn: Path, tmp_path: Path) -> None:
    record = ["--from-png", str(drawn / "00002.png"), "--no-watermark", "--safety", "off"]
    assert cli.main([*record, "-o", str(tmp_path)]) == 0
    again, first = (Image.open(path) for path in (tmp_path / "00000.png", drawn / "00002.png"))
    assert again.tobytes() == first.tobytes()
    assert "templates" not in (read_metadata(tmp_path / "00000.png").sdjp or {})


def test_what_was_chosen_is_drawn_as_if_it_had_been_typed(
    drawn: Path, wildcards: Path, tmp_path: Path
) -> None:
    prompt, negative = expand(TEMPLATE, seed=5, wildcards=wildcards), expand(NEGATIVE, seed=5)
    typed = [prompt, "--negative", negative, "--seed", "5", "-o", str(tmp_path)]
    assert cli.main([*typed, *QUICK]) == 0
    one, other = (Image.open(path) for path in (tmp_path / "00000.png", drawn / "00001.png"))
    assert one.tobytes() == other.tobytes()


def test_a_record_shows_its_template(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(drawn / "00000.png")]) == 0
    assert f"テンプレート: {TEMPLATE}" in capsys.readouterr().out


def test_explain_shows_what_a_seed_chooses(wildcards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["explain", TEMPLATE, "--wildcards", str(wildcards), "--seed", "5"]
    assert cli.main(given) == 0
    shown = capsys.readouterr().out
    assert TEMPLATE in shown
    assert expand(TEMPLATE, seed=5, wildcards=wildcards) in shown
    assert cli.main([*given, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["template"] == TEMPLATE
    assert found["source"] == expand(TEMPLATE, seed=5, wildcards=wildcards)
    assert cli.main(["explain", "赤い車", "--json"]) == 0
    assert "template" not in json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["__色__"], "--wildcards"),
        (["猫", "--negative", "__色__"], "--wildcards"),
        (["{3$$赤|青}"], "{3$$赤|青}"),
        (["{赤|青}", "--wildcards", "無いフォルダー"], "無いフォルダー"),
        (["{|}"], "空"),
    ],
)
def test_what_cannot_be_chosen_is_told_before_a_model_is_read(
    given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*given, "--ckpt", "no such model.ckpt"]) == 2
    assert said in capsys.readouterr().err


def test_a_line_with_an_unknown_wildcard_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "行.txt").write_text("{赤|青}い車\n__無い__\n", encoding="utf-8")
    assert cli.main(["explain", "--from-file", str(tmp_path / "行.txt"), "--json"]) == 2
    said = capsys.readouterr()
    assert [json.loads(line)["source"][1:] for line in said.out.splitlines()] == ["い車"]
    assert "2 行目" in said.err
    assert "__無い__" in said.err


def test_lines_choose_too_and_what_cannot_be_drawn_is_left_out(
    wildcards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "行.txt").write_text("__物__\n{(|(}猫\n青い{海}\n", encoding="utf-8")
    given = ["--from-file", str(tmp_path / "行.txt"), "--wildcards", str(wildcards), "--seed", "1"]
    assert cli.main([*given, *QUICK, "-o", str(tmp_path)]) == 2
    assert "2 行目" in capsys.readouterr().err
    found = [read_metadata(path).options for path in sorted(tmp_path.glob("*.png"))]
    prompts = [options.prompt for options in found if options is not None]
    assert prompts == [expand("__物__", seed=1, wildcards=wildcards), "青い海"]
