"""Which waiting jobs are drawn together: those of which each gives the picture that it gives alone."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from sdjp.batch.alike import texts_of, values_of
from sdjp.server.jobs.record import JobRecord

if TYPE_CHECKING:
    from sdjp.pipeline import Pipeline


def together(waiting: Sequence[JobRecord], pipe: Pipeline, most: int) -> list[JobRecord]:
    """Return the first of the jobs that wait, and others that are drawn with it.

    A job over which the server has died is drawn alone: another one that dies of it would be set aside, too.

    Args:
        waiting: In their order, at least one.
        pipe: The model of the first.
        most: Pictures of a batch.
    """
    first, *others = waiting
    chosen, count = [first], first.request.count
    values = _values(first)
    if values is None or count >= most:
        return chosen
    texts = texts_of(first.request.options, pipe)
    for other in others if texts is not None else ():
        fits = count + other.request.count <= most and _values(other) == values
        if fits and texts_of(other.request.options, pipe) == texts:  # last: reading a prompt takes longest
            chosen.append(other)
            count += other.request.count
    return chosen


def _values(job: JobRecord) -> Hashable | None:
    """What jobs must have in common, whatever their prompts are; None for one that is drawn alone."""
    request = job.request
    values = values_of(request.options)
    if request.task != "generate" or request.files or job.attempts or values is None:
        return None
    return (request.model, values)
