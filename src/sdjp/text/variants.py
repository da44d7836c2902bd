"""A prompt that is more than one, read: each variant as a whole prompt, and what became of all of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sdjp.records import PromptInfo, Variant
from sdjp.text.prompt import Prompt, tags
from sdjp.text.read import ReadPrompt
from sdjp.text.schedule import Conjunct, Schedule, ranges, written
from sdjp.text.tags import lora_weights

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ReadSchedule:
    """A prompt, read at every step.

    Attributes:
        info: What became of it, for the user.
        conjuncts: What is encoded.
    """

    info: PromptInfo
    conjuncts: tuple[Conjunct[ReadPrompt], ...]

    @property
    def plain(self) -> bool:
        """Whether it is one prompt from the first step to the last."""
        return len(self.prompts) == 1 and len(self.conjuncts) == 1

    @property
    def prompts(self) -> tuple[ReadPrompt, ...]:
        """All that it is at any step, each once."""
        found = (prompt for conjunct in self.conjuncts for _, prompt in conjunct.entries)
        return tuple({id(prompt): prompt for prompt in found}.values())


def read_schedules(
    prompts: Sequence[Prompt],
    schedules: Sequence[Schedule],
    read: Callable[[Sequence[Prompt]], list[ReadPrompt]],
) -> list[ReadSchedule]:
    """Read prompts at every step; all that they are at any step is read as one batch.

    Args:
        prompts: The prompts.
        schedules: What each is at each step.
        read: Reads a batch of prompts that stay what they are.
    """
    # By identity: equal prompts of the user's are told apart, and a variant that comes back is one.
    distinct = {id(one): one for of in schedules for one in of.prompts}
    found = dict(zip(distinct, read(list(distinct.values())), strict=True))
    return [
        _read(prompt, of, tuple(conjunct.map(lambda one: found[id(one)]) for conjunct in of.conjuncts))
        for prompt, of in zip(prompts, schedules, strict=True)
    ]


def _read(prompt: Prompt, schedule: Schedule, conjuncts: tuple[Conjunct[ReadPrompt], ...]) -> ReadSchedule:
    if schedule.plain and schedule.prompts[0] is prompt:  # as it was typed
        return ReadSchedule(info=conjuncts[0].entries[0][1].info, conjuncts=conjuncts)
    loras = tuple(lora_weights(tags(prompt)).items())
    variants = tuple(_variants(conjuncts))
    infos = [variant.prompt for variant in variants]
    info = PromptInfo(
        source=prompt.source,
        normalized=_written(conjuncts, lambda one: one.normalized),
        english=_written(conjuncts, lambda one: one.english),
        tokens=max(one.tokens for one in infos),
        truncated=" ".join(one.truncated for one in infos if one.truncated),
        parts=_each_once(one.parts for one in infos),
        unknown=_each_once(one.unknown for one in infos),
        chunks=max(one.chunks for one in infos),
        embeddings=_each_once(one.embeddings for one in infos),
        ignored=_each_once(one.ignored for one in infos),
        neighbours=_each_once(one.neighbours for one in infos),
        foreign=_each_once(one.foreign for one in infos),
        read=" / ".join(_each_once([one.read] for one in infos if one.read)),
        variants=variants,
        unused=schedule.unused,
    )
    return ReadSchedule(info=with_loras(info, loras), conjuncts=conjuncts)


def _variants(conjuncts: Sequence[Conjunct[ReadPrompt]]) -> Iterator[Variant]:
    for number, conjunct in enumerate(conjuncts, start=1):
        by_id = {id(prompt): prompt for _, prompt in conjunct.entries}
        for key, steps in ranges([(end, id(prompt)) for end, prompt in conjunct.entries]).items():
            yield Variant(steps=steps, conjunct=number, weight=conjunct.weight, prompt=by_id[key].info)


def _written(conjuncts: Sequence[Conjunct[ReadPrompt]], of: Callable[[PromptInfo], str]) -> str:
    return written([conjunct.map(lambda one: of(one.info)) for conjunct in conjuncts])


def _each_once(lists: Iterable[Iterable[T]]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(itertools.chain.from_iterable(lists)))


def with_loras(info: PromptInfo, loras: tuple[tuple[str, float], ...]) -> PromptInfo:
    """The same of a run with LoRAs, which are those of all its variants."""
    variants = tuple(replace(of, prompt=replace(of.prompt, loras=loras)) for of in info.variants)
    return replace(info, loras=loras, variants=variants)
