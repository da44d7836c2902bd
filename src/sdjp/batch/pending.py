"""What of a job is still to be drawn: the records tell."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sdjp.batch.entries import chunks, read_chunk
from sdjp.batch.item import Item, Planned
from sdjp.batch.places import FAILURES, GROUPS, RECORDS, folder, parts_of
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
    """
    drawn = _numbers(store, RECORDS, chunk)
    wanted = [item for item in items if isinstance(item, Item) and item.number not in drawn]
    if job.spec.shard is None or not wanted:
        return Pending(singles=wanted)
    # An item that failed while its group was drawn is drawn by itself later: the shard stays as it is.
    packed, failed = _numbers(store, GROUPS, chunk), _numbers(store, FAILURES, chunk)
    singles, groups = [], []
    for first in range(0, len(items), job.spec.shard):
        planned = items[first : first + job.spec.shard]
        own = [item for item in planned if isinstance(item, Item)]
        if planned[0].number in packed:
            singles += [item for item in own if item.number in failed and item.number not in drawn]
        elif own:
            text = "\n".join(item.id for item in own)
            groups.append(
                Group(
                    number=planned[0].number,
                    id=hashlib.sha256(text.encode()).hexdigest()[: len(own[0].id)],
                    items=own,
                )
            )
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


def _numbers(store: Store, kind: str, chunk: int) -> set[int]:
    """The numbers of the records of one kind; files that are being written are none."""
    parts = (parts_of(entry.name) for entry in store.files(folder(kind, chunk)))
    return {part.number for part in parts if part is not None}
