"""Samplers: generator functions over any callable that predicts noise.

::

    def sampler(denoise, x_T, plan, noise):
        x = x_T
        for i, t, a, a_prev in plan.moves():    # a: alpha_bar at t; a_prev: alpha_bar where the step arrives
            eps = denoise(x, at(t, x))
            x0, x = …
            yield Step(i, t, x, x0)

The caller's ``for`` is the loop: progress, preview and cancelling happen there. All state is local, so any
number of runs may be interleaved. ``x`` is always in the variance-preserving scale of Stable Diffusion,
x_t = sqrt(alpha_bar_t) x0 + sqrt(1 - alpha_bar_t) eps; a sampler that thinks in sigmas converts inside.

Axes: B batch, C channels, h w latent sides. Arithmetic runs in the dtype of ``x_T``, with coefficients
computed in float64: hand in float32 latents, whatever the dtype of the model, to keep 16-bit rounding out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from sdjp.errors import InputError
from sdjp.samplers.schedule import Plan, Schedule

if TYPE_CHECKING:  # torch loads when a sampler runs, so that the command line can list samplers without it
    from torch import Tensor

Denoise: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"
"""(x (B, C, h, w), t (B,) float32) -> eps (B, C, h, w), the noise in x."""

Noise: TypeAlias = "Callable[[], Tensor]"
"""Draws the next standard normal tensor, of the shape, dtype and device of x."""

SamplerFunction: TypeAlias = "Callable[[Denoise, Tensor, Plan, Noise], Iterator[Step]]"


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """One finished step. The tensors are the sampler's own: read them, do not write into them.

    Attributes:
        index: 0, 1, … ``len(plan) - 1``.
        t: The timestep just left.
        x: Latents after the step, (B, C, h, w).
        x0: The clean latents that the model points at from here, (B, C, h, w), for previews.
    """

    index: int
    t: float
    x: Tensor
    x0: Tensor


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """A sampler as the registry lists it. Call it like the generator function inside.

    Attributes:
        name: The registry name.
        function: ``(denoise, x_T, plan, noise) -> Iterator[Step]``.
        spacing: How timesteps are chosen unless the caller says otherwise.
        stochastic: It draws noise in every run. (One with ``takes_eta`` draws where eta > 0.)
        takes_eta: Whether ``eta`` means something to it: noise that DDIM puts back, gamma of TCD.
        eta: What it is unless the caller says otherwise.
        evaluations_per_step: Calls of the model in each step (guidance counts as one call).
        extra_evaluations: Calls beyond those, in the first step; below 0, so many fewer in the last one.
        distilled: It is for models that were distilled to few steps: its own spacing is theirs, whatever the
            scheduler of a model says.
    """

    name: str
    function: SamplerFunction
    spacing: str = "leading"
    stochastic: bool = False
    takes_eta: bool = False
    eta: float = 0.0
    evaluations_per_step: int = 1
    extra_evaluations: int = 0
    distilled: bool = False

    def __call__(self, denoise: Denoise, x_T: Tensor, plan: Plan, noise: Noise) -> Iterator[Step]:
        """Sample from ``x_T`` (B, C, h, w): one :class:`Step` for each of ``len(plan)`` steps."""
        return self.function(denoise, x_T, plan, noise)

    def plan(
        self, schedule: Schedule, steps: int, *, spacing: str | None = None, eta: float | None = None
    ) -> Plan:
        """Plan a run with this sampler's own spacing and eta, unless they are given.

        Raises:
            InputError: If ``steps``, ``spacing`` or ``eta`` cannot be used, or the sampler has no eta.
        """
        eta = self.eta if eta is None else eta
        if eta != 0 and not self.takes_eta:
            raise InputError(
                "eta.unused",
                ja=f"サンプラー {self.name} は eta を使いません（指定: {eta!r}）。"
                "eta を 0 にするか、ddim か tcd をお使いください。",
                en=f"the sampler {self.name} has no eta (given: {eta!r}). Leave eta at 0, or use ddim, tcd.",
            )
        return schedule.plan(steps, spacing=self.spacing if spacing is None else spacing, eta=eta)


def at(t: float, x: Tensor) -> Tensor:
    """Return ``t`` for each image of ``x``: (B,) float32, since 16 bits cannot tell 981 from 980."""
    import torch

    return x.new_full((x.shape[0],), t, dtype=torch.float32)
