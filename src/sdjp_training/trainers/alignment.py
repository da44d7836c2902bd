"""Let the UNet look where the text encoder tells of each place.

The last 64 of the 77 states tell the latents of a cell each. A UNet that sees only noise has to find, for
each place of its picture, the state of that place, and knows of places no more than what the zeros around
the picture give away. Left alone, it takes hundreds of thousands of samples to learn that. Here one head of
each cross-attention behind the middle is told directly: the cross-entropy of its attention with the right
state.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from sdjp_training.loop.device import here
from sdjp_training.trainers.text_encoder import GRID


class Alignment:
    """Takes the place of attention maps in a call of the UNet, and notes how far attention is from right."""

    def __init__(self) -> None:
        self._behind_the_middle = False
        self._losses: list[Tensor] = []

    def add(self, q: Tensor, k: Tensor, heads: int, *, size: tuple[int, int]) -> None:
        """Take note of queries (B, h w, D) and keys (B, M, D) of a cross-attention."""
        h, w = size
        if h < GRID:
            self._behind_the_middle = True
        elif self._behind_the_middle:
            head = slice(q.shape[-1] // heads)
            scores = q[..., head] @ k[..., head].transpose(1, 2) * head.stop**-0.5  # (B, h w, M)
            right = states(h, w, k.shape[1]).expand(len(q), -1)
            self._losses.append(F.cross_entropy(scores.float().flatten(0, 1), right.flatten()))

    @property
    def loss(self) -> Tensor:
        """The mean over the layers."""
        return torch.stack(self._losses).mean()


def states(h: int, w: int, count: int) -> Tensor:
    """The numbers (h w,) of the states that tell of each place, row by row, of ``count`` states."""
    y, x = (here(torch.arange(side)) * GRID // side for side in (h, w))
    return (count - GRID * GRID + GRID * y[:, None] + x[None, :]).flatten()
