"""The bench works on tiny networks, and its tables reach the documentation. No time is asserted."""

from __future__ import annotations

import importlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("diffusers")

ROOT = Path(__file__).parents[2]
BENCH = ROOT / "examples" / "bench"
OWN = "unet,vae,batches,int8,gpu"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one command writes, on tiny networks."""
    out = tmp_path_factory.mktemp("bench 日本語")
    line = [sys.executable, str(BENCH / "run.py"), "--tiny", "--only", OWN, "--out", str(out)]
    env = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(line, capture_output=True, encoding="utf-8", env=env, check=False)
    assert done.returncode == 0, done.stderr
    assert (out / "plot.png").read_bytes().startswith(b"\x89PNG")
    found: dict[str, Any] = json.loads((out / "results.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def bench(import_bench: Callable[[str], ModuleType]) -> ModuleType:
    return import_bench("run")


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from numbers(item)
    elif isinstance(value, float):
        yield value


@pytest.mark.slow
def test_every_part_has_rows(results: dict[str, Any]) -> None:
    import torch

    assert set(results["parts"]) == set(OWN.split(","))
    for name, part in results["parts"].items():
        assert bool(part["rows"]) == (name != "gpu" or torch.cuda.is_available())
        assert all(math.isfinite(value) for value in numbers(part["rows"]))
        assert part["machine"]["cores"] >= 1
        assert {"python", "torch", "sdjp", "diffusers"} <= set(part["versions"])
        assert part["quiet"] in (True, False)


@pytest.mark.slow
def test_the_contenders_hold_the_same_weights(results: dict[str, Any]) -> None:
    """In float32 all of them compute one function: they differ by rounding, and tiles by their statistics."""
    for name in ("unet", "vae"):
        rows = [row for row in results["parts"][name]["rows"] if "seconds" in row]
        exact = [row for row in rows if "float32" in row["contender"] and "tiles" not in row["contender"]]
        assert {row["contender"].split()[0] for row in exact} == {"diffusers", "sdjp"}
        # OpenVINO in its fastest mode rounds on the way; the others come to 1e-5.
        assert all(
            row["relative_error"] < (2e-2 if "openvino" in row["contender"] else 1e-4) for row in exact
        )


@pytest.mark.slow
def test_ratios_are_those_of_the_rounds(results: dict[str, Any]) -> None:
    rows = [row for row in results["parts"]["unet"]["rows"] if "seconds" in row]
    plain = rows[0]["all_seconds"]
    for row in rows:
        ratios = sorted(mine / theirs for mine, theirs in zip(row["all_seconds"], plain, strict=True))
        assert len(ratios) == row["rounds"] == 2
        assert row["to_plain"]["median"] == pytest.approx(sum(ratios) / 2)


def test_rounds_begin_with_each_in_turn(bench: ModuleType) -> None:
    paired = importlib.import_module("paired")
    called: list[str] = []
    names = ("a", "b", "c")
    timings = paired.compare(
        {name: lambda name=name: called.append(name) for name in names}, rounds=3, warmup=1
    )
    assert "".join(called) == "abc" + "abc" + "bca" + "cab"
    assert all(len(timings.seconds[name]) == 3 for name in names)


def test_the_work_of_a_call_is_counted(bench: ModuleType) -> None:
    """The convolutions and products of a guided call at 512×512, attention's two products included."""
    from sdjp.config import SD_V1

    call, decoding = importlib.import_module("batches").work(SD_V1, 1, 64)
    # 2 rows × 8 heads × 2 products × 2 operations × positions² × width of a head, 5 layers at each of 3
    # levels and one in the middle; the text has 77 positions.
    levels = ((64, 320, 5), (32, 640, 5), (16, 1280, 5), (8, 1280, 1))
    attention = sum(2 * 2 * 2 * s**2 * (s**2 + 77) * width * layers for s, width, layers in levels)
    assert attention == pytest.approx(0.2521e12, rel=1e-3)
    assert call == pytest.approx(1.6065e12, rel=1e-3)
    assert decoding == pytest.approx(2.5145e12, rel=1e-3)


@pytest.mark.slow
def test_the_rows_of_a_gpu_come_from_any_device(bench: ModuleType) -> None:
    import torch

    from sdjp.config import TINY

    rows = importlib.import_module("gpu").rows(
        TINY, device="cpu", dtype=torch.float32, steps=2, rounds=1, compiled=None
    )
    timed = [row["contender"] for row in rows if "seconds" in row]
    assert timed[:2] == ["diffusers", "diffusers channels_last"]
    assert any(name.startswith("sdjp") for name in timed)


def test_two_runs_are_extended_to_fifty_steps(bench: ModuleType) -> None:
    from sdjp.config import TINY

    rows = importlib.import_module("picture").extended(TINY, 1, 1, 2)
    assert [row["contender"] for row in rows if "PLMS 50" in str(row["contender"])]
    assert all("1 and 2 steps" in str(row.get("measured", "1 and 2 steps")) for row in rows[:2])


def test_tables_reach_the_documentation(bench: ModuleType, tmp_path: Path) -> None:
    rows = [{"contender": "sdjp", "seconds": {"median": 2.0, "low": 1.0, "high": 3.0}, "rounds": 2}]
    found = importlib.import_module("part").run(lambda: rows, tiny=True, rounds=None, every=False)
    results = {"parts": {"unet": found}}
    page = (
        "# 速さ\n\n<!-- bench:unet -->\nold\n<!-- /bench -->\n\n<!-- bench:text -->\nkept\n<!-- /bench -->\n"
    )
    for language in ("ja", "en"):
        (tmp_path / language).mkdir()
        (tmp_path / language / "speed.md").write_text(page, encoding="utf-8")
    with pytest.raises(SystemExit, match="unet"):
        bench.document(results, tmp_path)  # tiny networks are not for the documentation
    fit = {"parts": {"unet": {**results["parts"]["unet"], "tiny": False, "quiet": True}}}
    for _ in range(2):  # once more changes nothing
        bench.document(fit, tmp_path)
        japanese, english = (
            (tmp_path / language / "speed.md").read_text(encoding="utf-8") for language in ("ja", "en")
        )
        assert "old" not in japanese + english
        assert "kept" in japanese
        assert "秒（四分位）" in japanese
        assert "2 回の中央値。" in japanese
        assert "seconds (quartiles)" in english
        assert "Medians of 2 rounds." in english
        assert japanese.count("<!-- bench:unet -->") == 1


def test_blocks_of_the_documentation_are_parts_of_the_bench(bench: ModuleType) -> None:
    assert (
        {"unet", "vae", "picture", "batches", "int8", "gpu"}
        <= bench.places(ROOT / "docs")
        <= set(bench.PARTS)
    )


def test_unknown_parts_are_refused(bench: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["--only", "unet,nothing"])
    assert "nothing" in capsys.readouterr().err
