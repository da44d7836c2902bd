"""English, in chunks of tokens with weights, to the text states that condition the UNet.

Long prompts: every chunk of 77 tokens is encoded by itself and the states are laid end to end, as
AUTOMATIC1111 does. Weights: each token's states are multiplied by its weight, then the chunk is scaled so
that its mean is what it was (the same tool's "original" emphasis). A chunk whose weights are all 1 is left
exactly as it is.

Axes: B prompts, N chunks, L = 77 tokens, D width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sdjp.models import TextEncoder
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


def encode(model: TextEncoder, prompts: Sequence[Chunks], empty: Chunks) -> Tensor:
    """Encode ``prompts`` as one batch.

    Args:
        model: The text encoder.
        prompts: The chunks of each prompt.
        empty: The chunks of an empty prompt; shorter prompts are filled up with it.

    Returns:
        (B, N L, D) in the dtype of the model, N the chunks of the longest prompt.
    """
    count = max(len(p.ids) for p in prompts)
    device = model.token_embedding.weight.device
    rows = [p.ids + empty.ids[:1] * (count - len(p.ids)) for p in prompts]
    factors = [p.weights + empty.weights[:1] * (count - len(p.weights)) for p in prompts]
    ids = torch.tensor(rows, device=device).flatten(0, 1)  # (B N, L)
    weights = torch.tensor(factors, device=device).flatten(0, 1)
    states = emphasise(model(ids), weights)  # (B N, L, D)
    return states.reshape(len(prompts), -1, states.shape[-1])
