"""English, in chunks of tokens with weights, to the text states that condition the UNet.

Long prompts: every chunk of 77 tokens is encoded by itself and the states are laid end to end, as
AUTOMATIC1111 does. Weights: each token's states are multiplied by its weight, then the chunk is scaled so
that its mean is what it was (the same tool's "original" emphasis). A chunk whose weights are all 1 is left
exactly as it is.

Axes: B prompts, N chunks, L = 77 tokens, D width.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from sdjp.conditioning import emphasis
from sdjp.conditioning.cache import StateCache
from sdjp.models import Adapter, TextEncoder
from sdjp.text.chunks import Chunks


def emphasise(states: Tensor, weights: Tensor) -> Tensor:
    """Multiply states (N, L, D) by weights (N, L), keeping the mean of each chunk.

    A chunk whose weighted mean vanishes is not rescaled: there is nothing to divide by.
    """
    if bool((weights == 1).all()):
        return states
    weighted = states * weights[..., None].to(states.dtype)
    before = states.float().mean(dim=(1, 2), keepdim=True)
    after = weighted.float().mean(dim=(1, 2), keepdim=True)
    plain = (weights == 1).all(dim=1)[:, None, None] | (after.abs() < 1e-8)
    scale = torch.where(
        plain, torch.ones_like(before), before / torch.where(plain, torch.ones_like(after), after)
    )
    return weighted * scale.to(states.dtype)


def encode(
    model: TextEncoder,
    prompts: Sequence[Chunks],
    empty: Chunks,
    cache: StateCache | None = None,
    *,
    clip_skip: int = 1,
) -> Tensor:
    """Encode ``prompts``; equal chunks are encoded once.

    Args:
        model: The text encoder.
        prompts: The chunks of each prompt.
        empty: The chunks of an empty prompt; shorter prompts are filled up with it.
        cache: States that were encoded before; without one, nothing is remembered.
        clip_skip: The layer whose states are taken, counted from the last one, 1.

    Returns:
        (B, N L, D) in the dtype of the model, N the chunks of the longest prompt; memory of its own.
    """
    cache = StateCache(0) if cache is None else cache
    count = max(len(p.ids) for p in prompts)
    filling = tuple(empty.ids[0])
    rows = [
        row for p in prompts for row in [*map(tuple, p.ids), *itertools.repeat(filling, count - len(p.ids))]
    ]
    factors = [p.weights + empty.weights[:1] * (count - len(p.weights)) for p in prompts]
    wanted, weighted = list(rows), [weights for of_prompt in factors for weights in of_prompt]
    pad_id = model.pad_id if isinstance(model, Adapter) else None
    if pad_id is not None:
        for row, weights in zip(rows, weighted, strict=True):
            wanted += [rest for _, rest in emphasis.without(row, weights, pad_id=pad_id)]
    known: dict[tuple[int, ...], Tensor] = {}
    # One by one: sums may depend on the size of a batch, in the last bit, and a seed is to give the same
    # picture whatever is drawn beside it or was drawn before it.
    for row in dict.fromkeys(wanted):
        [known[row]] = cache.states(model, (row,), clip_skip=clip_skip)
    if pad_id is not None:
        pairs = zip(rows, weighted, strict=True)
        states = torch.stack([emphasis.emphasise(row, w, known, pad_id=pad_id) for row, w in pairs])
    else:
        states = torch.stack([known[row] for row in rows])  # (B N, L, D)
        states = emphasise(states, torch.tensor(weighted, device=states.device))
    return states.reshape(len(prompts), -1, states.shape[-1])
