"""Heun's method on the probability-flow ODE (Karras et al. 2022, arXiv 2206.00364, algorithm 1)."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import TYPE_CHECKING

from sdjp.samplers.base import Denoise, Noise, Step, at
from sdjp.samplers.schedule import Plan

if TYPE_CHECKING:
    from torch import Tensor


def heun(denoise: Denoise, x_T: Tensor, plan: Plan, noise: Noise) -> Iterator[Step]:
    """An Euler step, corrected by the slope where it leads; the last one, to sigma = 0, is Euler's alone.

    In the scale of the paper, as ``euler``: dx/dsigma = eps.
    """
    x = x_T
    for i, t, a, a_prev in plan.moves(end=1.0):
        sigma, sigma_next = sqrt((1 - a) / a), sqrt((1 - a_prev) / a_prev)
        y = x / sqrt(a)
        eps = denoise(x, at(t, x))
        x0 = y - sigma * eps
        if sigma_next > 0:
            trial = sqrt(a_prev) * (y + (sigma_next - sigma) * eps)
            eps = (eps + denoise(trial, at(plan.timesteps[plan.start + i + 1], x))) / 2
        x = sqrt(a_prev) * (y + (sigma_next - sigma) * eps)
        yield Step(i, t, x, x0)
