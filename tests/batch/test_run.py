"""Jobs as users run them: drawn once and whole, gone on with after whatever happened, and stopped cleanly."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdjp.batch.entries import read_chunk
from sdjp.batch.item import Item, Refused
from sdjp.batch.places import FAILURES, TRIES
from sdjp.batch.spec import Job
from sdjp.cli import main
from sdjp.options import GenerationOptions
from sdjp.pipeline import Pipeline
from tests.batch import jobs
from tests.batch.conftest import Drawn


def flags(out: Path) -> list[str]:
    return ["--out", str(out), *jobs.SMALL]


def times(out: Path) -> dict[str, int]:
    """When each picture and each record was written."""
    return {
        str(path): path.stat().st_mtime_ns
        for kind in ("pictures", "records", "items")
        for path in (out / kind).rglob("*")
    }


@pytest.fixture
def copied(drawn: Drawn, tmp_path: Path) -> Drawn:
    """The drawn job, to be changed."""
    out = tmp_path / "copy"
    shutil.copytree(drawn.out, out)
    return Drawn(**{**vars(drawn), "out": out, "store": jobs.job_at(out)})


def test_every_row_becomes_a_picture_or_is_told(drawn: Drawn) -> None:
    assert drawn.code == 2  # two rows cannot be drawn
    assert len(jobs.checksums(drawn.store)) == 20
    assert jobs.orphans(drawn.store) == set()
    refused = [
        item for item in read_chunk(drawn.store, Job.read(drawn.store), 0) if isinstance(item, Refused)
    ]
    assert [item.row for item in refused] == [14, 15]
    assert "65" in refused[0].error["ja"]
    assert "20" in drawn.said
    assert "Traceback" not in drawn.said


def test_pictures_of_a_job_have_seeds_by_rule(drawn: Drawn) -> None:
    records = jobs.records(drawn.store)
    own = {n: record for n, record in records.items() if record.prompt == "sunset over the sea"}
    assert [record.seed for record in own.values()] == [123]
    assert all(record.seed == 7 + n for n, record in records.items() if n not in own)


def test_rows_have_options_of_their_own(drawn: Drawn) -> None:
    by_row = {(record.row, record.copy): record for record in jobs.records(drawn.store).values()}
    copies = [by_row[10, copy] for copy in range(3)]
    assert [record.key for record in copies] == ["三枚"] * 3
    assert len({record.sha256 for record in copies}) == 3
    assert (by_row[11, 0].width, by_row[11, 0].height) == (96, 64)
    assert by_row[11, 0].options["guidance_scale"] == 5.0
    assert by_row[12, 0].options["sampler"] == "euler"
    assert by_row[13, 0].options["num_inference_steps"] == 2
    assert by_row[13, 0].options["negative_prompt"] == "船"
    assert by_row[1, 0].options["num_inference_steps"] == 1
    assert by_row[1, 0].english


@pytest.mark.parametrize("row", [1, 10, 11, 12, 13, 16])
def test_a_picture_is_the_one_that_generate_draws(drawn: Drawn, embedded: Pipeline, row: int) -> None:
    record = next(r for r in jobs.records(drawn.store).values() if r.row == row)
    options = GenerationOptions.from_json(dict(record.options))
    given = {name: getattr(options, name) for name in vars(options)}
    expected = embedded.generate(**given, progress=False).images[0]
    found = Image.open(io.BytesIO(drawn.store.read(record.file)))
    assert np.array_equal(np.asarray(found), np.asarray(expected))


def test_a_job_that_is_done_draws_nothing_again(drawn: Drawn) -> None:
    before = times(drawn.out)
    assert main(["batch", str(drawn.source), *flags(drawn.out), "--workers", "1"]) == 2
    assert times(drawn.out) == before


def test_a_job_goes_on_and_draws_the_same_bytes_however_it_is_drawn(drawn: Drawn, copied: Drawn) -> None:
    records = sorted((copied.out / "records").rglob("*.json"))
    for path in records[::4]:
        (copied.out / json.loads(path.read_bytes())["file"]).unlink()
    for path in records[::2]:
        path.unlink()
    kept = {path: path.stat().st_mtime_ns for path in records[1::2]}
    more = ["--workers", "1", "--batch-size", "3", "--threads", "1"]  # more threads round otherwise
    assert main(["batch", str(copied.source), *flags(copied.out), *more]) == 2
    assert jobs.checksums(copied.store) == jobs.checksums(drawn.store)
    assert all(path.stat().st_mtime_ns == before for path, before in kept.items())


def test_a_folder_belongs_to_one_job(
    drawn: Drawn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = times(drawn.out)
    assert main(["batch", str(drawn.source), *flags(drawn.out), "--steps", "2", "--sampler", "euler"]) == 2
    told = capsys.readouterr().err
    assert "options.num_inference_steps" in told
    assert "options.sampler" in told
    assert "seed" not in told
    other = jobs.write_rows(tmp_path / "other.jsonl", [{"prompt": "猫"}])
    assert main(["batch", str(other), *flags(drawn.out)]) == 2
    assert "input" in capsys.readouterr().err
    assert times(drawn.out) == before


def test_the_same_input_under_another_name_is_the_same_job(
    drawn: Drawn, copied: Drawn, tmp_path: Path
) -> None:
    moved = tmp_path / "名前が変わった.jsonl"
    shutil.copy(drawn.source, moved)
    before = times(copied.out)
    assert main(["batch", str(moved), *flags(copied.out)]) == 2
    assert times(copied.out) == before


def test_strict_refuses_an_input_with_a_bad_row(
    drawn: Drawn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "strict"
    assert main(["batch", str(drawn.source), *flags(out), "--strict"]) == 2
    told = capsys.readouterr().err
    assert "14:" in told
    assert "15:" in told
    assert [path for path in out.rglob("*") if path.is_file()] == []


def test_files_of_others_in_the_folder_of_a_job_are_passed_over(copied: Drawn) -> None:
    for kind in ("records", "pictures", "failures", "tries"):
        folder = copied.out / kind / "000" / "000"
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("Thumbs.db", ".DS_Store", "desktop.ini", ".nfs0001", "メモ.txt"):
            (folder / name).write_bytes(b"")
    before = times(copied.out)
    assert main(["batch", str(copied.source), *flags(copied.out)]) == 2
    assert times(copied.out) == before


def test_what_stops_a_run_leaves_nothing_behind(tmp_path: Path, own: jobs.Processes) -> None:
    """Another run is refused; Ctrl-C ends all processes; kill -9 of the driver does, too."""
    source = jobs.write_rows(tmp_path / "many.txt", jobs.prompts(400))
    out, log = tmp_path / "out", tmp_path / "log"
    command = jobs.batch(source, out, *jobs.SMALL, "--workers", "2")

    driver = jobs.start(command, own, log)
    assert jobs.wait_for(lambda: _some(out, 1) or driver.poll() is not None)
    assert main(["batch", str(source), *flags(out)]) == 2  # one works on it already
    os.killpg(driver.pid, signal.SIGINT)  # as a terminal does
    assert driver.wait(jobs.PATIENCE) == 130, log.read_text()
    assert own.gone(), own.all()
    assert jobs.names(jobs.job_at(out), TRIES) == []
    assert list(out.glob("lock*")) == []
    assert "Traceback" not in log.read_text()

    done = len(_records(out))
    driver = jobs.start(command, own, log)
    assert jobs.wait_for(lambda: _some(out, done + 1) or driver.poll() is not None)
    assert "worker" in own.all().values()
    driver.kill()
    driver.wait()
    assert own.gone(20), own.all()
    assert jobs.names(jobs.job_at(out), FAILURES) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_what_is_stopped_before_anything_is_drawn_leaves_nothing_behind(
    tmp_path: Path, own: jobs.Processes, how: signal.Signals
) -> None:
    """Ctrl-C; and a machine that is taken away, which tells the driver alone."""
    source = jobs.write_rows(tmp_path / "few.txt", jobs.prompts(40))
    out, log = tmp_path / "out", tmp_path / "log"
    driver = jobs.start(jobs.batch(source, out, *jobs.SMALL), own, log)
    while not _starting(driver.pid) and driver.poll() is None:
        pass  # without a rest: it is stopped at the earliest moment
    (os.killpg if how == signal.SIGINT else os.kill)(driver.pid, how)
    assert driver.wait(jobs.PATIENCE) == 130, log.read_text()
    assert own.gone(), own.all()
    assert "Traceback" not in log.read_text()
    assert _records(out) == []


def _starting(driver: int) -> bool:
    """Whether a process has started another one that is to draw."""
    children = Path(f"/proc/{driver}/task/{driver}/children").read_text().split()
    with suppress(OSError):
        return any(b"--multiprocessing-fork" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children)
    return False


def _records(out: Path) -> list[Path]:
    return [path for path in (out / "records").rglob("*.json") if not path.name.startswith(".")]


def _some(out: Path, count: int) -> bool:
    return len(_records(out)) >= count


def test_items_are_in_the_order_of_the_input(drawn: Drawn) -> None:
    items = read_chunk(drawn.store, Job.read(drawn.store), 0)
    assert [item.number for item in items] == list(range(22))
    assert [item.row for item in items] == sorted(item.row for item in items)
    assert len({item.id for item in items if isinstance(item, Item)}) == 20
