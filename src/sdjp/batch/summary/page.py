"""``summary.html``: what became of a job, on one page with a contact sheet."""

from __future__ import annotations

from datetime import datetime, timezone
from importlib.resources import files

from sdjp.batch.entries import entries
from sdjp.batch.places import SUMMARY
from sdjp.batch.spec import Job
from sdjp.batch.stores.base import Store
from sdjp.batch.summary import rows, sections
from sdjp.batch.summary.markup import page
from sdjp.batch.summary.tally import Tally
from sdjp.errors import get_language


def write_summary(store: Store, tally: Tally | None = None) -> str:
    """Write the summary of a job, finished or not.

    Everything is in the one file: no script, nothing from elsewhere; pictures are linked where they are in
    the folder. It is Japanese and English; the language that errors use is shown first. The memory does not
    grow with the records.

    Args:
        store: Where the job is.
        tally: All of its entries, counted; if None, the records are read for that.

    Returns:
        The name of the file.

    Raises:
        FileNotFoundError: If there is no job here.
        InputError: If the job, its items or a record are broken.
        StoreError: If the place cannot be used.
    """
    job = Job.read(store)
    if tally is None:
        tally = Tally.of(entries(store), shards=job.spec.shard is not None)
    parts = [
        sections.head(job, tally),
        sections.sheet(tally.sheet.thumbnails(store), tally.statuses["drawn"]),
        rows.errors(tally),
        rows.missing(tally),
        rows.words(tally),
        rows.cut(tally),
        sections.checks(tally),
        sections.about(job, tally),
        sections.foot(datetime.now(timezone.utc).astimezone()),
    ]
    text = page(
        title=f"{job.spec.input.get('name', '')} · sdjp batch",
        style=files(__package__).joinpath("summary.css").read_text(encoding="utf-8"),
        body="\n".join(part for part in parts if part),
        language=get_language(),
    )
    store.write(SUMMARY, text.encode())
    return SUMMARY
