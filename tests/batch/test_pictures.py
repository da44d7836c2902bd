"""Finished pictures are read back in order, from files and shards, if they are what was recorded."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from sdjp.batch.item import Item, write_items
from sdjp.batch.pictures import pictures
from sdjp.batch.places import GROUPS, PICTURES, RECORDS, SHARDS, chunk_name, file_name
from sdjp.batch.record import GroupRecord, PictureRecord, write_record
from sdjp.batch.spec import Job, JobSpec
from sdjp.batch.stores.local_store import LocalStore
from sdjp.errors import InputError
from sdjp.options import GenerationOptions

COUNT = 6


def png(number: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (number, 0, 7)).save(file, "PNG")
    return file.getvalue()


def job(path: Path, shard: int | None) -> tuple[LocalStore, list[Item]]:
    store = LocalStore(path)
    options = GenerationOptions(prompt="猫", seed=1)
    items = [
        Item.of(options, fingerprint="f", number=n, row=n + 1, copy=0, key=f"scale-2/{n:05d}")
        for n in range(COUNT)
    ]
    store.write(chunk_name(0), write_items(items))
    spec = JobSpec(
        input={"name": "a.jsonl", "sha256": "0" * 64, "format": "jsonl"},
        model={"source": "mini"},
        weights={},
        seed=1,
        shard=shard,
    )
    Job(spec=spec, count=COUNT, refused=0, created=0.0).write(store)
    return store, items


def record(item: Item, file: str, member: str | None = None) -> PictureRecord:
    data = png(item.number)
    return PictureRecord(
        number=item.number,
        id=item.id,
        row=item.row,
        key=item.key,
        file=file,
        member=member,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        width=8,
        height=8,
        prompt="猫",
        english="a cat",
        seed=1,
    )


def commit(store: LocalStore, item: Item) -> str:
    """A picture with a file of its own; returns it."""
    file = file_name(
        PICTURES, item.number, item.id, suffix=".png", sha256=hashlib.sha256(png(item.number)).hexdigest()
    )
    store.write(file, png(item.number))
    store.write(file_name(RECORDS, item.number, item.id, suffix=".json"), write_record(record(item, file)))
    return file


def commit_shard(store: LocalStore, items: list[Item]) -> str:
    """A shard of them; returns it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for item in items:
            info = tarfile.TarInfo(f"{item.number:09d}.png")
            info.size = len(png(item.number))
            tar.addfile(info, io.BytesIO(png(item.number)))
    data = buffer.getvalue()
    sha256, number, id = hashlib.sha256(data).hexdigest(), items[0].number, items[0].id
    file = file_name(SHARDS, number, id, suffix=".tar", sha256=sha256)
    store.write(file, data)
    group = GroupRecord(
        number=number,
        id=id,
        file=file,
        sha256=sha256,
        bytes=len(data),
        pictures=tuple(record(item, file, f"{item.number:09d}.png") for item in items),
    )
    store.write(file_name(GROUPS, number, id, suffix=".json"), write_record(group))
    return file


def test_files_are_read_in_the_order_of_the_input_without_what_is_not_drawn(tmp_path: Path) -> None:
    store, items = job(tmp_path, None)
    for item in (items[4], items[0], items[3]):
        commit(store, item)
    found = list(pictures(store))
    assert [(record.key, data) for record, data in found] == [
        ("scale-2/00000", png(0)),
        ("scale-2/00003", png(3)),
        ("scale-2/00004", png(4)),
    ]


def test_shards_are_read_with_a_picture_that_was_drawn_later(tmp_path: Path) -> None:
    store, items = job(tmp_path, 50)
    commit_shard(store, [items[0], items[1], items[3], items[4], items[5]])
    commit(store, items[2])  # it had failed when the shard was made
    assert [(record.number, data) for record, data in pictures(store)] == [(n, png(n)) for n in range(COUNT)]


@pytest.mark.parametrize("shard", [None, 50])
@pytest.mark.parametrize("damage", ["gone", "other"])
def test_what_is_not_as_recorded_is_told(shard: int | None, damage: str, tmp_path: Path) -> None:
    store, items = job(tmp_path, shard)
    file = commit(store, items[0]) if shard is None else commit_shard(store, items)
    if damage == "gone":
        store.remove(file)
    else:
        store.write(file, png(99))
    with pytest.raises(InputError, match="--verify") as error:
        list(pictures(store))
    assert error.value.code == "batch.picture"
    assert file in error.value.ja
