"""The pages of troubleshooting have every error code of the sources, once, and nothing else."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from sdjp.cli import main
from tests import error_codes
from tests.markdown import ROOT

LANGUAGES = ("ja", "en")
_ENTRY = re.compile(r"^### `([^`\n]+)`\n(.*?)(?=^##|\Z)", re.DOTALL | re.MULTILINE)
_JAPANESE = re.compile(r"[ぁ-んァ-ヶ]")


def entries(language: str) -> list[tuple[str, str, str]]:
    """Code, when it comes, what to do: as the page has them."""
    page = ROOT / "docs" / language / "errors.md"
    found = []
    for code, text in _ENTRY.findall(page.read_text(encoding="utf-8")):
        when, arrow, advice = text.partition("→")
        assert arrow, f"{language}: {code} does not say what to do"
        found.append((code, when.strip(), advice.strip()))
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_one_entry(language: str) -> None:
    codes = {raised.code for raised in error_codes.raised()}
    there = Counter(code for code, _, _ in entries(language))
    assert sorted(codes - set(there)) == [], "codes without an entry"
    assert sorted(set(there) - codes) == [], "entries without a code"
    assert [code for code, times in there.items() if times > 1] == []


def test_both_pages_have_the_same_order() -> None:
    ja, en = ([code for code, _, _ in entries(language)] for language in LANGUAGES)
    assert ja == en


def test_entries_are_sentences_of_their_language() -> None:
    for code, when, advice in entries("ja"):
        assert re.search(r"とき(（.+）)?。$", when), code
        assert _JAPANESE.search(advice), code
        assert advice.endswith("。"), code
    for code, when, advice in entries("en"):
        for text in (when, advice):
            assert re.search(r"[a-z]{2}", text), code
            assert text.endswith((".", "`.")), code
            assert not _JAPANESE.search(text), code


def test_no_entry_says_the_message_again() -> None:
    """An entry is written for the page: the message word for word tells a reader nothing new."""
    nodes = (
        node
        for path in error_codes.SOURCES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )
    messages = {
        node.value.value
        for node in nodes
        if isinstance(node, ast.keyword) and node.arg in LANGUAGES and isinstance(node.value, ast.Constant)
    }
    said = {text for language in LANGUAGES for _, *texts in entries(language) for text in texts}
    assert messages.isdisjoint(said)


@pytest.mark.parametrize(
    ("language", "line"), [("ja", "（コード: report.exists）"), ("en", "(code: report.exists)")]
)
def test_the_command_line_tells_the_code(
    language: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    path.write_text("{}", encoding="utf-8")
    assert main(["report", "猫", "--expected", "cat", "-o", str(path), "--lang", language]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == line
