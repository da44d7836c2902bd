"""Which files in the folder of a job are the job's, by their names; all others are left alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sdjp.batch.checking.findings import Findings
from sdjp.batch.entries import chunks
from sdjp.batch.lease import STALE
from sdjp.batch.places import (
    CHUNK,
    FAILURES,
    GROUPS,
    ITEMS,
    JOB,
    LOCK,
    MANIFEST,
    MANIFEST_LINES,
    PICTURES,
    RECORDS,
    SHARDS,
    SUCCESS,
    SUMMARY,
    TRIES,
    Parts,
    chunk_name,
    file_name,
    folder,
    parts_of,
)
from sdjp.batch.spec import Job
from sdjp.batch.stores.base import Store

_ENDINGS: Final = {
    PICTURES: "",  # as the job has it
    SHARDS: ".tar",
    GROUPS: ".json",
    RECORDS: ".json",
    FAILURES: ".json",
    TRIES: ".json",
}
_ROOT: Final = (JOB, MANIFEST, MANIFEST_LINES, SUMMARY, SUCCESS)
_PART: Final = re.compile(r"\.(?:(?P<whole>.+)\.[0-9a-f]{8}|[0-9a-f]{16})\.part")
"""What a local store writes before it renames, and touches to know the time."""
_LEASE: Final = re.compile(rf"{LOCK}-\d{{6,}}\.json")


class Survey:
    """Lists what is a job's; what only crashes leave is removed, what is not the job's is noted.

    Args:
        store: Where the job is.
        job: The job.
        findings: Where that is noted.
    """

    def __init__(self, store: Store, job: Job, findings: Findings) -> None:
        self._store = store
        self._job = job
        self._findings = findings

    def discard(self, file: str) -> None:
        """Remove what is of no use to anyone."""
        self._findings.note("orphan", file)
        self._store.remove(file)

    def top(self) -> None:
        """Look at the folder of the job itself, and at the items."""
        for name, _ in self._store.files(""):
            part = _PART.fullmatch(name)
            if part and part["whole"] in _ROOT:
                self.discard(name)
            elif part and (part["whole"] is None or _LEASE.fullmatch(part["whole"])):
                self._part_of_lease(name)
            elif name not in _ROOT and not _LEASE.fullmatch(name):
                self._findings.note("foreign", name)
        for name in self._store.folders(""):
            if name not in (ITEMS, *_ENDINGS):
                self._findings.note("foreign", f"{name}/")
        for number in self._numbered(ITEMS):
            self._listed(ITEMS, f"{ITEMS}/{number:03d}")

    def chunks(self) -> Iterator[int]:
        """The chunks of the job, and those besides of which there is something."""
        job = chunks(self._job)
        tops = {chunk // CHUNK for chunk in job}
        for kind in _ENDINGS:
            tops.update(self._numbered(kind))
        for top in sorted(tops):
            found = set(job[top * CHUNK : (top + 1) * CHUNK])
            for kind in _ENDINGS:
                below = self._numbered(f"{kind}/{top:03d}", most=CHUNK - 1)
                found.update(top * CHUNK + number for number in below)
            yield from sorted(found)

    def files(self, kind: str, chunk: int) -> dict[str, Parts]:
        """What there is of one kind in a chunk, and what the names tell."""
        place = folder(kind, chunk)
        self._folders(place, most=-1)
        found = {file: parts_of(file) for file in self._listed(kind, place)}
        return {file: parts for file, parts in found.items() if parts}

    def markers(self, chunk: int) -> list[str]:
        """The markers of what is being drawn."""
        place = folder(TRIES, chunk)
        self._folders(place, most=-1)
        return self._listed(TRIES, place)

    def _part_of_lease(self, name: str) -> None:
        """A lease is renewed meanwhile: what is being written now is no leftover."""
        age = self._store.age(name)
        if age is not None and age > STALE:
            self.discard(name)

    def _listed(self, kind: str, place: str) -> list[str]:
        """The files of a folder that are the job's."""
        found = []
        for name, _ in self._store.files(place):
            part = _PART.fullmatch(name)
            if self._is_own(kind, f"{place}/{name}"):
                found.append(f"{place}/{name}")
            elif part and (part["whole"] is None or self._is_own(kind, f"{place}/{part['whole']}")):
                self.discard(f"{place}/{name}")
            else:
                self._findings.note("foreign", f"{place}/{name}")
        return found

    def _is_own(self, kind: str, file: str) -> bool:
        """Whether a job has a file of that name; whose it is, is for the id to tell."""
        stem = file.rpartition("/")[2].partition(".")[0]
        if kind in (ITEMS, TRIES):
            if not (stem.isascii() and stem.isdigit()):
                return False
            number = int(stem)
            marker = f"{folder(TRIES, number // CHUNK)}/{number:09d}.json"
            return file == (chunk_name(number) if kind == ITEMS else marker)
        parts = parts_of(file)
        if parts is None or bool(parts.version) != (kind in (PICTURES, SHARDS)):
            return False
        suffix = _ENDINGS[kind] or self._job.spec.ending
        return file == file_name(kind, parts.number, parts.id, suffix=suffix, sha256=parts.version)

    def _numbered(self, place: str, most: int | None = None) -> list[int]:
        """The numbers of the folders in a folder that has nothing else of the job's."""
        for name, _ in self._store.files(place):
            self._findings.note("foreign", f"{place}/{name}")
        return self._folders(place, most)

    def _folders(self, place: str, most: int | None) -> list[int]:
        found = []
        for name in self._store.folders(place):
            number = int(name) if name.isascii() and name.isdigit() else -1
            if name == f"{number:03d}" and (most is None or number <= most):
                found.append(number)
            else:
                self._findings.note("foreign", f"{place}/{name}/")
        return found
