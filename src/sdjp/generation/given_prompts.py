"""The prompts among the arguments of a generation: counted, parsed, and refused where they mean nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdjp.errors import InputError
from sdjp.text.composition import compose, shortened
from sdjp.text.prompt import Prompt, tags
from sdjp.text.read import check_prompt
from sdjp.text.schedule import is_single
from sdjp.text.tags import lora_weights

if TYPE_CHECKING:
    from torch import Tensor


def as_list(value: str | Sequence[str] | None, name: str) -> list[str]:
    """One text or several as a list; an empty list is refused."""
    if value is None:
        return []
    texts = [value] if isinstance(value, str) else list(value)
    if not texts:
        raise InputError(
            f"{name}.empty_list",
            ja=f"{name} が空のリストです。1 つ以上入れるか、省いてください。",
            en=f"{name} is an empty list: put something into it, or leave it out.",
        )
    return texts


def groups_of(prompts: Sequence[Prompt], embeds: Tensor | None) -> int:
    """How many prompts there are, as text or as states."""
    if bool(prompts) == (embeds is not None):
        raise InputError(
            "prompt.missing",
            ja="prompt か prompt_embeds のどちらか一方だけを指定してください。",
            en="give either prompt or prompt_embeds, and not both.",
        )
    return len(prompts) if embeds is None else embeds.shape[0]


def negatives_of(given: str | Sequence[str] | None, groups: int) -> tuple[Prompt, ...]:
    """The negative prompts, parsed, as many as there are ``groups``."""
    texts = [""] if given is None else as_list(given, "negative_prompt")
    if len(texts) not in (1, groups):
        raise InputError(
            "negative_prompt.count",
            ja=f"negative_prompt は 1 個か、プロンプトと同じ {groups} 個にしてください（{len(texts)} 個）。",
            en=f"give one negative_prompt, or {groups} as there are prompts, not {len(texts)}.",
        )
    negatives = [check_prompt(text, allow_empty=True) for text in texts]
    for negative in negatives:
        refuse_joined(negative)
        _refuse_loras(negative)
    return tuple(negatives * groups if len(negatives) == 1 else negatives)


def refuse_changing(prompts: Sequence[Prompt]) -> None:
    """Refuse prompts that change by steps where attention is asked for: no word has one token then."""
    for prompt in prompts:
        if not is_single(prompt):
            raise InputError(
                "attention.changing",
                ja=f"「{shortened(prompt.source)}」はステップごとに変わるか、AND でつないだプロンプトなので、"
                "どの語がどこを描いたか（attention）は記録できません。どちらかを外してください。",
                en=f"{shortened(prompt.source)!r} changes with the steps, or AND joins prompts in it: which "
                "word drew what (attention) cannot be recorded. Leave one of them out.",
            )


def refuse_joined(negative: Prompt) -> None:
    """Refuse AND in a negative prompt."""
    if len(compose(negative.source)) > 1:
        raise InputError(
            "prompt.and_negative",
            ja="AND は negative_prompt では使えません（何も足し合わされません）。コンマでつなぐか、"
            "除きたいものを prompt に AND と負の重みで書いてください（例: 猫 AND 首輪 :-0.5）。",
            en="AND means nothing in a negative prompt: nothing is added up there. Join with commas, or "
            "write what is to be kept out into the prompt, with AND and a negative weight "
            "(a cat AND a collar :-0.5).",
        )


def _refuse_loras(negative: Prompt) -> None:
    found = lora_weights(tags(negative))
    if found:
        raise InputError(
            "lora.negative",
            ja=f"LoRA「{next(iter(found))}」のタグは negative_prompt では働きません。"
            "prompt に書くか、消してください（弱めるには <lora:名前:-0.5> のように負の重みを使えます）。",
            en=f"the tag of the LoRA {next(iter(found))!r} does nothing in a negative prompt. Write it into "
            "the prompt, or take it out (a negative weight, <lora:NAME:-0.5>, turns it round).",
        )
