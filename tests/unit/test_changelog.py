"""The changelog: its form, and that its newest version is the one in `_version.py`."""

from __future__ import annotations

import re
import runpy
from types import SimpleNamespace

import pytest

import sdjp
from tests.markdown import ROOT


@pytest.fixture(scope="module")
def changelog() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(ROOT / ".ci" / "changelog.py")))


def text() -> str:
    return (ROOT / "docs" / "CHANGELOG.md").read_text(encoding="utf-8")


def test_its_form_and_its_order(changelog: SimpleNamespace) -> None:
    entries = changelog.read(text())
    assert entries[0].version is None  # what is not released stands at the top
    numbers = [tuple(map(int, entry.version.split("."))) for entry in entries[1:]]
    assert numbers == sorted(set(numbers), reverse=True)
    dates = [entry.date for entry in entries[1:]]
    assert dates == sorted(dates, reverse=True)
    for entry in entries[1:]:
        assert all(entry.lines.values())


def test_the_newest_version_is_ours(changelog: SimpleNamespace) -> None:
    assert changelog.newest(changelog.read(text())).version == sdjp.__version__


def test_notes_have_every_line_in_their_language(changelog: SimpleNamespace) -> None:
    newest = changelog.newest(changelog.read(text()))
    kana = re.compile("[ぁ-んァ-ヶ]")
    japanese = re.compile("[ぁ-んァ-ヶ一-龥]")
    for english in (False, True):
        notes = changelog.notes(newest, english=english)
        lines = [line for line in notes.splitlines() if line.startswith("- ")]
        assert len(lines) == sum(map(len, newest.lines.values()))
        assert notes.startswith(f"# sdjp {newest.version} ({newest.date})\n\n## ")
        assert not re.search(r"\]\((?!https?:)", notes)
        without_code = [re.sub("`[^`]*`|「[^」]*」", "", line) for line in lines]
        if english:
            assert not any(map(kana.search, without_code))
        else:
            assert all(map(japanese.search, without_code))


@pytest.mark.parametrize(
    "wrong",
    [
        "## 0.1.0\n",
        "## [0.1.0] - 2026/11/30\n",
        "## [0.1.0] - 2026-11-30\n\n- 追加 · added\n",
        "## [0.1.0] - 2026-11-30\n\n### 追加\n",
        "## [0.1.0] - 2026-11-30\n\n### 追加 · Added\n\n- 日本語だけ\n",
        "## [0.1.0] - 2026-11-30\n\n### 追加 · Added\n\n- 絵 · a picture · twice\n",
        "## [0.1.0] - 2026-11-30\n\n### 追加 · Added\n\n- 絵 · a picture\n\n### 追加 · Added\n",
    ],
)
def test_other_forms_are_told_with_their_line(changelog: SimpleNamespace, wrong: str) -> None:
    with pytest.raises(ValueError, match=r"^line \d+: "):
        changelog.read(wrong)
