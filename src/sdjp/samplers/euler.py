"""Euler's method on the probability-flow ODE: Karras et al. 2022, arXiv 2206.00364, algorithm 1 without its
second-order correction (k-diffusion's "Euler").
"""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import TYPE_CHECKING

from sdjp.samplers.base import Denoise, Noise, Step, at
from sdjp.samplers.schedule import Plan

if TYPE_CHECKING:
    from torch import Tensor


def euler(denoise: Denoise, x_T: Tensor, plan: Plan, noise: Noise) -> Iterator[Step]:
    """dx/dsigma = eps, in the scale of the paper: x / sqrt(alpha_bar) = x0 + sigma eps; ends at sigma = 0.

    In exact arithmetic this is DDIM with eta 0, except for where the last step arrives.
    """
    x = x_T
    for i, t, a, a_prev in plan.moves(end=1.0):
        sigma, sigma_next = sqrt((1 - a) / a), sqrt((1 - a_prev) / a_prev)
        eps = denoise(x, at(t, x))
        y = x / sqrt(a)
        x = sqrt(a_prev) * (y + (sigma_next - sigma) * eps)
        yield Step(i, t, x, y - sigma * eps)
