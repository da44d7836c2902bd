"""What is drawn now: the pictures of some jobs, each with its own prompt and seed, and how far they are."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sdjp.server.jobs.record import JobProgress, JobRecord


@dataclass(frozen=True, kw_only=True)
class Row:
    """A picture that is to be drawn: whose it is, and its own prompt and seed."""

    job: JobRecord
    index: int
    prompt: str | None
    negative: str | None
    seed: int


@dataclass(kw_only=True, eq=False)
class Drawing:
    """What is drawn now.

    Attributes:
        rows: All its pictures.
        size: Pictures of a batch.
        finished: How many of them are.
        step: Steps done of the batch.
        total: Steps that it takes.
        begun: When its first step began (monotonic).
    """

    rows: Sequence[Row]
    size: int
    finished: int = 0
    step: int = 0
    total: int = 0
    begun: float = field(default_factory=time.monotonic)

    @property
    def batch(self) -> Sequence[Row]:
        """The pictures that are drawn now."""
        return self.rows[self.finished : self.finished + self.size]

    def progress(self, job: str) -> JobProgress:
        """How far a job has come."""
        own = [i for i, row in enumerate(self.rows) if row.job.id == job]
        count = len(own) and self.rows[own[0]].job.request.count
        done = count - len(own) + sum(i < self.finished for i in own)
        batches = -(-len(self.rows) // self.size)
        steps = self.finished // self.size * self.total + self.step
        left = None
        if steps:
            left = (time.monotonic() - self.begun) / steps * (batches * self.total - steps)
        return JobProgress(step=self.step, total=self.total, done=done, count=count, seconds_left=left)


def rows_of(job: JobRecord) -> Iterator[Row]:
    """The pictures of a job that are still to be drawn; those of before a restart are there."""
    options, each = job.request.options, job.request.options.num_images_per_prompt
    there = {picture.index for picture in job.pictures}
    for index in range(job.request.count):
        if index not in there:
            group = index // each
            yield Row(
                job=job,
                index=index,
                prompt=_of(options.prompt, group),
                negative=_of(options.negative_prompt, group),
                seed=options.seed[index]
                if isinstance(options.seed, tuple)
                else int(options.seed or 0) + index,
            )


def _of(given: str | tuple[str, ...] | None, group: int) -> str | None:
    return given[group] if isinstance(given, tuple) else given
