"""Pictures in tar files: whole groups, the same bytes each time, and none lost or twice."""

from __future__ import annotations

import io
import json
import tarfile
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sdjp.batch.entries import entries
from sdjp.batch.pending import Group, pending, tasks
from sdjp.batch.places import FAILURES, GROUPS, PICTURES, SHARDS, folder
from sdjp.batch.plan import write_plan
from sdjp.batch.record import GroupRecord, PictureRecord, read_record
from sdjp.batch.rows.read import digest
from sdjp.batch.run import Engine, Watch, run_batch
from sdjp.batch.shards import ShardSink
from sdjp.batch.sinks import Event
from sdjp.batch.spec import Job, JobSpec, RunSettings, Task
from sdjp.batch.stores.base import Store, StoreError
from sdjp.batch.stores.opening import open_store
from sdjp.batch.tries import Tries
from sdjp.batch.worker import Worker
from sdjp.errors import InputError
from sdjp.pipeline import Pipeline
from tests.addon_files import kohya, lora_tensors, write_lora
from tests.stand_in import save_stand_in

Rows = Sequence[Mapping[str, Any]]
SIDE = 64
REFUSED = {"prompt": "りんご", "height": -1}
FRAGILE = {"prompt": "花の絵 <lora:花柄:1>"}  # it can be drawn while the file of the LoRA is there


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkpoint with random weights, and a folder of LoRAs."""
    place = tmp_path_factory.mktemp("モデル")
    save_stand_in(place / "model.ckpt")
    write_lora(place / "LoRA" / "花柄.safetensors", lora_tensors(kohya))
    return place


@pytest.fixture(scope="module")
def model(place: Path) -> Pipeline:
    return Pipeline.from_pretrained(
        place / "model.ckpt", lora_dir=place / "LoRA", watermark=False, safety="off", dtype="float32"
    )


@pytest.fixture
def lora(place: Path) -> Iterator[Path]:
    """The file of the LoRA; what a test does to it is undone."""
    file = place / "LoRA" / "花柄.safetensors"
    data = file.read_bytes()
    yield file
    file.write_bytes(data)


class Run:
    """A job whose shards have three pictures, and what was told of it."""

    def __init__(self, place: Path, pipe: Pipeline, rows: Rows, *, shard: int | None = 3) -> None:
        place.mkdir(exist_ok=True)
        source = place / "input.jsonl"
        source.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), "utf-8")
        self.pipe = pipe
        self.out = place / "out"
        self.store: Store = open_store(str(self.out))
        spec = JobSpec(
            input={"name": "input.jsonl", "sha256": digest(str(source)), "format": "jsonl"},
            model={},
            weights={},
            options={"height": SIDE, "width": SIDE, "num_inference_steps": 1},
            seed=7,
            shard=shard,
        )
        self.job: Job = write_plan(str(source), self.store, spec, pipe)
        self.events: list[Event] = []

    @property
    def tasks(self) -> list[Task]:
        return list(tasks(self.store, self.job, self.job.spec.shard or 3))

    def draw(self, *, batch: int = 3) -> list[tuple[int, str]]:
        """Draw what is left; return what is told: the number of each item, and what became of it."""
        self.events = []
        worker = Worker(str(self.out), RunSettings(batch=batch), pipe=self.pipe)
        for task in self.tasks:
            worker.draw(task, self.events.append)
        return [(event.number, event.kind) for event in self.events]

    def names(self, kind: str) -> list[str]:
        return [f"{folder(kind, 0)}/{entry.name}" for entry in self.store.files(folder(kind, 0))]

    @property
    def groups(self) -> list[GroupRecord]:
        return [read_record(GroupRecord, self.store.read(name), name) for name in self.names(GROUPS)]

    @property
    def statuses(self) -> list[str]:
        return [entry.status for entry in entries(self.store)]

    @property
    def packed(self) -> list[list[int]]:
        """The numbers of the pictures in each shard, as a reader finds them."""
        return [
            [sample["json"]["number"] for sample in samples(self.store.read(group.file))]
            for group in self.groups
        ]


def samples(shard: bytes) -> list[dict[str, Any]]:
    """Read a shard as WebDataset does: members in a row with one key, by what is after the first dot."""
    found = []
    with tarfile.open(fileobj=io.BytesIO(shard), mode="r|") as tar:
        members = [(m.name, f.read()) for m in tar if (f := tar.extractfile(m)) is not None]
    for key, group in groupby(members, key=lambda member: member[0].partition(".")[0]):
        sample: dict[str, Any] = {name.partition(".")[2]: data for name, data in group}
        found.append({**sample, "json": json.loads(sample["json"]), "__key__": key})
    return found


def apples(count: int) -> list[dict[str, Any]]:
    return [{"prompt": f"赤いりんご{'と青い空' * (i % 2)}", "id": f"k{i}"} for i in range(count)]


def test_a_shard_of_the_embedded_model(mini: Pipeline, tmp_path: Path) -> None:
    rows = [
        {"prompt": "馬に乗る宇宙飛行士", "id": "馬"},
        {"prompt": "ほげほげの絵"},
        {"prompt": "a red apple"},
    ]
    run = Run(tmp_path / "shards", mini, rows)
    assert run.draw() == [(0, "drawn"), (1, "drawn"), (2, "drawn")]
    (group,) = run.groups
    shard = run.store.read(group.file)
    assert (group.bytes, group.sha256) == (len(shard), sha256(shard).hexdigest())
    assert run.names(SHARDS) == [group.file]
    assert not run.names(PICTURES)
    found = samples(shard)
    keys = [sample["__key__"] for sample in found]
    assert len(keys) == 3
    assert keys == sorted(keys)
    for sample, record, row in zip(found, group.pictures, rows, strict=True):
        assert set(sample) == {"__key__", "json", "png", "txt"}
        assert record.member == f"{sample['__key__']}.png"
        assert sample["__key__"] == f"{record.number:09d}-{record.id}"
        assert record.sha256 == sha256(sample["png"]).hexdigest() == sample["json"]["sha256"]
        assert Image.open(io.BytesIO(sample["png"])).size == (SIDE, SIDE)
        assert sample["json"]["prompt"] == row["prompt"]
        assert sample["txt"].decode() == record.english == sample["json"]["english"] != ""
        of_the_run = {"file", "member", "started", "seconds", "attempts", "worker"}
        assert sample["json"] == {k: v for k, v in record.to_json().items() if k not in of_the_run}
        assert record.started > 0
        assert record.worker
    assert found[0]["json"]["key"] == "馬"
    files = Run(tmp_path / "files", mini, rows, shard=None)
    files.draw()
    assert [files.store.read(name) for name in files.names(PICTURES)] == [sample["png"] for sample in found]


def test_the_same_bytes_whoever_drew_them_and_how(mini: Pipeline, tmp_path: Path) -> None:
    one, other = Run(tmp_path / "1", mini, apples(4)), Run(tmp_path / "2", mini, apples(4))
    one.draw()
    first = other.tasks[0]
    Tries(other.store, first)  # a worker began with it, and was killed
    other.draw(batch=2)
    assert one.names(SHARDS) == other.names(SHARDS)
    assert one.packed == [[0, 1, 2], [3]]
    for name in one.names(SHARDS):
        assert one.store.read(name) == other.store.read(name)
    assert one.groups != other.groups  # which have the times
    assert one.statuses == ["drawn"] * 4
    assert not one.tasks
    assert one.draw() == []


def test_what_fails_in_a_group_is_drawn_by_itself_later(model: Pipeline, tmp_path: Path, lora: Path) -> None:
    run = Run(tmp_path, model, [*apples(2), FRAGILE, REFUSED])
    data = lora.read_bytes()
    lora.unlink()
    assert run.draw() == [(2, "failed"), (0, "drawn"), (1, "drawn")]
    assert run.packed == [[0, 1]]
    assert run.statuses == ["drawn", "drawn", "failed", "refused"]
    before = [(name, run.store.read(name)) for name in (*run.names(SHARDS), *run.names(GROUPS))]
    assert run.draw() == [(2, "failed")]
    lora.write_bytes(data)
    assert run.draw() == [(2, "drawn")]
    assert [(name, run.store.read(name)) for name in (*run.names(SHARDS), *run.names(GROUPS))] == before
    assert len(run.names(PICTURES)) == 1
    assert run.statuses == ["drawn", "drawn", "drawn", "refused"]
    assert not run.tasks
    # The shard is lost: what has a file of its own is not drawn into the new one.
    run.store.remove(run.groups[0].file)
    run.store.remove(run.names(GROUPS)[0])
    assert run.draw() == [(0, "drawn"), (1, "drawn")]
    assert [(name, run.store.read(name)) for name in (*run.names(SHARDS), *run.names(GROUPS))] == [
        (name, run.store.read(name)) if name.startswith(GROUPS) else (name, data) for name, data in before
    ]


def test_a_group_in_which_everything_fails_is_tried_again_whole(
    model: Pipeline, tmp_path: Path, lora: Path
) -> None:
    run = Run(tmp_path, model, [FRAGILE, {**FRAGILE, "seed": 1}, REFUSED])
    data = lora.read_bytes()
    lora.unlink()
    assert run.draw() == [(0, "failed"), (1, "failed")]
    assert not run.names(GROUPS)
    assert not run.names(SHARDS)
    assert run.statuses == ["failed", "failed", "refused"]
    lora.write_bytes(data)
    assert run.draw() == [(0, "drawn"), (1, "drawn")]
    assert run.packed == [[0, 1]]
    assert not run.tasks


def test_a_group_of_refused_rows_has_no_shard(model: Pipeline, tmp_path: Path) -> None:
    run = Run(tmp_path, model, [*[REFUSED] * 4, *apples(1)])
    assert [task.start for task in run.tasks] == [3]
    assert run.draw() == [(4, "drawn")]
    (group,) = run.groups
    assert group.number == 3  # where the group begins, though that row is refused
    assert run.packed == [[4]]
    assert not run.tasks


def test_a_failure_from_before_a_crash_is_forgotten_once_the_shard_has_the_picture(
    model: Pipeline, tmp_path: Path, lora: Path
) -> None:
    run = Run(tmp_path, model, [FRAGILE, *apples(1)])
    data = lora.read_bytes()
    lora.unlink()

    def die(event: Event) -> None:
        assert event.kind == "failed"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Worker(str(run.out), RunSettings(), pipe=model).draw(run.tasks[0], die)
    assert run.names(FAILURES)
    assert not run.names(GROUPS)
    lora.write_bytes(data)
    assert run.draw() == [(0, "drawn"), (1, "drawn")]
    assert run.packed == [[0, 1]]
    assert run.names(FAILURES)
    assert run.statuses == ["drawn"] * 2
    assert not run.tasks


def test_what_workers_die_over_is_drawn_first_and_given_up_in_the_end(
    model: Pipeline, tmp_path: Path
) -> None:
    run = Run(tmp_path, model, apples(3))
    (task,) = run.tasks
    Tries(run.store, task)  # killed, nobody knows over what
    Tries(run.store, task).begin(1)  # and again, over this
    assert run.draw() == [(i, "drawn") for i in range(3)]
    (group,) = run.groups
    assert sorted(group.pictures, key=lambda picture: picture.started)[0].number == 1
    assert [picture.attempts for picture in group.pictures] == [1, 2, 1]
    again = Run(tmp_path / "again", model, apples(3))
    Tries(again.store, task)
    for _ in range(3):
        Tries(again.store, task).begin(1)
    assert again.draw() == [(1, "failed"), (0, "drawn"), (2, "drawn")]
    assert again.packed == [[0, 2]]
    assert [entry.error["code"] for entry in entries(again.store) if entry.error] == ["batch.died"]


def test_nothing_is_told_before_the_commit(model: Pipeline, tmp_path: Path) -> None:
    run = Run(tmp_path, model, apples(2))
    (run.out / SHARDS).write_text("no folder")
    with pytest.raises(StoreError):
        run.draw()
    assert run.events == []
    assert not run.names(GROUPS)
    (run.out / SHARDS).unlink()
    assert len(run.draw()) == 2


def record(number: int, png: bytes, **values: Any) -> PictureRecord:
    about: dict[str, Any] = {
        "id": f"{number:024x}",
        "row": number + 1,
        "file": "",
        "sha256": sha256(png).hexdigest(),
        "bytes": len(png),
        "width": 1,
        "height": 1,
        "prompt": "赤いりんご",
        "english": "a red apple",
        "seed": number,
    }
    return PictureRecord(number=number, **{**about, **values})


def test_of_two_workers_with_one_group_the_first_counts(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    told: list[Event] = []
    group = Group(number=0, id="ab" * 12, items=())
    sinks = [ShardSink(store, group, ".png", told.append) for _ in range(2)]
    for sink, pixels in zip(sinks, (b"1", b"2"), strict=True):  # two machines
        sink.keep(record(1, pixels), pixels)
        sink.keep(record(0, pixels), pixels)
    for sink in sinks:
        sink.close()
    assert [(event.number, event.kind) for event in told] == [
        (0, "drawn"),
        (1, "drawn"),
        (0, "skipped"),
        (1, "skipped"),
    ]
    (entry,) = store.files(folder(GROUPS, 0))
    name = f"{folder(GROUPS, 0)}/{entry.name}"
    kept = read_record(GroupRecord, store.read(name), name)
    assert [sample["png"] for sample in samples(store.read(kept.file))] == [b"1", b"1"]
    assert len(store.files(folder(SHARDS, 0))) == 2  # the other one is an orphan


def test_every_reader_can_read_the_text(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    sink = ShardSink(store, Group(number=0, id="ab" * 12, items=()), ".png", lambda event: None)
    broken = "改行\nと\ud83dの半分"
    sink.keep(record(0, b"1", prompt=broken, english=broken, key="a.b/c"), b"1")
    sink.close()
    (entry,) = store.files(folder(SHARDS, 0))
    shard = store.read(f"{folder(SHARDS, 0)}/{entry.name}")
    with tarfile.open(fileobj=io.BytesIO(shard)) as tar:
        for member in tar:
            assert (member.mtime, member.uid, member.gid, member.mode) == (0, 0, 0, 0o644)
            assert member.uname == member.gname == ""
            file = tar.extractfile(member)
            assert file is not None
            file.read().decode("utf-8", "strict")
    (sample,) = samples(shard)
    assert sample["json"]["prompt"] == broken
    assert sample["txt"].decode() == "改行\nと?の半分"


def test_a_worker_needs_as_much_memory_as_its_shard(tmp_path: Path) -> None:
    sink = ShardSink(
        open_store(str(tmp_path)), Group(number=0, id="ab" * 12, items=()), ".png", lambda event: None
    )
    tracemalloc.start()
    try:
        for number in range(40):
            png = bytes([number]) * 250_000
            sink.keep(record(number, png), png)
        del png
        sink.close()
        assert tracemalloc.get_traced_memory()[1] < 1.3 * 40 * 250_000
    finally:
        tracemalloc.stop()


def test_pending_of_one_group_sees_that_group_alone(model: Pipeline, tmp_path: Path) -> None:
    run = Run(tmp_path, model, apples(7))
    planned = [entry.item for entry in entries(run.store)]
    whole = pending(run.store, run.job, planned, 0)
    assert whole.count == 7
    part = pending(run.store, run.job, planned[3:6], 0)
    assert [group.id for group in part.groups] == [whole.groups[1].id]
    assert len({group.id for group in whole.groups}) == 3


def test_a_chunk_is_whole_shards(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="50, 100, 125") as refused:
        run_batch(tmp_path / "rows.txt", tmp_path / "out", shard=60)
    assert refused.value.code == "shard.unknown"
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_shards_of_a_whole_run(tmp_path: Path) -> None:
    save_stand_in(tmp_path / "model.ckpt")
    rows = tmp_path / "rows.txt"
    rows.write_text("".join(f"赤いりんご {i}\n" for i in range(60)), encoding="utf-8")
    told: list[Event] = []
    for _ in range(2):  # the second time there is nothing left
        run_batch(
            rows,
            tmp_path / "out",
            options={"num_inference_steps": 1},
            model={"source": str(tmp_path / "model.ckpt"), "watermark": False, "safety": "off"},
            seed=1,
            shard=50,
            engine=Engine(workers=2, batch=8),
            watch=Watch(event=told.append),
        )
    assert sorted(event.number for event in told) == list(range(60))
    assert {event.kind for event in told} == {"drawn"}
    store = open_store(str(tmp_path / "out"))
    shards = [f"{folder(SHARDS, 0)}/{entry.name}" for entry in store.files(folder(SHARDS, 0))]
    numbers = [[sample["json"]["number"] for sample in samples(store.read(name))] for name in shards]
    assert numbers == [list(range(50)), list(range(50, 60))]
    assert not (tmp_path / "out" / PICTURES).exists()
    assert [entry.status for entry in entries(store)] == ["drawn"] * 60
