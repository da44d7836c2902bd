"""Angle tags of a prompt: ``<lora:name:0.8>``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Final

from sdjp.checks import MAX_LORA_WEIGHT
from sdjp.errors import InputError

_LORA: Final = re.compile(r"<lora:(?P<fields>[^<>]*)>", re.IGNORECASE)


def lora_weights(tags: Iterable[str], besides: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return the LoRAs that tags ask for, with their weights; 1 where a tag gives none.

    Args:
        tags: Tags as they stand in the prompt; those of other kinds are passed over.
        besides: LoRAs that are asked for in another way. What is asked for twice adds up.

    Raises:
        InputError: If a tag has no name, a weight that is no number from -10 to 10, or more than both.
    """
    weights = dict(besides or {})
    for tag in tags:
        match = _LORA.fullmatch(tag)
        if match is not None:
            name, weight = _read(tag, match["fields"])
            weights[name] = weights.get(name, 0.0) + weight
    return weights


def other_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the tags that ask for nothing sdjp has."""
    return tuple(tag for tag in tags if _LORA.fullmatch(tag) is None)


def _read(tag: str, fields: str) -> tuple[str, float]:
    name, *rest = (field.strip() for field in fields.split(":"))
    try:
        weight = float(rest[0]) if rest else 1.0
    except ValueError:
        weight = math.nan
    if not name or len(rest) > 1 or not abs(weight) <= MAX_LORA_WEIGHT:
        raise InputError(
            "lora.tag",
            ja=f"LoRA のタグ {tag} は読めません。<lora:名前> か <lora:名前:0.8> の形で、"
            f"重みは -{MAX_LORA_WEIGHT:g} から {MAX_LORA_WEIGHT:g} の数にしてください。",
            en=f"cannot read the LoRA tag {tag}. Write <lora:NAME> or <lora:NAME:0.8>, "
            f"with a weight from -{MAX_LORA_WEIGHT:g} to {MAX_LORA_WEIGHT:g}.",
        )
    return name, weight
