"""Which waiting jobs are drawn together: those of which each gives the picture that it gives alone."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from sdjp.server.jobs.record import JobRecord, JobRequest

if TYPE_CHECKING:
    from sdjp.pipeline import Pipeline

_OWN: Final = ("prompt", "negative_prompt", "seed", "num_images_per_prompt")
"""Options that each picture of a batch may have for itself."""


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
    texts = _texts(first.request, pipe)
    for other in others if texts is not None else ():
        fits = count + other.request.count <= most and _values(other) == values
        if fits and _texts(other.request, pipe) == texts:  # last: reading a prompt takes longest
            chosen.append(other)
            count += other.request.count
    return chosen


def _values(job: JobRecord) -> Hashable | None:
    """What jobs must have in common, whatever their prompts are; None for one that is drawn alone."""
    request, options = job.request, job.request.options
    alone = request.task != "generate" or request.files or options.hires or options.tile or options.attention
    if alone or options.prompt is None or job.attempts:
        return None
    values = tuple(_hashable(getattr(options, f.name)) for f in fields(options) if f.name not in _OWN)
    return (request.model, *values)


def _texts(request: JobRequest, pipe: Pipeline) -> Hashable | None:
    """What their prompts must have in common; None if they are drawn alone.

    The text states of a batch are as long as those of its longest prompt, and the longer ones give another
    picture: so the numbers of chunks must be the same, too.
    """
    options = request.options
    prompts = [options.prompt, options.negative_prompt or ""]
    texts = [text for given in prompts for text in ([given] if isinstance(given, str) else given or ())]
    try:
        infos = [
            pipe.explain(
                text,
                translate=options.translate or "auto",
                num_inference_steps=options.num_inference_steps,
            )
            for text in texts
            if text
        ]
    except Exception:  # it fails when it is drawn, and alone
        return None
    loras = {info.loras for info in infos}
    if len(loras) > 1 or any(info.variants or info.embeddings for info in infos):
        return None
    return (max((info.chunks for info in infos), default=1), *loras)


def _hashable(value: Any) -> Hashable:
    return tuple(sorted(value.items())) if isinstance(value, Mapping) else value
