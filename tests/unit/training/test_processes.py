"""Processes that share the steps of a training: what they are started with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sdjp_training.loop import processes


def note(folder: Path) -> None:
    rank, count = processes.rank_and_count()
    (folder / f"{rank} of {count}").write_text(os.environ.get("GLIBC_TUNABLES", ""))


def test_each_process_allocates_in_huge_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    processes.run(note, tmp_path, workers=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0 of 2", "1 of 2"]
    assert {path.read_text() for path in tmp_path.iterdir()} == {processes.TUNABLES}
    assert "GLIBC_TUNABLES" not in os.environ, "as it was before"


def test_what_is_set_already_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=0")
    processes.run(note, tmp_path, workers=2)
    assert {path.read_text() for path in tmp_path.iterdir()} == {"glibc.malloc.check=0"}
    assert os.environ["GLIBC_TUNABLES"] == "glibc.malloc.check=0"
