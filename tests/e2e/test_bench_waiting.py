"""The bench of how threads wait runs a command with each setting, in turn. No time is asserted."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "examples" / "bench"
NOTE = """
import json, os, sys
with open(sys.argv[1], "a") as file:
    print(json.dumps(os.environ.get("OMP_WAIT_POLICY")), file=file)
"""


def test_each_round_begins_with_another_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    waiting = importlib.import_module("waiting")
    note = tmp_path / "環境.jsonl"
    with waiting.busy(1):
        walls, cpus = waiting.compare([sys.executable, "-c", NOTE, str(note)], rounds=2)
    seen = [json.loads(line) for line in note.read_text(encoding="utf-8").splitlines()]
    assert seen == [None, None, "ACTIVE", "ACTIVE", None]  # the first is for the files alone
    assert all(len(found.seconds[name]) == 2 for found in (walls, cpus) for name in waiting.SETTINGS)
    assert all(second > 0 for second in walls.seconds["sleep"])
