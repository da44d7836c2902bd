"""Strategic stochastic sampling of TCD, trajectory consistency (Zheng et al. 2024, arXiv 2402.19159)."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor, sqrt
from typing import TYPE_CHECKING

from sdjp.samplers.base import Denoise, Noise, Step, at
from sdjp.samplers.schedule import Plan

if TYPE_CHECKING:
    from torch import Tensor


def tcd(denoise: Denoise, x_T: Tensor, plan: Plan, noise: Noise) -> Iterator[Step]:
    """Algorithm 4: leap below the next timestep, to (1 - gamma) of it, and put noise back up to it.

    gamma is the plan's ``eta``: 0 is DDIM without noise, 1 leaps to the very end each time. The last step
    arrives at t = 0 and draws no noise; nor does any where gamma is 0.
    """
    x = x_T
    last = len(plan) - 1
    for i, t, a, a_prev in plan.moves():
        eps = denoise(x, at(t, x))
        x0 = (x - sqrt(1 - a) * eps) / sqrt(a)
        t_next = 0.0 if i == last else plan.timesteps[plan.start + i + 1]
        # Without noise it has to arrive at t_next itself, be it whole or not.
        below = floor((1 - plan.eta) * t_next) if plan.eta > 0 else t_next
        a_below = plan.schedule.alpha_bar_at(below)
        x = sqrt(a_below) * x0 + sqrt(1 - a_below) * eps
        if plan.eta > 0 and i != last:
            kept = a_prev / a_below
            x = sqrt(kept) * x + sqrt(1 - kept) * noise()
        yield Step(i, t, x, x0)
