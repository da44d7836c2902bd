"""The manifest: a row for each item, made of the records."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from sdjp.batch import manifest
from sdjp.batch.entries import entries
from sdjp.batch.item import write_items
from sdjp.batch.manifest import COLUMNS, write_manifest
from sdjp.batch.places import RECORDS, chunk_name, file_name
from sdjp.batch.record import write_record
from sdjp.batch.spec import Job
from sdjp.errors import InputError
from tests.batch.job_folder import JobFolder, item_of, refused_of


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> JobFolder:
    """Of six items two are drawn, one failed, one is refused, two are missing."""
    job = JobFolder(tmp_path_factory.mktemp("whole"), 6, refused=[2])
    job.draw([0, 4])
    job.fail(1)
    job.fail(4)  # success wins
    return job


@pytest.fixture
def job(whole: JobFolder, tmp_path: Path) -> JobFolder:
    return whole.copy(tmp_path / "job")


def rows_of(job: JobFolder) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(job.path / "manifest.parquet").to_pylist()
    return rows


def test_each_item_is_a_row(job: JobFolder) -> None:
    counts = write_manifest(job.store)
    assert (counts.drawn, counts.failed, counts.refused, counts.missing) == (2, 1, 1, 2)
    assert counts.name == "manifest.parquet"
    rows = rows_of(job)
    assert [row["number"] for row in rows] == [0, 1, 2, 3, 4, 5]
    assert [row["status"] for row in rows] == ["drawn", "failed", "refused", "missing", "drawn", "missing"]
    assert all(list(row) == list(COLUMNS) for row in rows)


def test_a_drawn_item_has_all_that_is_recorded(job: JobFolder) -> None:
    write_manifest(job.store)
    row = rows_of(job)[4]
    record = job.picture(job.item(4))
    assert row == {
        "number": 4,
        "id": record.id,
        "key": "key4",
        "row": 6,
        "copy": 0,
        "status": "drawn",
        "prompt": "赤い椅子に座る猫",
        "english": "a cat sitting on a red chair",
        "unknown": ["座る"],
        "truncated": "",
        "negative_prompt": "ぼやけた絵",
        "seed": 104,
        "width": 8,
        "height": 8,
        "steps": 20,
        "guidance_scale": 7.5,
        "sampler": "ddim",
        "options": json.dumps(dict(record.options), ensure_ascii=False, sort_keys=True),
        "file": record.file,
        "member": None,
        "sha256": record.sha256,
        "bytes": record.bytes,
        "safety_flagged": False,
        "safety_status": "done",
        "safety_action": "none",
        "watermark_status": "done",
        "watermark_method": "dwtDct",
        "model": "mini",
        "runtime": '{"device": "cpu"}',
        "started": datetime.fromtimestamp(1.75e9, timezone.utc),
        "seconds": 0.5,
        "attempts": 1,
        "worker": "host:1",
        "error_code": None,
        "error_ja": None,
        "error_en": None,
    }


def test_what_is_not_drawn_says_why(job: JobFolder) -> None:
    write_manifest(job.store)
    rows = rows_of(job)
    failed, refused, missing = rows[1], rows[2], rows[3]
    assert (failed["error_code"], failed["attempts"], failed["worker"]) == ("memory.full", 3, "host:2")
    assert failed["error_ja"] == "メモリーが足りません。"
    assert (failed["prompt"], failed["seed"], failed["file"]) == ("赤い椅子に座る猫", 101, None)
    assert (refused["error_code"], refused["id"]) == ("size.multiple", None)
    assert refused["prompt"] == '{"prompt": "猫", "width": 7}'
    assert (missing["prompt"], missing["seed"], missing["error_code"]) == ("赤い椅子に座る猫", 103, None)
    assert json.loads(missing["options"])["negative_prompt"] == "ぼやけた絵"


def test_without_a_safety_checker_there_is_no_verdict(job: JobFolder) -> None:
    record = replace(job.picture(job.item(0)), safety=None, watermark=None)
    job.store.write(job.record_file(0), write_record(record))
    write_manifest(job.store)
    row = rows_of(job)[0]
    assert (row["safety_flagged"], row["safety_status"], row["watermark_method"]) == (None, None, None)


def test_pictures_of_shards_are_rows_too(tmp_path: Path) -> None:
    job = JobFolder(tmp_path, 10, shard=5, refused=[5])
    group = job.draw_group(0, without=[3])
    job.draw_group(5)
    job.fail(3)
    counts = write_manifest(job.store)
    assert (counts.drawn, counts.failed, counts.refused, counts.missing) == (8, 1, 1, 0)
    rows = rows_of(job)
    assert (rows[2]["file"], rows[2]["member"]) == (group.file, group.pictures[2].member)
    job.draw([3])  # by itself, later
    assert write_manifest(job.store).drawn == 9
    assert rows_of(job)[3]["file"] == job.picture_file(3)


def test_a_record_of_its_own_wins_over_that_of_its_group(tmp_path: Path) -> None:
    job = JobFolder(tmp_path, 5, shard=5)
    job.draw_group(0)
    job.draw([2])
    assert write_manifest(job.store).drawn == 5
    assert [row["member"] is None for row in rows_of(job)] == [False, False, True, False, False]


def test_several_chunks_and_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = JobFolder(tmp_path, 2345)
    job.draw([0, 999, 1000, 2344])
    monkeypatch.setattr(manifest, "ROWS", 500)
    counts = write_manifest(job.store)
    assert (counts.drawn, counts.missing) == (4, 2341)
    table = parquet.ParquetFile(job.path / "manifest.parquet")
    assert table.num_row_groups == 5
    assert table.read(["number"])["number"].to_pylist() == list(range(2345))


def test_without_pyarrow_it_is_lines_of_json(job: JobFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    write_manifest(job.store)
    rows = rows_of(job)
    with monkeypatch.context() as context:
        context.setitem(sys.modules, "pyarrow", None)
        context.setitem(sys.modules, "pyarrow.parquet", None)
        counts = write_manifest(job.store)
    assert counts.name == "manifest.jsonl"
    assert counts.drawn == 2
    lines = [json.loads(line) for line in (job.path / "manifest.jsonl").read_text("utf-8").splitlines()]
    for row in rows:
        row["started"] = row["started"] and row["started"].isoformat()
    assert lines == rows
    assert not (job.path / "manifest.parquet").exists()  # it would be out of date
    write_manifest(job.store)
    assert not (job.path / "manifest.jsonl").exists()


def test_half_a_surrogate_pair_is_spelled_out(job: JobFolder) -> None:
    job.planned[2] = replace(refused_of(2), text="\ud83d 猫\0")
    job.store.write(chunk_name(0), write_items(job.planned))
    write_manifest(job.store)
    assert rows_of(job)[2]["prompt"] == "\\ud83d 猫\0"


def test_the_largest_seed_has_room(job: JobFolder) -> None:
    job.store.write(job.record_file(0), write_record(replace(job.picture(job.item(0)), seed=2**64 - 1)))
    write_manifest(job.store)
    assert rows_of(job)[0]["seed"] == 2**64 - 1


def test_a_record_of_another_job_does_not_count(job: JobFolder) -> None:
    other = item_of(3, fingerprint="0" * 64)
    name = file_name(RECORDS, 3, other.id, suffix=".json")
    job.store.write(name, write_record(job.picture(other)))
    assert [entry.status for entry in entries(job.store)][3] == "missing"
    name = file_name(RECORDS, 5, job.item(5).id, suffix=".json")  # even if the name says otherwise
    job.store.write(name, write_record(job.picture(other)))
    assert write_manifest(job.store).drawn == 2


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"number": "x"}', "{"])
def test_a_broken_record_is_named(job: JobFolder, text: str) -> None:
    job.store.write(job.record_file(0), text.encode())
    with pytest.raises(InputError) as caught:
        write_manifest(job.store)
    assert caught.value.code == "batch.record"
    assert job.record_file(0) in caught.value.ja
    assert not (job.path / "manifest.parquet").exists()


def test_fields_of_a_record_have_their_types(job: JobFolder) -> None:
    data = {**job.picture(job.item(0)).to_json(), "seed": "7"}
    job.store.write(job.record_file(0), json.dumps(data).encode())
    with pytest.raises(InputError) as caught:
        list(entries(job.store))
    assert caught.value.code == "batch.record"


def test_items_that_are_not_all_there_are_an_error(job: JobFolder) -> None:
    job.store.write(chunk_name(0), write_items(job.planned[:5]))
    for _ in range(2):
        with pytest.raises(InputError) as caught:
            list(entries(job.store))
        assert caught.value.code == "batch.items_missing"
        job.store.remove(chunk_name(0))


def test_a_job_of_nothing(tmp_path: Path) -> None:
    job = JobFolder(tmp_path, 0)
    assert Job.read(job.store).count == 0
    counts = write_manifest(job.store)
    assert (counts.drawn, counts.missing) == (0, 0)
    assert rows_of(job) == []


def test_where_there_is_no_job(tmp_path: Path) -> None:
    job = JobFolder(tmp_path, 1)
    job.store.remove("job.json")
    with pytest.raises(FileNotFoundError):
        write_manifest(job.store)
