"""Emphasis where states do not belong to words: those of an adapter.

A state of an adapter stands where English would have a word, not where Japanese has it, so a weight cannot be
multiplied to it. What a stretch of a prompt changes in the states is what they are with it, less what they
are without it; a weight w counts that w times. So 1 changes nothing, and 0 is as if the stretch were not
there.

Axes: L ids of a chunk, S states, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import torch
from torch import Tensor

Ids = tuple[int, ...]


def without(ids: Ids, weights: Sequence[float], *, pad_id: int) -> list[tuple[float, Ids]]:
    """Take each stretch of equal weight, other than 1, out of a chunk.

    Args:
        ids: The chunk (L,).
        weights: Of each id.
        pad_id: Fills up what is left.

    Returns:
        The weight of each stretch, and the chunk without it.
    """
    taken = []
    first = 0
    for weight, group in groupby(weights):
        last = first + len(list(group))
        if weight != 1:
            rest = ids[:first] + ids[last:]
            taken.append((weight, rest + (pad_id,) * (len(ids) - len(rest))))
        first = last
    return taken


def emphasise(ids: Ids, weights: Sequence[float], states: Mapping[Ids, Tensor], *, pad_id: int) -> Tensor:
    """Return the states (S, D) of a chunk with its weights; ``states`` has those of all it takes."""
    whole = states[ids]
    taken = without(ids, weights, pad_id=pad_id)
    if not taken:
        return whole
    changes = torch.stack([(w - 1) * (whole.float() - states[rest].float()) for w, rest in taken])
    return (whole.float() + changes.sum(dim=0)).to(whole.dtype)
