"""What became of each item of a job, one after the other: the manifest and the summary are made of it.

::

    for entry in entries(store):
        entry.item      # what was to be drawn: an Item, or a Refused row
        entry.status    # "drawn", "failed", "refused" or "missing" (nothing is recorded of it)
        entry.picture   # its PictureRecord if it is drawn, else None; of a group, too
        entry.failure   # its FailureRecord if it failed, else None
        entry.error     # code, ja and en of a failure or a refusal, else None

There is one for each item, in the order of the input. A chunk is read at a time: memory stays flat.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sdjp.batch.item import Item, Planned, Refused, read_items
from sdjp.batch.places import CHUNK, FAILURES, GROUPS, RECORDS, chunk_name, folder, parts_of
from sdjp.batch.record import FailureRecord, GroupRecord, PictureRecord, R, read_record
from sdjp.batch.spec import Job
from sdjp.batch.stores.base import Store
from sdjp.errors import InputError

READERS: Final = 16
"""Files that are read at the same time: an object store takes its time for each."""

Status: TypeAlias = Literal["drawn", "failed", "refused", "missing"]
"""What became of an item."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What became of an item.

    Attributes:
        item: What was to be drawn, or the row that cannot be.
        picture: Its record; None if it is not drawn.
        failure: Why it could not be drawn; None if it is drawn, or was not tried.
    """

    item: Planned
    picture: PictureRecord | None = None
    failure: FailureRecord | None = None

    @property
    def status(self) -> Status:
        """In a word; ``"missing"`` if nothing is recorded of it."""
        if isinstance(self.item, Refused):
            return "refused"
        return "drawn" if self.picture else "failed" if self.failure else "missing"

    @property
    def error(self) -> Mapping[str, str] | None:
        """``code``, ``ja`` and ``en`` of what failed or was refused; None otherwise."""
        if isinstance(self.item, Refused):
            return self.item.error
        return self.failure.error if self.failure else None


def entries(store: Store) -> Iterator[Entry]:
    """What became of each item of a job, in the order of the input.

    A picture wins over a failure, and a record of its own over that of a group. What is recorded of an item
    of another job is passed over.

    Raises:
        FileNotFoundError: If there is no job here.
        InputError: If the job, its items or a record are broken.
        StoreError: If something cannot be listed or read.
    """
    job = Job.read(store)
    with ThreadPoolExecutor(READERS) as readers:
        for chunk in chunks(job):
            yield from _join(store, read_chunk(store, job, chunk), chunk, readers)


def chunks(job: Job) -> range:
    """The files of items that a job has."""
    return range(-(-job.count // CHUNK))


def read_chunk(store: Store, job: Job, chunk: int) -> list[Planned]:
    """Read the items of a chunk, refused ones among them.

    Raises:
        InputError: If they are broken, or not all there.
        StoreError: If they cannot be read.
    """
    name = chunk_name(chunk)
    start = chunk * CHUNK
    with suppress(FileNotFoundError):
        planned = read_items(store.read(name))
        if [item.number for item in planned] == [*range(start, min(start + CHUNK, job.count))]:
            return planned
    raise InputError(
        "batch.items_missing",
        ja=f"ジョブのフォルダー {store.url} の {name} が欠けています。バックアップから戻すか、"
        "別のフォルダーを --out に指定して、はじめから描いてください。",
        en=f"{name} in the folder of the job, {store.url}, is missing or not complete. Restore it, or begin "
        "anew in another folder.",
    )


def _join(store: Store, planned: list[Planned], chunk: int, readers: Executor) -> Iterator[Entry]:
    ids = {item.number: item.id for item in planned if isinstance(item, Item)}
    pictures: dict[int, PictureRecord] = {}
    for group in _read(store, GroupRecord, _names(store, GROUPS, chunk), readers):
        pictures.update((picture.number, picture) for picture in group.pictures)
    for picture in _read(store, PictureRecord, _names(store, RECORDS, chunk, among=ids), readers):
        pictures[picture.number] = picture
    pictures = {number: picture for number, picture in pictures.items() if ids.get(number) == picture.id}
    left = {number: id for number, id in ids.items() if number not in pictures}
    failures = {
        failure.number: failure
        for failure in _read(store, FailureRecord, _names(store, FAILURES, chunk, among=left), readers)
    }
    for item in planned:
        yield Entry(item=item, picture=pictures.get(item.number), failure=failures.get(item.number))


def _names(store: Store, kind: str, chunk: int, among: Mapping[int, str] | None = None) -> list[str]:
    """The records of one kind of a chunk: those of these items, or all."""
    place = folder(kind, chunk)
    parts = {entry.name: parts_of(entry.name) for entry in store.files(place)}
    return [
        f"{place}/{name}"
        for name, part in parts.items()
        if part and part.suffix == ".json" and (among is None or among.get(part.number) == part.id)
    ]


def _read(store: Store, kind: type[R], names: list[str], readers: Executor) -> list[R]:
    def read(name: str) -> R | None:
        try:
            return read_record(kind, store.read(name), name)
        except FileNotFoundError:  # removed since it was listed
            return None

    return [record for record in readers.map(read, names) if record]
