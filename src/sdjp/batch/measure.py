"""A few items of a job, drawn by the real workers into a folder that is removed again: what they took."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sdjp.batch import local
from sdjp.batch.entries import entries
from sdjp.batch.item import Item, write_items
from sdjp.batch.places import JOB, chunk_name
from sdjp.batch.record import PictureRecord
from sdjp.batch.sinks import Event
from sdjp.batch.spec import Job, JobSpec, RunSettings, Task
from sdjp.batch.stores.local_store import LocalStore


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What some items took.

    Attributes:
        workers: Processes that drew.
        pictures: Those that were drawn, each with its item; their ``seconds`` are those of one worker among
            the others.
        bytes: What is on the disk for them: pictures, records and items.
        failures: What became of the others.
    """

    workers: int
    pictures: tuple[tuple[Item, PictureRecord], ...]
    bytes: int
    failures: tuple[Event, ...]


def measure(spec: JobSpec, items: Sequence[Item], settings: RunSettings, workers: int) -> Measurement:
    """Draw items, a batch for each worker as long as there are some.

    Args:
        spec: Their job.
        items: What is drawn, up to a thousand.
        settings: How it is drawn; nothing is tried twice.
        workers: Processes at most.

    Raises:
        StoreError: If there is no room for the pictures.
        SdjpError: If the model cannot be loaded, or workers die.
    """
    with tempfile.TemporaryDirectory(prefix="sdjp-") as folder:
        store = LocalStore(Path(folder))
        numbered = [replace(item, number=number) for number, item in enumerate(items)]
        store.write(chunk_name(0), write_items(numbered))
        spec = replace(spec, shard=None)
        Job(spec=spec, count=len(items), refused=0, created=time.time()).write(store)
        starts = range(0, len(items), settings.batch)
        workers = min(workers, len(starts))
        failures: list[Event] = []

        def tell(event: Event) -> None:
            if event.kind == "failed":
                failures.append(event)

        local.draw_all(
            folder,
            (Task(chunk=0, start=at, stop=min(at + settings.batch, len(items))) for at in starts),
            replace(settings, tries=1),
            workers=workers,
            tell=tell,
        )
        found = [(entry.item, entry.picture) for entry in entries(store)]
        files = [path for path in Path(folder).rglob("*") if path.is_file() and path.name != JOB]
        return Measurement(
            workers=workers,
            pictures=tuple((item, record) for item, record in found if isinstance(item, Item) and record),
            bytes=sum(path.stat().st_size for path in files),
            failures=tuple(failures),
        )
