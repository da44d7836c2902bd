"""UniPC, a predictor and a corrector of one kind (Zhao et al. 2023, arXiv 2302.04867)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import expm1, sqrt
from typing import TYPE_CHECKING

from sdjp.samplers.base import Denoise, Noise, Step, at
from sdjp.samplers.dpm_solver import half_log_snr
from sdjp.samplers.schedule import Plan

if TYPE_CHECKING:
    from torch import Tensor


def unipc(denoise: Denoise, x_T: Tensor, plan: Plan, noise: Noise) -> Iterator[Step]:
    """UniPC-2 with B_2(h) = e^h - 1 on x0 ("bh2"), as diffusers has it by default.

    The corrector (UniC, equation 3) asks for no model of its own: the answer at the place that the predictor
    (UniP) led to corrects that place, and predicts the next. Predicting, second order is DPM-Solver++(2M);
    the first step and the last, which ends at sigma = 0, are of first order.
    """
    x = x_T
    last = len(plan) - 1
    before: _Leg | None = None  # the step that led here
    for i, t, a, a_prev in plan.moves(end=1.0):
        x0 = (x - sqrt(1 - a) * denoise(x, at(t, x))) / sqrt(a)
        if before is not None and before.h > 0:
            x = before.to(before.corrected(x0))
        h = half_log_snr(a_prev) - half_log_snr(a)
        ratio, slope = 0.0, None
        # h is 0 where a timestep comes twice: there is no slope over such a step.
        if before is not None and before.h > 0 and h > 0 and i != last:
            ratio, slope = before.h / h, (x0 - before.x0) * (h / before.h)
        before = _Leg(x=x, x0=x0, a=a, a_prev=a_prev, h=h, ratio=ratio, slope=slope)
        x = before.to(x0 if slope is None else x0 + slope / 2)
        yield Step(i, t, x, x0)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Leg:
    """One step: x and x0 where it begins, and its growth h of lambda.

    ``slope`` is the difference of x0 over the step before, stretched to this one, and ``ratio`` the length of
    that step to this one; None and 0 where the step is of first order.
    """

    x: Tensor
    x0: Tensor
    a: float
    a_prev: float
    h: float
    ratio: float
    slope: Tensor | None

    def to(self, target: Tensor) -> Tensor:
        """Where the step arrives if x0 is ``target`` all along it."""
        keep = sqrt((1 - self.a_prev) / (1 - self.a))
        return keep * self.x - sqrt(self.a_prev) * expm1(-self.h) * target

    def corrected(self, x0_next: Tensor) -> Tensor:
        """The target of the step, now that x0 where it arrives is known (appendix D: R_p rho = b)."""
        change = x0_next - self.x0
        if self.slope is None:
            return self.x0 + change / 2
        growth = expm1(-self.h)
        first = (-growth / self.h - 1) / growth
        second = 2 * ((-growth / self.h - 1) / -self.h - 1 / 2) / growth
        rho = (first - second) / (1 + self.ratio)  # of the difference behind; the rest of the one ahead
        return self.x0 + rho * self.slope + (first - rho) * change
