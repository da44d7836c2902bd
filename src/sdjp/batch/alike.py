"""Which pictures are drawn together: those of which each is the picture that it is alone."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from sdjp.options import GenerationOptions

if TYPE_CHECKING:
    from sdjp.batch.item import Item
    from sdjp.pipeline import Pipeline

_OWN: Final = ("prompt", "negative_prompt", "seed", "num_images_per_prompt")
"""Options that each picture of a batch may have for itself."""


def values_of(options: GenerationOptions) -> Hashable | None:
    """What pictures must have in common, whatever their prompts are; None for one that is drawn alone."""
    if options.hires or options.tile or options.attention or options.prompt is None:
        return None
    return tuple(_hashable(getattr(options, f.name)) for f in fields(options) if f.name not in _OWN)


def texts_of(options: GenerationOptions, pipe: Pipeline) -> Hashable | None:
    """What their prompts must have in common; None if they are drawn alone.

    The text states of a batch are as long as those of its longest prompt, and the longer ones give another
    picture: so the numbers of chunks must be the same, too.
    """
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


def batches(items: Sequence[Item], pipe: Pipeline, most: int) -> Iterator[list[Item]]:
    """Put items together in batches, each as large as it can be; all of them in the order of their first.

    Args:
        items: In their order.
        pipe: What draws them.
        most: Items of a batch at most.
    """
    if most == 1:
        yield from ([item] for item in items)
        return
    open_: dict[Hashable, list[Item]] = {}
    for item in items:
        values = values_of(item.options)
        texts = None if values is None else texts_of(item.options, pipe)
        if texts is None:
            yield [item]
            continue
        batch = open_.setdefault((values, texts), [])
        batch.append(item)
        if len(batch) == most:
            yield open_.pop((values, texts))
    yield from open_.values()


def _hashable(value: Any) -> Hashable:
    return tuple(sorted(value.items())) if isinstance(value, Mapping) else value
