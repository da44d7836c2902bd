"""The prompts of a job, read, checked and encoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from sdjp.errors import InputError
from sdjp.generation.composition import Composition, constant
from sdjp.generation.job import Job
from sdjp.generation.model import Model
from sdjp.records import PromptInfo, Report
from sdjp.text.prompt_check import PromptChecker
from sdjp.text.read import ReadPrompt
from sdjp.text.schedule import Conjunct
from sdjp.text.variants import ReadSchedule, with_loras

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sdjp.text.alignment import Alignment

_UNUSED: Final = Report(
    name="negative_prompt",
    status="off",
    ja="ガイダンスの強さ（guidance_scale）が 1 なので、ネガティブプロンプトは働きません。"
    "使うには 1 より大きくしてください。",
    en="guidance_scale is 1, so the negative prompt has no effect. For one, it must be greater than 1.",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoded:
    """The conditioning of a run; one row or entry for each of its pictures.

    Attributes:
        cond: Text states, (count, L, D); as many as there are, where there is a ``composition``.
        uncond: Those of the negative prompts, likewise.
        prompts: What became of each prompt; None where states were given.
        negative_prompts: And of each negative prompt; None where there is none.
        reports: Those of the check of prompts, and what of the negative prompt has no effect.
        alignments: The words of each prompt and their tokens, if attention is to be told of; else none.
        rollouts: For each alignment how much of each state comes from each token, (L, L) float32; None where
            that is not known.
        composition: Which of the states are whose at which step; None if row i is that of picture i.
    """

    cond: Tensor
    uncond: Tensor
    prompts: tuple[PromptInfo | None, ...]
    negative_prompts: tuple[PromptInfo | None, ...]
    reports: tuple[tuple[Report, ...], ...]
    alignments: tuple[Alignment, ...] = ()
    rollouts: tuple[NDArray[np.float32] | None, ...] = ()
    composition: Composition | None = None


@torch.inference_mode()
def encode(job: Job, model: Model, checker: PromptChecker | None) -> Encoded:
    """Read, check and encode the prompts of a job whose prompts all have the same LoRAs.

    Raises:
        InputError: If the check of prompts refuses one, or states do not fit together.
        TranslationError: If a prompt cannot be translated.
    """
    each = job.options.num_images_per_prompt
    groups = job.count // each
    trees = [*job.prompts, *job.negatives]  # one batch to translate
    texts = model.reader.read_schedules(
        trees, job.passes, translate=job.options.translate, text_encoder=model.text_encoder
    )
    loras = tuple(job.loras.items())
    prompts = [replace(p, info=with_loras(p.info, loras)) for p in texts[: len(job.prompts)]]
    negatives = texts[len(job.prompts) :]
    infos: list[PromptInfo | None] = [p.info for p in prompts] if prompts else [None] * groups
    alignments = [model.reader.align(p.prompts[0]) for p in prompts] if job.options.attention else []
    reports: list[tuple[Report, ...]] = [()] * groups
    if checker is not None:
        reports = [(report,) for report in checker.check(infos)]

    cond, uncond = job.inputs.prompt_embeds, job.inputs.negative_prompt_embeds
    conds = [one for p in prompts for one in p.prompts] if cond is None else []
    unconds = [one for n in negatives for one in n.prompts] if uncond is None else []
    if conds or unconds:
        states = model.encode([*conds, *unconds], clip_skip=job.options.clip_skip)
        cond = states[: len(conds)] if cond is None else cond
        uncond = states[len(conds) :] if uncond is None else uncond
    assert cond is not None
    assert uncond is not None
    cond, uncond = (states.to(model.device, model.dtype) for states in (cond, uncond))
    rollouts = (
        [model.rollout(p.prompts[0], states=cond.shape[1], clip_skip=job.options.clip_skip) for p in prompts]
        if job.options.attention
        else []
    )
    if cond.shape[1] != uncond.shape[1]:
        raise InputError(
            "prompt_embeds.length",
            ja=f"prompt_embeds（{cond.shape[1]} トークン）と negative_prompt_embeds"
            f"（{uncond.shape[1]} トークン）の長さをそろえてください。",
            en=f"prompt_embeds has {cond.shape[1]} tokens, "
            f"negative_prompt_embeds {uncond.shape[1]}: "
            "make them equally long (encode_prompt takes chunks=…).",
        )
    negative_infos = [n.info if n.info.source else None for n in negatives]
    negative_infos *= groups if len(negative_infos) == 1 else 1
    if job.options.guidance_scale == 1:
        given = job.inputs.negative_prompt_embeds is not None
        joined = [len(p.conjuncts) > 1 for p in prompts] or [False] * groups  # AND leads away from it
        reports = [
            (*of_prompt, _UNUSED) if (given or info is not None) and not joins else of_prompt
            for of_prompt, info, joins in zip(reports, negative_infos, joined, strict=True)
        ]

    composition = None
    if any(not of_one.plain for of_one in texts):
        composition = Composition(
            cond=tuple(of for of in _rows(prompts, conds, len(cond), groups) for _ in range(each)),
            uncond=tuple(of for [of] in _rows(negatives, unconds, len(uncond), groups) for _ in range(each)),
        )
    else:
        cond, uncond = (
            states.expand(groups, -1, -1).repeat_interleave(each, dim=0) for states in (cond, uncond)
        )

    return Encoded(
        cond=cond,
        uncond=uncond,
        composition=composition,
        prompts=tuple(info for info in infos for _ in range(each)),
        negative_prompts=tuple(info for info in negative_infos for _ in range(each)),
        reports=tuple(of_prompt for of_prompt in reports for _ in range(each)),
        alignments=tuple(of_prompt for of_prompt in alignments for _ in range(each)),
        rollouts=tuple(of_prompt for of_prompt in rollouts for _ in range(each)),
    )


def _rows(
    texts: Sequence[ReadSchedule], encoded: Sequence[ReadPrompt], given: int, groups: int
) -> list[tuple[Conjunct[int], ...]]:
    """The rows of the states of each prompt; one row for all or one each, where states were given."""
    if not encoded:
        return [constant([i % given]) for i in range(groups)]
    rows = {id(one): row for row, one in enumerate(encoded)}  # a prompt that comes twice has two, both alike
    return [tuple(of.map(lambda one: rows[id(one)]) for of in text.conjuncts) for text in texts]
