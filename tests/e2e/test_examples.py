"""Every example runs from start to end, in a process of its own and in an empty folder."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stand_in import save_stand_in

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
ARGUMENTS = {"real_checkpoint": ["sd-v1-4.ckpt"]}
DRAWS_NOTHING = {"explain"}
QUICK = {"explain", "hello", "real_checkpoint"}  # the others are for `nox -s examples`
RUNS = [
    pytest.param(path, id=path.stem, marks=() if path.stem in QUICK else pytest.mark.slow) for path in SCRIPTS
]


def test_there_are_examples() -> None:
    assert len(SCRIPTS) >= 5


@pytest.mark.parametrize("script", RUNS)
def test_example_runs(script: Path, tmp_path: Path) -> None:
    save_stand_in(tmp_path / "sd-v1-4.ckpt")
    done = subprocess.run(
        [sys.executable, str(script), *ARGUMENTS.get(script.stem, [])],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    drawn = list(tmp_path.rglob("*.png"))
    assert bool(drawn) == (script.stem not in DRAWS_NOTHING)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_example_says_what_it_shows(script: Path) -> None:
    assert ast.get_docstring(ast.parse(script.read_text(encoding="utf-8")))
    assert f"({script.name})" in (EXAMPLES / "README.md").read_text(encoding="utf-8")
