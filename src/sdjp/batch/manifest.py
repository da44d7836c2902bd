"""Stand-in."""

from __future__ import annotations

from dataclasses import dataclass

from sdjp.batch.pending import chunks
from sdjp.batch.places import FAILURES, RECORDS, folder
from sdjp.batch.spec import Job
from sdjp.batch.store import Store


@dataclass(frozen=True, kw_only=True)
class ManifestCounts:
    name: str
    drawn: int
    failed: int
    refused: int
    missing: int


def write_manifest(store: Store) -> ManifestCounts:
    job = Job.read(store)
    d = sum(len(store.files(folder(RECORDS, c))) for c in chunks(job))
    f = sum(len(store.files(folder(FAILURES, c))) for c in chunks(job))
    return ManifestCounts(
        name="manifest", drawn=d, failed=f, refused=job.refused, missing=job.count - job.refused - d - f
    )
