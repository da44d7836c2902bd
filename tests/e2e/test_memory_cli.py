"""Less memory on the command line, with a safety checker, with LoRA; and the parts of the bench for it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from PIL import Image

from sdjp import Pipeline, cli
from sdjp.config import MINI, TINY
from sdjp.images import read_metadata
from tests.safety_files import save_checker

QUICK = ["--steps", "1", "-W", "64", "-H", "64", "--no-watermark", "--seed", "3"]


def test_the_command_draws_the_same_picture_and_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ways = {"normal": [], "sequential": ["--memory", "sequential"], "low": ["--low-memory"]}
    pixels = {}
    for memory, options in ways.items():
        arguments = ["赤い車", *QUICK, "--safety", "off", "--engine", "eager", "--outdir", memory, *options]
        assert cli.main(arguments) == 0
        (picture,) = Path(memory).glob("*.png")
        record = read_metadata(picture).sdjp
        assert record is not None
        assert record["runtime"]["memory"] == memory
        pixels[memory] = Image.open(picture).tobytes()
    assert pixels["sequential"] == pixels["normal"]


def test_other_values_are_refused_in_japanese(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    assert cli.main(["赤い車", *QUICK, "--outdir", out, "--memory", "small"]) == 2
    assert "memory に 'small' は使えません" in capsys.readouterr().err
    assert cli.main(["赤い車", *QUICK, "--outdir", out, "--low-memory", "--engine", "packed"]) == 2
    assert "engine='packed'" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.png"))


def test_a_safety_checker_is_read_when_pictures_are_looked_at(tmp_path: Path) -> None:
    checker = save_checker(tmp_path / "checker")
    reports = []
    for memory in ("normal", "sequential"):
        pipe = Pipeline.from_pretrained(
            memory=memory, engine="eager", safety_checker=checker, watermark=False, dtype="float32"
        )
        result = pipe.generate("赤い車", seed=1, num_inference_steps=1)
        reports.append(next(r for r in result.reports[0] if r.name == "safety"))
        network: Any = next(p for p in pipe.postprocessors if p.name == "safety")
        held = sum(p.untyped_storage().nbytes() for p in network.checker.vision.parameters())
        assert (held < 200) == (memory == "sequential")  # one number for each tensor
    assert reports[0].data["checked"]
    assert reports[1] == reports[0]


def test_embeddings_are_found_beside_a_text_encoder_that_is_away(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    rows = torch.linspace(-1, 1, 2 * MINI.text.width).reshape(2, -1)
    save_file({"emb_params": rows}, tmp_path / "mine.safetensors")
    states = [
        Pipeline.from_pretrained(memory=memory, dtype="float32", embeddings_dir=tmp_path).encode_prompt(
            "mine の車"
        )
        for memory in ("normal", "sequential")
    ]
    assert torch.equal(*states)


def test_loading_is_measured_beside_reading(
    import_bench: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    loading: ModuleType = import_bench("loading")
    path = tmp_path / "model-ema.ckpt"
    import_bench("resident").write_random(path, TINY, torch.float32, ema=True)
    row = loading.row(path, torch.float32, "bfloat16", 1)
    assert row["to_read"]["median"] > 0
    assert row["file_gb"] > 2 * row["weights_gb"] > 0
    if sys.platform == "linux":
        assert row["peak_gb"] > row["anonymous_gb"] > 0


def test_memory_is_measured_for_a_saving(import_bench: Callable[[str], ModuleType], tmp_path: Path) -> None:
    memory: ModuleType = import_bench("memory")
    path = tmp_path / "model.safetensors"
    import_bench("resident").write_random(path, TINY, torch.float16)
    row = memory.row(str(path), "float32", "low", "auto", steps=1)
    assert (row["memory"], row["engine"], row["dtype"]) == ("low", "eager", "float32")
    if sys.platform == "linux":
        assert row["peak_gb"] > row["weights_gb"] > 0
