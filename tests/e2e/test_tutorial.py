"""The tutorial, followed to the letter: it prints what it says, and the files are where it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdjp import cli
from tests import markdown

PAGE = markdown.ROOT / "docs" / "ja" / "tutorial.md"


def test_it_goes_as_the_page_says(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SDJP_WORDS", str(here / "words.tsv"))
    names: dict[str, object] = {"__name__": "__main__"}
    for block in markdown.blocks(PAGE, ("python", "console")):
        if block.language == "python":
            exec(compile("\n" * block.line + block.text, str(PAGE), "exec"), names)
            continue
        for command, output in dialogue(block.text):
            capsys.readouterr()
            assert cli.main(markdown.arguments(command)) == 0, command
            said = "".join(capsys.readouterr()).splitlines()
            assert [line for line in output if line not in said] == [], command
    first, again = (here / "out" / name for name in ("00000.png", "00006.png"))
    assert again.read_bytes() == first.read_bytes()
    assert (here / "out" / "00007.png").is_file()  # from Python


def dialogue(text: str) -> list[tuple[str, list[str]]]:
    """The commands of a console and the lines that follow each."""
    told: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            told.append((line.removeprefix("$ "), []))
        else:
            told[-1][1].append(line)
    return told
