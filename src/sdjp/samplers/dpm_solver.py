"""Second-order multistep DPM-Solver++ (Lu et al. 2022, arXiv 2211.01095): the original's ``--dpm_solver``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import expm1, inf, log, sqrt
from typing import TYPE_CHECKING

from sdjp.samplers.base import Denoise, Noise, Step, at
from sdjp.samplers.schedule import Plan

if TYPE_CHECKING:
    from torch import Tensor


def dpm_solver(denoise: Denoise, x_T: Tensor, plan: Plan, noise: Noise) -> Iterator[Step]:
    """DPM-Solver++(2M) down to alpha_bar[0]; below 15 steps the last one is of first order, for stability."""
    few = len(plan.timesteps) < 15
    return multistep(denoise, x_T, plan.moves(), last=len(plan) - 1 if few else None)


def multistep(
    denoise: Denoise, x_T: Tensor, moves: Iterable[tuple[int, float, float, float]], *, last: int | None
) -> Iterator[Step]:
    """Algorithm 2 of the paper: second order from the second step on, except at step ``last``.

    lambda is half the log of the signal-to-noise ratio, h its growth in one step.
    """
    x = x_T
    x0_before, h_before = x_T, 0.0
    for i, t, a, a_prev in moves:
        x0 = (x - sqrt(1 - a) * denoise(x, at(t, x))) / sqrt(a)
        h = half_log_snr(a_prev) - half_log_snr(a)
        slope = x0
        # h_before is 0 at the first step, and where a timestep comes twice and x0 did not change.
        if h_before > 0 and i != last:
            slope = x0 + h / (2 * h_before) * (x0 - x0_before)
        x = sqrt((1 - a_prev) / (1 - a)) * x - sqrt(a_prev) * expm1(-h) * slope
        x0_before, h_before = x0, h
        yield Step(i, t, x, x0)


def half_log_snr(a: float) -> float:
    """Return lambda where alpha_bar is ``a``; infinite where no noise is left."""
    return inf if a == 1 else log(a / (1 - a)) / 2
