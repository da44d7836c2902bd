"""DPM-Solver++(2M) down to no noise at all, as diffusers, k-diffusion and AUTOMATIC1111 run it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sdjp.samplers.base import Denoise, Noise, Step
from sdjp.samplers.dpm_solver import multistep
from sdjp.samplers.schedule import Plan

if TYPE_CHECKING:
    from torch import Tensor


def dpmpp_2m(denoise: Denoise, x_T: Tensor, plan: Plan, noise: Noise) -> Iterator[Step]:
    """Lu et al. 2022, arXiv 2211.01095, algorithm 2, ending at sigma = 0.

    There lambda is infinite and the second order has no meaning: the last step is always of first order, and
    gives x0.
    """
    return multistep(denoise, x_T, plan.moves(end=1.0), last=len(plan) - 1)
