"""PLMS, the pseudo linear multistep method of PNDM (Liu et al. 2022, arXiv 2202.09778)."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import TYPE_CHECKING

from sdjp.samplers.base import Denoise, Noise, Step, at
from sdjp.samplers.schedule import Plan

if TYPE_CHECKING:
    from torch import Tensor


def plms(denoise: Denoise, x_T: Tensor, plan: Plan, noise: Noise) -> Iterator[Step]:
    """Adams-Bashforth on eps, each step moved along the paper's transfer, which is DDIM's (section 3).

    The first step has no past: it tries an Euler step, asks the model again where that leads, and goes with
    the mean of both answers, hence S + 1 calls of the model.
    """
    x = x_T
    past: list[Tensor] = []  # eps of the steps before, newest first
    for i, t, a, a_prev in plan.moves():
        eps = denoise(x, at(t, x))
        if not past:
            # A run of one step arrives at 0; the original asks again at the t it came from, and overshoots.
            t_next = plan.timesteps[plan.start + 1] if len(plan) > 1 else 0.0
            trial, _ = _transfer(x, eps, a, a_prev)
            direction = (eps + denoise(trial, at(t_next, x))) / 2
        elif len(past) == 1:
            direction = (3 * eps - past[0]) / 2
        elif len(past) == 2:
            direction = (23 * eps - 16 * past[0] + 5 * past[1]) / 12
        else:
            direction = (55 * eps - 59 * past[0] + 37 * past[1] - 9 * past[2]) / 24
        past = [eps, *past[:2]]
        x, x0 = _transfer(x, direction, a, a_prev)
        yield Step(i, t, x, x0)


def _transfer(x: Tensor, eps: Tensor, a: float, a_prev: float) -> tuple[Tensor, Tensor]:
    x0 = (x - sqrt(1 - a) * eps) / sqrt(a)
    return sqrt(a_prev) * x0 + sqrt(1 - a_prev) * eps, x0
