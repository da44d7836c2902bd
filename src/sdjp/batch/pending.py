"""What of a job is still to be drawn: the records tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sdjp.batch.entries import chunks, read_chunk
from sdjp.batch.item import Item, Planned, group_id
from sdjp.batch.places import FAILURES, GROUPS, RECORDS, folder, parts_of
from sdjp.batch.record import GroupRecord, read_record
from sdjp.batch.spec import Job, Task
from sdjp.batch.store import Store


@dataclass(frozen=True, kw_only=True)
class Group:
    """Consecutive items whose pictures go into one shard.

    Attributes:
        number: The first of them.
        id: Made of the ids of all of them.
        items: Those that are to be drawn.
    """

    number: int
    id: str
    items: Sequence[Item]


@dataclass(frozen=True, kw_only=True)
class Pending:
    """What a chunk, or a stretch of it, still lacks.

    Attributes:
        singles: Items whose pictures are files of their own.
        groups: Groups without their shard.
    """

    singles: Sequence[Item] = ()
    groups: Sequence[Group] = ()

    def __bool__(self) -> bool:
        return bool(self.singles or self.groups)

    @property
    def count(self) -> int:
        """Pictures in all."""
        return len(self.singles) + sum(len(group.items) for group in self.groups)


def pending(store: Store, job: Job, items: Sequence[Planned], chunk: int) -> Pending:
    """What some items of a chunk still lack.

    Args:
        store: Where the records are; they are listed now.
        job: The job.
        items: Consecutive items of the chunk; with shards, whole groups.
        chunk: The chunk.

    Raises:
        StoreError: If they cannot be listed.
        InputError: If the record of a group is broken.
    """
    drawn = _records(store, RECORDS, chunk)
    wanted = [item for item in items if isinstance(item, Item) and item.number not in drawn]
    if job.spec.shard is None or not wanted:
        return Pending(singles=wanted)
    packed, failed = _records(store, GROUPS, chunk), _records(store, FAILURES, chunk)
    singles, groups = [], []
    for first in range(0, len(items), job.spec.shard):
        planned = items[first : first + job.spec.shard]
        number = planned[0].number
        left = [item for item in planned if isinstance(item, Item) and item.number not in drawn]
        if number not in packed:
            if left:
                groups.append(Group(number=number, id=group_id(planned), items=left))
        elif any(item.number in failed for item in left):
            # What the shard has not is drawn by itself: a shard stays as it is. It may have some that failed
            # at first, or in the hands of a slower worker.
            record = read_record(GroupRecord, store.read(packed[number]), packed[number])
            inside = {picture.number for picture in record.pictures}
            singles += [item for item in left if item.number not in inside]
    return Pending(singles=singles, groups=groups)


def tasks(store: Store, job: Job, size: int) -> Iterator[Task]:
    """The stretches of a job that still lack something; chunk by chunk, as they are asked for.

    Args:
        store: Where the job is.
        job: The job.
        size: Items of a task; with shards, of whole groups.

    Raises:
        StoreError: If the records cannot be listed.
    """
    for chunk in chunks(job):
        items = read_chunk(store, job, chunk)
        left = pending(store, job, items, chunk)
        numbers = {
            item.number for item in (*left.singles, *(i for group in left.groups for i in group.items))
        }
        for start in range(0, len(items), size):
            stop = min(start + size, len(items))
            if not numbers.isdisjoint(item.number for item in items[start:stop]):
                yield Task(chunk=chunk, start=start, stop=stop)


def _records(store: Store, kind: str, chunk: int) -> dict[int, str]:
    """The records of one kind by their numbers; files that are being written are none."""
    place = folder(kind, chunk)
    parts = {entry.name: parts_of(entry.name) for entry in store.files(place)}
    return {part.number: f"{place}/{name}" for name, part in parts.items() if part is not None}
