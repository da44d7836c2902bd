"""The bench of the text part works on a tiny encoder. No time is asserted."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

from sdjp.text.read import check_prompt
from sdjp.text.script import is_japanese

BENCH = Path(__file__).parents[2] / "examples" / "bench"


def test_it_gives_a_row_for_each_case(tmp_path: Path) -> None:
    target = tmp_path / "結果.json"
    line = [sys.executable, str(BENCH / "run.py"), "--tiny", "--only", "text", "--rounds", "1"]
    subprocess.run([*line, "--json", str(target)], check=True, stdout=subprocess.PIPE)
    rows = json.loads(target.read_text(encoding="utf-8"))["rows"]
    assert len({row["case"]["ja"] for row in rows}) == len({row["case"]["en"] for row in rows}) == 9
    for row in rows:
        figures = row["milliseconds"]
        assert 0 < figures["low"] <= figures["median"] <= figures["high"]
        assert math.isfinite(figures["high"])
        assert row["rounds"] == 1


def test_the_prompts_are_a_thousand_different_ones() -> None:
    prompts = (BENCH / "prompts.txt").read_text(encoding="utf-8").splitlines()
    assert len(set(prompts)) == len(prompts) == 1_000
    for prompt in prompts:
        check_prompt(prompt)
        assert is_japanese(prompt)
