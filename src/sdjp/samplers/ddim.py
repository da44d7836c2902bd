"""DDIM (Song et al. 2021, arXiv 2010.02502)."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import TYPE_CHECKING

from sdjp.samplers.base import Denoise, Noise, Step, at
from sdjp.samplers.schedule import Plan

if TYPE_CHECKING:
    from torch import Tensor


def ddim(denoise: Denoise, x_T: Tensor, plan: Plan, noise: Noise) -> Iterator[Step]:
    """Equation 12, with the sigma of equation 16: eta 0 is deterministic, eta 1 is DDPM on fewer steps.

    Noise is drawn once a step where eta > 0, and never where it is 0.
    """
    x = x_T
    for i, t, a, a_prev in plan.moves():
        eps = denoise(x, at(t, x))
        sigma = plan.eta * sqrt((1 - a_prev) / (1 - a) * (1 - a / a_prev))
        x0 = (x - sqrt(1 - a) * eps) / sqrt(a)
        x = sqrt(a_prev) * x0 + sqrt(1 - a_prev - sigma**2) * eps
        if plan.eta > 0:
            x = x + sigma * noise()
        yield Step(i, t, x, x0)
