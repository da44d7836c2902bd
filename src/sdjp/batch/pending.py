"""What of a job is still to be drawn: the records tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sdjp.batch.entries import chunks, read_chunk
from sdjp.batch.item import Item, Planned, group_id
from sdjp.batch.places import FAILURES, GROUPS, RECORDS, folder, parts_of
from sdjp.batch.record import GroupRecord, read_record
from sdjp.batch.spec import Job, Task
from sdjp.batch.stores.base import Store


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
    ids = {item.number: item.id for item in items if isinstance(item, Item)}
    drawn = _records(store, RECORDS, chunk, ids)
    wanted = [item for item in items if isinstance(item, Item) and item.number not in drawn]
    if job.spec.shard is None or not wanted:
        return Pending(singles=wanted)
    own = groups_of(items, job.spec.shard)
    packed = _records(store, GROUPS, chunk, {group.number: group.id for group in own})
    failed = _records(store, FAILURES, chunk, ids)
    singles, groups = [], []
    for group in own:
        left = [item for item in group.items if item.number not in drawn]
        if group.number not in packed:
            if left:
                groups.append(replace(group, items=left))
        elif any(item.number in failed for item in left):
            # What the shard has not is drawn by itself: a shard stays as it is. It may have some that failed
            # at first, or in the hands of a slower worker.
            name = packed[group.number]
            inside = {picture.number for picture in read_record(GroupRecord, store.read(name), name).pictures}
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


def groups_of(planned: Sequence[Planned], size: int) -> list[Group]:
    """Whole groups, with all their items; what is refused is in none.

    Args:
        planned: Consecutive items of a chunk, from the beginning of a group.
        size: Items of a group, refused ones among them.
    """
    groups = []
    for first in range(0, len(planned), size):
        whole = planned[first : first + size]
        items = [item for item in whole if isinstance(item, Item)]
        if items:
            groups.append(Group(number=whole[0].number, id=group_id(whole), items=items))
    return groups


def _records(store: Store, kind: str, chunk: int, ids: Mapping[int, str]) -> dict[int, str]:
    """The records of one kind by their numbers; those of another job, and what is being written, are none."""
    place = folder(kind, chunk)
    parts = {entry.name: parts_of(entry.name) for entry in store.files(place)}
    return {
        part.number: f"{place}/{name}"
        for name, part in parts.items()
        if part is not None and ids.get(part.number) == part.id
    }
