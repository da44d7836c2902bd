"""What a job would be, before it is drawn: how it is read, and what it takes, measured on its own items."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from pathlib import Path

import pytest

from sdjp.batch import Engine
from sdjp.batch.estimate import DryRun, Estimate, Size, dry_run, free_bytes, size_of
from sdjp.batch.item import Item
from sdjp.cli.batch_estimate import announce_dry_run, dry_run_lines
from sdjp.config.specs import Defaults
from sdjp.options import GenerationOptions

ROWS = [
    {"prompt": "ほげほげ星人", "id": "a"},
    {"prompt": "猫", "width": 250},
    {"prompt": "夕焼けの海、" * 40},
    {"prompt": "犬", "num_images_per_prompt": 2},
    *({"prompt": f"赤い傘をさす猫、{i}"} for i in range(15)),
    {"prompt": "大きな海", "width": 128, "height": 128, "num_inference_steps": 2},
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[DryRun, Path, Path]:
    """A dry run, the folder it was for, and the one for temporary files."""
    folder = tmp_path_factory.mktemp("dry")
    source, out, temporary = folder / "お題.jsonl", folder / "out" / "job", folder / "temporary"
    source.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    temporary.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(temporary))
        options = {"width": 64, "height": 64, "num_inference_steps": 1}
        model = {"safety": "off", "watermark": False}
        run = dry_run(
            str(source), str(out), options=options, model=model, engine=Engine(workers=2, threads=1, batch=2)
        )
    return run, out, temporary


def test_rows_are_counted_and_bad_ones_are_told(found: tuple[DryRun, Path, Path]) -> None:
    run, _, _ = found
    assert (run.rows, run.pictures, run.refused) == (20, 20, 1)
    [bad] = run.first_refused
    assert (bad.row, bad.error["code"]) == (2, "size.multiple")


def test_ten_rows_are_read_the_first_and_the_last_among_them(found: tuple[DryRun, Path, Path]) -> None:
    run, _, _ = found
    rows = [item.row for item, _ in run.readings]
    assert len(rows) == 10
    assert (rows[0], rows[-1]) == (1, 20)
    assert rows == sorted(rows)
    assert "ほげ" in run.readings[0][1].unknown
    assert "cat holding a red umbrella" in run.readings[5][1].english


def test_the_estimate_is_measured_on_items_of_the_job(found: tuple[DryRun, Path, Path]) -> None:
    run, _, _ = found
    assert run.estimate is not None
    assert not run.failures
    assert (run.estimate.measured, run.estimate.workers, run.estimate.scaled) == (4, 2, True)
    assert run.estimate.seconds > 0
    assert run.estimate.total_seconds == pytest.approx(20 * run.estimate.seconds)
    assert 1_000 < run.estimate.bytes < 100_000
    assert run.estimate.free is not None


def test_nothing_stays_of_it(found: tuple[DryRun, Path, Path]) -> None:
    _, out, temporary = found
    assert not out.parent.exists()
    assert not list(temporary.glob("sdjp-*"))  # what else is there is of multiprocessing, until the end


def test_it_is_said_in_both_languages(
    found: tuple[DryRun, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run, _, _ = found
    announce_dry_run(run)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "20 行、20 枚"
    assert "  1 行目（a）: ほげほげ星人" in said
    assert any(line.startswith("    わからなかった語: ") for line in said)
    assert any(line.startswith("  2 行目: 幅（width） 250") for line in said)
    assert any("このジョブの 4 枚を、このマシンのワーカー 2 個で" in line for line in said)
    assert any(line.endswith(("% 未満です", "% です")) for line in said)
    assert any("ステップ数 × 画素数" in line for line in said)
    english = dry_run_lines(run, "en")
    assert english[0] == "20 rows, 20 pictures"
    assert "  row 1 (a): ほげほげ星人" in english
    assert any("from 4 pictures of this job" in line for line in english)


def item(**options: object) -> Item:
    return Item(
        number=0, id="x", row=1, options=GenerationOptions(prompt="猫", seed=1, **options)  # type: ignore[arg-type]
    )  # fmt: skip


def test_what_is_left_open_is_as_the_model_has_it() -> None:
    defaults = Defaults(height=512, width=256, num_inference_steps=20)
    assert size_of(item(), defaults) == Size(pictures=1, pixels=512 * 256, cost=20 * 512 * 256)
    assert size_of(item(height=64, num_inference_steps=3), defaults).cost == 3 * 64 * 256
    assert size_of(item(preset="fast"), defaults).cost == 10 * 512 * 256


def test_a_picture_that_is_enlarged_counts_with_both_sizes() -> None:
    defaults = Defaults(height=64, width=64, num_inference_steps=10)
    size = size_of(item(hires=2.0, hires_strength=0.5), defaults)
    assert size.pixels == 128 * 128
    assert size.cost == 10 * 64 * 64 + 0.5 * 10 * 128 * 128
    drawn_only = size_of(item(hires=2.0), dataclasses.replace(defaults, upscaler="animevideo"))
    assert drawn_only.cost == 10 * 64 * 64


ESTIMATE = Estimate(
    measured=8,
    workers=2,
    seconds=0.5,
    total_seconds=500_000,
    bytes=400_000,
    total_bytes=400_000_000_000,
    free=32_000_000_000,
    scaled=False,
)
RUN = DryRun(
    rows=1_000_000,
    pictures=1_000_000,
    refused=0,
    first_refused=(),
    readings=(),
    estimate=ESTIMATE,
)


def test_a_disk_that_is_too_small_is_said_to_be() -> None:
    said = "\n".join(dry_run_lines(RUN, "ja"))
    assert "1 枚 0.5 秒、全部で 5.8 日" in said
    assert "1 枚 400 kB、全部で 400 GB" in said
    assert "空き容量が足りません（空きは 32 GB）" in said
    assert "NOT ENOUGH ROOM" in "\n".join(dry_run_lines(RUN, "en"))


def test_an_object_store_has_no_free_bytes() -> None:
    run = dataclasses.replace(RUN, estimate=dataclasses.replace(ESTIMATE, free=None))
    assert "空き" not in "\n".join(dry_run_lines(run, "ja"))


def test_where_nothing_could_be_drawn_there_is_no_estimate() -> None:
    run = dataclasses.replace(RUN, estimate=None)
    assert dry_run_lines(run, "ja")[-1] == "1 枚も描けなかったため、見積もりはありません。"


def test_the_free_bytes_are_those_of_the_nearest_folder_there_is(tmp_path: Path) -> None:
    free = free_bytes(str(tmp_path / "a" / "b"))
    assert free is not None
    assert free > 0
