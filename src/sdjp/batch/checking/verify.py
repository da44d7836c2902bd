"""Looks whether everything that a job recorded is true, and clears away what crashes left.

Every picture is read and compared with its record. A record that is not true is removed, and its picture
with it: the next run draws it anew. A shard is true as a whole, or not at all. Only files that have the name
of something of this job are ever removed, and never a picture that its record describes truly.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Final, TypeAlias, TypeVar

from sdjp.batch.checking.findings import Findings, Verification
from sdjp.batch.checking.soundness import Fault, check_failure, check_group, check_picture
from sdjp.batch.checking.survey import Survey
from sdjp.batch.entries import READERS, chunks, read_chunk
from sdjp.batch.item import Item, as_json
from sdjp.batch.pending import groups_of
from sdjp.batch.places import (
    CHUNK,
    FAILURES,
    GROUPS,
    PICTURES,
    RECORDS,
    SHARDS,
    SUCCESS,
    Parts,
    file_name,
)
from sdjp.batch.record import FailureRecord, GroupRecord, PictureRecord, write_record
from sdjp.batch.spec import Job
from sdjp.batch.stores.base import Store
from sdjp.errors import InputError

_SHARD_READERS: Final = 2  # each has a shard in memory

F = TypeVar("F")
Tell: TypeAlias = Callable[[int, int], None]
"""Told after each thousand items: how many are done, and of how many."""


def verify(store: Store, tell: Tell | None = None) -> Verification:
    """Look at everything in the folder of a job, and remove what is not true.

    The caller holds the lease of the job: nobody draws. One chunk is looked at at a time: memory stays flat.
    The manifest and the summary are not looked at, make them anew after this; ``_SUCCESS`` is removed if it
    is no longer true.

    Args:
        store: Where the job is.
        tell: Told how far it is.

    Raises:
        FileNotFoundError: If there is no job here.
        InputError: If the job or its items are broken: without them nothing can be said of a picture.
        StoreError: If something cannot be listed, read or removed. Call it again later.
    """
    job = Job.read(store)
    findings = Findings()
    survey = Survey(store, job, findings)
    survey.top()
    with ThreadPoolExecutor(READERS) as readers, ThreadPoolExecutor(_SHARD_READERS) as shard_readers:
        for chunk in survey.chunks():
            _Chunk(store, job, chunk, survey, findings).verify(readers, shard_readers)
            if tell is not None:
                tell(min((chunk + 1) * CHUNK, job.count), job.count)
    found = findings.result()
    if not found.sound:
        store.remove(SUCCESS)
    return found


class _Chunk:
    """The items of a chunk, none if the job has no such chunk, and what is found of them."""

    def __init__(self, store: Store, job: Job, chunk: int, survey: Survey, findings: Findings) -> None:
        self._store = store
        self._ending = job.spec.ending
        self._chunk = chunk
        self._survey = survey
        self._findings = findings
        planned = read_chunk(store, job, chunk) if chunk in chunks(job) else []
        self._items = {item.number: item for item in planned if isinstance(item, Item)}
        self._ids = {number: item.id for number, item in self._items.items()}
        groups = groups_of(planned, job.spec.shard) if job.spec.shard else []
        self._group_ids = {group.number: group.id for group in groups}
        self._members = {group.number: {item.number: item.id for item in group.items} for group in groups}
        self._named: set[str] = set()  # files of true records
        self._drawn: set[int] = set()
        self._packed: set[int] = set()  # groups
        self._lost: set[tuple[int, str]] = set()  # whose records were removed

    def verify(self, readers: Executor, shard_readers: Executor) -> None:
        # Pictures are listed before records: one that is committed meanwhile is no orphan.
        pictures, shards = (self._survey.files(kind, self._chunk) for kind in (PICTURES, SHARDS))
        self._verify_groups(shard_readers)
        self._verify_records(readers)
        self._findings.pictures += len(self._drawn)
        self._clear(pictures, self._ids)
        self._clear(shards, self._group_ids)
        failed = self._verify_failures(readers)
        self._restore(failed)
        for file in self._survey.markers(self._chunk):
            self._survey.discard(file)

    def _verify_groups(self, readers: Executor) -> None:
        def check(file: str, parts: Parts) -> GroupRecord | Fault:
            return check_group(self._store, file, parts.number, parts.id, self._members[parts.number])

        for file, parts, found in self._each(GROUPS, self._group_ids, check, readers):
            if isinstance(found, Fault):
                self._drop(file, parts, found)
            else:
                self._named.add(found.file)
                self._packed.add(found.number)
                self._drawn.update(picture.number for picture in found.pictures)

    def _verify_records(self, readers: Executor) -> None:
        def check(file: str, parts: Parts) -> PictureRecord | Fault:
            return check_picture(self._store, file, parts.number, parts.id, ending=self._ending)

        for file, parts, found in self._each(RECORDS, self._ids, check, readers):
            if isinstance(found, Fault):
                self._drop(file, parts, found)
            else:
                self._named.add(found.file)
                self._drawn.add(found.number)

    def _verify_failures(self, readers: Executor) -> set[int]:
        """Look at what could not be drawn; returns it."""

        def check(file: str, parts: Parts) -> FailureRecord | Fault:
            return check_failure(self._store, file, parts.number, parts.id)

        failed = set()
        for file, parts, found in self._each(FAILURES, self._ids, check, readers):
            if parts.number in self._drawn:  # success wins
                self._survey.discard(file)
            elif isinstance(found, Fault):
                self._drop(file, parts, found)
            else:
                failed.add(found.number)
        return failed

    def _each(
        self, kind: str, ids: Mapping[int, str], check: Callable[[str, Parts], F], readers: Executor
    ) -> Iterator[tuple[str, Parts, F]]:
        """Check all records of a kind, many at a time; those of another job are noted."""
        own = {}
        for file, parts in self._survey.files(kind, self._chunk).items():
            if ids.get(parts.number) == parts.id:
                own[file] = parts
            else:
                self._findings.note("stranger", file)
        yield from zip(own, own.values(), readers.map(check, own, own.values()), strict=True)

    def _drop(self, file: str, parts: Parts, fault: Fault) -> None:
        """Remove a record that is not true; what it names goes after it."""
        self._findings.note(fault.kind, fault.file, count=fault.count)
        self._lost.add((parts.number, parts.id))
        self._store.remove(file)

    def _clear(self, files: Mapping[str, Parts], ids: Mapping[int, str]) -> None:
        """Remove those of some pictures, or shards, that no record names."""
        for file, parts in files.items():
            if ids.get(parts.number) != parts.id:
                self._findings.note("foreign", file)
            elif file not in self._named:
                if (parts.number, parts.id) in self._lost:
                    self._store.remove(file)
                else:
                    self._survey.discard(file)

    def _restore(self, failed: Collection[int]) -> None:
        """See that what is lost of a group that keeps its shard is drawn again: as a failure, by itself."""
        for group in self._packed:
            for number in self._members[group].keys() - self._drawn - set(failed):
                item = self._items[number]
                if (number, item.id) not in self._lost:
                    self._findings.note("missing", file_name(FAILURES, number, item.id, suffix=".json"))
                record = FailureRecord(
                    number=number,
                    id=item.id,
                    row=item.row,
                    copy=item.copy,
                    key=item.key,
                    prompt=str(item.options.prompt),
                    error=as_json(_lost()),
                    time=time.time(),
                )
                file = file_name(FAILURES, number, item.id, suffix=".json")
                self._store.write(file, write_record(record))


def _lost() -> InputError:
    return InputError(
        "batch.lost",
        ja="この絵は壊れていたか、なくなっていました。もう一度実行すると描き直します。",
        en="this picture was damaged, or was lost. Run the job again: it is drawn anew.",
    )
