"""What goes wrong while a job is drawn: pictures that fail, workers that die, places that are lost."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sdjp.batch.places import FAILURES
from sdjp.batch.record import FailureRecord, read_record
from sdjp.batch.run import BatchSummary, Engine, run_batch
from sdjp.batch.stores.base import Store, StoreError
from sdjp.errors import InputError, SdjpError, WeightsError
from tests.batch import faulty, jobs
from tests.batch.drive import FILE_SIZE
from tests.batch.s3_server import BUCKET, Door, environment, s3_server, use

SMALL = {"width": 64, "height": 64, "num_inference_steps": 1}


@pytest.fixture
def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where faults are counted."""
    folder = tmp_path / "faults"
    monkeypatch.setenv(faulty.FOLDER, str(folder))
    return folder


def draw(source: Path, out: Path | str, load: str = "load", **engine: Any) -> BatchSummary:
    """Draw in this process, with workers of its own."""
    engine = {"workers": 2, "batch": 2, **engine}
    return run_batch(
        source, out, options=SMALL, seed=7, load=f"tests.batch.faulty:{load}", engine=Engine(**engine)
    )


def failures(store: Store) -> dict[int, FailureRecord]:
    found = (
        read_record(FailureRecord, store.read(name), name)
        for name in jobs.names(store, FAILURES)
        if not name.endswith(".part")
    )
    return {record.number: record for record in found}


def test_pictures_that_fail_keep_no_other_from_being_drawn(tmp_path: Path, faults: Path) -> None:
    """One kills its worker, one fails, one needs more memory than there is; others fail once, or together."""
    rows = [
        "猫",
        "気まぐれな猫",
        "混雑した街",
        "混雑した駅",
        "毒のりんご",
        "山",
        "壊れた時計",
        "海",
        "大食いの猫",
        "森",
    ]
    source, out = jobs.write_rows(tmp_path / "in.txt", rows), tmp_path / "out"
    summary = draw(source, out, tries=2)
    store = jobs.job_at(out)
    assert (summary.drawn, summary.failed, summary.missing) == (7, 3, 0)
    found = failures(store)
    assert {n: found[n].error["code"] for n in found} == {
        4: "batch.died",
        6: "batch.unexpected",
        8: found[8].error["code"],
    }
    assert found[8].error["code"] in ("memory.full", "batch.unexpected", "batch.died")
    assert "この絵は描けません" in found[6].error["ja"]
    assert all(record.attempts == 2 for record in found.values())
    assert set(jobs.records(store)) == {0, 1, 2, 3, 5, 7, 9}
    assert faulty.count("deadly") == 3  # with others, and then by itself as often as it is tried
    assert faulty.count("crowded") >= 1
    assert jobs.names(store, "tries") == []
    assert not (out / "_SUCCESS").exists()


def test_a_process_that_dies_while_it_loads_is_started_again(tmp_path: Path, faults: Path) -> None:
    source = jobs.write_rows(tmp_path / "in.txt", ["猫", "犬"])
    assert draw(source, tmp_path / "out", "load_late").drawn == 2
    assert faulty.count("load") == 3


def test_workers_draw_on_without_the_process_they_came_from(tmp_path: Path) -> None:
    """When one of them dies, too, another process like it starts the next one."""
    source, out = jobs.write_rows(tmp_path / "in.txt", jobs.prompts(48)), tmp_path / "out"
    store = jobs.job_at(out)
    given = {"options": SMALL, "seed": 7, "engine": {"workers": 2}}
    with jobs.processes(str(tmp_path)) as own:
        driver = jobs.start(jobs.drive(source, out, **given), own, tmp_path / "log")

        def kill(kind: str) -> None:
            os.kill(next(pid for pid, its in own.all().items() if its == kind), signal.SIGKILL)

        assert jobs.wait_for(lambda: any(out.glob("records/*/*/0*.json")) or driver.poll() is not None)
        kill("nursery")
        kill("worker")
        assert driver.wait(jobs.PATIENCE) == 0, (tmp_path / "log").read_text("utf-8")
    assert len(jobs.checksums(store)) == 48


def test_processes_that_only_die_end_the_job(tmp_path: Path, faults: Path) -> None:
    source, out = jobs.write_rows(tmp_path / "in.txt", ["猫", "犬"]), tmp_path / "out"
    with pytest.raises(SdjpError) as caught:
        draw(source, out, "load_never", workers=1)
    assert caught.value.code == "batch.workers"
    assert faulty.count("load") < 10
    assert jobs.names(jobs.job_at(out), "tries") == []


@pytest.mark.parametrize(
    ("load", "kind", "code"),
    [("load_lost", WeightsError, "weights.lost"), ("load_broken", SdjpError, "batch.load_failed")],
)
def test_a_model_that_cannot_be_loaded_ends_the_job(
    tmp_path: Path, faults: Path, load: str, kind: type[SdjpError], code: str
) -> None:
    source = jobs.write_rows(tmp_path / "in.txt", ["猫", "犬"])
    with pytest.raises(kind) as caught:
        draw(source, tmp_path / "out", load)
    assert caught.value.code == code


def test_a_clock_that_is_set_back_changes_no_picture(tmp_path: Path, faults: Path) -> None:
    source = jobs.write_rows(tmp_path / "in.txt", ["猫", "犬"])
    assert draw(source, tmp_path / "out", "load_untimely").drawn == 2
    assert all(0 <= record.seconds < 3600 for record in jobs.records(jobs.job_at(tmp_path / "out")).values())


@contextmanager
def disk(path: Path, size: str) -> Iterator[None]:
    """A disk of its own, of a size."""
    path.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(path)], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip("no right to make a disk")
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


def test_a_full_disk_stops_a_job_which_goes_on_when_there_is_room(tmp_path: Path, faults: Path) -> None:
    source, place = jobs.write_rows(tmp_path / "in.txt", jobs.prompts(12)), tmp_path / "disk"
    with disk(place, "128k"):
        with pytest.raises(StoreError) as caught:
            draw(source, place / "out")
        assert "空き容量がありません" in caught.value.ja
        store = jobs.job_at(place / "out")
        done = jobs.records(store)
        assert 0 < len(done) < 12
        assert jobs.names(store, "tries") == []
        subprocess.run(["mount", "-o", "remount,size=16m", str(place)], check=True)
        assert draw(source, place / "out").drawn == 12
        assert len(jobs.checksums(store)) == 12
        assert {n: record for n, record in jobs.records(store).items() if n in done} == done


def test_a_file_that_may_not_be_as_large_as_a_picture_stops_a_job(tmp_path: Path) -> None:
    """What quotas do."""
    source, out = jobs.write_rows(tmp_path / "in.txt", ["猫", "犬"]), tmp_path / "out"
    given = {"options": SMALL, "seed": 7, "engine": {"workers": 1}}
    with jobs.processes(str(tmp_path), **{FILE_SIZE: "5000"}) as own:
        driver = jobs.start(jobs.drive(source, out, **given), own, tmp_path / "log")
        assert driver.wait(jobs.PATIENCE) == 2
    assert "batch.store" in (tmp_path / "log").read_text("utf-8")
    assert jobs.records(jobs.job_at(out)) == {}
    assert jobs.orphans(jobs.job_at(out)) == set()


def test_a_store_that_cannot_be_reached_stops_a_job_which_goes_on_when_it_is_back(
    tmp_path: Path, faults: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = jobs.write_rows(tmp_path / "in.txt", jobs.prompts(12))
    out = f"s3://{BUCKET}/{tmp_path.name}"
    with s3_server() as url, Door(url) as door:
        use(monkeypatch, door.url)
        monkeypatch.setattr("sdjp.batch.stores.object_store.WAITS", (0.2, 0.5))
        pictures = 0

        def shut(method: str, path: str, headers: object) -> tuple[int, str] | None:
            nonlocal pictures
            pictures += method == "PUT" and "/pictures/" in path
            return (503, "SlowDown") if pictures > 4 else None

        door.refuse = shut
        with pytest.raises(StoreError) as caught:
            draw(source, out)
        assert "続きから描きます" in caught.value.ja
        door.refuse = lambda method, path, headers: None
        done = jobs.records(jobs.job_at(out))
        assert 0 < len(done) <= 4
        assert draw(source, out).drawn == 12
        store = jobs.job_at(out)
        assert len(jobs.checksums(store)) == 12
        assert {n: record for n, record in jobs.records(store).items() if n in done} == done


def test_a_job_in_a_store_is_for_one_run_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = jobs.write_rows(tmp_path / "in.txt", jobs.prompts(2000))  # more than are drawn meanwhile
    out = f"s3://{BUCKET}/{tmp_path.name}"
    with s3_server() as url, jobs.processes(str(tmp_path), **environment(url)) as own:
        use(monkeypatch, url)
        driver = jobs.start(jobs.batch(source, out, *jobs.SMALL), own, tmp_path / "log")
        assert jobs.wait_for(lambda: "nursery" in own.all().values() or driver.poll() is not None)
        with pytest.raises(InputError) as caught:
            draw(source, out)
        assert caught.value.code == "batch.locked"
        driver.send_signal(2)
        assert driver.wait(jobs.PATIENCE) == 130
