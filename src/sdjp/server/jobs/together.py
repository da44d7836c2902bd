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

    Args:
        waiting: In their order, at least one.
        pipe: The model of the first.
        most: Pictures of a batch.
    """
    first, *others = waiting
    chosen, count = [first], first.request.count
    kind = kind_of(first.request, pipe) if count < most else None
    if kind is None:
        return chosen
    for other in others:
        if count + other.request.count <= most and kind_of(other.request, pipe) == kind:
            chosen.append(other)
            count += other.request.count
    return chosen


def kind_of(request: JobRequest, pipe: Pipeline) -> Hashable | None:
    """What two requests must have in common to be drawn together; None if this one is drawn alone.

    The text states of a batch are as long as those of its longest prompt, and the longer ones give another
    picture: so the numbers of chunks must be the same, too.
    """
    options = request.options
    alone = request.task != "generate" or request.files or options.hires or options.tile or options.attention
    if alone or options.prompt is None:
        return None
    prompts = [options.prompt, options.negative_prompt or ""]
    texts = [text for given in prompts for text in ([given] if isinstance(given, str) else given)]
    steps = options.num_inference_steps
    infos = [pipe.explain(text, num_inference_steps=steps) for text in texts if text]
    loras = {info.loras for info in infos}
    if len(loras) > 1 or any(info.variants or info.embeddings for info in infos):
        return None
    chunks = max((info.chunks for info in infos), default=1)
    values = tuple(_hashable(getattr(options, f.name)) for f in fields(options) if f.name not in _OWN)
    return (request.model, chunks, tuple(loras), values)


def _hashable(value: Any) -> Hashable:
    return tuple(sorted(value.items())) if isinstance(value, Mapping) else value
