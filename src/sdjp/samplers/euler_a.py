"""Euler with ancestral noise ("Euler a" of k-diffusion)."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import TYPE_CHECKING

from sdjp.samplers.base import Denoise, Noise, Step, at
from sdjp.samplers.schedule import Plan

if TYPE_CHECKING:
    from torch import Tensor


def euler_a(denoise: Denoise, x_T: Tensor, plan: Plan, noise: Noise) -> Iterator[Step]:
    """Step down to sigma_down, then put noise back up to the next sigma.

    sigma_up is the deviation of DDPM's posterior (Ho et al. 2020, arXiv 2006.11239, equation 7) in the scale
    of sigmas, so in exact arithmetic this is DDIM with eta 1, except for where the last step arrives: at
    sigma = 0, without noise.
    """
    x = x_T
    for i, t, a, a_prev in plan.moves(end=1.0):
        sigma, sigma_next = sqrt((1 - a) / a), sqrt((1 - a_prev) / a_prev)
        sigma_up = sigma_next * sqrt(1 - (sigma_next / sigma) ** 2)
        sigma_down = sqrt(sigma_next**2 - sigma_up**2)
        eps = denoise(x, at(t, x))
        y = x / sqrt(a)  # y = x0 + sigma eps
        x0 = y - sigma * eps
        y = y + (sigma_down - sigma) * eps
        if sigma_next > 0:
            y = y + sigma_up * noise()
        x = sqrt(a_prev) * y
        yield Step(i, t, x, x0)
