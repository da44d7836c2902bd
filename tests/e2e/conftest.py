"""Fixtures that the tests from end to end share: folders to run in, and the modules of the bench."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).parents[2] / "examples" / "bench"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose name has Japanese and a space in it, where the commands run."""
    folder = tmp_path / "日本語 テスト"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Puts all the files of a folder into one of the test's own, where the commands run from then on."""

    def enter(folder: Path) -> Path:
        shutil.copytree(folder, tmp_path, copy_function=os.link, dirs_exist_ok=True)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return enter


@pytest.fixture
def import_bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Imports a module of the bench; all of them can be imported as long as the test runs."""
    monkeypatch.syspath_prepend(str(BENCH))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(BENCH) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
