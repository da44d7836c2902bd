"""Small job folders with real pictures, made by hand: nothing is drawn."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Collection, Sequence
from pathlib import Path

from PIL import Image

from sdjp.batch.item import Item, Planned, Refused, write_items
from sdjp.batch.pending import groups_of
from sdjp.batch.places import (
    CHUNK,
    FAILURES,
    GROUPS,
    PICTURES,
    RECORDS,
    SHARDS,
    chunk_name,
    file_name,
)
from sdjp.batch.record import FailureRecord, GroupRecord, PictureRecord, write_record
from sdjp.batch.spec import Job, JobSpec
from sdjp.batch.stores.local_store import LocalStore
from sdjp.options import GenerationOptions

FINGERPRINT = "f" * 64


def png(number: int) -> bytes:
    """A picture, another one for each number."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (number % 256, number // 256 % 256, 7)).save(file, "PNG")
    return file.getvalue()


def item_of(number: int, *, fingerprint: str = FINGERPRINT, prompt: str = "赤い椅子に座る猫") -> Item:
    """An item whose row is two before: a line of the input is a comment."""
    options = GenerationOptions(prompt=prompt, negative_prompt="ぼやけた絵", seed=100 + number)
    return Item.of(
        options, fingerprint=fingerprint, number=number, row=number + 2, copy=0, key=f"key{number}"
    )


def refused_of(number: int) -> Refused:
    """A row that cannot be drawn."""
    error = {"code": "size.multiple", "ja": "大きさが 8 の倍数ではありません。", "en": "not a multiple of 8."}
    return Refused(number=number, row=number + 2, text='{"prompt": "猫", "width": 7}', error=error)


class JobFolder:
    """A job: its store, and what is written there.

    Args:
        path: The folder.
        count: Items.
        shard: Pictures of a shard.
        refused: Numbers of items that are refused rows.
    """

    def __init__(
        self, path: Path, count: int, *, shard: int | None = None, refused: Collection[int] = ()
    ) -> None:
        self.path = path
        self.store = LocalStore(path)
        self.planned: list[Planned] = [refused_of(n) if n in refused else item_of(n) for n in range(count)]
        for start in range(0, count, CHUNK):
            self.store.write(chunk_name(start // CHUNK), write_items(self.planned[start : start + CHUNK]))
        spec = JobSpec(
            input={"name": "words.txt", "sha256": "0" * 64, "format": "txt"},
            model={"source": "mini"},
            weights={},
            seed=100,
            shard=shard,
        )
        Job(spec=spec, count=count, refused=len(refused), created=1.7e9).write(self.store)

    def copy(self, path: Path) -> JobFolder:
        """The same at another place; nobody waits for the disk."""
        shutil.copytree(self.path, path)
        other = copy.copy(self)
        other.path, other.store, other.planned = path, LocalStore(path), list(self.planned)
        return other

    def item(self, number: int) -> Item:
        """An item by its number."""
        found = self.planned[number]
        assert isinstance(found, Item)
        return found

    def picture(self, item: Item, *, data: bytes | None = None) -> PictureRecord:
        """What is recorded of the picture of an item; its file is not yet there."""
        data = png(item.number) if data is None else data
        sha256 = hashlib.sha256(data).hexdigest()
        return PictureRecord(
            number=item.number,
            id=item.id,
            row=item.row,
            key=item.key,
            file=file_name(PICTURES, item.number, item.id, suffix=".png", sha256=sha256),
            sha256=sha256,
            bytes=len(data),
            width=8,
            height=8,
            prompt=str(item.options.prompt),
            english="a cat sitting on a red chair",
            unknown=("座る",),
            truncated="",
            seed=100 + item.number,
            options={
                "prompt": item.options.prompt,
                "negative_prompt": "ぼやけた絵",
                "num_inference_steps": 20,
                "guidance_scale": 7.5,
                "sampler": "ddim",
                "clip_skip": 1,
            },
            safety={"status": "done", "checked": True, "flagged": False, "action": "none"},
            watermark={"status": "done", "method": "dwtDct"},
            model="mini",
            runtime={"device": "cpu"},
            started=1.75e9,
            seconds=0.5,
            attempts=1,
            worker="host:1",
        )

    def draw(self, numbers: Collection[int]) -> None:
        """Write pictures, each with its record."""
        for number in numbers:
            record = self.picture(self.item(number))
            self.store.write(record.file, png(number))
            self.store.write(self.record_file(number), write_record(record))

    def draw_group(self, first: int, *, without: Collection[int] = ()) -> GroupRecord:
        """Write the shard of a group, and its record."""
        size = Job.read(self.store).spec.shard
        assert size is not None
        [group] = groups_of(self.planned[first : first + size], size)
        pictures = [self.picture(item) for item in group.items if item.number not in without]
        shard = _tar(pictures)
        sha256 = hashlib.sha256(shard).hexdigest()
        file = file_name(SHARDS, first, group.id, suffix=".tar", sha256=sha256)
        packed = tuple(
            PictureRecord(**{**vars(p), "file": file, "member": f"{p.number:09d}-{p.id}.png"})
            for p in pictures
        )
        record = GroupRecord(
            number=first, id=group.id, file=file, sha256=sha256, bytes=len(shard), pictures=packed
        )
        self.store.write(file, shard)
        self.store.write(self.group_file(record), write_record(record))
        return record

    def fail(self, number: int) -> None:
        """Write that an item could not be drawn."""
        item = self.item(number)
        record = FailureRecord(
            number=number,
            id=item.id,
            row=item.row,
            key=item.key,
            prompt=str(item.options.prompt),
            error={"code": "memory.full", "ja": "メモリーが足りません。", "en": "out of memory."},
            attempts=3,
            worker="host:2",
        )
        self.store.write(self.failure_file(number), write_record(record))

    def record_file(self, number: int) -> str:
        """The record of an item."""
        return file_name(RECORDS, number, self.item(number).id, suffix=".json")

    def failure_file(self, number: int) -> str:
        """The record of the failure of an item."""
        return file_name(FAILURES, number, self.item(number).id, suffix=".json")

    def picture_file(self, number: int) -> str:
        """The picture of an item."""
        return self.picture(self.item(number)).file

    def group_file(self, record: GroupRecord) -> str:
        """The record of a group."""
        return file_name(GROUPS, record.number, record.id, suffix=".json")

    def files(self) -> set[str]:
        """All files that are there."""
        return {path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_file()}


def _tar(pictures: Sequence[PictureRecord]) -> bytes:
    """A shard as WebDataset has it."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for picture in pictures:
            members = {
                ".png": png(picture.number),
                ".json": json.dumps(picture.to_json()).encode(),
                ".txt": picture.prompt.encode(),
            }
            for suffix, data in members.items():
                info = tarfile.TarInfo(f"{picture.number:09d}-{picture.id}{suffix}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return file.getvalue()
