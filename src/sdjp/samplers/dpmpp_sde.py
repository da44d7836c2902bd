"""DPM-Solver++ for the SDE, single-step: "DPM++ SDE" of k-diffusion."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import TYPE_CHECKING

from sdjp.samplers.base import Denoise, Noise, Step, at
from sdjp.samplers.schedule import Plan

if TYPE_CHECKING:
    from torch import Tensor


def dpmpp_sde(denoise: Denoise, x_T: Tensor, plan: Plan, noise: Noise) -> Iterator[Step]:
    """Second order within each step (Lu et al. 2022, arXiv 2211.01095): r = 1/2, noise as of ``euler_a``.

    The model is asked at sigma, then at the geometric mean of sigma and the next one, and the whole step goes
    where the second answer points. The last step ends at sigma = 0: Euler's, with one call and no noise.

    Noise is drawn twice a step. The noise of the whole step is that of its two parts together, weighted as
    increments of one Brownian path in sigma; k-diffusion reads it off a Brownian tree, with the same
    distribution.
    """
    x = x_T
    for i, t, a, a_prev in plan.moves(end=1.0):
        sigma, sigma_next = sqrt((1 - a) / a), sqrt((1 - a_prev) / a_prev)
        y = x / sqrt(a)  # y = x0 + sigma eps
        x0 = y - sigma * denoise(x, at(t, x))
        if sigma_next > 0:
            middle = sqrt(sigma * sigma_next)
            a_middle = 1 / (1 + middle**2)
            first, second = noise(), noise()
            trial = _ancestral(y, x0, sigma, middle, first)
            eps = denoise(sqrt(a_middle) * trial, at(plan.schedule.timestep_at(a_middle), x))
            target = trial - middle * eps
            # A timestep that comes twice is a step of no length.
            share = (sigma - middle) / (sigma - sigma_next) if sigma > sigma_next else 0.0
            y = _ancestral(y, target, sigma, sigma_next, sqrt(share) * first + sqrt(1 - share) * second)
        else:
            y = x0
        x = sqrt(a_prev) * y
        yield Step(i, t, x, x0)


def _ancestral(y: Tensor, x0: Tensor, sigma: float, sigma_next: float, noise: Tensor) -> Tensor:
    """Go towards x0 from sigma, past sigma_next, and put noise back up to it."""
    sigma_down = sigma_next**2 / sigma
    sigma_up = sigma_next * sqrt(1 - (sigma_next / sigma) ** 2)
    return sigma_down / sigma * y + (1 - sigma_down / sigma) * x0 + sigma_up * noise
