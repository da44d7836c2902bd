"""DPM-Solver++(2M) for the SDE: as ``dpm++_2m``, with fresh noise at each step."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, expm1, sqrt
from typing import TYPE_CHECKING

from sdjp.samplers.base import Denoise, Noise, Step, at
from sdjp.samplers.dpm_solver import half_log_snr
from sdjp.samplers.schedule import Plan

if TYPE_CHECKING:
    from torch import Tensor


def dpmpp_2m_sde(denoise: Denoise, x_T: Tensor, plan: Plan, noise: Noise) -> Iterator[Step]:
    """SDE-DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095, section 5; "midpoint" of k-diffusion).

    lambda is half the log of the signal-to-noise ratio, h its growth in one step. The last step ends at
    sigma = 0: it is of first order, gives x0, and draws no noise. Elsewhere noise is drawn once a step.
    k-diffusion takes it from a Brownian tree over the sigmas; steps of it are independent, so the
    distribution is the same.
    """
    x = x_T
    x0_before, h_before = x_T, 0.0
    last = len(plan) - 1
    for i, t, a, a_prev in plan.moves(end=1.0):
        x0 = (x - sqrt(1 - a) * denoise(x, at(t, x))) / sqrt(a)
        h = half_log_snr(a_prev) - half_log_snr(a)
        slope = x0
        # h_before is 0 at the first step, and where a timestep comes twice.
        if h_before > 0 and i != last:
            slope = x0 + h / (2 * h_before) * (x0 - x0_before)
        renewed = -expm1(-2 * h)  # share of the variance that is put anew
        x = sqrt((1 - a_prev) / (1 - a)) * exp(-h) * x + sqrt(a_prev) * renewed * slope
        if i != last:
            x = x + sqrt((1 - a_prev) * renewed) * noise()
        x0_before, h_before = x0, h
        yield Step(i, t, x, x0)
