"""``sdjp licenses``: what it says, in both languages, and that it needs nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sdjp import cli
from sdjp.licences.duties import USES


@pytest.fixture
def sd_v1(tmp_path: Path) -> str:
    """A folder whose card says that it is under the OpenRAIL-M."""
    (tmp_path / "README.md").write_text("---\nlicense: creativeml-openrail-m\n---\n", encoding="utf-8")
    return str(tmp_path)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["licenses", *arguments]) == 0
    return capsys.readouterr().out


def test_all_is_told_for_the_embedded_model(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys)
    assert "法的助言ではありません" in text
    for words in (
        "Apache License 2.0（付属のモデル）",
        "JMdict と JMnedict から取った辞書: CC BY-SA 4.0",
        "torch",
    ):
        assert words in text
    for use in USES.values():
        assert f"{use.ja}:" in text
    drawing = text[text.index(USES["pictures"].ja) : text.index(USES["code"].ja)]
    assert "特にありません" in drawing
    assert "付属書 A" not in text


def test_english_has_no_japanese(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "--lang", "en")
    assert "no legal advice" in text
    assert not any("ぁ" <= c <= "ヿ" for c in text)


def test_what_the_open_rail_asks_is_told_use_by_use(capsys: pytest.CaptureFixture[str], sd_v1: str) -> None:
    data = json.loads(said(capsys, "--model", sd_v1, "--json"))
    assert data["model"]["id"] == "CreativeML-OpenRAIL-M"
    assert data["model"]["how"] == "card"
    asked = {use: [row["ja"] for row in rows if "RAIL" in row["of"]] for use, rows in data["duties"].items()}
    assert set(asked) == set(USES)
    assert "責任は、描いた人に" in asked["pictures"][0]
    assert "強制できる条項として利用規約に" in asked["service"][0]
    assert "ライセンスの写し" in asked["weights"][0]
    assert "第 5 条" in asked["code"][0]


def test_a_model_of_unknown_licence_is_called_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    path.write_bytes(b"weights")
    data = json.loads(said(capsys, "--model", str(path), "--json"))
    assert data["model"]["name"] is None
    assert "わかりません" in data["duties"]["pictures"][0]["ja"]
    assert "ライセンスはわかりません" in said(capsys, "--model", str(path), "--no-sha256")
    assert "本文は手元にありません" in said(capsys, "--model", str(path), "--text")


def test_packages_that_tell_no_licence_are_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "einops-9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: einops\nVersion: 9\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert "わからないもの: " in said(capsys)
    packages = {row["name"]: row for row in json.loads(said(capsys, "--json"))["packages"]}
    assert packages["einops"]["license"] is None


def test_parts_go_out_alone_and_together(capsys: pytest.CaptureFixture[str], sd_v1: str) -> None:
    terms, attribution = said(capsys, "--terms"), said(capsys, "--attribution")
    assert terms.startswith("画像生成機能に関する利用条件")
    assert "別紙　使用制限" in terms
    assert attribution.startswith("画像生成: sdjp")
    assert said(capsys, "--terms", "--attribution") == f"{terms.rstrip()}\n\n{attribution}"
    assert "CreativeML Open RAIL-M\ndated August 22, 2022" in said(capsys, "--text", "--model", sd_v1)
    both = json.loads(said(capsys, "--terms", "--json"))
    assert both["terms"].rstrip() == terms.rstrip()
    assert both["model"]["how"] == "embedded"


def test_terms_for_a_model_of_another_licence_have_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["licenses", "--terms", "--model", "mini"]) == 0
    assert "Apache License 2.0" in capsys.readouterr().err
    assert cli.main(["licenses", "--terms"]) == 0
    assert capsys.readouterr().err == ""


def test_a_model_that_is_not_there_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["licenses", "--model", "/no/such.ckpt"]) == 1
    assert "見つかりません" in capsys.readouterr().err


def test_nothing_heavy_is_loaded() -> None:
    code = """
import contextlib, io, sys
from sdjp.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    for more in ([], ["--json"], ["--terms"], ["--attribution"], ["--text"]):
        assert main(["licenses", *more]) == 0
heavy = {"torch", "transformers", "PIL", "numpy", "fugashi", "cv2", "safetensors"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)
