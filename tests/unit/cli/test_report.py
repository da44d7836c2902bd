"""What the command line says of a model that it loaded."""

from __future__ import annotations

import pytest

from sdjp import cli
from sdjp.cli.report import announce_load, announce_marks, announce_negative
from sdjp.records import PromptInfo
from sdjp.weights import LoadReport


def test_notes_of_a_load_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    notes = (("使いません", "not used"),)
    announce_load(LoadReport(source="x", layout="ldm", ema_used=False, dtype=None, notes=notes))
    said = capsys.readouterr()
    assert said.out == ""
    assert "使いません" in said.err or "not used" in said.err


def info(source: str, **more: object) -> PromptInfo:
    return PromptInfo(source=source, normalized=source, english=source, tokens=1, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("{赤|青}い帽子", "{ | }"),
        ("猫、__髪型__", "__髪型__"),
        ("(猫:1.2)、[犬]、(16:9)", None),
    ],
)
def test_signs_that_do_nothing_are_told(
    prompt: str, found: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    announce_marks(info(prompt))
    said = capsys.readouterr().err
    assert said == ("" if found is None else f"効果のない記号（文字として読みます）: {found}\n")


def test_each_step_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "[赤い:青い:0.5]家", "--steps", "20"]) == 0
    said = capsys.readouterr()
    assert "英語（ステップ 1–10）:     a red house" in said.out
    assert "英語（ステップ 11–20）:     a blue house" in said.out
    assert said.err == ""


def test_words_that_never_have_their_turn_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "[猫|犬] AND 桜[:雪:9] :0.5", "--steps", "4"]) == 0
    said = capsys.readouterr()
    assert "英語（ステップ 1, 3、AND の 1、重み 1）:     cat" in said.out
    assert "英語（ステップ 1–4、AND の 2、重み 0.5）:     cherry blossom" in said.out
    assert said.err == "このステップ数では使われない部分: 雪\n"


def test_words_of_a_negative_prompt_are_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    announced: set[str] = set()
    for _ in range(2):
        announce_negative(info("人", neighbours=(("person", "man"), ("mat", ""))), announced)
    assert capsys.readouterr().err.endswith("代わりの語: person → man、mat → —\n")
    assert len(announced) == 1
