"""``sdjp report``: what is in the file, and what is not."""

from __future__ import annotations

import getpass
import json
import platform
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import sdjp
from sdjp import cli
from tests.markdown import ROOT

SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SDJP_WORDS", str(tmp_path / "秘密" / "words.tsv"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(path: str = "report.json") -> dict[str, Any]:
    data: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    jsonschema.validate(data, SCHEMA)
    return data


def test_it_has_the_way_of_the_prompt_and_versions(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "（ぺろぽん：１．２）と猫",
        "--expected",
        "peropon and a cat",
        "--note",
        "キャラクターの名前です",
    ]
    assert cli.main(["report", *arguments, "-o", "送る.json"]) == 0
    said = capsys.readouterr().out
    assert "送る.json" in said
    assert "何も送信していません" in said
    assert "期待した英語、ひとこと" in said
    data = written("送る.json")
    assert data["prompt"] == "（ぺろぽん：１．２）と猫"
    assert data["normalized"] == "(ぺろぽん:1.2)と猫"
    assert "cat" in data["english"]
    assert (data["expected"], data["note"]) == ("peropon and a cat", "キャラクターの名前です")
    assert {"source": "猫", "english": "cat", "how": "lexicon"} in data["parts"]
    assert data["unknown"] == ["ぺろ"]
    assert data["versions"]["sdjp"] == sdjp.__version__
    assert data["versions"]["python"] == platform.python_version()
    assert data["versions"]["translator"] == "combined"


def test_it_says_nothing_of_who_wrote_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["words", "add", "ぽちまる", "dog"])
    capsys.readouterr()
    marian = ROOT / "tests" / "golden" / "tiny_marian"
    assert cli.main(["report", "ぽちまると猫", "--lang", "en"]) == 0
    said = capsys.readouterr().out
    assert "Nothing was sent" in said
    assert "what you expected" not in said
    data = written()
    assert {"source": "ぽちまる", "english": "dog", "how": "user"} in data["parts"]
    assert not {"expected", "note"} & set(data)
    assert cli.main(["report", "猫", "--translator", f"marian:{marian}", "-o", "marian.json"]) == 0
    assert written("marian.json")["versions"]["translator"] == "marian"
    for name in ("report.json", "marian.json"):
        text = Path(name).read_text(encoding="utf-8")
        for secret in (str(here), str(ROOT), "秘密", platform.node(), str(Path.home()), "tiny_marian"):
            assert secret not in text
        assert f'"{getpass.getuser()}"' not in text


def test_what_the_embedded_model_does_not_know_is_no_matter(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "シマウマ"]) == 0
    assert written()["english"] == "zebra"


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_file_is_not_replaced_unasked(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("report.json").write_text("mine", encoding="utf-8")
    assert cli.main(["report", "猫", "--lang", language]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert Path("report.json").read_text(encoding="utf-8") == "mine"
    assert cli.main(["report", "猫", "--overwrite", "--lang", language]) == 0
    assert written()["english"] == "cat"


@pytest.mark.parametrize(
    ("arguments", "code", "ja"),
    [
        (["。"], 2, "プロンプトに文字がありません"),
        (["猫", "-o", "none/report.json"], 1, "書き込めません"),
        (["猫", "--translator", "nobody"], 2, "翻訳器"),
    ],
)
def test_bad_input_is_told(
    arguments: list[str], code: int, ja: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["report", *arguments]) == code
    assert ja in capsys.readouterr().err
    assert list(here.iterdir()) == []
