"""``verify``: what is not true is found and removed, what is true or not ours is left alone."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from sdjp.batch.checking import findings
from sdjp.batch.checking.findings import Verification
from sdjp.batch.checking.verify import verify
from sdjp.batch.entries import entries
from sdjp.batch.item import Item, write_items
from sdjp.batch.lease import Lease
from sdjp.batch.manifest import write_manifest
from sdjp.batch.pending import pending
from sdjp.batch.places import PICTURES, RECORDS, SHARDS, chunk_name, file_name
from sdjp.batch.record import read_json, write_record
from sdjp.batch.spec import Job, RunSettings, Task
from sdjp.batch.stores.base import Entry, StoreError
from sdjp.batch.stores.local_store import LocalStore
from sdjp.batch.stores.opening import open_store
from sdjp.batch.worker import Worker
from sdjp.errors import InputError
from sdjp.pipeline import Pipeline
from tests.batch.job_folder import JobFolder, item_of, png
from tests.batch.s3_server import BUCKET, s3_server, use


@pytest.fixture(scope="module")
def with_files(tmp_path_factory: pytest.TempPathFactory) -> JobFolder:
    """Six of eight items are drawn, one failed, one is refused."""
    job = JobFolder(tmp_path_factory.mktemp("files"), 8, refused=[2])
    job.draw([0, 1, 3, 4, 5, 6])
    job.fail(7)
    job.store.write("_SUCCESS", b"")
    return job


@pytest.fixture(scope="module")
def with_shards(tmp_path_factory: pytest.TempPathFactory) -> JobFolder:
    """Two groups of five, of which 5 is refused; 3 failed and was drawn by itself later."""
    job = JobFolder(tmp_path_factory.mktemp("shards"), 10, shard=5, refused=[5])
    job.draw_group(0, without=[3])
    job.draw_group(5)
    job.draw([3])
    return job


@pytest.fixture
def job(with_files: JobFolder, tmp_path: Path) -> JobFolder:
    return with_files.copy(tmp_path / "files")


@pytest.fixture
def shards(with_shards: JobFolder, tmp_path: Path) -> JobFolder:
    return with_shards.copy(tmp_path / "shards")


def found(verification: Verification) -> dict[str, int]:
    """What was found, without what is zero."""
    counts = {name: value for name, value in vars(verification).items() if name != "findings"}
    return {name: count for name, count in counts.items() if count}


def _pending(job: JobFolder) -> list[Item]:
    """What the next run draws."""
    left = pending(job.store, Job.read(job.store), job.planned, 0)
    return [*left.singles, *(item for group in left.groups for item in group.items)]


def flip(path: Path, at: int = 40) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1
    path.write_bytes(data)


def test_what_is_true_stays(job: JobFolder, shards: JobFolder) -> None:
    for folder, count in ((job, 6), (shards, 9)):
        before = folder.files()
        verification = verify(folder.store)
        assert found(verification) == {"pictures": count}
        assert verification.sound
        assert verification.exit_code == 0
        assert verification.findings == ()
        assert folder.files() == before


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(flip, id="a bit"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-5]), id="shorter"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes() + b"\0"), id="longer"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(png(77)), id="another picture"),
    ],
)
def test_a_damaged_picture_goes_with_its_record(job: JobFolder, damage: Callable[[Path], None]) -> None:
    before = job.files()
    damage(job.path / job.picture_file(4))
    verification = verify(job.store)
    assert found(verification) == {"pictures": 5, "damaged": 1}
    assert verification.exit_code == 1
    assert [(f.kind, f.file) for f in verification.findings] == [("damaged", job.picture_file(4))]
    assert job.picture_file(4) in verification.findings[0].ja
    assert before - job.files() == {job.picture_file(4), job.record_file(4), "_SUCCESS"}
    assert [item.number for item in _pending(job)] == [4, 7]  # 7 failed
    assert found(verify(job.store)) == {"pictures": 5}


def test_a_record_without_its_picture_is_removed(job: JobFolder) -> None:
    before = job.files()
    job.store.remove(job.picture_file(0))
    verification = verify(job.store)
    assert found(verification) == {"pictures": 5, "missing": 1}
    assert verification.exit_code == 1
    assert before - job.files() == {job.picture_file(0), job.record_file(0), "_SUCCESS"}


def test_a_picture_without_its_record_is_an_orphan(job: JobFolder) -> None:
    before = job.files()
    job.store.remove(job.record_file(1))
    verification = verify(job.store)
    assert found(verification) == {"pictures": 5, "orphans": 1}
    assert verification.exit_code == 0
    assert before - job.files() == {job.picture_file(1), job.record_file(1)}


def test_of_two_pictures_of_an_item_the_recorded_one_stays(job: JobFolder) -> None:
    before = job.files()
    other = job.picture(job.item(4), data=png(400)).file
    job.store.write(other, png(400))
    assert found(verify(job.store)) == {"pictures": 6, "orphans": 1}
    assert job.files() == before


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"number": 4}', "\xff"])
def test_a_record_that_cannot_be_read_is_removed(job: JobFolder, text: str) -> None:
    before = job.files()
    job.store.write(job.record_file(4), text.encode("latin-1"))
    verification = verify(job.store)
    assert found(verification) == {"pictures": 5, "damaged": 1}
    assert verification.findings[0].file == job.record_file(4)
    assert before - job.files() == {job.picture_file(4), job.record_file(4), "_SUCCESS"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", 5),
        ("id", "0" * 24),
        ("file", "../../somewhere.png"),
        ("file", "job.json"),
        ("sha256", "0" * 64),
        ("bytes", 1),
        ("member", "x.png"),
        ("seed", "7"),
    ],
)
def test_a_record_that_says_something_else_is_removed(job: JobFolder, field: str, value: object) -> None:
    data = {**read_json(job.store.read(job.record_file(4)), ""), field: value}
    job.store.write(job.record_file(4), json.dumps(data).encode())
    assert found(verify(job.store)) == {"pictures": 5, "damaged": 1}
    assert found(verify(job.store)) == {"pictures": 5}


def test_a_record_under_the_name_of_another_item_is_removed(job: JobFolder) -> None:
    job.store.write(job.record_file(4), job.store.read(job.record_file(5)))
    assert found(verify(job.store)) == {"pictures": 5, "damaged": 1}
    assert job.picture_file(5) in job.files()


def test_records_of_another_job_are_left_alone_and_do_not_count(job: JobFolder) -> None:
    other = item_of(4, fingerprint="0" * 64)
    record = job.picture(other)
    name = file_name(RECORDS, 4, other.id, suffix=".json")
    beyond = item_of(2_345_678)  # the job has no such chunk
    far = file_name(RECORDS, beyond.number, beyond.id, suffix=".json")
    job.store.write(name, write_record(record))
    job.store.write(record.file, png(4))
    job.store.write(far, write_record(job.picture(beyond)))
    before = job.files()
    verification = verify(job.store)
    assert found(verification) == {"pictures": 6, "strangers": 2, "foreign": 1}
    assert verification.exit_code == 0
    assert 4 not in [item.number for item in _pending(job)]
    job.store.remove(job.record_file(4))  # another job's does not stand for it
    assert 4 in [item.number for item in _pending(job)]
    job.store.write(job.record_file(4), write_record(job.picture(job.item(4))))
    assert {(f.kind, f.file) for f in verification.findings} == {
        ("stranger", name),
        ("stranger", far),
        ("foreign", record.file),
    }
    assert job.files() == before


FOREIGN = [
    "notes.txt",
    "holiday/cat.png",
    "pictures/cat.png",
    "pictures/000/cat.png",
    "pictures/000/000/cat.png",
    "pictures/000/000/.DS_Store",
    "pictures/000/000/000000001-{id}.png",  # without a checksum
    "pictures/000/000/000000001-{id}-12345678.jpg",
    "pictures/000/001/000000001-{id}-12345678.png",  # not its folder
    "pictures/000/1000/x.png",
    "pictures/more/000/000000001-{id}-12345678.png",
    "pictures/000/000/more/000000001-{id}-12345678.png",
    "records/000/000/000000001-{id}-12345678.json",
    "records/000/000/000000001.json",
    "records/000/000/.cat.json.12345678.part",
    "records/000/000/download.part",
    "tries/000/000/note.json",
    "tries/000/001/000000001.json",
    "items/000/000000.txt",
    "items/list.txt",
    "lock/note.txt",
    "lock/more/000001.json",
    ".notes.txt.12345678.part",
]


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_not_ours_is_left_alone(job: JobFolder, name: str) -> None:
    name = name.format(id=job.item(1).id)
    job.store.write(name, b"mine")
    before = job.files()
    verification = verify(job.store)
    assert found(verification) == {"pictures": 6, "foreign": 1}
    assert verification.exit_code == 0
    assert job.files() == before


def test_what_crashes_leave_is_removed(job: JobFolder) -> None:
    before = job.files()
    picture, record = job.picture_file(4), job.record_file(4)
    left = [
        f"{picture.rpartition('/')[0]}/.{picture.rpartition('/')[2]}.0123abcd.part",
        f"{record.rpartition('/')[0]}/.{record.rpartition('/')[2]}.0123abcd.part",
        f"{record.rpartition('/')[0]}/.0123456789abcdef.part",
        "items/000/.000000.jsonl.0123abcd.part",
        "tries/000/000/.000000004.json.0123abcd.part",
        "tries/000/000/000000004.json",
        ".job.json.0123abcd.part",
        ".manifest.parquet.0123abcd.part",
        job.failure_file(6),  # it is drawn
    ]
    for name in left:
        job.store.write(name, b"{}")
    verification = verify(job.store)
    assert found(verification) == {"pictures": 6, "orphans": len(left)}
    assert {f.file for f in verification.findings} == set(left)
    assert job.files() == before


def test_a_lease_that_is_renewed_meanwhile_is_let_be(job: JobFolder) -> None:
    parts = (".lock-000001.json.0123abcd.part", ".0123456789abcdef.part")
    for name in parts:
        job.store.write(name, b"")
    with Lease.take(job.store, beat=0.01):
        before = job.files()
        assert found(verify(job.store)) == {"pictures": 6}
        assert before <= job.files()
        long_ago = time.time() - 3600
        for name in parts:
            os.utime(job.path / name, (long_ago, long_ago))
        verification = verify(job.store)
    assert found(verification) == {"pictures": 6, "orphans": 2}
    assert {f.file for f in verification.findings} == set(parts)


def test_a_broken_record_of_a_failure_is_removed(job: JobFolder) -> None:
    job.store.write(job.failure_file(7), b"{")
    assert found(verify(job.store)) == {"pictures": 6, "damaged": 1}
    assert job.failure_file(7) not in job.files()
    assert found(verify(job.store)) == {"pictures": 6}


@pytest.mark.parametrize("at", [40, 700, -1])
def test_a_damaged_shard_goes_as_a_whole(shards: JobFolder, at: int) -> None:
    before = shards.files()
    shard = next(file for file in before if file.startswith(f"{SHARDS}/") and "/000000005-" in file)
    flip(shards.path / shard, at)
    verification = verify(shards.store)
    assert found(verification) == {"pictures": 5, "damaged": 4}
    assert [(f.kind, f.file) for f in verification.findings] == [("damaged", shard)]
    gone = before - shards.files()
    assert {name.partition("/")[0] for name in gone} == {"shards", "groups"}
    assert len(gone) == 2
    assert found(verify(shards.store)) == {"pictures": 5}


def test_members_of_a_shard_are_what_was_recorded(shards: JobFolder) -> None:
    """The shard is as its record says, but the record says something else of a picture in it."""
    group = shards.draw_group(5)
    wrong = (replace(group.pictures[0], sha256="0" * 64), *group.pictures[1:])
    absent = (replace(group.pictures[0], member="x.png"), *group.pictures[1:])
    other = (replace(group.pictures[0], number=0), *group.pictures[1:])
    for pictures in (wrong, absent, other):
        group = shards.draw_group(5)
        shards.store.write(shards.group_file(group), write_record(replace(group, pictures=pictures)))
        assert found(verify(shards.store)) == {"pictures": 5, "damaged": 4}


def test_a_shard_that_is_no_tar(shards: JobFolder) -> None:
    group = shards.draw_group(5)
    data = b"no tar at all" * 100
    sha256 = hashlib.sha256(data).hexdigest()
    file = file_name(SHARDS, 5, group.id, suffix=".tar", sha256=sha256)
    pictures = tuple(replace(picture, file=file) for picture in group.pictures)
    shards.store.write(file, data)
    wrong = replace(group, file=file, sha256=sha256, bytes=len(data), pictures=pictures)
    shards.store.write(shards.group_file(group), write_record(wrong))
    assert found(verify(shards.store)) == {"pictures": 5, "damaged": 4}
    assert not [name for name in shards.files() if "/000000005-" in name]


def test_a_missing_shard_and_one_that_no_record_names(shards: JobFolder) -> None:
    group = shards.draw_group(5)
    shards.store.remove(group.file)
    assert found(verify(shards.store)) == {"pictures": 5, "missing": 4}
    group = shards.draw_group(5)
    shards.store.remove(shards.group_file(group))
    assert found(verify(shards.store)) == {"pictures": 5, "orphans": 1}
    assert group.file not in shards.files()
    group = shards.draw_group(5)
    shards.store.write(shards.group_file(group), b"[]")
    assert found(verify(shards.store)) == {"pictures": 5, "damaged": 4}
    assert group.file not in shards.files()


def test_what_is_lost_beside_a_shard_is_to_be_drawn_by_itself(shards: JobFolder) -> None:
    """An item that is not in the shard of its group is drawn again if it has a failure, and only then."""
    flip(shards.path / shards.picture_file(3))
    assert found(verify(shards.store)) == {"pictures": 8, "damaged": 1}
    assert [e.error["code"] for e in entries(shards.store) if e.item.number == 3 and e.error] == [
        "batch.lost"
    ]
    assert found(verify(shards.store)) == {"pictures": 8}
    shards.store.write(shards.failure_file(3), b"{")
    assert found(verify(shards.store)) == {"pictures": 8, "damaged": 1}
    shards.store.remove(shards.failure_file(3))
    assert _pending(shards) == []
    assert found(verify(shards.store)) == {"pictures": 8, "missing": 1}
    assert [item.number for item in _pending(shards)] == [3]
    assert found(verify(shards.store)) == {"pictures": 8}
    assert [e.status for e in entries(shards.store)][3] == "failed"


def test_many_chunks(tmp_path: Path) -> None:
    job = JobFolder(tmp_path, 2100)
    job.draw([0, 999, 1000, 2099])
    told: list[tuple[int, int]] = []
    flip(tmp_path / job.picture_file(2099))
    assert found(verify(job.store, lambda done, count: told.append((done, count)))) == {
        "pictures": 3,
        "damaged": 1,
    }
    assert told == [(1000, 2100), (2000, 2100), (2100, 2100)]


def test_findings_are_counted_and_the_first_are_told(job: JobFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "LISTED", 2)
    for number in (0, 1, 3, 4):
        job.store.remove(job.picture_file(number))
    flip(job.path / job.picture_file(6))
    verification = verify(job.store)
    assert found(verification) == {"pictures": 1, "missing": 4, "damaged": 1}
    assert [f.kind for f in verification.findings] == ["missing", "missing", "damaged"]


def test_a_listing_that_fails_removes_nothing(job: JobFolder) -> None:
    class Unseen(LocalStore):
        def files(self, folder: str) -> list[Entry]:
            if folder.startswith(RECORDS):
                raise StoreError("batch.store", ja="x", en="x")
            return super().files(folder)

    before = job.files()
    with pytest.raises(StoreError):
        verify(Unseen(job.path))
    assert job.files() == before


def test_items_that_are_not_all_there_remove_nothing(job: JobFolder) -> None:
    job.store.write(chunk_name(0), write_items(job.planned[:3]))
    before = job.files()
    with pytest.raises(InputError) as caught:
        verify(job.store)
    assert caught.value.code == "batch.items_missing"
    assert job.files() == before


def test_where_there_is_no_job(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        verify(LocalStore(tmp_path / "nothing"))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.mark.parametrize("place", ["memory://verify", f"s3://{BUCKET}/verify"])
def test_object_stores(job: JobFolder, server: str, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    use(monkeypatch, server)
    store = open_store(place)
    for name in job.files():
        store.write(name, job.store.read(name))
    with Lease.take(store):
        store.write("pictures/000/000/cat.png", b"mine")
        store.write(job.picture_file(4), png(77))
        store.remove(job.picture_file(5))
        store.remove(job.record_file(6))
        expected = {"pictures": 3, "damaged": 1, "missing": 1, "orphans": 1, "foreign": 1}
        assert found(verify(store)) == expected
        assert found(verify(store)) == {"pictures": 3, "foreign": 1}
    counts = write_manifest(store)
    assert (counts.drawn, counts.failed, counts.refused, counts.missing) == (3, 1, 1, 3)
    assert parquet.read_table(pyarrow.BufferReader(store.read(counts.name))).num_rows == 8


@pytest.mark.parametrize("shard", [None, 2])
def test_what_is_removed_is_drawn_again(tmp_path: Path, tiny: Pipeline, shard: int | None) -> None:
    job = JobFolder(tmp_path, 3, shard=shard)
    worker = Worker(str(tmp_path), RunSettings(), pipe=tiny)
    task = Task(chunk=0, start=0, stop=3)
    worker.draw(task, lambda event: None)
    kind = SHARDS if shard else PICTURES
    before = {name: (tmp_path / name).read_bytes() for name in job.files() if name.startswith(kind)}
    assert found(verify(job.store)) == {"pictures": 3}
    flip(tmp_path / min(before))
    lost = shard or 1
    assert found(verify(job.store)) == {"pictures": 3 - lost, "damaged": lost}
    worker.draw(task, lambda event: None)
    assert found(verify(job.store)) == {"pictures": 3}
    assert all((tmp_path / name).read_bytes() == data for name, data in before.items())
    write_manifest(job.store)
    rows = parquet.read_table(tmp_path / "manifest.parquet").to_pylist()
    assert [(row["status"], row["sampler"], row["steps"]) for row in rows] == [("drawn", "ddim", 3)] * 3
    assert [row["seed"] for row in rows] == [100, 101, 102]
    assert all(row["english"] and row["negative_prompt"] == "ぼやけた絵" for row in rows)
    assert {row["file"] for row in rows} == set(before)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), shards=st.booleans())
def test_after_any_damage_once_is_enough(
    with_files: JobFolder, with_shards: JobFolder, seed: int, shards: bool
) -> None:
    """A second look finds nothing; what was not touched and has a record is still there, and true."""
    whole = with_shards if shards else with_files
    true = {e.item.number: e.picture for e in entries(whole.store) if e.picture}
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(whole.path, copy, dirs_exist_ok=True)
        store = LocalStore(Path(copy))
        touched = _damage(Path(copy), whole.files(), random.Random(seed))
        verify(store)
        after = verify(store)
        assert set(found(after)) <= {"pictures", "foreign", "strangers"}
        left = {e.item.number: e.picture for e in entries(store) if e.picture}
        assert len(left) == after.pictures
        for number, picture in left.items():
            data = store.read(picture.file)
            was = true[number]  # a changed bit of a prompt, say, is nobody's to know
            assert (picture.file, picture.sha256, picture.id) == (was.file, was.sha256, was.id)
            assert picture.member or hashlib.sha256(data).hexdigest() == picture.sha256
        for number, picture in true.items():
            if not touched & _files_of(whole, number, picture.file):
                assert number in left


def _files_of(job: JobFolder, number: int, picture: str) -> set[str]:
    """The files that the picture of an item is made of."""
    if picture.startswith(PICTURES):
        return {picture, job.record_file(number)}
    return {picture, picture.replace(SHARDS, "groups", 1).rpartition("-")[0] + ".json"}


def _damage(folder: Path, files: Collection[str], chance: random.Random) -> set[str]:
    """Do something bad to some files of the pictures and records; returns which."""
    some = sorted(name for name in files if name.count("/") == 3)
    contents = {name: (folder / name).read_bytes() for name in some}
    touched = chance.sample(some, chance.randint(0, 6))
    for name in touched:
        path, data = folder / name, contents[name]
        match chance.randrange(6):
            case 0:
                path.unlink()
            case 1:
                path.write_bytes(data[: chance.randrange(len(data))])
            case 2:
                path.write_bytes(contents[chance.choice(some)])
            case 3:
                path.rename(path.with_name(f".{path.name}.{chance.getrandbits(32):08x}.part"))
            case 4:
                path.write_bytes(chance.randbytes(len(data)))
            case 5:
                flip(path, chance.randrange(len(data)))
    return set(touched)
