"""Multistep sampling of latent consistency models (Luo et al. 2023, arXiv 2310.04378)."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import TYPE_CHECKING, Final

from sdjp.samplers.base import Denoise, Noise, Step, at
from sdjp.samplers.schedule import Plan

if TYPE_CHECKING:
    from torch import Tensor


_SIGMA_DATA: Final = 0.5
_TIMESTEP_SCALING: Final = 10.0  # as those models are trained


def lcm(denoise: Denoise, x_T: Tensor, plan: Plan, noise: Noise) -> Iterator[Step]:
    """Algorithm 3: at each step the model leaps to clean latents, and fresh noise leads to the next timestep.

    A leap is c_skip x + c_out x0, the boundary condition of consistency models (Song et al. 2023, arXiv
    2303.01469, equation 5), with 10 t in place of sigma. The last leap is the result.
    """
    x = x_T
    last = len(plan) - 1
    for i, t, a, a_prev in plan.moves():
        x0 = (x - sqrt(1 - a) * denoise(x, at(t, x))) / sqrt(a)
        scaled = _TIMESTEP_SCALING * t
        c_skip = _SIGMA_DATA**2 / (scaled**2 + _SIGMA_DATA**2)
        c_out = scaled / sqrt(scaled**2 + _SIGMA_DATA**2)
        x = c_skip * x + c_out * x0
        if i != last:
            x = sqrt(a_prev) * x + sqrt(1 - a_prev) * noise()
        yield Step(i, t, x, x0)
